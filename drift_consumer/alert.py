"""The alert function: alarms of one cause become one incident, and people hear of it in few messages.

The topic of the alarms invokes it, and a schedule, so that time passes: for quiet times, cool-downs and the
ends of mutes. What it decides is in its item before anybody is told, with a list of what is still to be told.
So a crash loses no message. It may repeat the one that was being sent when it came: a channel that takes a
message and a table that remembers it cannot be written together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from drift_consumer.alarm_states import AlarmStates
from drift_consumer.alert_outbox import Outbox
from drift_consumer.alert_settings import AlertSettings
from drift_consumer.alert_store import AlertStore, Kept, Notice, Parcel
from drift_consumer.baselines import Baselines
from drift_consumer.channels import RefusedError, Send, Slack, Topics
from drift_consumer.findings import Findings
from drift_consumer.incident_documents import IncidentDocuments
from drift_consumer.metrics import Metric, Publisher
from drift_consumer.reporting import Reporting
from drift_core.alert_events import Found, Observation
from drift_core.alert_state import Message
from drift_core.alerting import concerned, step
from drift_core.incident import Incident, iso

PASSED_ON = 50
"""Ids of notices that are remembered: SNS repeats a message soon or never."""

logger = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the alert function works with.

    Attributes
    ----------
    channels : by name.
    write_report : writes an incident's report at a time and gives its key; None for no report.
    write_daily : writes the report of the last day, unless it is there.
    clock : UTC milliseconds now.
    """

    settings: AlertSettings
    alarms: AlarmStates
    findings: Findings
    store: AlertStore
    documents: IncidentDocuments
    channels: Mapping[str, Send]
    publisher: Publisher
    write_report: Callable[[Incident, int], str | None]
    write_daily: Callable[[int], str | None]
    clock: Callable[[], int]


@cache
def resources() -> Resources:
    """The real ones, built at the first call of a Lambda environment."""
    settings = AlertSettings.from_env()
    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})
    s3, dynamodb = boto3.client("s3", config=config), boto3.client("dynamodb", config=config)
    cloudwatch = boto3.client("cloudwatch", config=config)
    topics = Topics(
        sns=boto3.client("sns", config=config),
        incident_topic=settings.incident_topic,
        chat_topic=settings.chat_topic,
    )
    channels: dict[str, Send] = {"email": topics.email, "chat": topics.chat}
    if settings.slack_webhook:
        channels["slack"] = Slack(
            secrets=boto3.client("secretsmanager", config=config),
            pool=urllib3.PoolManager(),
            secret=settings.slack_webhook,
        ).send
    baselines = Baselines(s3, settings.models_bucket)
    reporting = Reporting(
        s3=s3, bucket=settings.archive_bucket, baselines=baselines, model_name=settings.model_name
    )
    return Resources(
        settings=settings,
        alarms=AlarmStates(cloudwatch=cloudwatch, prefix=f"driftline-{settings.model_name}-"),
        findings=Findings(
            s3=s3, archive=settings.archive_bucket, baselines=baselines, model_name=settings.model_name
        ),
        store=AlertStore(dynamodb, settings.window_table, settings.model_name),
        documents=IncidentDocuments(s3, settings.archive_bucket),
        channels=channels,
        publisher=Publisher(cloudwatch, namespace=settings.metrics_namespace, model_name=settings.model_name),
        write_report=lambda incident, at: reporting.write_incident(incident.incident_id, incident.since, at),
        write_daily=reporting.write_daily,
        clock=lambda: time.time_ns() // 1_000_000,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Serve the topic of the alarms, and the schedule, whose event says nothing."""
    del context
    return alert(event, resources())


def alert(event: Mapping[str, Any], to: Resources) -> dict[str, int]:
    """Take in what an event says and how alarms stand, decide, write and tell.

    Returns
    -------
    How many messages were "decided", how many parcels are "waiting" for a channel.

    Raises
    ------
    ExceptionGroup
        What failed, after all else was done; what waits, the next run tries again.
    """
    now, faults = to.clock(), list[Exception]()
    changes, notices = to.alarms.heard(event)
    observations: list[Observation] = list(changes)
    try:
        observations.append(to.alarms.survey())
    except Exception as fault:
        faults.append(_noted(fault, "while asking how the alarms stand"))
    before = to.store.read()
    for cause in sorted(concerned(before.alerting, observations, now, to.settings.policy)):
        try:
            observations.append(Found(cause=cause, finding=to.findings.of(cause, now)))
        except Exception as fault:
            faults.append(_noted(fault, f"while reading what is found of {cause}"))
    kept = to.store.change(lambda stored: _decided(stored, observations, notices, now, to.settings))
    outbox = Outbox(
        store=to.store,
        documents=to.documents,
        channels=to.channels,
        place=to.settings.place,
        write_report=to.write_report,
    )
    left, told = outbox.work(kept, now)
    faults += told
    if left.daily != _hour(now):
        try:
            to.write_daily(now)
        except Exception as fault:  # told below; the next hour tries again
            faults.append(RefusedError("the daily report was not written"))
            faults[-1].__cause__ = fault
        left = to.store.change(lambda stored: replace(stored, daily=_hour(now)))
    for one in faults:
        logger.error("not all was done", exc_info=one)
    lost = sum(isinstance(one, RefusedError) for one in faults)
    if lost:
        to.publisher.publish([Metric(name="AlertsFailed", value=lost, unit="Count")], now)
    done = {"decided": len(kept.outbox), "waiting": len(left.outbox)}
    logger.info("alerted", extra=done)
    if faults:
        raise ExceptionGroup("not all was done; what waits is tried again", faults)
    return done


def _decided(
    kept: Kept, observations: list[Observation], notices: list[Notice], now: int, settings: AlertSettings
) -> Kept:
    """What is to be kept after observations: pure, so that it can be done again on what another wrote."""
    before = kept.alerting
    after, messages = step(before, observations, now, settings.policy)
    changed = [
        name for name, one in after.incidents.items() if _document(before.incidents, name) != one.document()
    ]
    unwritten = tuple(dict.fromkeys((*kept.unwritten, *changed)))
    fresh = [one for one in notices if one.notice_id not in kept.passed_on]
    said: list[Message | Notice] = [*messages, *fresh]
    parcels = [Parcel(what=one, since=now) for one in said]
    return replace(
        kept,
        alerting=after if unwritten else after.pruned(now, settings.policy),
        outbox=(*kept.outbox, *parcels),
        unwritten=unwritten,
        passed_on=(*kept.passed_on, *(one.notice_id for one in fresh))[-PASSED_ON:],
    )


def _document(incidents: Mapping[str, Incident], name: str) -> dict[str, Any] | None:
    return incidents[name].document() if name in incidents else None


def _hour(time: int) -> str:
    return iso(time)[:13]


def _noted(fault: Exception, note: str) -> Exception:
    fault.add_note(note)
    return fault
