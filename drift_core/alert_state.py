"""What is known of a model's alarms, incidents and mutes, and what people are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from drift_core.alert_events import Mute
from drift_core.alert_policy import AlertPolicy
from drift_core.causes import Cause
from drift_core.incident import Incident

ALL = "all"
"""What a mute of every cause is named."""


class Kind(StrEnum):
    """What a message says."""

    OPENED = "opened"
    UPDATED = "updated"
    REOPENED = "reopened"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """When an alarm was raised last and when it was over last, UTC milliseconds; 0 for never.

    Both only grow, so it does not matter in which order and how often changes are told.
    """

    raised_at: int = 0
    ok_at: int = 0

    @property
    def raised(self) -> bool:
        """Whether it is."""
        return self.raised_at > self.ok_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What people are told of an incident.

    Attributes
    ----------
    incident : as it was when this was decided.
    news : for an update, the alarms and features that are new.
    at : UTC milliseconds.
    """

    kind: Kind
    incident: Incident
    news: tuple[str, ...] = ()
    at: int

    def to_json(self) -> dict[str, Any]:
        """All of it; `from_json` is the inverse."""
        return {
            "kind": self.kind,
            "incident": self.incident.to_json(),
            "news": list(self.news),
            "at": self.at,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Message:
        """Read what `to_json` of this or a later version wrote."""
        incident = Incident.from_json(told["incident"])
        return cls(kind=Kind(told["kind"]), incident=incident, news=tuple(told["news"]), at=told["at"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """What is known of the alarms and incidents of one model.

    Attributes
    ----------
    alarms : by name.
    incidents : by id: those that last, and those that may still be reopened.
    mutes : by what is muted: an incident's id, a cause, or `ALL`.
    """

    model_name: str
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    mutes: Mapping[str, Mute] = field(default_factory=dict)

    def having(self, incident: Incident) -> Alerting:
        """With an incident, in place of one of its id."""
        return replace(self, incidents={**self.incidents, incident.incident_id: incident})

    def latest(self, cause: Cause) -> Incident | None:
        """The last incident of a cause."""
        found = [one for one in self.incidents.values() if one.cause is cause]
        return max(found, key=lambda one: one.opened_at, default=None)

    def muted_until(self, incident: Incident, now: int) -> int:
        """Until when nothing is told of an incident, UTC milliseconds; 0 if it is not muted."""
        names = (ALL, incident.cause, incident.incident_id)
        ends = [self.mutes[name].until for name in names if name in self.mutes]
        return max((end for end in ends if end > now), default=0)

    def pruned(self, now: int, policy: AlertPolicy) -> Alerting:
        """Without incidents that cannot come back and mutes that are over."""
        kept = {
            name: one
            for name, one in self.incidents.items()
            if one.known or one.recovered_at is None or now - one.recovered_at <= policy.reopen_ms
        }
        mutes = {name: mute for name, mute in self.mutes.items() if mute.until > now}
        return replace(self, incidents=kept, mutes=mutes)

    def to_json(self) -> dict[str, Any]:
        """All of it; `from_json` is the inverse."""
        return {
            "alarms": {name: asdict(one) for name, one in self.alarms.items()},
            "incidents": {name: one.to_json() for name, one in self.incidents.items()},
            "mutes": {name: asdict(one) for name, one in self.mutes.items()},
        }

    @classmethod
    def from_json(cls, model_name: str, told: Mapping[str, Any]) -> Alerting:
        """Read what `to_json` of this or a later version wrote."""
        alarms = {
            name: Alarm(raised_at=one["raised_at"], ok_at=one["ok_at"])
            for name, one in told["alarms"].items()
        }
        mutes = {
            name: Mute(of=one["of"], until=one["until"], why=one["why"], by=one["by"])
            for name, one in told["mutes"].items()
        }
        incidents = {name: Incident.from_json(one) for name, one in told["incidents"].items()}
        return cls(model_name=model_name, alarms=alarms, incidents=incidents, mutes=mutes)
