"""Verdict documents as arrays: what a report needs of each and no more, so that weeks of windows fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from drift_core.bins import Column, Counts
from drift_core.schema import Matrix
from report.facts import MEASURES, Timeline

UNKNOWN = -1
"""Rows of a bin, in a document of before documents had counts."""

RELATIONS = ("score", "top_contrast", "pair", "correlation_before", "correlation_now", "classifier_auc")
"""What is kept of a verdict on how the features go together."""

_SPAN = ("span", "start", "end")
_SCORES = ("drift_score", "smallest_detectable_sigma", "smallest_lasting_sigma")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One document, without what a report does not show.

    Attributes
    ----------
    start, end, judged_at : UTC milliseconds.
    records : n, duplicates, quarantined, late.
    scores : drift score, smallest detectable and lasting sigma; NaN for none.
    measures : shape (number of `MEASURES`, columns); NaN for none.
    signals : by column; empty where the document knows nothing of it.
    since : shape (columns,), UTC milliseconds; 0 for none.
    counts : shape (bins,); `UNKNOWN` where there are none.
    relations, segments : rows as `report.facts.Facts` has them; None and none if they are not watched.
    """

    start: int
    end: int
    judged_at: int
    records: tuple[int, int, int, int]
    scores: tuple[float, ...]
    drift: bool
    calibrating: bool
    guilty: tuple[str, ...]
    measures: Matrix
    signals: tuple[str, ...]
    since: Counts
    counts: Counts
    relations: Mapping[str, Any] | None
    segments: Mapping[str, Mapping[str, Any]]


def judged(document: Mapping[str, Any], columns: Sequence[Column]) -> Judged:
    """Read a verdict of any format so far, or of a later one, whose further fields are not told.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        If it is none.
    """
    found = [of_column(document, column.name) or {} for column in columns]
    counts, about = document["counts"], {name: document[name] for name in _SPAN}
    relations = document.get("multivariate")
    return Judged(
        start=milliseconds(document["start"]),
        end=milliseconds(document["end"]),
        judged_at=milliseconds(document["judged_at"]),
        records=(document["n"], counts["duplicates"], counts["quarantined"], document["late_records"]),
        scores=tuple(_number(document[name]) for name in _SCORES),
        drift=bool(document["drift"]),
        calibrating=bool(document["calibrating"]),
        guilty=tuple(document["guilty"]),
        measures=np.array([[_number(one.get(name)) for one in found] for name in MEASURES], np.float64),
        signals=tuple(one.get("top_contrast", "") for one in found),
        since=np.array([milliseconds(one.get("since")) for one in found], np.int64),
        counts=_counts(document.get("histograms") or {}, columns),
        relations=about | {name: relations.get(name) for name in RELATIONS} if relations else None,
        segments={name: about | one for name, one in (document.get("segments") or {}).items()},
    )


def stacked(spans: Sequence[Judged], columns: Sequence[Column]) -> Timeline:
    """Spans that were read one by one, in the order of time."""
    spans = sorted(spans, key=lambda one: one.start)
    signals = sorted({name for one in spans for name in one.signals} - {""})
    place = {name: i for i, name in enumerate(signals)} | {"": -1}
    bins = sum(column.size for column in columns)

    def array(values: list[Any], kind: type[np.generic], *shape: int) -> Any:
        return np.array(values, kind).reshape(len(spans), *shape)

    records = array([one.records for one in spans], np.int64, 4)
    scores = array([one.scores for one in spans], np.float64, len(_SCORES))
    measures = array([one.measures for one in spans], np.float64, len(MEASURES), len(columns))
    related = [_number(one.relations["score"]) if one.relations else np.nan for one in spans]
    return Timeline(
        start=array([one.start for one in spans], np.int64),
        end=array([one.end for one in spans], np.int64),
        judged_at=array([one.judged_at for one in spans], np.int64),
        n=records[:, 0],
        duplicates=records[:, 1],
        quarantined=records[:, 2],
        late=records[:, 3],
        score=scores[:, 0],
        detectable=scores[:, 1],
        lasting=scores[:, 2],
        drift=array([one.drift for one in spans], np.bool_),
        calibrating=array([one.calibrating for one in spans], np.bool_),
        guilty=tuple(one.guilty for one in spans),
        relations=array(related, np.float64),
        measures={name: measures[:, i] for i, name in enumerate(MEASURES)},
        signal=array([[place[name] for name in one.signals] for one in spans], np.int16, len(columns)),
        signals=tuple(signals),
        since=array([one.since for one in spans], np.int64, len(columns)),
        counts=array([one.counts for one in spans], np.int64, bins),
    )


def of_column(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """What a verdict says of a column: a feature, the prediction or the width of its interval."""
    features: Mapping[str, Mapping[str, Any]] = document["features"]
    found: Mapping[str, Any] | None = features.get(name) or document.get(name)
    return found if isinstance(found, Mapping) else None


def milliseconds(text: str | None) -> int:
    """UTC milliseconds of an ISO time; 0 for None.

    >>> milliseconds("1970-01-01T00:00:01+00:00")
    1000
    """
    return 0 if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def _counts(histograms: Mapping[str, Sequence[int]], columns: Sequence[Column]) -> Counts:
    """Rows by bin; bins of another baseline are not this one's."""
    found = [histograms.get(column.name, ()) for column in columns]
    return np.concatenate(
        [
            np.array(rows, np.int64) if len(rows) == column.size else np.full(column.size, UNKNOWN, np.int64)
            for rows, column in zip(found, columns, strict=True)
        ]
    )


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
