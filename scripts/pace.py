"""How fast recorded traffic is sent, and at what time it is said to have happened."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

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
        If it is none of these.

    >>> moment("now-2m", datetime(1970, 1, 1, 0, 3, tzinfo=UTC)), moment("1970-01-01T00:01", datetime.max)
    (60000, 60000)
    """
    relative = _BEFORE.fullmatch(text)
    if relative is not None:
        count, unit = relative.groups()
        when = now - timedelta(**{_UNITS[unit or "s"]: int(count or 0)})
    else:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is no time; give 2026-01-31T12:00:00Z, now or now-2h") from None
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


class Pace:
    """When each record is due: not faster than `rate`, and `speed` times as fast as it happened.

    Parameters
    ----------
    rate : records a second; None for no limit.
    speed : how often a second of the recording fits into a second; None for no regard to its times.
    """

    def __init__(self, *, rate: float | None, speed: float | None) -> None:
        for name, value in (("rate", rate), ("speed", speed)):
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; give a number above 0")
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
