"""Verdict documents as arrays: what a report needs of each and no more, so that weeks of windows fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from drift_core.bins import Column
from report.facts import MEASURES, Timeline


def timeline(documents: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Timeline:
    """Verdicts as arrays.

    Parameters
    ----------
    documents : verdicts in the order of time; columns that a document does not know have no measures in it.
    """
    signals = list(dict.fromkeys(_signals(documents, columns)))
    places = {name: i for i, name in enumerate(signals)}
    shape = (len(documents), len(columns))
    measures = {name: np.full(shape, np.nan) for name in MEASURES}
    signal, since = np.full(shape, -1, np.int16), np.zeros(shape, np.int64)
    counts = np.full((len(documents), sum(column.size for column in columns)), -1, np.int64)
    starts = np.cumsum([0, *(column.size for column in columns)])
    for i, document in enumerate(documents):
        histograms = document.get("histograms") or {}
        for j, column in enumerate(columns):
            found = of_column(document, column.name)
            if found is not None:
                for name in MEASURES:
                    measures[name][i, j] = _number(found.get(name))
                signal[i, j] = places[found["top_contrast"]]
                since[i, j] = milliseconds(found.get("since"))
            counted = histograms.get(column.name)
            if counted is not None and len(counted) == column.size:
                counts[i, starts[j] : starts[j + 1]] = counted
    return Timeline(
        start=_times(documents, "start"),
        end=_times(documents, "end"),
        judged_at=_times(documents, "judged_at"),
        n=np.array([one["n"] for one in documents], np.int64),
        duplicates=np.array([one["counts"]["duplicates"] for one in documents], np.int64),
        quarantined=np.array([one["counts"]["quarantined"] for one in documents], np.int64),
        late=np.array([one["late_records"] for one in documents], np.int64),
        score=np.array([one["drift_score"] for one in documents], float),
        detectable=np.array([_number(one["smallest_detectable_sigma"]) for one in documents], float),
        lasting=np.array([_number(one["smallest_lasting_sigma"]) for one in documents], float),
        drift=np.array([one["drift"] for one in documents], bool),
        calibrating=np.array([one["calibrating"] for one in documents], bool),
        guilty=tuple(tuple(one["guilty"]) for one in documents),
        relations=np.array(
            [_number((one.get("multivariate") or {}).get("score")) for one in documents], float
        ),
        measures=measures,
        signal=signal,
        signals=tuple(signals),
        since=since,
        counts=counts,
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


def _signals(documents: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[str]:
    return [
        found["top_contrast"]
        for document in documents
        for column in columns
        if (found := of_column(document, column.name)) is not None
    ]


def _times(documents: Sequence[Mapping[str, Any]], name: str) -> Any:
    return np.array([milliseconds(one[name]) for one in documents], np.int64)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
