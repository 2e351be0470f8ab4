"""One model's alert function over services in memory, with channels that keep what they are told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from drift_consumer.alarm_states import AlarmStates
from drift_consumer.alert import Resources, alert
from drift_consumer.alert_settings import AlertSettings
from drift_consumer.alert_store import AlertStore
from drift_consumer.incident_documents import IncidentDocuments
from drift_consumer.metrics import Publisher
from drift_core.alert_text import Told
from drift_core.causes import Cause
from drift_core.incident import Finding, Incident
from tests.unit.drift_consumer.fake_aws import Calls, FakeCloudWatch, FakeDynamoDB, FakeS3

START = 1_767_225_600_000
MINUTE = 60_000
SETTINGS = AlertSettings(
    model_name="m",
    models_bucket="models",
    archive_bucket="archive",
    window_table="table",
    metrics_namespace="Driftline",
    incident_topic="arn:aws:sns:eu-central-1:000000000000:incidents",
    chat_topic="arn:aws:sns:eu-central-1:000000000000:chat",
    slack_webhook="",
    incident_quiet_minutes=30,
    incident_cool_down_minutes=240,
    runbook_url="",
)


class Alarms(FakeCloudWatch):
    """CloudWatch whose alarms are set by the test."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.states: dict[str, tuple[str, int]] = {}

    def get_paginator(self, operation: str) -> Alarms:
        assert operation == "describe_alarms"
        return self

    def paginate(self, *, AlarmNamePrefix: str, AlarmTypes: list[str]) -> list[dict[str, Any]]:
        assert (AlarmNamePrefix, AlarmTypes) == ("driftline-m-", ["MetricAlarm"])
        alarms = [
            {
                "AlarmName": f"driftline-m-{name}",
                "StateValue": state,
                "StateUpdatedTimestamp": datetime.fromtimestamp(at / 1000, UTC),
            }
            for name, (state, at) in self.states.items()
        ]
        self.calls.around(lambda: None)
        return [{"MetricAlarms": alarms}]


class AlertWorld:
    """One model's alert function, with channels that keep what they are told."""

    def __init__(self) -> None:
        self.calls = Calls()
        self.s3, self.dynamodb = FakeS3(self.calls), FakeDynamoDB(self.calls)
        self.cloudwatch = Alarms(self.calls)
        self.now = START
        self.heard: dict[str, list[str]] = {"email": [], "slack": []}
        self.fault: dict[str, Exception] = {}
        self.report: Exception | str | None = "reports/incidents/i.html"
        self.finding: Exception | Finding = Finding(features=("area",))

    def tell(self, name: str, said: Told) -> None:
        if name in self.fault:
            raise self.fault[name]
        self.calls.around(lambda: self.heard[name].append(said.subject))

    def write_report(self, incident: Incident, now: int) -> str | None:
        assert incident.key in self.s3.keys("archive"), "a report shows the incident that it is about"
        if isinstance(self.report, Exception):
            raise self.report
        return self.report

    def of(self, cause: Cause, now: int) -> Finding:
        if isinstance(self.finding, Exception):
            raise self.finding
        return self.finding

    def resources(self) -> Resources:
        clients: Any = self
        s3: Any = self.s3
        dynamodb: Any = self.dynamodb
        cloudwatch: Any = self.cloudwatch
        return Resources(
            settings=SETTINGS,
            alarms=AlarmStates(cloudwatch=cloudwatch, prefix="driftline-m-"),
            findings=clients,
            store=AlertStore(dynamodb, "table", "m"),
            documents=IncidentDocuments(s3, "archive"),
            channels={
                "email": lambda said: self.tell("email", said),
                "slack": lambda said: self.tell("slack", said),
            },
            publisher=Publisher(cloudwatch, namespace="Driftline", model_name="m"),
            write_report=self.write_report,
            write_daily=lambda now: None,
            clock=lambda: self.now,
        )

    def run(self, *messages: str) -> dict[str, int]:
        records = [{"Sns": {"MessageId": text, "Subject": "m: told", "Message": text}} for text in messages]
        return alert({"Records": records} if records else {}, self.resources())

    def set(self, state: str, name: str = "drift") -> str:
        """The state of an alarm, and the message that tells it."""
        self.cloudwatch.states[name] = (state, self.now)
        at = datetime.fromtimestamp(self.now / 1000, UTC)
        told = {"AlarmName": f"driftline-m-{name}", "NewStateValue": state, "StateChangeTime": at.isoformat()}
        return json.dumps(told)

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(text) for (_, key), text in self.s3.objects.items() if "incidents/" in key]
