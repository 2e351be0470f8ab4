"""The verdict: one window, hour or day of traffic judged against the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from drift_core import detectors
from drift_core.baseline import INTERVAL_WIDTH, PREDICTION, Baseline
from drift_core.bins import Column, Counts
from drift_core.budget import Span, smallest_detectable_sigma, threshold_z
from drift_core.bundle import MonitorSettings
from drift_core.evidence import CONTRASTS, ShareLaw, contrast_z, shape_z, share_z
from drift_core.window import WindowState

INDICATED_CATEGORIES = 4
"""The largest categories, each with a test of its own share; the shape test sees the others."""

NUMERIC_SHARES = ("missing", "non_finite", "out_of_range")
CATEGORICAL_SHARES = ("missing", "unseen")

OTHER = "other"
"""The test of all categories without a bin of their own, seen or not."""

FEWEST_VALUES = 30
"""Fewer values of a column have no shape to judge; their shares are judged exactly."""

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnVerdict:
    """One column of one span.

    Attributes
    ----------
    drift : whether the score exceeds 1.
    score : strongest evidence divided by its threshold: 1 is the threshold at every sample size.
    top_contrast : the test that found it ("location", "scale", "skew", "tails", "shape", "missing",
        "unseen", "out_of_range", "non_finite", "other" or "category:<name>").
    missing_share, unseen_share, out_of_range_share : of the rows, in [0, 1].
    mean_shift_sigma : mean minus the baseline's, in its standard deviations; None for categories.
    ks, psi, js, chi2, wasserstein_sigma : distances as in `drift_core.detectors`; None without values.
    """

    drift: bool
    score: float
    top_contrast: str
    missing_share: float
    unseen_share: float
    out_of_range_share: float
    mean_shift_sigma: float | None = None
    ks: float | None = None
    psi: float | None = None
    js: float | None = None
    chi2: float | None = None
    wasserstein_sigma: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One span of traffic, judged.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive.
    n : rows.
    drift, drift_score : whether any column drifted; the largest score.
    guilty : columns that drifted, the strongest first.
    gross_shift, mean_shift_sigma : whether the largest |mean shift| of a feature exceeds
        `drift_threshold`, and that shift.
    smallest_detectable_sigma : what this span would have found with a chance of 90 %.
    """

    model_name: str
    model_version: str
    span: Span
    start: int
    end: int
    n: int
    drift: bool
    drift_score: float
    guilty: tuple[str, ...]
    gross_shift: bool
    mean_shift_sigma: float
    smallest_detectable_sigma: float
    features: Mapping[str, ColumnVerdict]
    prediction: ColumnVerdict
    interval_width: ColumnVerdict

    def to_json(self) -> dict[str, Any]:
        """A JSON object; times are ISO 8601 in UTC, numbers have seven significant digits."""
        described = asdict(self)
        described["format"] = FORMAT
        for key in ("start", "end"):
            described[key] = datetime.fromtimestamp(described[key] / 1000, UTC).isoformat()
        rounded: dict[str, Any] = _rounded(described)
        return rounded


def judge(
    baseline: Baseline,
    state: WindowState,
    *,
    span: Span,
    start: int,
    end: int,
    settings: MonitorSettings,
) -> Verdict:
    """Judge a span of traffic.

    Parameters
    ----------
    state : the sum over all shards and windows of the span, counted with this baseline.
    start, end : UTC milliseconds.

    Raises
    ------
    ValueError
        If the state holds no rows.
    """
    if not state.n:
        raise ValueError(f"no rows between {start} and {end}; carry the {span} into the next")
    tests = sum(number_of_tests(column) for column in baseline.columns)
    threshold = threshold_z(span, settings, tests)
    judged = {
        column.name: _judge_column(column, state.column(i), state.mean_shift(i), threshold)
        for i, column in enumerate(baseline.columns)
    }
    features = {name: judged[name] for name in baseline.schema.names}
    shifts = [abs(column.mean_shift_sigma or 0.0) for column in features.values()]
    return Verdict(
        model_name=baseline.model_name,
        model_version=baseline.model_version,
        span=span,
        start=start,
        end=end,
        n=state.n,
        drift=any(column.drift for column in judged.values()),
        drift_score=max(column.score for column in judged.values()),
        guilty=tuple(
            sorted((name for name in judged if judged[name].drift), key=lambda name: -judged[name].score)
        ),
        gross_shift=max(shifts) > settings.drift_threshold,
        mean_shift_sigma=max(shifts),
        smallest_detectable_sigma=smallest_detectable_sigma(state.n, baseline.rows, settings, tests, span),
        features=features,
        prediction=judged[PREDICTION],
        interval_width=judged[INTERVAL_WIDTH],
    )


