"""What people's commands make of the state of alerts."""

from __future__ import annotations

from dataclasses import replace

from drift_core.alert_events import Acknowledge, Close, Mute, Unmute
from drift_core.alert_state import ALL, Alerting
from drift_core.causes import Cause
from drift_core.incident import RECOVERED, Incident


def commanded(state: Alerting, command: Acknowledge | Close | Mute | Unmute, now: int) -> Alerting:
    """What a person's command makes of the state; messages follow with the next step.

    Raises
    ------
    LookupError
        If it names an incident that is not there, or that is over.
    """
    match command:
        case Mute():
            if command.of not in (ALL, *Cause):
                _incident(state, command.of)
            return replace(state, mutes={**state.mutes, command.of: command})
        case Unmute():
            if command.of not in state.mutes:
                muted = ", ".join(sorted(state.mutes)) or "nothing"
                raise LookupError(f"{command.of} is not muted; muted is {muted}")
            return replace(state, mutes={name: m for name, m in state.mutes.items() if name != command.of})
        case Acknowledge():
            incident = _lasting(state, command.incident_id)
            changed = replace(incident, acknowledged_by=command.by, acknowledged_at=now, updated_at=now)
        case Close():
            incident = _lasting(state, command.incident_id)
            changed = replace(
                incident,
                state=RECOVERED,
                recovered_at=now,
                updated_at=now,
                closed_at=now,
                closed_by=command.by,
            )
    return state.having(changed)


def _incident(state: Alerting, name: str) -> Incident:
    if name not in state.incidents:
        known = ", ".join(sorted(state.incidents)) or "none"
        raise LookupError(f"there is no incident {name!r}; there are: {known}")
    return state.incidents[name]


def _lasting(state: Alerting, name: str) -> Incident:
    incident = _incident(state, name)
    if not incident.is_open:
        raise LookupError(f"{name} is over; nothing is to be acknowledged or closed")
    return incident
