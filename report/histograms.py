"""Which histograms a page holds: all while they are few, else those that somebody will ask for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.bins import Column, Counts
from drift_core.schema import Matrix
from report.arrays import Blob, narrow
from report.facts import Timeline

MOST_CELLS = 60_000
"""Features × spans whose histograms a page holds all: of 500 rows each they are about 1 MB."""

MOST_DRIFTED = 20_000
"""Beyond: the strongest that drifted, at most, with the strongest of each feature."""

GROUPS = 125
"""And sums over neighbours: so many groups of consecutive spans."""


def kept(score: Matrix) -> npt.NDArray[np.bool_]:
    """Which cells keep a histogram of their own, shape (spans, columns).

    Parameters
    ----------
    score : shape (spans, columns); NaN for none.
    """
    if score.size <= MOST_CELLS:
        return np.ones(score.shape, bool)
    known = np.nan_to_num(score, nan=-1.0)
    limit = max(1.0, float(np.partition(known.ravel(), -MOST_DRIFTED)[-MOST_DRIFTED]))
    chosen: npt.NDArray[np.bool_] = known > limit
    chosen[known.argmax(axis=0), np.arange(score.shape[1])] = True
    return chosen


def group_bounds(spans: int) -> list[int]:
    """First spans of the groups, and the number of spans as the last bound.

    >>> group_bounds(3)
    [0, 1, 2, 3]
    >>> len(group_bounds(2000)), group_bounds(2000)[:3]
    (126, [0, 16, 32])
    """
    length = max(1, -(-spans // GROUPS))
    return [*range(0, spans, length), spans] if spans else [0]


def pack(timeline: Timeline, columns: Sequence[Column], blob: Blob) -> dict[str, Any]:
    """Add a timeline's histograms to a blob, and tell where they are.

    Returns
    -------
    dict
        `whole`: whether each span's own is there; `bounds` of the groups; by column, `spans` that have their
        own, their `counts`, and the `sums` of the groups (shape (groups, bins)).
    """
    own = kept(timeline.measures["score"])
    known = timeline.counts[:, 0] >= 0 if timeline.counts.shape[1] else np.zeros(len(timeline), bool)
    bounds = group_bounds(len(timeline))
    offsets = np.cumsum([0, *(column.size for column in columns)])
    packed = []
    for position in range(len(columns)):
        counts = timeline.counts[:, offsets[position] : offsets[position + 1]]
        spans = np.flatnonzero(own[:, position] & known)
        told = {"spans": blob.add(spans.astype(np.uint32)), "counts": blob.add(narrow(counts[spans]))}
        if not own.all():
            told["sums"] = blob.add(narrow(_sums(counts, bounds)))
        packed.append(told)
    return {"whole": bool(own.all()), "bounds": bounds, "columns": packed}


def _sums(counts: Counts, bounds: Sequence[int]) -> Counts:
    rows = [np.maximum(counts[begin:end], 0).sum(axis=0) for begin, end in pairwise(bounds)]
    return np.array(rows, np.int64).reshape(len(rows), counts.shape[1])
