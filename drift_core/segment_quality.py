"""Quality by segment: whether labels show that a model errs more than in training on some of its predictions.

Each segment has the charts of the whole but arrival, against its own held-out rows. The parts of the budget
that are coverage's and error's are divided among the whole and the segments in equal parts (Bonferroni), so
the promise holds under any dependence: segments overlap, and are parts of the whole.

A share that training has measured on few rows is uncertain, and one of many is likelier to be far off than a
single one. So a segment's shares may be larger than measured by as many standard errors as keep the chance
that any segment's limit is too low at that of one; and the errors are Wilson's, since a rare share of few
rows is far from normal (E. B. Wilson 1927, doi:10.1080/01621459.1927.10502953).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Self

import numpy as np

from drift_core.clumping import inflation
from drift_core.error_sums import ErrorSums
from drift_core.errors import ErrorBaseline
from drift_core.label_charts import LABEL_CHARTS, Charts, LabelCharts
from drift_core.packed_charts import packed, unpacked
from drift_core.schema import Matrix
from drift_core.share_chart import BASELINE_ERRORS, MOST_SHARE
from drift_core.tolerance import HARMLESS_SHIFT

_MAGIC = b"DLG1"


@dataclass(frozen=True, slots=True, eq=False)
class SegmentCharts:
    """The charts of segments, by name: what is carried from one judgement to the next."""

    charts: Mapping[str, Charts] = field(default_factory=dict)

    @classmethod
    def start(cls, names: Iterable[str]) -> Self:
        """Before the first window."""
        return cls({name: LabelCharts.start() for name in sorted(names)})

    def to_bytes(self) -> bytes:
        """A canonical, compact form: equal charts give equal bytes; the names are the baseline's."""
        return packed(_MAGIC, [charts[one] for charts in self.charts.values() for one in LABEL_CHARTS], ())

    @classmethod
    def from_bytes(cls, data: bytes, names: Iterable[str]) -> Self:
        """Read what `to_bytes` wrote, here or in a later version.

        Parameters
        ----------
        names : of the segments that the baseline of errors has.

        Raises
        ------
        ValueError
            If the bytes are of another format, of another number of segments or damaged.
        """
        ordered = sorted(names)
        found, _ = unpacked(_MAGIC, data, list(LABEL_CHARTS.values()) * len(ordered), 0)
        each = iter(found)
        return cls({name: {one: next(each) for one in LABEL_CHARTS} for name in ordered})


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentQuality:
    """Where one segment stands, after a judgement.

    Attributes
    ----------
    score : of its strongest chart ÷ the chart's threshold; above 1 is an alarm within the budget.
    degraded : whether it is.
    since : most likely begin of what the strongest chart adds up, UTC milliseconds; None without an alarm.
    charts : scores by name.
    """

    score: float
    degraded: bool
    since: int | None
    charts: Mapping[str, float]

    @classmethod
    def of(cls, bounds: LabelCharts, charts: Charts) -> Self:
        """What charts say."""
        scores = bounds.scores(charts)
        strongest = max(scores, key=lambda name: scores[name])
        degraded = scores[strongest] > 1
        since = charts[strongest].begin if degraded else None
        return cls(score=scores[strongest], degraded=degraded, since=since, charts=scores)


def segment_bounds(errors: ErrorBaseline, part: float) -> dict[str, LabelCharts]:
    """What each segment's charts are held to, by its name.

    Parameters
    ----------
    part : windows between two false alarms of the whole's or of one segment's part of the budget.
    """
    normal = NormalDist()
    chance = (1 - normal.cdf(BASELINE_ERRORS)) / (1 + len(errors.segments))
    allowed = -normal.inv_cdf(chance)
    bounds = {}
    for name in sorted(errors.segments):
        one = errors.segments[name]
        above = np.array([max(one.above_clumping, errors.above_clumping)])
        # What rows of an hour have in common, a segment's have too, though they may be too few to show it.
        clumping: dict[str, Matrix] = {
            "coverage": np.array([max(one.missed_clumping, errors.missed_clumping)]),
            "error": np.maximum(one.beyond_clumping, errors.beyond_clumping),
            "above": above,
            "below": above,
        }
        shares = {
            "coverage": np.array([one.missed]),
            "error": np.array(one.beyond),
            "above": np.array([one.above]),
            "below": np.array([1 - one.above]),
        }
        limits = {
            chart: tolerated_of_few(share, one.rows, clumping[chart], one.window_rows, allowed)
            for chart, share in shares.items()
        }
        bounds[name] = LabelCharts.of(limits, clumping, part)
    return bounds


def tolerated_of_few(
    share: Matrix, rows: float, clumping: Matrix, window_rows: float, allowed: float
) -> Matrix:
    """The most that a share may be that few rows have shown; see `drift_core.share_chart.tolerated`.

    Parameters
    ----------
    allowed : standard errors.

    >>> tolerated_of_few(np.array([0.0, 0.1]), 100, np.zeros(2), 1.0, 3.0).round(3).tolist()
    [0.091, 0.238]
    """
    effective = rows / inflation(clumping, window_rows)
    spread = allowed**2 / effective
    root = np.sqrt(spread * (share * (1 - share) + spread / 4))
    bound = np.minimum((share + spread / 2 + root) / (1 + spread), 1.0)
    limit: Matrix = np.minimum(bound + HARMLESS_SHIFT * np.sqrt(bound * (1 - bound)), MOST_SHARE)
    return limit


def advanced(
    bounds: Mapping[str, LabelCharts], before: SegmentCharts, new: Mapping[str, ErrorSums], *, start: int
) -> SegmentCharts:
    """The segments' charts after new labels.

    Parameters
    ----------
    new : by segment; those without charts are left out, and those without new labels stay as they are.
    start : of the window, UTC milliseconds.
    """
    return SegmentCharts(
        {
            name: one.advanced(before.charts[name], new.get(name, ErrorSums()), start=start)
            for name, one in bounds.items()
        }
    )
