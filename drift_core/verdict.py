"""The verdict: what is told of one window, hour or day of traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from drift_core.span import Span

FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnVerdict:
    """One column of one span.

    Attributes
    ----------
    drift : whether the score exceeds 1.
    score : strongest evidence divided by its threshold: 1 is the threshold at every sample size.
    top_contrast : the signal that found it ("location", "scale", "skew", "tails", "shape", "missing",
        "unseen", "out_of_range", "non_finite", "other" or "category:<name>").
    since : begin of the drift that a chart adds up, UTC milliseconds; None when this span alone is the
        evidence.
    missing_share, unseen_share, out_of_range_share : of the rows, in [0, 1].
    mean_shift_sigma : mean minus the baseline's, in its standard deviations; None for categories.
    unit_factor : by what number the values seem to be multiplied, as after a change of unit; None if by none.
    noise : φ of the top signal: its variance between spans without drift over that of independent rows.
    ks, psi, js, chi2, wasserstein_sigma : distances as in `drift_core.detectors`; None without values.
    """

    drift: bool
    score: float
    top_contrast: str
    since: int | None = None
    missing_share: float
    unseen_share: float
    out_of_range_share: float
    mean_shift_sigma: float | None = None
    unit_factor: float | None = None
    noise: float = 1.0
    ks: float | None = None
    psi: float | None = None
    js: float | None = None
    chi2: float | None = None
    wasserstein_sigma: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationsVerdict:
    """How the features go together in one span.

    Attributes
    ----------
    drift, score, top_contrast, since : as for a column; the signals are "joint_shift", "correlation" and, for
        hours and days, "classifier".
    auc_equivalent : what a linear classifier between training and this span would reach; 0.5 is no shift.
    pair : the two features whose correlation changed most, with `correlation_before` and `correlation_now`;
        None when there were too few rows.
    classifier_auc, classifier_p_value, classifier_features : what a gradient-boosted classifier reaches on
        the sampled rows, by cross-validation; None where it was not asked.
    """

    drift: bool
    score: float
    top_contrast: str
    since: int | None = None
    auc_equivalent: float
    pair: tuple[str, str] | None = None
    correlation_before: float | None = None
    correlation_now: float | None = None
    classifier_auc: float | None = None
    classifier_p_value: float | None = None
    classifier_features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One span of traffic, judged.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive.
    n : rows.
    drift, drift_score : whether anything drifted; the largest score.
    calibrating : whether the noise between such spans is not known yet, so that only gross shifts alarm.
    guilty : columns that drifted, the strongest first; of the relations the two features.
    gross_shift, mean_shift_sigma : whether the largest |mean shift| of a feature exceeds
        `drift_threshold`, and that shift.
    smallest_detectable_sigma : what this span alone would have found with a chance of 90 %.
    smallest_lasting_sigma : the drift that charts find if it lasts; None for hours and days.
    prediction, interval_width, multivariate : None when not watched.
    """

    model_name: str
    model_version: str
    span: Span
    start: int
    end: int
    n: int
    drift: bool
    drift_score: float
    calibrating: bool
    guilty: tuple[str, ...]
    gross_shift: bool
    mean_shift_sigma: float
    smallest_detectable_sigma: float
    smallest_lasting_sigma: float | None
    features: Mapping[str, ColumnVerdict]
    prediction: ColumnVerdict | None
    interval_width: ColumnVerdict | None
    multivariate: RelationsVerdict | None

    def to_json(self) -> dict[str, Any]:
        """A JSON object; times are ISO 8601 in UTC, numbers have seven significant digits."""
        described: dict[str, Any] = readable(asdict(self))
        return {**described, "format": FORMAT}


_TIMES = ("start", "end", "since")


def readable(value: Any) -> Any:
    """A value for a document: times are ISO 8601 in UTC, numbers have seven significant digits.

    >>> readable({"start": 0, "score": 1 / 3})
    {'start': '1970-01-01T00:00:00+00:00', 'score': 0.3333333}
    """
    match value:
        case float():
            return float(f"{value:.7g}")
        case dict():
            return {
                key: datetime.fromtimestamp(inner / 1000, UTC).isoformat()
                if key in _TIMES and isinstance(inner, int)
                else readable(inner)
                for key, inner in value.items()
            }
        case list() | tuple():
            return [readable(inner) for inner in value]
        case _:
            return value
