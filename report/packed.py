"""What the page's script draws, packed small: a week of a hundred features fits into a few megabytes.

Numbers of cells are quantised to a byte on a scale of square roots, so that small ones keep their differences
and what is above the threshold stays above it. Exact scores of cells that drifted stand beside.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.bins import Column
from drift_core.schema import Matrix
from report.facts import Facts, Timeline

LARGEST_SCORE = 9.0
"""Scores above it are drawn as this."""

GROUPS = 60
"""Stretches of time whose histograms are summed."""

OWN_HISTOGRAM_BYTES = 1_200_000
"""For histograms of single windows, at most; those of drifted windows come first, then the newest."""

LINES = ("missing_share", "unseen_share", "out_of_range_share")


def packed(facts: Facts) -> dict[str, Any]:
    """A JSON object with the timeline, cell by cell."""
    windows = facts.windows
    own = own_histograms(windows)
    return {
        "columns": [_column(column) for column in facts.columns],
        "start": (windows.start // 1000).tolist(),
        "end": (windows.end // 1000).tolist(),
        "n": windows.n.tolist(),
        "score": _rounded(windows.score),
        "cells": text(quantised(windows.measures["score"], LARGEST_SCORE)),
        "largest": LARGEST_SCORE,
        "lines": {
            name: text(quantised(windows.measures[name], 1.0))
            for name in LINES
            if np.nanmax(windows.measures[name], initial=0.0) > 0
        },
        "signals": list(windows.signals),
        "found": _found(windows),
        "own": own.tolist(),
        "own_counts": text(shares(windows.counts[own], facts.columns)),
        "groups": _groups(windows),
        "group_counts": text(shares(_summed(windows), facts.columns)),
        "incidents": [
            {name: one[name] for name in ("incident_id", "cause", "state", "opened_at", "recovered_at")}
            for one in facts.incidents
        ],
    }


def quantised(values: Matrix, largest: float) -> npt.NDArray[np.uint8]:
    """Numbers as bytes: 0 for NaN, else 1 + 254 √(x / largest), away from 1 where it matters.

    >>> quantised(np.array([np.nan, 0.0, 1.0, 1.0001, 9.0, 99.0]), 9.0).tolist()
    [0, 1, 85, 86, 255, 255]
    """
    scaled = 1 + 254 * np.sqrt(np.clip(values, 0, largest) / largest)
    kept = np.where(np.nan_to_num(values) > 1, np.ceil(scaled), np.floor(scaled))
    return np.where(np.isnan(values), 0, kept).astype(np.uint8)


def shares(counts: npt.NDArray[np.int64], columns: tuple[Column, ...]) -> npt.NDArray[np.uint16]:
    """Counts as shares of their column in 1/65535, shape (spans, bins); zeros where there are no counts."""
    found = np.zeros(counts.shape, np.uint16)
    first = 0
    for column in columns:
        part = np.maximum(counts[:, first : first + column.size], 0)
        total = np.maximum(part.sum(1, keepdims=True), 1)
        found[:, first : first + column.size] = np.round(65_535 * part / total)
        first += column.size
    return found


def own_histograms(windows: Timeline) -> npt.NDArray[np.intp]:
    """The windows whose own histograms the page holds, in the order of time."""
    known = np.flatnonzero(windows.counts[:, 0] >= 0) if len(windows) else np.zeros(0, np.intp)
    room = OWN_HISTOGRAM_BYTES // (2 * max(windows.counts.shape[1], 1))
    drifted = windows.drift[known]
    order = np.lexsort((-known, np.where(drifted, -windows.score[known], 0.0), ~drifted))
    return np.sort(known[order[:room]])


def text(values: npt.NDArray[Any]) -> str:
    """An array as Base64, little-endian."""
    return base64.b64encode(
        np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
    ).decode()


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "numeric": column.numeric,
        "edges": [float(f"{edge:.7g}") for edge in column.edges],
        "categories": [*column.categories, "(other)"] if not column.numeric else [],
        "specials": list(column.specials),
        "reference": list(column.reference),
    }


def _found(windows: Timeline) -> dict[str, list[Any]]:
    """Cells whose score exceeds the threshold, exactly."""
    score = windows.measures["score"]
    at, column = np.nonzero(np.nan_to_num(score) > 1)
    return {
        "window": at.tolist(),
        "column": column.tolist(),
        "score": _rounded(score[at, column]),
        "signal": windows.signal[at, column].tolist(),
        "since": (windows.since[at, column] // 1000).tolist(),
        "shift": _rounded(np.nan_to_num(windows.measures["mean_shift_sigma"][at, column])),
    }


def _bounds(windows: Timeline) -> npt.NDArray[np.intp]:
    return np.unique(np.linspace(0, len(windows), min(GROUPS, len(windows)) + 1).astype(np.intp))


def _groups(windows: Timeline) -> list[int]:
    """First windows of the groups, and the end."""
    return [int(bound) for bound in _bounds(windows)]


def _summed(windows: Timeline) -> npt.NDArray[np.int64]:
    bounds = _bounds(windows)
    if len(bounds) < 2:
        return np.zeros((0, windows.counts.shape[1]), np.int64)
    return np.add.reduceat(np.maximum(windows.counts, 0), bounds[:-1], axis=0)


def _rounded(values: Matrix) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
