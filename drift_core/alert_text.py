"""What a message on an incident says, in words; `drift_core.alert_payloads` forms it for each channel."""

from __future__ import annotations

from dataclasses import dataclass

from drift_core.alert_state import Kind, Message
from drift_core.causes import Cause
from drift_core.incident import Incident, iso

SUBJECT_LENGTH = 100
"""Characters that SNS takes as the subject of an e-mail; all of them ASCII."""

SHOWN = 5
"""Lines of a finding that a message has; the report has all."""

TITLES = {
    Cause.DATA: "the data differ from the training data",
    Cause.QUALITY: "labels show larger errors",
    Cause.LABELS: "labels stay away",
    Cause.SERVING: "requests fail",
    Cause.DELIVERY: "records do not arrive",
    Cause.VOLUME: "few requests",
    Cause.MONITORING: "the monitoring itself fails",
}
"""What is the matter, by cause."""

WEIGHT = {
    Cause.DATA: "The model goes on answering. Drift alone does not say that it is wrong: look within a day.",
    Cause.QUALITY: "The model is wrong more often than in training: hold what rests on it, and look today.",
    Cause.LABELS: "The model's error is known less well, or not at all. Nothing is broken for callers.",
    Cause.SERVING: "Callers get errors: look now.",
    Cause.DELIVERY: "Callers are served, but records are late, put aside or lost: look today.",
    Cause.VOLUME: "Callers may be unable to reach the model: ask them.",
    Cause.MONITORING: "Nobody watches the model while this lasts: look today.",
}
"""How grave that is, and how soon somebody should look."""

QUERIES = {
    Cause.DATA: "guilty_features",
    Cause.QUALITY: "model_quality",
    Cause.LABELS: "labels_accounted",
    Cause.SERVING: "traffic_by_window",
    Cause.DELIVERY: "reconciliation",
    Cause.VOLUME: "traffic_by_window",
    Cause.MONITORING: "latest_verdicts",
}
"""The question of queries/ that shows it, by cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message leads to.

    Attributes
    ----------
    region, archive_bucket : of the stack.
    runbook : URL or path of the runbook, without a section.
    """

    region: str
    archive_bucket: str
    runbook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message in parts; no part holds a value of a feature of one prediction.

    Attributes
    ----------
    subject : at most `SUBJECT_LENGTH` characters, all ASCII.
    headline : what happened, in one line.
    weight : how grave it is; empty for what is over.
    facts : names and values.
    lines : the findings, the most important first.
    steps : a name and a command or link for each thing to do next.
    thread : the same for all messages on an incident.
    """

    subject: str
    headline: str
    weight: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    thread: str = ""


def told(message: Message, place: Place) -> Told:
    """Put a message into words."""
    incident = message.incident
    headline = f"{incident.model_name}: {TITLES[incident.cause]}{_turn(message)}"
    return Told(
        subject=subject(f"[{message.kind.upper()}] {headline}"),
        headline=headline,
        weight="" if message.kind is Kind.RECOVERED else WEIGHT[incident.cause],
        facts=tuple(_facts(message)),
        lines=incident.lines[:SHOWN],
        steps=tuple(_steps(message, place)),
        thread=incident.incident_id,
    )


def notice(title: str, text: str) -> Told:
    """What was told to the topic of the alarms and is no alarm: passed on as it is."""
    return Told(subject=subject(title), headline=title, lines=tuple(text.splitlines()))


def subject(text: str) -> str:
    """A subject that SNS takes: one line of ASCII, not too long, never empty.

    >>> subject("Größe:  drift")
    'Gr??e: drift'
    """
    plain = " ".join(text.encode("ascii", "replace").decode().split())
    shown = "".join(one for one in plain if one.isprintable())
    return shown[:SUBJECT_LENGTH].rstrip() or "Driftline"


def duration(milliseconds: int) -> str:
    """A length of time in words.

    >>> duration(90 * 60_000), duration(3 * 86_400_000), duration(20_000)
    ('1 h 30 min', '3 days', '1 min')
    """
    minutes = max(1, round(milliseconds / 60_000))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(minutes / 1440)} days"


def percent(share: float) -> str:
    """A share of rows in percent, never rounded to nothing or to all.

    >>> percent(0.123), percent(0.00001), percent(1.0), percent(0.9999)
    ('12 %', 'below 1 %', '100 %', 'above 99 %')
    """
    if 0 < share < 0.01:
        return "below 1 %"
    return "above 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def _turn(message: Message) -> str:
    incident = message.incident
    match message.kind:
        case Kind.OPENED:
            return ""
        case Kind.UPDATED:
            return f"; new: {', '.join(message.news[:SHOWN])}"
        case Kind.REOPENED:
            return "; again" if incident.reopened < 2 else f"; again, {incident.reopened} times now"
        case Kind.RECOVERED:
            return f"; closed by {incident.closed_by}" if incident.closed_by else "; that is over"


def _facts(message: Message) -> list[tuple[str, str]]:
    incident = message.incident
    end = incident.recovered_at if incident.recovered_at is not None else message.at
    facts = [("since", f"{_minute(incident.since)} ({duration(end - incident.since)})")]
    facts.append(("alarms", ", ".join(incident.alarms)))
    if incident.score is not None:
        facts.append(("score", f"{incident.score:.3g}, where 1 is an alarm"))
    if incident.features:
        more = len(incident.features) - SHOWN
        shown = ", ".join(incident.features[:SHOWN])
        facts.append(("features", shown + (f" and {more} more" if more > 0 else "")))
    if incident.affected_share is not None:
        facts.append(("affected", f"{percent(incident.affected_share)} of the rows"))
    if incident.model_version:
        facts.append(("version", incident.model_version))
    facts.append(("incident", incident.incident_id))
    if incident.reopened:
        facts.append(("came back", f"{incident.reopened} times"))
    if incident.acknowledged_by:
        facts.append(("acknowledged", f"by {incident.acknowledged_by}"))
    return facts


def _steps(message: Message, place: Place) -> list[tuple[str, str]]:
    incident = message.incident
    steps = []
    if incident.report:
        steps.append(("report", console_url(place, incident.report)))
    steps.append(("the same from the archive", f"python -m scripts.report --since {_asked_since(incident)}"))
    steps.append(("query", f"python -m scripts.query {QUERIES[incident.cause]}"))
    if incident.alarms:
        steps.append(("runbook", f"{place.runbook}#{incident.alarms[0]}"))
    if message.kind is not Kind.RECOVERED:
        name = incident.incident_id
        steps.append(("acknowledge", f"python -m scripts.incidents ack {name} --by YOUR_NAME"))
        steps.append(("mute", f"python -m scripts.incidents mute {name} --for 4h --why REASON"))
    return steps


def console_url(place: Place, key: str) -> str:
    """Where the console shows an object of the archive, to whoever is logged in.

    >>> place = Place(region="eu-central-1", archive_bucket="b", runbook="")
    >>> console_url(place, "reports/a.html")
    'https://eu-central-1.console.aws.amazon.com/s3/object/b?region=eu-central-1&prefix=reports/a.html'
    """
    host = f"https://{place.region}.console.aws.amazon.com"
    return f"{host}/s3/object/{place.archive_bucket}?region={place.region}&prefix={key}"


def _minute(time: int) -> str:
    return f"{iso(time)[:16].replace('T', ' ')} UTC"


def _asked_since(incident: Incident) -> str:
    return iso(incident.since - 86_400_000)[:10]
