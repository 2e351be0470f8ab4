"""What the page's script reads: names as JSON, numbers as typed arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.bins import Column
from report import arrays
from report.arrays import Blob
from report.facts import Facts, Timeline
from report.histograms import pack

SPANS = ("windows", "hours", "days")

_SHARES = ("missing_share", "unseen_share", "out_of_range_share")
_DISTANCES = ("ks", "psi", "js", "chi2", "wasserstein_sigma")


def data(facts: Facts) -> tuple[dict[str, Any], bytes, bytes]:
    """A page's names, its numbers, and the histograms, which are read when one is asked for.

    Returns
    -------
    A JSON object, and two blobs compressed by gzip.
    """
    numbers, histograms = Blob(), Blob()
    spans = {name: _timeline(getattr(facts, name), numbers) for name in SPANS}
    for name in SPANS:
        spans[name]["histograms"] = pack(getattr(facts, name), facts.columns, histograms)
    told = {
        "model": facts.model_name,
        "version": facts.model_version,
        "since": facts.since,
        "until": facts.until,
        "madeAt": facts.made_at,
        "windowSeconds": facts.settings["window_seconds"],
        "columns": [_column(column) for column in facts.columns],
        "spans": spans,
        "incidents": [dict(one) for one in facts.incidents],
        "distances": {"least": arrays.LEAST, "decades": arrays.DECADES, "steps": arrays.STEPS},
    }
    return told, numbers.compressed(), histograms.compressed()


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "numeric": column.numeric,
        "edges": list(column.edges),
        "categories": list(column.categories),
        "specials": list(column.specials),
        "center": column.center,
        "scale": column.scale,
        "reference": list(column.reference),
    }


def _timeline(timeline: Timeline, blob: Blob) -> dict[str, Any]:
    """Arrays by span as they are, and by cell column after column: neighbours in time are alike."""
    measures = timeline.measures
    first = int(timeline.start.min(initial=0)) if not len(timeline) else int(timeline.start[0])
    since = np.where(timeline.since > 0, (timeline.since - first) // 1000, np.iinfo(np.int32).min)
    signal = np.where(timeline.signal < 0, arrays.NONE_16, timeline.signal.astype(np.int32))
    cells: dict[str, npt.NDArray[Any]] = {
        "score": arrays.scores(measures["score"]),
        **{name: arrays.shares(measures[name]) for name in _SHARES},
        "mean_shift_sigma": arrays.shifts(measures["mean_shift_sigma"]),
        "unit_factor": measures["unit_factor"].astype(np.float32),
        **{name: arrays.distances(measures[name]) for name in _DISTANCES},
        "signal": signal.astype(np.uint16),
        "since": since.astype(np.int32),
    }
    by_span = {
        **{name: getattr(timeline, name).astype(np.float64) for name in ("start", "end")},
        **{
            name: arrays.narrow(getattr(timeline, name))
            for name in ("n", "duplicates", "quarantined", "late")
        },
        **{name: getattr(timeline, name).astype(np.float32) for name in ("score", "relations", "detectable")},
        **{name: getattr(timeline, name).astype(np.uint8) for name in ("drift", "calibrating")},
    }
    return {
        "length": len(timeline),
        "first": first,
        "signals": list(timeline.signals),
        "span": {name: blob.add(values) for name, values in by_span.items()},
        "cell": {name: blob.add(values.T) for name, values in cells.items()},
    }
