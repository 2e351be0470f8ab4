"""The estimated error: what labels will show, guessed from the features and the prediction alone.

A second model g(x, ŷ) ≈ E|y - ŷ| is fitted in training, out of fold. Its mean over sampled rows estimates the
mean absolute error before any label is there. It knows the errors of training: it sees that the traffic moved
to where the model has always been poor, and is blind to a world in which the same inputs have other labels
(concept drift). Only labels show that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from drift_core.clumping import clumping, window_rows
from drift_core.described import Described
from drift_core.packed_charts import packed, unpacked
from drift_core.schema import Matrix
from drift_core.share_chart import ShareChart, tolerated

MOST_LEVELS = 16
"""Quantiles of the estimate that a file tells of, at most."""

_MAGIC = b"DLE1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedErrorBaseline:
    """The estimated absolute errors of held-out rows, in the target's unit.

    Attributes
    ----------
    rows : held-out.
    mean : of g.
    levels, quantiles : of g; a share of 1 - level is larger at most.
    window_rows, clumping : as in `drift_core.errors.ErrorBaseline`, of estimates beyond each quantile.
    """

    rows: int
    mean: float
    levels: tuple[float, ...]
    quantiles: tuple[float, ...]
    window_rows: float = 1.0
    clumping: tuple[float, ...]

    @classmethod
    def of(
        cls, estimates: Matrix, levels: Sequence[float], windows: npt.NDArray[np.int64] | None
    ) -> ExpectedErrorBaseline:
        """Measure held-out rows.

        Parameters
        ----------
        estimates : shape (n,), of g.
        windows : shape (n,), the window of each row; None without times.
        """
        quantiles = np.quantile(estimates, levels, method="higher")
        clumps = [0.0 if windows is None else clumping(estimates > one, windows) for one in quantiles]
        return cls(
            rows=len(estimates),
            mean=float(estimates.mean()),
            levels=tuple(levels),
            quantiles=tuple(quantiles.tolist()),
            window_rows=1.0 if windows is None else window_rows(windows),
            clumping=tuple(clumps),
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `read` is its inverse."""
        return {
            "rows": self.rows,
            "mean": self.mean,
            "levels": list(self.levels),
            "quantiles": list(self.quantiles),
            "window_rows": self.window_rows,
            "clumping": list(self.clumping),
        }

    @classmethod
    def read(cls, read: Described) -> ExpectedErrorBaseline:
        """From a file; a ValueError names the field that is not what it must be."""
        size = len(read.list_of("levels", most=MOST_LEVELS))
        levels = read.matrix("levels", size)
        if not size or not ((levels > 0) & (levels < 1)).all() or (np.diff(levels) <= 0).any():
            read.refuse("levels", "increasing shares between 0 and 1, at least one")
        quantiles = read.matrix("quantiles", size)
        if (np.diff(quantiles) < 0).any():
            read.refuse("quantiles", "numbers in order")
        rows = read.whole("rows", least=1)
        return cls(
            rows=rows,
            mean=read.number("mean"),
            levels=tuple(levels.tolist()),
            quantiles=tuple(quantiles.tolist()),
            window_rows=read.number("window_rows", above=0, most=rows),
            clumping=read.shares("clumping", size),
        )


@dataclass(frozen=True, slots=True, eq=False)
class EstimateMemory:
    """What is carried from one judgement to the next: the chart of estimates beyond each quantile."""

    chart: ShareChart

    @classmethod
    def start(cls, baseline: ExpectedErrorBaseline) -> Self:
        """Before the first window."""
        return cls(ShareChart.start(len(baseline.levels)))

    def to_bytes(self) -> bytes:
        """A canonical, compact form: equal memories give equal bytes."""
        return packed(_MAGIC, [self.chart], [])

    @classmethod
    def from_bytes(cls, data: bytes, baseline: ExpectedErrorBaseline) -> Self:
        """Read what `to_bytes` wrote, here or in a later version.

        Raises
        ------
        ValueError
            If the bytes are of another format, of another baseline or damaged.
        """
        (chart,), _ = unpacked(_MAGIC, data, [len(baseline.levels)], 0)
        return cls(chart)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateVerdict:
    """The estimated error of one window.

    Attributes
    ----------
    rows : sampled rows behind it.
    mae : estimated mean absolute error, in the target's unit; None without rows.
    score : of its chart ÷ its threshold; above 1 is an alarm within the budget.
    since : most likely begin of what the chart adds up, UTC milliseconds; None without an alarm.
    """

    rows: int
    mae: float | None
    score: float
    since: int | None


def judge_estimate(
    values: Matrix,
    baseline: ExpectedErrorBaseline,
    memory: EstimateMemory,
    windows: float,
    *,
    start: int,
) -> tuple[EstimateVerdict, EstimateMemory]:
    """Judge the estimates of one window.

    Parameters
    ----------
    values : shape (k,), g of the sampled rows.
    windows : A, windows between two false alarms (`drift_core.quality_budget.quality_windows`).
    start : of the window, UTC milliseconds.
    """
    values = np.asarray(values, float)
    beyond = (values[:, None] > np.array(baseline.quantiles)).sum(0)
    clumps = np.array(baseline.clumping)
    limit = tolerated(1 - np.array(baseline.levels), baseline.rows, clumps, baseline.window_rows)
    chart = memory.chart.advanced(beyond, len(values), limit, clumps, start=start).capped(windows)
    verdict = EstimateVerdict(
        rows=len(values),
        mae=float(values.mean()) if len(values) else None,
        score=chart.score(windows),
        since=chart.begin if chart.score(windows) > 1 else None,
    )
    return verdict, EstimateMemory(chart)
