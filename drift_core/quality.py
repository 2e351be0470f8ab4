"""Quality: whether labels show that a model errs more than in training, within a budget of false alarms.

Charts of shares (`drift_core.share_chart`), which no heavy tail of the errors disturbs:

- coverage: labels outside their interval.
- error: absolute errors beyond the quantiles of training, four shares in one chart.
- above, below: predictions above their label, and not above it: a bias that errors of usual size hide.
- arrival: predictions without a label when their window is judged first; it is no quality and tells of a feed
  of labels that is broken.

"coverage" and "arrival" have a part of the budget each, "error", "above" and "below" one together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any, Self

import numpy as np

from drift_core.arrival import Arrival
from drift_core.error_sums import ErrorSums
from drift_core.errors import LEVELS, ErrorBaseline
from drift_core.packed_charts import packed, unpacked
from drift_core.policy import QualityPolicy
from drift_core.quality_budget import quality_windows
from drift_core.schema import Matrix
from drift_core.share_chart import ShareChart, tolerated
from drift_core.verdict import readable

CHARTS = {"coverage": 1, "error": len(LEVELS), "above": 1, "below": 1, "arrival": 1}
"""Shares in each chart."""

_TOGETHER = ("error", "above", "below")

_MAGIC = b"DLQ1"


@dataclass(frozen=True, slots=True, eq=False)
class QualityMemory:
    """What is carried from one judgement to the next.

    Attributes
    ----------
    charts : by name.
    arrival : the usual share of labels, as far as it is learned.
    """

    charts: Mapping[str, ShareChart]
    arrival: Arrival

    @classmethod
    def start(cls) -> Self:
        """Before the first window."""
        return cls({name: ShareChart.start(shares) for name, shares in CHARTS.items()}, Arrival())

    def to_bytes(self) -> bytes:
        """A canonical, compact form: equal memories give equal bytes."""
        charts = [self.charts[name] for name in CHARTS]
        return packed(_MAGIC, charts, astuple(self.arrival))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote, here or in a later version.

        Raises
        ------
        ValueError
            If the bytes are of another format or damaged.
        """
        names = [one.name for one in fields(Arrival)]
        charts, sums = unpacked(_MAGIC, data, list(CHARTS.values()), len(names))
        return cls(dict(zip(CHARTS, charts, strict=True)), Arrival(**dict(zip(names, sums, strict=True))))


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityVerdict:
    """The labels that came of one window of predictions, judged.

    Attributes
    ----------
    start, end : of the window, UTC milliseconds; the end is exclusive.
    score : of the strongest chart but arrival ÷ its threshold; above 1 is an alarm within the budget.
    degraded : whether it is.
    since : most likely begin of what the strongest chart adds up, UTC milliseconds; None without an alarm.
    charts : scores by name, see `CHARTS`.
    measures : of these labels, see `ErrorSums.measures`.
    learning : whether the usual share of labels is still learned, so that "arrival" is 0.
    """

    start: int
    end: int
    score: float
    degraded: bool
    since: int | None
    charts: Mapping[str, float]
    measures: Mapping[str, float | None]
    learning: bool

    def to_json(self) -> dict[str, Any]:
        """A JSON object; times are ISO 8601 in UTC, numbers have seven significant digits."""
        described: dict[str, Any] = readable(
            {name: getattr(self, name) for name in self.__slots__}
            | {"charts": dict(self.charts), "measures": dict(self.measures)}
        )
        return described


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityJudgement:
    """A verdict, and the memory to judge the next window with."""

    verdict: QualityVerdict
    memory: QualityMemory


class QualityMonitor:
    """Judges what labels say of one version of a model.

    Parameters
    ----------
    errors : of the version's bundle.
    coverage : promised share of labels inside their interval.
    false_alarms_per_month : the whole budget, of inputs and quality together.
    """

    __slots__ = ("_clumping", "_errors", "_limits", "_windows")

    def __init__(
        self,
        errors: ErrorBaseline,
        coverage: float,
        policy: QualityPolicy,
        false_alarms_per_month: float,
    ) -> None:
        self._errors = errors
        part = quality_windows(false_alarms_per_month, policy.window_hours)
        self._windows = {name: part * (len(_TOGETHER) if name in _TOGETHER else 1) for name in CHARTS}
        above = np.array([errors.above_clumping])
        self._clumping: dict[str, Matrix] = {
            "coverage": np.array([errors.missed_clumping]),
            "error": np.array(errors.beyond_clumping),
            "above": above,
            "below": above,
        }
        shares = {
            "coverage": np.array([1 - coverage]),
            "error": 1 - np.array(LEVELS),
            "above": np.array([errors.above]),
            "below": np.array([1 - errors.above]),
        }
        self._limits = {
            name: tolerated(
                share,
                errors.calibration_rows if name == "coverage" else errors.rows,
                self._clumping[name],
                errors.window_rows,
            )
            for name, share in shares.items()
        }

    @property
    def limits(self) -> Mapping[str, tuple[float, ...]]:
        """Of each chart but arrival, the shares above which it grows."""
        return {name: tuple(limit.tolist()) for name, limit in self._limits.items()}

    def start(self) -> QualityMemory:
        """The memory before the first window."""
        return QualityMemory.start()

    def judge(self, new: ErrorSums, memory: QualityMemory, *, start: int, end: int) -> QualityJudgement:
        """Judge what is new of one window of predictions, and advance the charts.

        Parameters
        ----------
        new : of the window what no judgement saw before: its predictions once, with those of its labels that
            are there, later labels as they come, with no predictions. Without labels only arrival is judged.
            Labels that are corrected may make counts negative: what exceeds the new labels is not counted.
        memory : as the last judgement left it; windows may come in any order.
        start, end : of the window, UTC milliseconds.
        """
        counted = {
            "coverage": (new.with_interval, [new.misses]),
            "error": (new.labelled, list(new.beyond)),
            "above": (new.labelled, [new.above]),
            "below": (new.labelled, [new.labelled - new.above]),
        }
        charts = {}
        for name, (rows, bad) in counted.items():
            chart = memory.charts[name].advanced(
                np.array(bad), rows, self._limits[name], self._clumping[name], start=start
            )
            charts[name] = chart.capped(self._windows[name])
        charts["arrival"], arrival = self._arrived(new, memory, start)
        scores = {name: charts[name].score(self._windows[name]) for name in CHARTS}
        strongest = max(counted, key=lambda name: scores[name])
        verdict = QualityVerdict(
            start=start,
            end=end,
            score=scores[strongest],
            degraded=scores[strongest] > 1,
            since=charts[strongest].begin if scores[strongest] > 1 else None,
            charts=scores,
            measures=new.measures(),
            learning=not arrival.learned,
        )
        return QualityJudgement(verdict=verdict, memory=QualityMemory(charts, arrival))

    def _arrived(self, new: ErrorSums, memory: QualityMemory, start: int) -> tuple[ShareChart, Arrival]:
        chart, arrival = memory.charts["arrival"], memory.arrival
        if new.predictions <= 0:
            return chart, arrival
        missing = min(max(new.predictions - new.labelled, 0), new.predictions)
        if not arrival.learned:
            return chart, arrival.taught(new.predictions, missing, new.delay_seconds)
        chart = chart.advanced(
            np.array([missing]),
            new.predictions,
            np.array([arrival.limit]),
            np.array([arrival.clumping]),
            start=start,
        )
        return chart.capped(self._windows["arrival"]), arrival
