"""What alerting takes in: changes of alarms, what documents say, and commands of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drift_core.causes import Cause
from drift_core.incident import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmChange:
    """An alarm was raised or was over at a time, UTC milliseconds."""

    alarm: str
    raised: bool
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All alarms that there are: whether each is raised, and since when it is so, UTC milliseconds."""

    states: Mapping[str, tuple[bool, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What documents say of a cause."""

    cause: Cause
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Somebody looks after an incident: no more updates, until it is over."""

    incident_id: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Nothing is told until a time, UTC milliseconds: of an incident, of a cause, or of anything ("all")."""

    of: str
    until: int
    why: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmute:
    """A mute ends now."""

    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """A person ends an incident; its alarms count again once they have been over."""

    incident_id: str
    by: str


type Observation = AlarmChange | Survey | Found | Acknowledge | Mute | Unmute | Close
