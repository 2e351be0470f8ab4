"""Relations: how the features went together in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from drift_core.bins import Counts
from drift_core.described import Described
from drift_core.schema import Matrix

MOST_ROWS = 20_000
"""Training rows from which the variance of a correlation is estimated."""

STRONGEST = 0.995
"""Correlations are cut here: beyond, Fisher's transform has no useful normal law."""

FISHER_FLOOR = 0.25
"""Least variance of a Fisher z times the rows; 1 for normal columns, 0 for twins."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relations:
    """How the first columns, the features, went together in training; in normal scores.

    Attributes
    ----------
    deviation : shape (J,), standard deviation within a season's cell; 0 for a constant column.
    correlation : shape (J, J), within a cell.
    fisher_variance : shape (J, J), variance of Fisher's z of one window times its rows.
    """

    deviation: Matrix
    correlation: Matrix
    fisher_variance: Matrix

    @classmethod
    def of(cls, scores: Matrix, cells: Counts, *, seed: int) -> Self:
        """Measure training rows.

        Parameters
        ----------
        scores : shape (m, J), normal scores of the features.
        cells : shape (m,), from `Season.cell`: what season explains is no relation.
        """
        _, place, rows = np.unique(cells, return_inverse=True, return_counts=True)
        means = np.stack([np.bincount(place, column) for column in scores.T], 1) / rows[:, None]
        centred = scores - means[place]
        deviation = centred.std(0)
        unit = centred / np.where(deviation > 0, deviation, 1.0)
        correlation = np.clip(unit.T @ unit / len(unit), -STRONGEST, STRONGEST)
        np.fill_diagonal(correlation, 1.0)
        if len(unit) > MOST_ROWS:  # enough for a variance
            unit = unit[np.random.default_rng(seed).choice(len(unit), MOST_ROWS, replace=False)]
        variance = np.ones_like(correlation)
        for j in range(len(deviation)):
            # The influence function of a correlation (Devlin, Gnanadesikan, Kettenring 1975).
            influence = unit * unit[:, [j]] - correlation[j] * (unit**2 + unit[:, [j]] ** 2) / 2
            slope = np.maximum(1 - correlation[j] ** 2, 1e-9)
            variance[j] = np.maximum(influence.var(0) / slope**2, FISHER_FLOOR)
        return cls(deviation=deviation, correlation=correlation, fisher_variance=variance)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        return {name: getattr(self, name).tolist() for name in self.__slots__}

    @classmethod
    def from_json(cls, read: Described, features: int) -> Self:
        """Read what `to_json` wrote; a ValueError names the field that is not what it must be.

        Parameters
        ----------
        features : J.
        """
        square = (features, features)
        correlation = read.matrix("correlation", *square)
        others = correlation[~np.eye(features, dtype=bool)]
        if (np.diag(correlation) != 1).any() or (np.abs(others) > STRONGEST).any():
            read.refuse(
                "correlation", f"1 on the diagonal, numbers from -{STRONGEST} to {STRONGEST} beside it"
            )
        return cls(
            deviation=read.matrix("deviation", features, least=0.0),
            correlation=correlation,
            fisher_variance=read.matrix("fisher_variance", *square, least=FISHER_FLOOR),
        )
