"""Noise between windows: how much more signals vary from window to window than independent rows would.

Rows of one window resemble each other: one client's batch, one hour's weather. So a signal's variance over
windows without drift is φ ≥ 1 times what sampling alone gives, and each signal is divided by √φ before it is
judged. φ comes from training rows in the order of time or, where they have none, from the first live windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from drift_core.described import Described
from drift_core.schema import Matrix

type Spans = npt.NDArray[np.int64]

FEWEST_SPANS = 20
"""Spans from which a variance is known well enough to judge by."""

MOST_SPANS = 200
"""Live spans after which learning ends: a slow drift must not become noise."""

SURE_ERRORS = 2.0
"""Standard errors of a measured scatter or kurtosis that may be chance."""

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
    powers : shape (4, signals), Σ v, Σ v², Σ v³ and Σ v⁴, v as `drift_core.evidence.Raw.spread` gives it.
    """

    spans: Spans
    rows: Matrix
    powers: Matrix

    @classmethod
    def none(cls, signals: int) -> Self:
        """Before the first span."""
        return cls(spans=np.zeros(signals, np.int64), rows=np.zeros(signals), powers=np.zeros((4, signals)))

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
            powers=np.stack([(values**k).sum(0) for k in range(1, 5)]),
        )

    def __add__(self, other: Noise) -> Noise:
        return Noise(
            spans=self.spans + other.spans, rows=self.rows + other.rows, powers=self.powers + other.powers
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, read: Described, signals: int) -> Self:
        """Read what `to_json` wrote; a ValueError names the field that is not what it must be.

        Parameters
        ----------
        signals : how many there are.
        """
        return cls(
            spans=read.counts("spans", signals),
            rows=read.matrix("rows", signals, least=0.0),
            powers=read.matrix("powers", 4, signals),
        )

    @property
    def count(self) -> int:
        """Spans seen by the signal that was there most often."""
        return int(self.spans.max(initial=0))

    def or_else(self, other: Noise) -> Noise:
        """These sums where they are known well enough, the other's elsewhere."""
        return self._where(self.spans >= FEWEST_SPANS, other)

    def wider(self, other: Noise, signed: npt.NDArray[np.bool_]) -> Noise:
        """Of each signal the sums that tell of more noise a row, where both know it."""
        return self._where(self._excess(signed) >= other._excess(signed), other)

    def _where(self, own: npt.NDArray[np.bool_], other: Noise) -> Noise:
        """These sums for some signals, the other's for the rest."""
        return Noise(
            spans=np.where(own, self.spans, other.spans),
            rows=np.where(own, self.rows, other.rows),
            powers=np.where(own, self.powers, other.powers),
        )

    def _excess(self, signed: npt.NDArray[np.bool_]) -> Matrix:
        """φ - 1 by row of a usual span; -1 where unknown."""
        phi, _ = self.measured(signed)
        usual = self.rows / np.maximum(self.spans, 1)
        return np.where(np.isnan(phi), -1.0, (np.nan_to_num(phi) - 1) / np.maximum(usual, 1.0))

    def measured(self, signed: npt.NDArray[np.bool_]) -> tuple[Matrix, Matrix]:
        """φ at the usual number of rows, NaN where spans are too few, and the degrees of freedom of its tail.

        φ is the variance about the mean, so a shift that was there from the start stays a shift. Student's t
        with the kurtosis that was seen has the tail. For signals with one side φ is the mean, which is 1
        without noise, and the tail is that of a χ² which scatters as much. Both by no more than what is sure
        of the scatter.

        Parameters
        ----------
        signed : shape (signals,), whether the signal has two sides.
        """
        count = np.maximum(self.spans, 2)
        one, two, three, four = self.powers / count
        spread = np.maximum(two - one**2, 0.0)
        scale = np.where(spread > 0, spread, 1.0)
        bulge = (four - 4 * one * three + 6 * one**2 * two - 3 * one**4) / scale**2 - 3
        bulge = np.where(spread > 0, np.minimum(bulge, count) - SURE_ERRORS * np.sqrt(24 / count), 0.0)
        heavy = bulge > 0
        bulge = np.where(heavy, bulge, 1.0)
        scatter = scale / np.maximum(one, 1e-9) ** 2 / (1 + SURE_ERRORS * np.sqrt(8 / count))
        tail = np.where(
            signed,
            np.where(heavy, 4 + 6 / bulge, np.inf),
            np.minimum(np.where(spread > 0, 2 / scatter, np.inf), np.where(heavy, 12 / bulge, np.inf)),
        )
        phi = np.where(signed, spread * count / (count - 1), one)
        return np.where(self.spans >= FEWEST_SPANS, phi, np.nan), tail

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
