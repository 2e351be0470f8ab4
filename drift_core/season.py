"""Season: which hours are compared with which, because traffic at night differs from traffic at noon."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

TWO_WEEKS, FOUR_WEEKS = 14, 28
"""Days of training data from which weekdays and weekends, or all hours of a week, can be told apart."""

_MONDAY = 3 * 24  # 1970-01-01 was a Thursday


class Season(StrEnum):
    """The cells into which a week is cut; each has training counts of its own. All hours are UTC."""

    NONE = "none"
    DAY_KIND = "hour of weekday or weekend"
    WEEK = "hour of week"

    @property
    def cells(self) -> int:
        """Number of cells."""
        return {Season.NONE: 1, Season.DAY_KIND: 48, Season.WEEK: 168}[self]

    def cell(self, times: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Cell of each time.

        Parameters
        ----------
        times : UTC milliseconds, any shape.

        >>> monday = 4 * DAY_MS  # 1970-01-05
        >>> Season.WEEK.cell([monday, monday - HOUR_MS]).tolist()
        [0, 167]
        >>> Season.DAY_KIND.cell([monday + 25 * HOUR_MS, monday - HOUR_MS]).tolist()
        [1, 47]
        """
        hour = (np.asarray(times, np.int64) // HOUR_MS + _MONDAY) % 168
        if self is Season.NONE:
            return np.zeros_like(hour)
        if self is Season.WEEK:
            return hour
        return hour % 24 + 24 * (hour >= 5 * 24)

    @classmethod
    def of(cls, times: npt.NDArray[np.int64] | None) -> Season:
        """The finest season that training times can tell: each cell must have come back on other days.

        Parameters
        ----------
        times : shape (m,), UTC milliseconds; None for data without time, which has no season.
        """
        days = 0.0 if times is None or not len(times) else float(times.max() - times.min()) / DAY_MS
        if days < TWO_WEEKS - 1:
            return cls.NONE
        return cls.DAY_KIND if days < FOUR_WEEKS - 1 else cls.WEEK
