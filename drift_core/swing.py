"""Swing: how far a share of rows goes up with the hour of the day and the day of the week."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from drift_core.schema import Matrix

type Marks = npt.NDArray[np.bool_]

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000


def swing(beyond: Marks, times: npt.NDArray[np.int64]) -> Matrix:
    """The largest rise of each share over its mean, in any hour of the day and on any day of the week.

    Hours of a few rows each say little: what they differ by is shrunk to what differs beyond chance (a random
    effect; DerSimonian, Laird 1986, Controlled Clinical Trials 7).

    Parameters
    ----------
    beyond : shape (n, ...), of each row what is counted.
    times : shape (n,), UTC milliseconds.

    Returns
    -------
    shape (...), at least 0.
    """
    return sum(
        (_rise(beyond, cells) for cells in (times % _DAY_MS // _HOUR_MS, times // _DAY_MS % 7)),
        start=np.zeros(beyond.shape[1:]),
    )


def _rise(beyond: Marks, cells: npt.NDArray[np.int64]) -> Matrix:
    _, place, rows = np.unique(cells, return_inverse=True, return_counts=True)
    flat = beyond.reshape(len(beyond), -1).astype(float)
    sums = np.zeros((len(rows), flat.shape[1]))
    np.add.at(sums, place, flat)
    weight = rows[:, None].astype(float)
    total = weight.sum()
    mean = sums.sum(0) / total
    apart, chance = sums / weight - mean, mean * (1 - mean)
    excess = (weight * apart**2).sum(0) - (len(rows) - 1) * chance
    between = np.maximum(excess, 0.0) / max(total - (rows**2).sum() / total, 1.0)
    kept = between / np.maximum(between + chance / weight, 1e-300)
    rise: Matrix = np.maximum(kept * apart, 0.0).max(0)
    return rise.reshape(beyond.shape[1:])
