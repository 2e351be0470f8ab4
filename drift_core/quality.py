"""Quality: whether labels show that a model errs more than in training, within a budget of false alarms.

Charts of shares (`drift_core.share_chart`), which no heavy tail of the errors disturbs:

- coverage: labels outside their interval.
- error: absolute errors beyond the quantiles of training, four shares in one chart.
- above, below: predictions above their label, and not above it: a bias that errors of usual size hide.
- arrival: predictions without a label when their window is judged first; it is no quality and tells of a feed
  of labels that is broken.

"coverage" and "arrival" have a part of the budget each, "error", "above" and "below" one together. Where the
baseline knows the errors of segments, they have charts too, and a share of these parts but arrival's
(`drift_core.segment_quality`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from drift_core.arrival import Arrival
from drift_core.error_sums import ErrorSums
from drift_core.errors import LEVELS, ErrorBaseline
from drift_core.label_charts import LABEL_CHARTS, LabelCharts
from drift_core.packed_charts import packed, unpacked
from drift_core.policy import QualityPolicy
from drift_core.quality_budget import quality_windows
from drift_core.schema import Matrix
from drift_core.segment_quality import SegmentCharts, SegmentQuality, advanced, segment_bounds
from drift_core.share_chart import ShareChart, tolerated
from drift_core.verdict import readable

CHARTS = {**LABEL_CHARTS, "arrival": 1}
"""Shares in each chart of the whole."""

_MAGIC = b"DLQ1"


@dataclass(frozen=True, slots=True, eq=False)
class QualityMemory:
    """What is carried from one judgement to the next.

    Attributes
    ----------
    charts : by name.
    arrival : the usual share of labels, as far as it is learned.
    segments : their charts, which have bytes of their own; none where the baseline knows of none.
    """

    charts: Mapping[str, ShareChart]
    arrival: Arrival
    segments: SegmentCharts = field(default_factory=SegmentCharts)

    @classmethod
    def start(cls) -> Self:
        """Before the first window."""
        return cls({name: ShareChart.start(shares) for name, shares in CHARTS.items()}, Arrival())

    def to_bytes(self) -> bytes:
        """A canonical, compact form, without `segments`: equal memories give equal bytes."""
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
    score : of the strongest chart but arrival ÷ its threshold, of the whole or a segment; above 1 is an alarm
        within the budget.
    degraded : whether it is.
    since : most likely begin of what the strongest chart adds up, UTC milliseconds; None without an alarm.
    charts : the whole's scores by name, see `CHARTS`.
    measures : of these labels, see `ErrorSums.measures`.
    learning : whether the usual share of labels is still learned, so that "arrival" is 0.
    guilty_segments : those that are degraded, the strongest first.
    segments : where each of them stands that has charts.
    """

    start: int
    end: int
    score: float
    degraded: bool
    since: int | None
    charts: Mapping[str, float]
    measures: Mapping[str, float | None]
    learning: bool
    guilty_segments: tuple[str, ...] = ()
    segments: Mapping[str, SegmentQuality] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; times are ISO 8601 in UTC, numbers have seven significant digits."""
        apart = {name: asdict(one) for name, one in self.segments.items()}
        described: dict[str, Any] = readable(
            {name: getattr(self, name) for name in self.__slots__}
            | {"charts": dict(self.charts), "measures": dict(self.measures), "segments": apart}
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

    __slots__ = ("_apart", "_arrival_windows", "_whole")

    def __init__(
        self,
        errors: ErrorBaseline,
        coverage: float,
        policy: QualityPolicy,
        false_alarms_per_month: float,
    ) -> None:
        part = quality_windows(false_alarms_per_month, policy.window_hours)
        self._arrival_windows = part
        part *= 1 + len(errors.segments)
        above = np.array([errors.above_clumping])
        clumping: dict[str, Matrix] = {
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
        limits = {
            name: tolerated(
                share,
                errors.calibration_rows if name == "coverage" else errors.rows,
                clumping[name],
                errors.window_rows,
            )
            for name, share in shares.items()
        }
        self._whole = LabelCharts.of(limits, clumping, part)
        self._apart = segment_bounds(errors, part)

    @property
    def limits(self) -> Mapping[str, tuple[float, ...]]:
        """Of each of the whole's charts but arrival, the shares above which it grows."""
        return {name: tuple(limit.tolist()) for name, limit in self._whole.limits.items()}

    @property
    def segments(self) -> tuple[str, ...]:
        """Names of those that have charts."""
        return tuple(self._apart)

    @property
    def bounds(self) -> Mapping[str, LabelCharts]:
        """What the charts of each segment are held to, by its name."""
        return self._apart

    def start(self) -> QualityMemory:
        """The memory before the first window."""
        return replace(QualityMemory.start(), segments=SegmentCharts.start(self._apart))

    def judge(
        self,
        new: ErrorSums,
        memory: QualityMemory,
        *,
        start: int,
        end: int,
        segments: Mapping[str, ErrorSums] | None = None,
    ) -> QualityJudgement:
        """Judge what is new of one window of predictions, and advance the charts.

        Parameters
        ----------
        new : of the window what no judgement saw before: its predictions once, with those of its labels that
            are there, later labels as they come, with no predictions. Without labels only arrival is judged.
            Labels that are corrected may make counts negative: what exceeds the new labels is not counted.
        memory : as the last judgement left it; windows may come in any order.
        start, end : of the window, UTC milliseconds.
        segments : the same of each segment, whose predictions are not used.
        """
        charts = self._whole.advanced(memory.charts, new, start=start)
        whole = SegmentQuality.of(self._whole, charts)
        charts["arrival"], arrival = self._arrived(new, memory, start)
        apart = advanced(self._apart, memory.segments, segments or {}, start=start)
        told = {name: SegmentQuality.of(one, apart.charts[name]) for name, one in self._apart.items()}
        strongest = max((whole, *told.values()), key=lambda one: one.score)
        guilty = sorted((name for name in told if told[name].degraded), key=lambda name: -told[name].score)
        verdict = QualityVerdict(
            start=start,
            end=end,
            score=strongest.score,
            degraded=strongest.degraded,
            since=strongest.since,
            charts={**whole.charts, "arrival": charts["arrival"].score(self._arrival_windows)},
            measures=new.measures(),
            learning=not arrival.learned,
            guilty_segments=tuple(guilty),
            segments=told,
        )
        return QualityJudgement(verdict=verdict, memory=QualityMemory(charts, arrival, apart))

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
        return chart.capped(self._arrival_windows), arrival
