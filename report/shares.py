"""Counts against training's: how many rows lie elsewhere, where the middle lies, which bin changed most."""

from __future__ import annotations

import math

import numpy as np

from drift_core.bins import Column, Counts
from drift_core.schema import Matrix


def shares(counts: Counts) -> Matrix:
    """Shares of the rows by bin; NaN without rows."""
    total = counts.sum()
    return np.asarray(counts / total if total else np.full(len(counts), math.nan), np.float64)


def affected(column: Column, counts: Counts) -> float:
    """Share of the rows that would have to lie in another bin for the column to look as in training.

    The total variation distance of the shares of bins, less what chance alone gives it on average: a bin's
    share q differs from training's by √(q (1 - q) (1/n + 1/m)) · √(2/π), the mean of |N(0, 1)|, and half of
    the sum counts. So small windows do not overstate. Rows that moved within a bin, or changed places with
    others, are not seen: on average it is a lower bound of the share of rows that differ.

    Parameters
    ----------
    counts : shape (column.size,), rows by bin.

    Returns
    -------
    In [0, 1]; 0 without rows.

    >>> from drift_core.schema import Kind
    >>> column = Column(name="x", kind=Kind.NUMERIC, edges=(0, 1, 2), reference=(500, 500, 0, 0, 0, 0))
    >>> round(affected(column, np.array([0, 100_000, 0, 0, 0, 0])), 1)
    0.5
    """
    n, m = int(counts.sum()), sum(column.reference)
    if not n:
        return 0.0
    p, q = shares(counts), shares(np.array(column.reference))
    chance = np.sqrt(2 / math.pi * q * (1 - q) * (1 / n + 1 / m)).sum() / 2
    return float(max(np.abs(p - q).sum() / 2 - chance, 0.0))


def quantile(column: Column, counts: Counts, level: float) -> float | None:
    """A quantile of a numeric column's finite values, from their bins.

    Within a bin values are taken to lie evenly, so it is wrong by the bin's width at most. Below and above
    all that training saw it is minus and plus infinity, for there no bin tells how far; None without values.

    Parameters
    ----------
    counts : shape (column.size,).
    level : in (0, 1).
    """
    below, above = (int(counts[column.special(name)]) for name in ("below", "above"))
    inner = counts[: column.inner]
    total = below + int(inner.sum()) + above
    reached = level * total - below
    if not total:
        return None
    if reached <= 0 < below or not inner.any():
        return -math.inf if reached <= 0 else math.inf
    if reached > inner.sum():
        return math.inf
    at = np.concatenate([[0], np.cumsum(inner)])
    held = np.flatnonzero(inner)
    first = int(held[np.searchsorted(at[held + 1], reached)])
    within = (reached - at[first]) / inner[first]
    return float(column.edges[first] + within * (column.edges[first + 1] - column.edges[first]))


def most_changed(column: Column, counts: Counts) -> int:
    """The inner bin whose share changed most."""
    change = shares(counts) - shares(np.array(column.reference))
    return int(np.abs(change[: column.inner]).argmax())
