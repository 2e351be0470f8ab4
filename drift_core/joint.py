"""Joint signals: whether columns still go together as they did in training.

Two signals see what no column shows alone: a joint shift of the means (what a linear classifier between
training and traffic would find), and the correlation that changed most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from drift_core.bins import SCORE_ONE, Counts, Layout
from drift_core.evidence import Raw, effective_rows
from drift_core.reference import Reference
from drift_core.relations import STRONGEST, Relations
from drift_core.schema import Matrix
from drift_core.tolerance import HARMLESS_SHIFT

RIDGE = 0.01
"""Added to each correlation of a column with itself, so that twins do not blow up the joint shift."""

FEWEST_ROWS = 100
"""Fewer rows of a window have no correlations to judge."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two columns whose correlation changed most."""

    first: str
    second: str
    before: float
    now: float


def expected_scores(layout: Layout, reference: Reference, width: int) -> Matrix:
    """Mean normal score of each of the first columns in the reference, shape (width,)."""
    weighted = reference.shares * layout.scores / SCORE_ONE
    return np.array([weighted[layout.slice(i)].sum() for i in range(width)])


def relations_raw(
    relations: Relations,
    layout: Layout,
    reference: Reference,
    counts: Counts,
    comoments: Counts,
    *,
    phi: Matrix,
    one_cell: bool,
) -> Raw:
    """The signals of several columns: the joint shift and the largest change of a correlation.

    T² = n_h d̄ᵀ(R + εI)⁻¹d̄ on mean normal scores; the ridge makes it a weighted sum of χ², whose mean and
    variance those of a scaled χ² match (Satterthwaite 1946).

    Parameters
    ----------
    counts : shape (windows, layout.offsets[-1]).
    comoments : shape (windows, columns, columns), as in `WindowState`.
    phi : shape (windows, J), noise of each column's location.
    one_cell : whether the windows lie in one cell of the season; over several, season itself correlates
        columns.
    """
    width = len(relations.deviation)
    n = counts[:, layout.slice(0)].sum(1)
    shift, live = _shift(relations, layout, reference, counts, n)
    m = float(reference.rows[:width].min())
    effective = effective_rows(n, m)
    R = relations.correlation[np.ix_(live, live)]
    d = shift[:, live] / np.sqrt(phi[:, live])
    solved = np.linalg.solve(R + RIDGE * np.eye(int(live.sum())), d.T).T
    eigenvalues = np.linalg.eigvalsh(R)
    weights = np.maximum(eigenvalues, 0) / (np.maximum(eigenvalues, 0) + RIDGE)
    scale = max(float((weights**2).sum() / max(weights.sum(), 1e-9)), 1e-9)
    freedom = float(weights.sum() ** 2 / max((weights**2).sum(), 1e-9))
    joint = effective * (d * solved).sum(1) / scale
    apart, pairs = _fisher(relations, layout, counts, comoments, n)
    apart = apart * np.sqrt(effective)[:, None]
    known = one_cell & (n >= FEWEST_ROWS) & (pairs > 0)
    largest = np.where(known, np.abs(apart).max(1, initial=0.0), np.nan)
    square = np.where(known, (apart**2).mean(1) if pairs else np.nan, np.nan)
    # Each mean may be off by a harmless shift at once.
    harmless = effective * live.sum() * HARMLESS_SHIFT**2 / scale
    value = np.where(live.sum() > 1, joint, np.nan)
    ones = np.ones_like(joint)
    return Raw(
        np.stack([value, largest], 1),
        np.stack([harmless, np.sqrt(effective) * HARMLESS_SHIFT], 1),
        np.stack([ones * max(freedom, 1.0), ones * max(pairs, 1)], 1),
        np.stack([value / max(freedom, 1.0), square], 1),
    )


def auc_equivalent(relations: Relations, layout: Layout, reference: Reference, counts: Counts) -> float:
    """What a linear classifier between training and this span would reach: Φ(√max(T²_u, 0) / √2).

    Parameters
    ----------
    counts : shape (layout.offsets[-1],), of one span.
    """
    row = counts[None]
    n = row[:, layout.slice(0)].sum(1)
    shift, live = _shift(relations, layout, reference, row, n)
    d = shift[0, live]
    R = relations.correlation[np.ix_(live, live)] + RIDGE * np.eye(int(live.sum()))
    m = float(reference.rows[: len(live)].min())
    unbiased = float(d @ np.linalg.solve(R, d)) - live.sum() * (1 / m + 1 / max(int(n[0]), 1))
    return float(special.ndtr(np.sqrt(max(unbiased, 0.0) / 2)))


def changed_pair(relations: Relations, layout: Layout, counts: Counts, comoments: Counts) -> Pair | None:
    """The pair whose correlation changed most in one span; None when there is none to compare."""
    n = counts[None, layout.slice(0)].sum(1)
    apart, pairs = _fisher(relations, layout, counts[None], comoments[None], n)
    if not pairs or n[0] < FEWEST_ROWS:
        return None
    width = len(relations.deviation)
    first, second = (index[np.abs(apart[0]).argmax()] for index in _pairs(relations))
    names = [column.name for column in layout.columns[:width]]
    now = _correlation(relations, layout, counts[None], comoments[None], n)[0]
    return Pair(
        first=names[first],
        second=names[second],
        before=float(relations.correlation[first, second]),
        now=float(now[first, second]),
    )


def _shift(
    relations: Relations, layout: Layout, reference: Reference, counts: Counts, n: Counts
) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """Mean normal scores minus the expected ones in standard deviations, and which columns vary at all."""
    live = relations.deviation > 0
    means = _sums(layout, counts, len(live)) / np.maximum(n, 1)[:, None] / SCORE_ONE
    expected = expected_scores(layout, reference, len(live))
    return (means - expected) / np.where(live, relations.deviation, 1.0), live


def _sums(layout: Layout, counts: Counts, width: int) -> Matrix:
    scored = counts * layout.scores
    return np.add.reduceat(scored, layout.offsets[:-1], axis=1)[:, :width]


def _correlation(
    relations: Relations, layout: Layout, counts: Counts, comoments: Counts, n: Counts
) -> Matrix:
    width = len(relations.deviation)
    rows = np.maximum(n, 1).astype(float)[:, None]
    means = _sums(layout, counts, width) / rows
    covariance = comoments[:, :width, :width] / rows[:, :, None] - means[:, :, None] * means[:, None, :]
    deviation = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 1e-9))
    found = covariance / deviation[:, :, None] / deviation[:, None, :]
    # A column that is constant in a window has no correlation there.
    still = (deviation < 1e-3 * SCORE_ONE)[:, :, None] | (deviation < 1e-3 * SCORE_ONE)[:, None, :]
    return np.where(still, relations.correlation, np.clip(found, -STRONGEST, STRONGEST))


def _pairs(relations: Relations) -> tuple[Any, Any]:
    """Indices of the pairs of columns that vary."""
    first, second = np.triu_indices(len(relations.deviation), 1)
    both = (relations.deviation[first] > 0) & (relations.deviation[second] > 0)
    return first[both], second[both]


def _fisher(
    relations: Relations, layout: Layout, counts: Counts, comoments: Counts, n: Counts
) -> tuple[Matrix, int]:
    """How far Fisher's z of each pair moved, over its deviation for one row; and the pairs."""
    first, second = _pairs(relations)
    now = _correlation(relations, layout, counts, comoments, n)[:, first, second]
    before = relations.correlation[first, second]
    change = np.arctanh(now) - np.arctanh(before)
    return change / np.sqrt(relations.fisher_variance[first, second]), len(first)