def number_of_tests(column: Column) -> int:
    """How many tests share the budget on behalf of one column."""
    if column.numeric:
        return len(CONTRASTS) + len(("shape", *NUMERIC_SHARES))
    indicated = min(INDICATED_CATEGORIES, len(column.categories))
    return indicated + len((OTHER, "shape", *CATEGORICAL_SHARES))


def _judge_column(column: Column, counts: Counts, mean_shift: float, threshold: float) -> ColumnVerdict:
    reference = np.array(column.reference, np.int64)
    evidence = _evidence(column, reference, counts)
    top = max(evidence, key=lambda name: abs(evidence[name]))
    score = abs(evidence[top]) / threshold
    n = int(counts.sum())
    return ColumnVerdict(
        drift=score > 1,
        score=score,
        top_contrast=top,
        missing_share=_count(column, counts, "missing") / n,
        unseen_share=_count(column, counts, "unseen") / n,
        out_of_range_share=_count(column, counts, "below", "above") / n,
        mean_shift_sigma=mean_shift if column.numeric and not math.isnan(mean_shift) else None,
        **_distances(column, _values(column, reference), _values(column, counts)),
    )


def _evidence(column: Column, reference: Counts, counts: Counts) -> dict[str, float]:
    """Signed z by test, on the common scale of `drift_core.evidence`."""
    old, new = _values(column, reference), _values(column, counts)
    return _share_evidence(column, reference, counts, int(old.sum())) | (
        _value_evidence(column, old, new) if new.sum() >= FEWEST_VALUES else {}
    )


def _share_evidence(column: Column, reference: Counts, counts: Counts, known: int) -> dict[str, float]:
    """Of rows without an ordinary value; `known` training rows had one."""
    n, m = int(counts.sum()), int(reference.sum())
    laws = {
        "missing": ShareLaw.counted(_count(column, reference, "missing"), m),
        "non_finite": ShareLaw.counted(_count(column, reference, "non_finite"), m),
        "out_of_range": ShareLaw.beyond_extremes(known),
        "unseen": ShareLaw.unseen(column.singletons, column.doubletons, m),
    }
    bins = {"out_of_range": ("below", "above")}
    return {
        test: share_z(_count(column, counts, *bins.get(test, (test,))), n, laws[test])
        for test in (NUMERIC_SHARES if column.numeric else CATEGORICAL_SHARES)
    }


def _value_evidence(column: Column, old: Counts, new: Counts) -> dict[str, float]:
    """Of the ordinary values."""
    found = {"shape": shape_z(old, new)}
    if column.numeric:
        return found | dict(zip(CONTRASTS, contrast_z(old, new).tolist(), strict=False))
    largest = column.categories[:INDICATED_CATEGORIES]
    bins = {**{f"category:{name}": i for i, name in enumerate(largest)}, OTHER: len(column.categories)}
    n, m = int(new.sum()), int(old.sum())
    return found | {
        test: share_z(int(new[i]), n, ShareLaw.counted(int(old[i]), m)) for test, i in bins.items()
    }


def _values(column: Column, counts: Counts) -> Counts:
    """Counts of the inner bins; what training never saw joins the nearest bin, OTHER for a category."""
    inner = counts[: column.inner].copy()
    if column.numeric:
        inner[0] += counts[column.special("below")]
        inner[-1] += counts[column.special("above")]
    else:
        inner[-1] += counts[column.special("unseen")]
    return inner


def _count(column: Column, counts: Counts, *names: str) -> int:
    """Rows in special bins; a column without such a bin has none."""
    return int(sum(counts[column.special(name)] for name in names if name in column.specials))


def _distances(column: Column, old: Counts, new: Counts) -> dict[str, float | None]:
    if not new.sum():
        return {}
    distances: dict[str, float | None] = {
        "psi": detectors.psi(old, new).statistic,
        "js": detectors.jensen_shannon(old, new).statistic,
        "chi2": detectors.chi2(old, new).statistic,
    }
    if column.numeric:
        edges = np.array(column.edges)
        distances["ks"] = detectors.ks(old, new).statistic
        distances["wasserstein_sigma"] = detectors.wasserstein(old, new, edges, column.scale).statistic
    return distances


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return float(f"{value:.7g}")
        case dict():
            return {key: _rounded(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_rounded(inner) for inner in value]
        case _:
            return value
