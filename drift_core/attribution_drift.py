"""Attribution drift: whether the model's answers are made of other features than in training.

Two views of the same Shapley values. NDCG compares the order of the features by importance, as SageMaker
Clarify does; it is one number of the size of the change, without a law. The charts count, of each feature,
rows whose φ lies beyond training's quantiles (`drift_core.share_chart`), and keep a budget of false alarms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from drift_core.attribution import AttributionBaseline, beyond_marks
from drift_core.packed_charts import packed, unpacked
from drift_core.schema import Matrix
from drift_core.share_chart import ShareChart

_MAGIC = b"DLA1"


@dataclass(frozen=True, slots=True, eq=False)
class AttributionMemory:
    """What is carried from one judgement to the next: of each feature the chart of rows beyond its marks."""

    charts: tuple[ShareChart, ...]

    @classmethod
    def start(cls, baseline: AttributionBaseline) -> Self:
        """Before the first window."""
        return cls(tuple(ShareChart.start(marks) for marks in _sizes(baseline)))

    def to_bytes(self) -> bytes:
        """A canonical, compact form: equal memories give equal bytes."""
        return packed(_MAGIC, self.charts, [])

    @classmethod
    def from_bytes(cls, data: bytes, baseline: AttributionBaseline) -> Self:
        """Read what `to_bytes` wrote, here or in a later version.

        Raises
        ------
        ValueError
            If the bytes are of another format, of another baseline or damaged.
        """
        charts, _ = unpacked(_MAGIC, data, _sizes(baseline), 0)
        return cls(tuple(charts))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionVerdict:
    """The attributions of one window.

    Attributes
    ----------
    rows : sampled rows behind it.
    ndcg : of the order of importance now, see `ndcg`.
    score : of the strongest chart ÷ its threshold; above 1 is an alarm within the budget.
    since : most likely begin of what that chart adds up, UTC milliseconds; None without an alarm.
    importance : mean |φ| by feature, the largest first, in the target's unit.
    scores : of each feature's chart.
    guilty : features whose score is above 1, the strongest first.
    """

    rows: int
    ndcg: float
    score: float
    since: int | None
    importance: Mapping[str, float]
    scores: Mapping[str, float]
    guilty: tuple[str, ...]


def judge_attribution(
    values: Matrix,
    baseline: AttributionBaseline,
    memory: AttributionMemory,
    windows: float,
    *,
    start: int,
) -> tuple[AttributionVerdict, AttributionMemory]:
    """Judge the Shapley values of one window, and advance the charts.

    A feature's chart has the budget of all, divided by their number: the promise holds however features
    depend on each other.

    Parameters
    ----------
    values : shape (k, features), k >= 1, as `AttributionBaseline.explained` gives them.
    windows : A, windows between two false alarms (`drift_core.quality_budget.quality_windows`).
    start : of the window, UTC milliseconds.
    """
    size = np.abs(values)
    beyond = beyond_marks(values, baseline.marks).sum(0)
    each = windows * len(baseline.features)
    charts = tuple(
        chart.advanced(
            beyond[i],
            len(values),
            baseline.limits[i],
            baseline.clumping[i],
            start=start,
        ).capped(each)
        for i, chart in enumerate(memory.charts)
    )
    found = np.array([chart.score(each) for chart in charts])
    scores = baseline.by_feature(found)
    importance = size.mean(0)
    strongest = int(found.argmax())
    verdict = AttributionVerdict(
        rows=len(values),
        ndcg=ndcg(baseline.importance, importance),
        score=float(found[strongest]),
        since=charts[strongest].begin if found[strongest] > 1 else None,
        importance=baseline.by_feature(importance),
        scores=scores,
        guilty=tuple(name for name, score in scores.items() if score > 1),
    )
    return verdict, AttributionMemory(charts)


def ndcg(training: Matrix, live: Matrix) -> float:
    """Normalised discounted cumulative gain of the live order of features (Järvelin, Kekäläinen 2002).

    DCG ÷ iDCG with DCG = Σ a(f_i) ÷ log2(i + 1), where a is the importance in training and f_i the feature
    in the i-th place live; iDCG is that of training's own order. SageMaker Clarify scores global SHAP values,
    which are means of |φ|, in this way and reports a violation below 0.90 (its guide: "Model Feature
    Attribution Drift Violations").

    Parameters
    ----------
    training, live : shape (features,), mean |φ|; equal ones keep the order of the schema.

    Returns
    -------
    (0, 1]; 1 also for a model that uses no feature.

    >>> ndcg(np.array([3.0, 2.0, 1.0]), np.array([30.0, 10.0, 5.0]))
    1.0
    >>> round(ndcg(np.array([3.0, 2.0, 0.0]), np.array([0.0, 2.0, 3.0])), 3)
    0.648
    """
    places = np.log2(np.arange(len(training)) + 2)
    ideal = float((np.sort(training)[::-1] / places).sum())
    found = float((training[np.argsort(-live, kind="stable")] / places).sum())
    return min(found / ideal, 1.0) if ideal else 1.0


def _sizes(baseline: AttributionBaseline) -> list[int]:
    """Marks of each feature."""
    return [len(marks) for marks in baseline.marks]
