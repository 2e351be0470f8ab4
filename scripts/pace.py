"""How fast recorded traffic is sent, and at what time it is said to have happened."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

from drift_core.event import EARLIEST_MS

_BEFORE = re.compile(r"now(?:-(\d+)([smhd]))?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> int:
    """UTC milliseconds of a time as people write it.

    Parameters
    ----------
    text : "now", "now-2h" (s, m, h, d) or ISO 8601; UTC unless it says otherwise.

    Raises
    ------
    ValueError
        If it is none of these, or lies before the year 2000.

    >>> moment("now-2m", datetime(2000, 1, 1, 0, 3, tzinfo=UTC)), moment("2000-01-01T00:01", datetime.max)
    (946684860000, 946684860000)
    """
    relative = _BEFORE.fullmatch(text)
    try:
        if relative is not None:
            count, unit = relative.groups()
            when = now - timedelta(**{_UNITS[unit or "s"]: int(count or 0)})
        else:
            when = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time; give 2026-01-31T12:00:00Z, now or now-2h") from None
    told = round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    if told < EARLIEST_MS:
        raise ValueError(f"{text!r} lies before 2000-01-01, where Athena does not look; give a later time")
    return told


def check_window(seconds: int) -> None:
    """Do nothing, if a window can be so long.

    Raises
    ------
    ValueError
        If it cannot.
    """
    if seconds < 1 or 3600 % seconds:
        raise ValueError(f"--window-seconds is {seconds}; give one that divides an hour (3600), such as 60")


class Pace:
    """When each record is due: not faster than `rate`, and `speed` times as fast as it happened.

    Parameters
    ----------
    rate : records a second; None for no limit.
    speed : how often a second of the recording fits into a second; None for no regard to its times.
    """

    def __init__(self, *, rate: float | None, speed: float | None) -> None:
        for name, value in (("rate", rate), ("speed", speed)):
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"--{name} is {value}; give a number above 0")
        self._rate = rate
        self._speed = speed
        self._sent = 0
        self._first_ms: int | None = None
        self._happened = 0.0

    def due(self, event_ms: int | None) -> float:
        """Seconds from the first record to the next one, which happened at `event_ms`, if anyone knows."""
        if self._first_ms is None:
            self._first_ms = event_ms
        if event_ms is not None and self._first_ms is not None and self._speed is not None:
            self._happened = max(self._happened, (event_ms - self._first_ms) / 1000 / self._speed)
        by_rate = self._sent / self._rate if self._rate else 0.0
        self._sent += 1
        return max(by_rate, self._happened)
