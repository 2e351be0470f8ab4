"""The charts of labels, of all predictions or of a segment: what they are held to, and how they advance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from drift_core.error_sums import ErrorSums
from drift_core.errors import LEVELS
from drift_core.schema import Matrix
from drift_core.share_chart import ShareChart

LABEL_CHARTS = {"coverage": 1, "error": len(LEVELS), "above": 1, "below": 1}
"""Shares in each chart."""

_TOGETHER = ("error", "above", "below")

type Charts = Mapping[str, ShareChart]
"""By the names of `LABEL_CHARTS`."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelCharts:
    """What the charts of some predictions are held to.

    Attributes
    ----------
    limits : by chart, shape (shares,): the shares above which it grows.
    clumping : by chart, shape (shares,).
    windows : by chart, A: windows between two false alarms.
    """

    limits: Mapping[str, Matrix]
    clumping: Mapping[str, Matrix]
    windows: Mapping[str, float]

    @classmethod
    def of(cls, limits: Mapping[str, Matrix], clumping: Mapping[str, Matrix], part: float) -> Self:
        """Charts within two equal parts of the budget: "coverage" has one, the others share one.

        Parameters
        ----------
        part : windows between two false alarms of a part.
        """
        windows = {name: part * (len(_TOGETHER) if name in _TOGETHER else 1) for name in LABEL_CHARTS}
        return cls(limits, clumping, windows)

    @staticmethod
    def start() -> dict[str, ShareChart]:
        """The charts before the first window."""
        return {name: ShareChart.start(shares) for name, shares in LABEL_CHARTS.items()}

    def advanced(self, charts: Charts, new: ErrorSums, *, start: int) -> dict[str, ShareChart]:
        """The charts after new labels.

        Parameters
        ----------
        start : of the window, UTC milliseconds.
        """
        counted = {
            "coverage": (new.with_interval, [new.misses]),
            "error": (new.labelled, list(new.beyond)),
            "above": (new.labelled, [new.above]),
            "below": (new.labelled, [new.labelled - new.above]),
        }
        return {
            name: charts[name]
            .advanced(np.array(bad), rows, self.limits[name], self.clumping[name], start=start)
            .capped(self.windows[name])
            for name, (rows, bad) in counted.items()
        }

    def scores(self, charts: Charts) -> dict[str, float]:
        """Of each chart ÷ its threshold."""
        return {name: charts[name].score(self.windows[name]) for name in LABEL_CHARTS}
