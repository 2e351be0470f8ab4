"""Documents of verdicts as arrays: a span is a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from drift_core.bins import Column, Counts
from drift_core.schema import Matrix
from report.facts import MEASURES, Timeline

UNKNOWN = -1
"""Rows of a bin in a document of before documents had counts."""

_SERVED = ("prediction", "interval_width")
"""Columns whose verdicts stand beside those of the features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One document, without what a report does not show.

    Attributes
    ----------
    records : n, duplicates, quarantined, late.
    scores : drift score, smallest detectable and lasting sigma, score of the relations; NaN for none.
    measures : shape (number of `MEASURES`, columns); NaN for none.
    signals : by column; "" for none.
    since : shape (columns,), UTC milliseconds; 0 for none.
    counts : shape (bins,); `UNKNOWN` everywhere for none.
    segments : the document's verdicts on segments, by name.
    """

    start: int
    end: int
    judged_at: int
    records: tuple[int, int, int, int]
    scores: tuple[float, float, float, float]
    drift: bool
    calibrating: bool
    guilty: tuple[str, ...]
    measures: Matrix
    signals: tuple[str, ...]
    since: Counts
    counts: Counts
    segments: Mapping[str, Mapping[str, Any]]


def told(document: Mapping[str, Any], columns: Sequence[Column]) -> Told:
    """Read a document of any format so far, or of a later one with more fields.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is not a verdict's, or its columns are not the baseline's.
    """
    verdicts = [
        (document if one.name in _SERVED else document["features"]).get(one.name) or {} for one in columns
    ]
    counts, relations = document.get("counts") or {}, document.get("multivariate") or {}
    return Told(
        start=moment(document["start"]),
        end=moment(document["end"]),
        judged_at=moment(document["judged_at"]),
        records=(
            int(document["n"]),
            int(counts.get("duplicates", 0)),
            int(counts.get("quarantined", 0)),
            int(document.get("late_records") or 0),
        ),
        scores=(
            number(document["drift_score"]),
            number(document.get("smallest_detectable_sigma")),
            number(document.get("smallest_lasting_sigma")),
            number(relations.get("score")),
        ),
        drift=bool(document["drift"]),
        calibrating=bool(document.get("calibrating", False)),
        guilty=tuple(map(str, document["guilty"])),
        measures=np.array([[number(one.get(name)) for one in verdicts] for name in MEASURES], np.float64),
        signals=tuple(str(one.get("top_contrast", "")) for one in verdicts),
        since=np.array([moment(one["since"]) if one.get("since") else 0 for one in verdicts], np.int64),
        counts=_counts(document.get("histograms"), columns),
        segments=document.get("segments") or {},
    )


def timeline(spans: Sequence[Told], columns: Sequence[Column]) -> Timeline:
    """Stack documents in the order of time."""
    spans = sorted(spans, key=lambda one: one.start)
    names = sorted({name for one in spans for name in one.signals} - {""})
    position = {"": -1} | {name: i for i, name in enumerate(names)}
    width, bins = len(columns), sum(one.size for one in columns)

    def whole(values: list[int]) -> Counts:
        return np.array(values, np.int64)

    def column(values: list[Any], kind: type[np.generic], *shape: int) -> Any:
        return np.array(values, kind).reshape(len(spans), *shape)

    records = column([one.records for one in spans], np.int64, 4)
    scores = column([one.scores for one in spans], np.float64, 4)
    measures = column([one.measures for one in spans], np.float64, len(MEASURES), width)
    return Timeline(
        start=whole([one.start for one in spans]),
        end=whole([one.end for one in spans]),
        judged_at=whole([one.judged_at for one in spans]),
        n=records[:, 0],
        duplicates=records[:, 1],
        quarantined=records[:, 2],
        late=records[:, 3],
        score=scores[:, 0],
        detectable=scores[:, 1],
        lasting=scores[:, 2],
        relations=scores[:, 3],
        drift=column([one.drift for one in spans], np.bool_),
        calibrating=column([one.calibrating for one in spans], np.bool_),
        guilty=tuple(one.guilty for one in spans),
        measures={name: measures[:, i] for i, name in enumerate(MEASURES)},
        signal=column([[position[name] for name in one.signals] for one in spans], np.int16, width),
        signals=tuple(names),
        since=column([one.since for one in spans], np.int64, width),
        counts=column([one.counts for one in spans], np.int64, bins),
    )


def moment(text: str) -> int:
    """UTC milliseconds of a time as documents have it.

    >>> moment("1970-01-01T00:00:01+00:00")
    1000
    """
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def number(value: float | None) -> float:
    """A number of a document; NaN for null."""
    return math.nan if value is None else float(value)


def _counts(histograms: Mapping[str, Sequence[int]] | None, columns: Sequence[Column]) -> Counts:
    if histograms is None:
        return np.full(sum(one.size for one in columns), UNKNOWN, np.int64)
    for one in columns:
        if len(histograms[one.name]) != one.size:
            raise ValueError(f"{len(histograms[one.name])} bins of {one.name}; the baseline has {one.size}")
    return np.array([rows for one in columns for rows in histograms[one.name]], np.int64)
