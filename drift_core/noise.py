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

    def factors(
        self, n: int | Spans, effective: Matrix, signed: npt.NDArray[np.bool_]
    ) -> tuple[Matrix, Matrix]:
        """φ for a span, and how many degrees of freedom stand behind it.

        φ is the variance about the mean, so a shift that was there from the start stays a shift; for signals
        with one side it is their mean, which is 1 without noise. Up to the usual rows φ = 1 + (n - 1) ρ, as
        for a shift common to a span's rows. Beyond, only what is more than chance in φ - 1 grows.

        Parameters
        ----------
        n : rows of the span.
        effective : shape (signals,), n m / (n + m).
        signed : shape (signals,), whether the signal has two sides.

        Returns
        -------
        φ, shape (signals,), at least 1; and degrees of freedom, infinite where φ is assumed.
        """
        count = np.maximum(self.spans, 2)
        mean = self.total / count
        variance = np.maximum(self.squares - count * mean**2, 0.0) / (count - 1)
        measured = np.where(signed, variance, mean)
        usual = np.maximum(self.rows / count, 2.0)
        excess = np.maximum(measured - 1, 0.0)
        certain = np.maximum(excess - 2 * np.sqrt(2 / (count - 1)), 0.0)
        known = self.spans >= FEWEST_SPANS
        assumed = 1 + effective * GROSS_SHIFT**2
        grown = np.minimum(n, usual) - 1
        learned = 1 + (grown * excess + np.maximum(n - usual, 0.0) * certain) / (usual - 1)
        phi = np.where(known, learned, assumed)
        freedom = np.where(known & signed, count - 1.0, np.inf)
        return phi, freedom
