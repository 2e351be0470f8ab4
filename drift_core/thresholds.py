"""Thresholds of the charts: conservative ones that always hold, calibrated ones that simulation allows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from drift_core.charts import DELTAS
from drift_core.described import Described
from drift_core.schema import Matrix


def conservative(windows: float, charts: int) -> Matrix:
    """The threshold of an e-detector, ln(A N), shape (4,): by size of drift, all alike.

    It holds at every number of rows and under any dependence between signals.

    Parameters
    ----------
    windows : A, windows between two false alarms.
    charts : N, charts that share the budget.

    >>> conservative(8640, 100).round(2).tolist()
    [13.67, 13.67, 13.67, 13.67]
    """
    return np.full(len(DELTAS), math.log(windows * charts))


GENTLEST_SLOPE = 0.5
"""Far out, the chance of passing h falls like exp(-h) in a fair game. A line that falls half as fast or more
gently is no tail: in a few of the simulated worlds charts rise without end, in all others none does."""

NO_THRESHOLD = 1_000.0
"""Evidence that no chart reaches: the conservative threshold is lower, and holds."""

MOST_STEPS = 100
"""Numbers of rows that a calibration in a file tells of, at most; training simulates three."""

LOWEST_THRESHOLD = 1.0
"""Evidence below which no chart alarms, however large the budget."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """How often charts of one size of drift pass a threshold h: exp(intercept - slope h) times a window.

    Attributes
    ----------
    rows : shape (k,), rows of the simulated windows, increasing.
    intercept, slope : shape (k, 4), by rows and size of drift, for all signals together.
    windows : simulated windows behind each.
    """

    rows: tuple[int, ...]
    intercept: Matrix
    slope: Matrix
    windows: int

    def threshold(self, n: int, windows: float) -> Matrix:
        """Threshold by size of drift, shape (4,), so that all together alarm once in A windows.

        `NO_THRESHOLD` where the simulation shows none.

        Parameters
        ----------
        n : rows of a window; between simulated numbers the logarithm is interpolated.
        windows : A.
        """
        at = np.log(self.rows)
        found = np.full(self.slope.shape, NO_THRESHOLD)
        np.divide(
            self.intercept + math.log(len(DELTAS) * windows),
            self.slope,
            out=found,
            where=self.slope >= GENTLEST_SLOPE,
        )
        found = np.maximum(found, LOWEST_THRESHOLD)
        return np.array([np.interp(math.log(max(n, 1)), at, column) for column in found.T])

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        return {
            "rows": list(self.rows),
            "intercept": self.intercept.tolist(),
            "slope": self.slope.tolist(),
            "windows": self.windows,
        }

    @classmethod
    def from_json(cls, read: Described) -> Self:
        """Read what `to_json` wrote; a ValueError names the field that is not what it must be."""
        rows = read.counts("rows", len(read.list_of("rows", most=MOST_STEPS)), least=1)
        if not len(rows) or (np.diff(rows) <= 0).any():
            read.refuse("rows", "increasing numbers, at least one")
        return cls(
            rows=tuple(rows.tolist()),
            intercept=read.matrix("intercept", len(rows), len(DELTAS)),
            slope=read.matrix("slope", len(rows), len(DELTAS)),
            windows=read.whole("windows"),
        )
