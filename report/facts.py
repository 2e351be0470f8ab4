"""Facts: all that a report tells, as numbers and names.

They come from documents in the archive bucket and from the bundle alone: who has these two has the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.bins import Column, Counts
from drift_core.schema import Matrix

MEASURES = (
    *("score", "missing_share", "unseen_share", "out_of_range_share", "mean_shift_sigma", "unit_factor"),
    *("ks", "psi", "js", "chi2", "wasserstein_sigma"),
)
"""Numbers of a column in a verdict, as `drift_core.verdict.ColumnVerdict` names them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """Verdicts on spans of one length, in the order of time.

    Attributes
    ----------
    start, end : shape (spans,), UTC milliseconds; the end is exclusive.
    judged_at : shape (spans,), UTC milliseconds.
    n, duplicates, quarantined, late : shape (spans,), records.
    score, detectable, lasting : shape (spans,): the verdict's `drift_score`, `smallest_detectable_sigma` and
        `smallest_lasting_sigma`; NaN for none.
    drift, calibrating : shape (spans,).
    guilty : by span, the columns that drifted, the strongest first.
    relations : shape (spans,): score of how the features go together; NaN when it is not watched.
    measures : by name of `MEASURES`, shape (spans, columns); NaN for none.
    signal : shape (spans, columns): position in `signals` of what found the column; -1 for none.
    signals : names of signals, as `top_contrast` has them.
    since : shape (spans, columns), UTC milliseconds of the begin that charts add up; 0 for none.
    counts : shape (spans, bins): rows by bin of all columns one after another, `Column.size` bins each; -1
        in spans whose verdict was written before verdicts had counts.
    """

    start: Counts
    end: Counts
    judged_at: Counts
    n: Counts
    duplicates: Counts
    quarantined: Counts
    late: Counts
    score: Matrix
    detectable: Matrix
    lasting: Matrix
    drift: npt.NDArray[np.bool_]
    calibrating: npt.NDArray[np.bool_]
    guilty: tuple[tuple[str, ...], ...]
    relations: Matrix
    measures: Mapping[str, Matrix]
    signal: npt.NDArray[np.int16]
    signals: tuple[str, ...]
    since: Counts
    counts: Counts

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facts:
    """What is known of one version of a model between two times.

    Attributes
    ----------
    since, until, made_at : UTC milliseconds.
    other_versions : those that were judged in this time as well; each has a report of its own.
    settings : `drift_core.monitor_settings.MonitorSettings` of the bundle, by field.
    columns : as in the baseline: the features, then the prediction and the width of its interval if watched.
    windows, hours, days : the verdicts.
    relations : verdicts on how the features go together, each with its `span`, `start` and `end`.
    segments : by segment, the verdicts on it, each with its `span`, `start` and `end`.
    incidents : documents of `incidents/` that touch this time, the oldest first.
    quality : rows of the documents of `quality/`, in the order of time.
    explained : rows of the documents of `explained/`, in the order of time.
    reconciled : rows of the documents of `reconciled/`.
    unreadable : keys of documents that are not what they must be; nothing of them is told.
    """

    model_name: str
    model_version: str
    since: int
    until: int
    made_at: int
    other_versions: tuple[str, ...]
    settings: Mapping[str, Any]
    columns: tuple[Column, ...]
    windows: Timeline
    hours: Timeline
    days: Timeline
    relations: tuple[Mapping[str, Any], ...]
    segments: Mapping[str, tuple[Mapping[str, Any], ...]]
    incidents: tuple[Mapping[str, Any], ...]
    quality: tuple[Mapping[str, Any], ...]
    explained: tuple[Mapping[str, Any], ...]
    reconciled: tuple[Mapping[str, Any], ...]
    unreadable: tuple[str, ...] = ()
