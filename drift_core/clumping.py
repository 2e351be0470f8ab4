"""Clumping: how much rows of one window resemble each other, so that they tell less than as many others.

With an intraclass correlation ρ the variance of a share of n rows is φ = 1 + (n - 1)ρ times that of
independent ones. The logarithm of a bet on them is divided by φ, as if there were n ÷ φ rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from drift_core.schema import Matrix

SIGNIFICANT = 2.0
"""Standard errors below which a correlation is taken for none."""


def clumping(counts: npt.NDArray[np.bool_], windows: npt.NDArray[np.int64]) -> float:
    """ρ, the correlation between rows of one window, at least 0.

    Parameters
    ----------
    counts : shape (n,), whether a row counts.
    windows : shape (n,), the window of each.

    >>> clumping(np.array([True, True, False, False] * 10), np.repeat(np.arange(20), 2))
    1.0
    """
    _, at = np.unique(windows, return_inverse=True)
    rows = np.bincount(at)
    share = float(counts.mean())
    pairs = float((rows * (rows - 1.0)).sum())
    spread = share * (1 - share)
    if not pairs or not spread:
        return 0.0
    beyond = (np.bincount(at, counts) - rows * share) ** 2 - rows * spread
    found = float(beyond.sum()) / (pairs * spread)
    return min(found, 1.0) if found > SIGNIFICANT * np.sqrt(2 / pairs) else 0.0


def window_rows(windows: npt.NDArray[np.int64]) -> float:
    """Rows that a row shares its window with, itself included, on average.

    >>> window_rows(np.array([1, 1, 1, 2]))
    2.5
    """
    _, rows = np.unique(windows, return_counts=True)
    return float((rows**2).sum() / rows.sum())


def inflation(correlation: Matrix, rows: float) -> Matrix:
    """φ of windows of n rows, of any shape.

    >>> inflation(np.array([0.0, 0.1]), 11).tolist()
    [1.0, 2.0]
    """
    return 1 + max(rows - 1, 0) * np.asarray(correlation)
