"""Alerting: from what alarms, documents and people say to the few messages that people get.

All alarms of one cause make one incident. It is opened at once, and over when its alarms have been over for
a quiet time. One that comes back within `AlertPolicy.reopen_ms` is the same, and its quiet time grows with
each return: so a stream that drifts on and off becomes one lasting incident instead of a message a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

from drift_core.alert_commands import commanded
from drift_core.alert_events import AlarmChange, Found, Observation, Survey
from drift_core.alert_policy import AlertPolicy
from drift_core.alert_state import Alarm, Alerting, Kind, Message
from drift_core.causes import GRAVE, Cause, cause_of
from drift_core.incident import OPEN, RECOVERED, Finding, Incident, incident_id


def step(
    state: Alerting, observations: Iterable[Observation], now: int, policy: AlertPolicy
) -> tuple[Alerting, tuple[Message, ...]]:
    """Take in what was observed and decide what people are told.

    Parameters
    ----------
    observations : none says that time has passed.
    now : UTC milliseconds.

    Raises
    ------
    LookupError
        If a command names an incident that is not there.
    """
    rose: set[str] = set()
    findings: dict[Cause, Finding] = {}
    for one in observations:
        match one:
            case Found():
                findings[one.cause] = one.finding
            case AlarmChange() | Survey():
                before, state = state.alarms, _seen(state, one, now)
                for name, alarm in state.alarms.items():
                    if alarm.raised_at > before.get(name, Alarm()).raised_at:
                        rose.add(name)
            case _:
                state = commanded(state, one, now)
    moment = _Moment(now=now, policy=policy, rose=rose, findings=findings)
    messages: list[Message] = []
    for cause in Cause:
        incident = _settled(state, cause, moment)
        if incident is None:
            continue
        incident, told = _told(incident, state.muted_until(incident, now), moment)
        state = state.having(incident)
        messages += told
    return state, tuple(messages)


def concerned(
    state: Alerting, observations: Iterable[Observation], now: int, policy: AlertPolicy
) -> set[Cause]:
    """Causes of which an incident lasts once these are taken in: of these, documents can tell more."""
    after, _ = step(state, observations, now, policy)
    return {one.cause for one in after.incidents.values() if one.is_open}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """When it is, and what was just observed: alarms that were raised anew, and findings."""

    now: int
    policy: AlertPolicy
    rose: Set[str]
    findings: Mapping[Cause, Finding]


def _seen(state: Alerting, one: AlarmChange | Survey, now: int) -> Alerting:
    """The alarms with a change, or with all their present states; what a survey lacks is no more raised."""
    if isinstance(one, AlarmChange):
        changes = [one]
    else:
        changes = [AlarmChange(alarm=name, raised=raised, at=at) for name, (raised, at) in one.states.items()]
        gone = [n for n, alarm in state.alarms.items() if alarm.raised and n not in one.states]
        changes += [AlarmChange(alarm=name, raised=False, at=now) for name in gone]
    alarms = dict(state.alarms)
    for change in changes:
        known = alarms.get(change.alarm, Alarm())
        if change.raised:
            alarms[change.alarm] = replace(known, raised_at=max(known.raised_at, change.at))
        else:
            alarms[change.alarm] = replace(known, ok_at=max(known.ok_at, change.at))
    return replace(state, alarms=alarms)


def _settled(state: Alerting, cause: Cause, moment: _Moment) -> Incident | None:
    """The incident of a cause, opened, changed or over, as its alarms are; None if there is none."""
    incident, now = state.latest(cause), moment.now
    mine = {name: alarm for name, alarm in state.alarms.items() if cause_of(name) is cause}
    # A person may close an incident over a raised alarm: that one counts when it is raised anew.
    closed_at = incident.closed_at if incident else 0
    names = [name for name, alarm in mine.items() if alarm.raised and alarm.raised_at > closed_at]
    lasted = incident is not None and incident.is_open
    if incident is None or not lasted:
        # What was raised and over before anybody heard of it happened all the same.
        over_at = max(closed_at, (incident.recovered_at or 0) if incident else 0)
        past = [name for name in mine if name in moment.rose and not mine[name].raised]
        names += [name for name in past if mine[name].raised_at > over_at]
        if not names:
            return incident
        incident = _opened(
            state, incident, cause, since=min(mine[name].raised_at for name in names), at=moment
        )
    new = [name for name in names if name not in incident.alarms]
    if new:
        new.sort(key=lambda name: mine[name].raised_at)
        incident = replace(incident, alarms=(*incident.alarms, *new), updated_at=now)
    if cause in moment.findings:
        incident = incident.found(moment.findings[cause], now)
    over_since = max((mine[name].ok_at for name in incident.alarms if name in mine), default=0)
    if lasted and not names and now - over_since >= moment.policy.quiet(incident.reopened):
        return replace(incident, state=RECOVERED, recovered_at=now, updated_at=now)
    return incident


def _opened(state: Alerting, last: Incident | None, cause: Cause, *, since: int, at: _Moment) -> Incident:
    """A new incident, or the last one again: within its time, or if people do not know that it was over."""
    now = at.now
    if last is not None and (last.known or now - (last.recovered_at or 0) <= at.policy.reopen_ms):
        return replace(
            last,
            state=OPEN,
            recovered_at=None,
            updated_at=now,
            reopened=last.reopened + 1,
            acknowledged_by=None,
            acknowledged_at=None,
            closed_by=None,
        )
    return Incident(
        incident_id=incident_id(cause, now),
        model_name=state.model_name,
        cause=cause,
        opened_at=now,
        since=min(now, since),
        updated_at=now,
    )


def _told(incident: Incident, muted_until: int, moment: _Moment) -> tuple[Incident, list[Message]]:
    """What people are told of an incident now, at most one message, and that they were."""
    now = moment.now
    if muted_until:
        return replace(incident, muted_until=muted_until) if incident.is_open else incident, []
    if incident.muted_until is not None and incident.muted_until > now:
        incident = replace(incident, muted_until=now)  # a person ended the mute
    kind = _kind(incident, moment)
    if kind is None:
        return _gathered(incident, moment), []
    news = incident.news if kind is Kind.UPDATED else ()
    incident = replace(
        incident,
        known=kind is not Kind.RECOVERED,
        told_alarms=tuple(dict.fromkeys(incident.told_alarms + incident.alarms)),
        told_features=tuple(dict.fromkeys(incident.told_features + incident.features)),
        told_at=now,
        updates=incident.updates + (kind is Kind.UPDATED),
        messages=incident.messages + 1,
    )
    return incident, [Message(kind=kind, incident=incident, news=news, at=now)]


def _kind(incident: Incident, moment: _Moment) -> Kind | None:
    if not incident.is_open:
        return Kind.RECOVERED if incident.known else None
    if not incident.known:
        return Kind.REOPENED if incident.messages else Kind.OPENED
    rested = moment.now - incident.told_at >= moment.policy.cool_down(incident.updates)
    return Kind.UPDATED if incident.news and rested and not incident.acknowledged_by else None


def _gathered(incident: Incident, moment: _Moment) -> Incident:
    """Alarms that follow the opening at once say the same of the same window, unless they are grave."""
    if not incident.known or incident.updates or moment.now - incident.told_at >= moment.policy.gather_ms:
        return incident
    same = [name for name in incident.alarms if name not in GRAVE]
    return replace(incident, told_alarms=tuple(dict.fromkeys((*incident.told_alarms, *same))))
