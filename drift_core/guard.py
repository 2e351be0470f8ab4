"""Guard: what keeps retrainings of a model apart, as one item that all who want one read and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

LEASE_MS = 90 * 60_000
"""How long a run may take: longer than CodeBuild lets it. After that a crashed run stands in nobody's way."""

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The state of the retrainings of one model; times are UTC milliseconds, 0 for never.

    Each change is written on condition that `version` is still the one that was read, so of two that change
    the same state one learns that it came second.

    Attributes
    ----------
    incident : what the last event asked for.
    wanted_at : when that was decided.
    told : whether its event was put.
    run : who trains, or did last.
    lease_until : until when nobody else may; 0 if nobody does.
    concluded_at : when the last run came to a decision about its challenger.
    outcome : that decision.
    """

    version: int = 0
    incident: str = ""
    wanted_at: int = 0
    told: bool = True
    run: str = ""
    lease_until: int = 0
    concluded_at: int = 0
    outcome: str = ""

    def running(self, now: int) -> str | None:
        """Why nobody may begin: another run holds the lease; None if none does."""
        if now >= self.lease_until:
            return None
        return (
            f"{self.run} is training; it ends before {_time(self.lease_until)}, or is given up then: "
            f"try again after that"
        )

    def resting(self, now: int, cool_down_hours: int) -> str | None:
        """Why nobody should begin yet: the last run has just concluded; None if it has not."""
        free_at = self.concluded_at + cool_down_hours * _HOUR_MS
        if not self.concluded_at or now >= free_at:
            return None
        return (
            f"the last run concluded at {_time(self.concluded_at)} ({self.outcome}) and cool_down_hours is "
            f"{cool_down_hours}: it may run again at {_time(free_at)}"
        )

    def begun(self, run: str, now: int) -> Guard:
        """A run takes the lease."""
        return self._next(run=run, lease_until=now + LEASE_MS)

    def renewed(self, now: int) -> Guard:
        """The run takes the lease anew, which fails if another has it."""
        return self._next(lease_until=now + LEASE_MS)

    def released(self) -> Guard:
        """The run ends without a decision, so that another need not wait."""
        return self._next(lease_until=0)

    def concluded(self, outcome: str, now: int) -> Guard:
        """The run ends with a decision."""
        return self._next(lease_until=0, concluded_at=now, outcome=outcome)

    def asks_for(self, incident: str, now: int, cool_down_hours: int) -> bool:
        """Whether an event for an incident should be put now.

        One is, while nobody trains, once in a cool-down; and again if its put may have failed.
        """
        if self.running(now) or self.resting(now, cool_down_hours):
            return False
        if not self.told and self.concluded_at < self.wanted_at:
            return True
        same = self.incident == incident
        return not self.wanted_at or now >= self.wanted_at + max(cool_down_hours, int(same)) * _HOUR_MS

    def wanting(self, incident: str, now: int) -> Guard:
        """An event is about to be put."""
        return self._next(incident=incident, wanted_at=now, told=False)

    def asked(self) -> Guard:
        """The event was put."""
        return self._next(told=True)

    def _next(self, **changes: Any) -> Guard:
        return replace(self, version=self.version + 1, **changes)

    def to_item(self) -> dict[str, Any]:
        """The attributes of its item in DynamoDB; `from_item` is the inverse."""
        item: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            match value:
                case bool():
                    item[one.name] = {"BOOL": value}
                case int():
                    item[one.name] = {"N": str(value)}
                case _:
                    item[one.name] = {"S": value}
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Guard:
        """Read an item, of this or a later version.

        >>> Guard.from_item(Guard(run="by hand").to_item()).run
        'by hand'
        """
        read = {"BOOL": bool, "N": int, "S": str}
        found: dict[str, Any] = {}
        for one in fields(cls):
            if one.name in item:
                ((kind, value),) = item[one.name].items()
                found[one.name] = read[kind](value)
        return cls(**found)


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
