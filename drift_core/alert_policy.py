"""How patient alerts are."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DAY_MS = 24 * HOUR_MS

GROWTH = 4
"""By which the quiet time grows with each reopening and the cool-down with each update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """How patient alerts are, in milliseconds.

    Attributes
    ----------
    quiet_ms : how long all alarms of an incident must have been over for it to be.
    cool_down_ms : time between a message on an incident and an update of it, at least.
    reopen_ms : for how long after its recovery an incident is reopened rather than followed by another.
    gather_ms : alarms of the same cause that are raised so soon after the opening was told say the same.
    longest_quiet_ms : to which the quiet time grows.
    """

    quiet_ms: int = 30 * MINUTE_MS
    cool_down_ms: int = 240 * MINUTE_MS
    reopen_ms: int = DAY_MS
    gather_ms: int = 5 * MINUTE_MS
    longest_quiet_ms: int = DAY_MS

    def quiet(self, reopened: int) -> int:
        """The quiet time of an incident that was reopened so often."""
        grown = self.quiet_ms * int(GROWTH ** min(reopened, 20))
        return max(self.quiet_ms, min(grown, self.longest_quiet_ms))

    def cool_down(self, updates: int) -> int:
        """The cool-down of an incident that was updated so often."""
        return self.cool_down_ms * int(GROWTH ** min(updates, 20))
