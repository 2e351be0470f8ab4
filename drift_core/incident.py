"""An incident: what alarms of one cause tell together, from the first to the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from drift_core.causes import Cause

FORMAT = 1

OPEN, RECOVERED = "open", "recovered"
"""States of an incident."""

_TIMES = ("opened_at", "since", "updated_at", "recovered_at", "acknowledged_at", "muted_until")

_DOCUMENT = (
    *("incident_id", "model_name", "model_version", "cause", "state", "opened_at", "since", "updated_at"),
    *("recovered_at", "alarms", "features", "score", "affected_share", "reopened", "acknowledged_by"),
    *("acknowledged_at", "muted_until", "messages", "report"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the latest documents of the archive say of a cause; empty or None where they say nothing.

    Attributes
    ----------
    since : begin of what was found, UTC milliseconds.
    features : the guilty ones, the strongest first.
    affected_share : of the rows, in [0, 1].
    lines : sentences for people, the most important first.
    """

    model_version: str = ""
    since: int | None = None
    features: tuple[str, ...] = ()
    score: float | None = None
    affected_share: float | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident; times are UTC milliseconds.

    Attributes
    ----------
    incident_id : the second in which it was opened first, and its cause.
    since : when what the alarms tell of began, as far as is known.
    updated_at : when it changed last.
    alarms : all that were raised in it, in the order in which they were.
    features, score, affected_share, lines : as the latest finding has them; features of earlier ones follow.
    reopened : how often it came back within the time in which that is the same incident.
    acknowledged_by, acknowledged_at : who looks after it, and since when; None if nobody does.
    muted_until : end of the last mute that covered it; None for none.
    closed_at, closed_by : when a person ended it, and who. Alarms raised before count again once they have
        been over.
    known : whether people were told that it is open, and not yet that it is over.
    told_alarms, told_features, told_at, updates : what messages have said of it, when the last one did, and
        how many were updates.
    messages : how many were decided.
    report : key of its report in the archive bucket; None if there is none.
    """

    incident_id: str
    model_name: str
    model_version: str = ""
    cause: Cause
    state: str = OPEN
    opened_at: int
    since: int
    updated_at: int
    recovered_at: int | None = None
    alarms: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    score: float | None = None
    affected_share: float | None = None
    lines: tuple[str, ...] = ()
    reopened: int = 0
    acknowledged_by: str | None = None
    acknowledged_at: int | None = None
    muted_until: int | None = None
    closed_at: int = 0
    closed_by: str | None = None
    known: bool = False
    told_alarms: tuple[str, ...] = ()
    told_features: tuple[str, ...] = ()
    told_at: int = 0
    updates: int = 0
    messages: int = 0
    report: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it lasts."""
        return self.state == OPEN

    @property
    def news(self) -> tuple[str, ...]:
        """Alarms and features that no message has named yet."""
        new_alarms = tuple(name for name in self.alarms if name not in self.told_alarms)
        return new_alarms + tuple(name for name in self.features if name not in self.told_features)

    def found(self, finding: Finding, now: int) -> Incident:
        """The incident with what was found of it; the begin only moves back."""
        features = finding.features + tuple(one for one in self.features if one not in finding.features)
        since = self.since if finding.since is None else min(self.since, finding.since)
        changed = replace(
            self,
            model_version=finding.model_version or self.model_version,
            since=since,
            features=features,
            score=self.score if finding.score is None else finding.score,
            affected_share=self.affected_share if finding.affected_share is None else finding.affected_share,
            lines=finding.lines or self.lines,
        )
        return changed if changed == self else replace(changed, updated_at=now)

    def document(self) -> dict[str, Any]:
        """What the archive keeps of it, a JSON object; times are ISO 8601 in UTC or None."""
        told = {name: getattr(self, name) for name in _DOCUMENT}
        told |= {name: None if told[name] is None else iso(told[name]) for name in _TIMES}
        return {"format": FORMAT, **told, "alarms": list(self.alarms), "features": list(self.features)}

    @property
    def key(self) -> str:
        """Where its document lies in the archive bucket; it stays there whatever becomes of it."""
        day = datetime.fromtimestamp(self.opened_at / 1000, UTC)
        return f"incidents/{day:dt=%Y-%m-%d}/{self.incident_id}.json"

    def to_json(self) -> dict[str, Any]:
        """All of it; `from_json` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Incident:
        """Read what `to_json` of this or a later version wrote: unknown fields are ignored."""
        known = {one.name for one in fields(cls)}
        read: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in told.items() if name in known
        }
        return cls(**read | {"cause": Cause(told["cause"])})


def incident_id(cause: Cause, opened_at: int) -> str:
    """A name that sorts by time.

    >>> incident_id(Cause.DATA, 0)
    '19700101T000000Z-data'
    """
    return f"{datetime.fromtimestamp(opened_at / 1000, UTC):%Y%m%dT%H%M%SZ}-{cause}"


def iso(time: int) -> str:
    """ISO 8601, UTC, to the second.

    >>> iso(1_500)
    '1970-01-01T00:00:01+00:00'
    """
    return datetime.fromtimestamp(time // 1000, UTC).isoformat()
