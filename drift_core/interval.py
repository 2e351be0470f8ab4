"""How a model's two quantiles become an interval with a promised coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift_core.described import Described
from drift_core.schema import Matrix

MOST_QUANTILES = 10_001


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRule:
    """How the model's two quantiles become an interval with a promised coverage.

    Conformalised quantile regression (Romano, Patterson, Candès 2019): [lower - offset, upper + offset].

    Attributes
    ----------
    coverage : promised share of labels inside, e.g. 0.9.
    offset : conformal correction in the target's unit, from held-out rows; may be negative.
    width_quantiles : shape (101,), percentiles 0 to 100 of the widths of held-out rows.
    """

    coverage: float
    offset: float
    width_quantiles: tuple[float, ...]

    def bounds(self, prediction: Matrix, lower: Matrix, upper: Matrix) -> tuple[Matrix, Matrix]:
        """The interval as it is served; it always holds the prediction.

        Parameters
        ----------
        prediction, lower, upper : shape (n,), the model's outputs.

        Returns
        -------
        Lower and upper bounds, each of shape (n,), with lower <= prediction <= upper.

        >>> rule = IntervalRule(coverage=0.9, offset=2.0, width_quantiles=(1.0, 3.0, 5.0))
        >>> rule.bounds(np.array([10.0, 10.0]), np.array([9.0, 14.0]), np.array([11.0, 15.0]))
        (array([ 7., 10.]), array([13., 17.]))
        """
        return np.minimum(lower - self.offset, prediction), np.maximum(upper + self.offset, prediction)

    def confidence(self, widths: Matrix) -> Matrix:
        """Share of held-out intervals that are at least as wide: near 1 for a sure prediction, 0 for none.

        Parameters
        ----------
        widths : shape (n,), of served intervals, in the target's unit.

        Returns
        -------
        shape (n,), in [0, 1]; linear between the stored quantiles.

        >>> rule = IntervalRule(coverage=0.9, offset=2.0, width_quantiles=(1.0, 3.0, 5.0))
        >>> rule.confidence(np.array([0.5, 3.0, 4.0, 9.0])).tolist()
        [1.0, 0.5, 0.25, 0.0]
        """
        levels, first = np.unique(self.width_quantiles, return_index=True)  # equal widths: the first counts
        share = 1 - first / max(1, len(self.width_quantiles) - 1)
        return np.interp(np.asarray(widths, np.float64), levels, share, right=0.0)

    @classmethod
    def read(cls, read: Described) -> IntervalRule:
        """From a manifest; a ValueError names the field that is not what it must be."""
        widths = read.matrix("width_quantiles", len(read.list_of("width_quantiles", most=MOST_QUANTILES)))
        if not len(widths) or (np.diff(widths) < 0).any():
            read.refuse("width_quantiles", "numbers in order, at least one")
        return cls(
            coverage=read.number("coverage", above=0, most=1),
            offset=read.number("offset"),
            width_quantiles=tuple(widths.tolist()),
        )
