"""Sums over labelled predictions that add, and the measures of quality that follow from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSums:
    """Sums over predictions of one version; those of disjoint predictions add.

    Errors are prediction - label, in the target's unit. What is counted of labels is counted of labelled
    predictions: each prediction once, with its latest label.

    Attributes
    ----------
    predictions : all, labelled or not.
    labelled : those with a label.
    error, absolute, squared : Σe, Σ|e|, Σe².
    percentage, percentage_rows : Σ|e/y| and over how many: labels of 0 have none.
    label, label_squared : Σ(y - c), Σ(y - c)², with c the centre of the labels in training.
    with_interval, misses : labelled predictions with an interval, and labels outside of it.
    above : predictions above their label.
    beyond : of each level of `drift_core.errors.LEVELS`, absolute errors above training's quantile.
    delay_seconds : Σ of the time from a prediction to its latest label.
    """

    predictions: int = 0
    labelled: int = 0
    error: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    percentage: float = 0.0
    percentage_rows: int = 0
    label: float = 0.0
    label_squared: float = 0.0
    with_interval: int = 0
    misses: int = 0
    above: int = 0
    beyond: tuple[int, ...] = field(default=(0, 0, 0, 0))
    delay_seconds: float = 0.0

    def __add__(self, other: ErrorSums) -> ErrorSums:
        return self._with(other, 1)

    def __sub__(self, other: ErrorSums) -> ErrorSums:
        """What came since `other`: counts may be negative where labels were corrected."""
        return self._with(other, -1)

    def _with(self, other: ErrorSums, sign: int) -> ErrorSums:
        merged: dict[str, Any] = {
            one.name: getattr(self, one.name) + sign * getattr(other, one.name)
            for one in fields(self)
            if one.name != "beyond"
        }
        beyond = tuple(a + sign * b for a, b in zip(self.beyond, other.beyond, strict=True))
        return ErrorSums(**merged, beyond=beyond)

    def measures(self) -> dict[str, float | None]:
        """The measures of quality, None where they have no meaning.

        Returns
        -------
        By name: mae, rmse, bias (in the target's unit), mape (a share), r2, interval_coverage, label_share
        (shares), label_delay_seconds.

        >>> sums = ErrorSums(predictions=4, labelled=2, error=0.0, absolute=2.0, squared=2.0)
        >>> sums.measures()["mae"], sums.measures()["rmse"], sums.measures()["label_share"]
        (1.0, 1.0, 0.5)
        """
        n = self.labelled
        spread = self.label_squared - self.label**2 / n if n else 0.0
        return {
            "mae": self.absolute / n if n else None,
            "rmse": math.sqrt(max(self.squared, 0.0) / n) if n else None,
            "bias": self.error / n if n else None,
            "mape": self.percentage / self.percentage_rows if self.percentage_rows else None,
            "r2": 1 - self.squared / spread if n > 1 and spread > 0 else None,
            "interval_coverage": 1 - self.misses / self.with_interval if self.with_interval else None,
            "label_share": n / self.predictions if self.predictions else None,
            "label_delay_seconds": self.delay_seconds / n if n else None,
        }

    def charted(self) -> tuple[int, ...]:
        """What charts count of labels, which is less than all; `of_charted` is its inverse."""
        return (self.labelled, self.with_interval, self.misses, self.above, *self.beyond)

    @classmethod
    def of_charted(cls, counts: Sequence[int]) -> ErrorSums:
        """Sums of which only this is known.

        >>> ErrorSums.of_charted([9, 8, 1, 4, 5, 3, 1, 0]).charted()
        (9, 8, 1, 4, 5, 3, 1, 0)
        """
        labelled, with_interval, misses, above, *beyond = counts
        return cls(
            labelled=labelled, with_interval=with_interval, misses=misses, above=above, beyond=tuple(beyond)
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> ErrorSums:
        """Read what `to_json` wrote, here or in a later version."""
        known = {one.name for one in fields(cls)}
        given = {name: value for name, value in described.items() if name in known}
        return cls(**{**given, "beyond": tuple(given.get("beyond", (0, 0, 0, 0)))})
