"""Noise between windows: how much more signals vary from window to window than independent rows would.

Rows of one window resemble each other: one client's batch, one hour's weather. So a signal's variance over
windows without drift is φ ≥ 1 times what sampling alone gives, and each signal is divided by √φ before it is
judged. φ comes from training rows in the order of time or, where they have none, from the first live windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from drift_core.schema import Matrix

type Spans = npt.NDArray[np.int64]

FEWEST_SPANS = 20
"""Spans from which a variance is known well enough to judge by."""

MOST_SPANS = 200
"""Live spans after which learning ends: a slow drift must not become noise."""

GROSS_SHIFT = 0.1
"""Standard deviation between spans, in σ of the column, that is assumed while φ is unknown: only shifts of
more than about half a σ alarm then."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Sums over spans without drift, one entry a signal; they add.

    Attributes
    ----------
    spans : how many spans had the signal.
    rows : rows in these spans.
    total, squares : Σ v and Σ v², v as `drift_core.evidence.Raw.spread` gives it.
    """

    spans: Spans
    rows: Matrix
    total: Matrix
    squares: Matrix

    @classmethod
    def none(cls, signals: int) -> Self:
        """Before the first span."""
        zeros = np.zeros(signals)
        return cls(spans=np.zeros(signals, np.int64), rows=zeros, total=zeros, squares=zeros)

    @classmethod
    def of(cls, spread: Matrix, n: npt.NDArray[np.int64]) -> Self:
        """Of spans.

        Parameters
        ----------
        spread : shape (spans, signals), NaN where a span does not have the signal.
        n : shape (spans,), rows.
        """
        known = np.isfinite(spread)
        values = np.where(known, spread, 0.0)
        return cls(
            spans=known.sum(0),
            rows=(known * n[:, None]).sum(0).astype(float),
            total=values.sum(0),
            squares=(values**2).sum(0),
        )

    def __add__(self, other: Noise) -> Noise:
        return Noise(
            spans=self.spans + other.spans,
            rows=self.rows + other.rows,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        sums = {name: np.array(described[name], float) for name in ("rows", "total", "squares")}
        return cls(spans=np.array(described["spans"], np.int64), **sums)

    @property
    def count(self) -> int:
        """Spans seen by the signal that was there most often."""
        return int(self.spans.max(initial=0))

    def or_else(self, other: Noise) -> Noise:
        """These sums where they are known well enough, the other's elsewhere."""
        known = self.spans >= FEWEST_SPANS
        return Noise(
            spans=np.where(known, self.spans, other.spans),
            rows=np.where(known, self.rows, other.rows),
            total=np.where(known, self.total, other.total),
            squares=np.where(known, self.squares, other.squares),
        )

    def measured(self, signed: npt.NDArray[np.bool_]) -> tuple[Matrix, Matrix]:
        """φ at the usual number of rows, and its degrees of freedom; NaN where spans are too few.

        φ is the variance about the mean, so a shift that was there from the start stays a shift; for signals
        with one side it is their mean, which is 1 without noise.

        Parameters
        ----------
        signed : shape (signals,), whether the signal has two sides.
        """
        count = np.maximum(self.spans, 2)
        mean = self.total / count
        variance = np.maximum(self.squares - count * mean**2, 0.0) / (count - 1)
        known = self.spans >= FEWEST_SPANS
        return np.where(known, np.where(signed, variance, mean), np.nan), count - 1.0

    def at(self, n: npt.NDArray[np.int64], phi: Matrix, effective: Matrix, freedom: Matrix) -> Matrix:
        """φ of windows of n rows, at least 1.

        Up to the usual rows φ = 1 + (n - 1) ρ, as for a shift common to a window's rows. Beyond, only what
        is more than chance in φ - 1 grows. Where φ is unknown, shifts up to `GROSS_SHIFT` are assumed.

        Parameters
        ----------
        n : shape (windows, 1).
        phi, freedom : shape (signals,), from `measured`, NaN where unknown.
        effective : shape (windows, signals), n m / (n + m).
        """
        usual = np.maximum(self.rows / np.maximum(self.spans, 1), 2.0)
        excess = np.maximum(phi - 1, 0.0)
        certain = np.maximum(excess - 2 * np.sqrt(2 / freedom), 0.0)
        grown = (np.minimum(n, usual) - 1) * excess + np.maximum(n - usual, 0.0) * certain
        found: Matrix = np.where(np.isnan(phi), 1 + effective * GROSS_SHIFT**2, 1 + grown / (usual - 1))
        return found
