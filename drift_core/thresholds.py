"""Thresholds of the charts: conservative ones that always hold, calibrated ones that simulation allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from drift_core.charts import DELTAS
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

        Parameters
        ----------
        n : rows of a window; between simulated numbers the logarithm is interpolated.
        windows : A.
        """
        at = np.log(self.rows)
        found = (self.intercept + math.log(len(DELTAS) * windows)) / self.slope
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
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            rows=tuple(described["rows"]),
            intercept=np.array(described["intercept"], float),
            slope=np.array(described["slope"], float),
            windows=described["windows"],
        )
