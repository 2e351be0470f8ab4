"""The alert function: no message is lost and few come twice, whatever crashes, fails or refuses."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3

from drift_consumer.alarm_states import AlarmStates
from drift_consumer.alert import Resources, alert
from drift_consumer.alert_outbox import GIVEN_UP_MS
from drift_consumer.alert_settings import AlertSettings
from drift_consumer.alert_store import AlertStore
from drift_consumer.channels import DeliveryError, RefusedError, Slack
from drift_consumer.incident_documents import IncidentDocuments
from drift_consumer.metrics import Publisher
from drift_core.alert_payloads import slack
from drift_core.alert_text import Told, notice
from drift_core.causes import Cause
from drift_core.incident import Finding, Incident
from tests.unit.drift_consumer.fake_aws import Calls, CrashError, FakeCloudWatch, FakeDynamoDB, FakeS3
from tests.webhook import receiving

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


class World:
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


OPENED = "[OPENED] m: the data differ from the training data"


def test_an_alarm_is_told_and_written_with_its_report() -> None:
    world = World()
    assert world.run(world.set("ALARM")) == {"decided": 1, "waiting": 0}
    assert world.heard == {"email": [OPENED], "slack": [OPENED]}
    [told] = world.documents()
    assert (told["report"], told["features"]) == ("reports/incidents/i.html", ["area"])
    world.now += MINUTE
    assert world.run(world.set("ALARM", "gross-shift"))["decided"] == 0


def test_an_alarm_of_another_model_is_none_of_ours() -> None:
    world = World()
    other = world.set("ALARM").replace("driftline-m-", "driftline-n-")
    world.cloudwatch.states = {}
    world.run(other)
    assert world.documents() == []


def test_a_lost_message_is_made_up_by_the_survey() -> None:
    world = World()
    world.set("ALARM")
    world.run()
    assert world.heard["email"] == [OPENED]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 30))
def test_no_crash_loses_a_message_and_at_most_one_comes_twice(number: int, when: str) -> None:
    world = World()
    message = world.set("ALARM")
    world.calls.crash_at(number, when)
    with suppress(CrashError):
        world.run(message)
    world.calls.heal()
    world.now += 5 * MINUTE  # Lambda tries again, or the schedule comes
    world.run(message)
    world.now += 5 * MINUTE
    world.run()
    for heard in world.heard.values():
        assert set(heard) == {OPENED}
        assert len(heard) <= 2
    [told] = world.documents()
    assert told["messages"] == 1
    assert told["report"] == "reports/incidents/i.html"


def test_a_channel_that_fails_holds_up_no_other_and_keeps_the_order() -> None:
    world = World()
    world.fault["slack"] = DeliveryError("Slack answered 503")
    with pytest.raises(ExceptionGroup):
        world.run(world.set("ALARM"))
    world.now += MINUTE
    world.set("OK")
    world.now += 40 * MINUTE
    with pytest.raises(ExceptionGroup):
        world.run()
    assert len(world.heard["email"]) == 2
    assert world.cloudwatch.values("AlertsFailed") == []  # it is tried again
    world.fault.clear()
    assert world.run()["waiting"] == 0
    assert world.heard["slack"] == world.heard["email"]
    assert world.heard["slack"][1].startswith("[RECOVERED]")


def test_a_refused_message_is_counted_and_not_tried_again() -> None:
    world = World()
    world.fault["slack"] = RefusedError("Slack answered 410 (channel_is_archived)")
    with pytest.raises(ExceptionGroup):
        world.run(world.set("ALARM"))
    assert world.cloudwatch.values("AlertsFailed") == [1.0]
    assert world.run() == {"decided": 0, "waiting": 0}
    assert world.heard == {"email": [OPENED], "slack": []}


def test_a_message_is_given_up_after_a_day() -> None:
    world = World()
    world.fault["slack"] = DeliveryError("Slack answered 503")
    with pytest.raises(ExceptionGroup):
        world.run(world.set("ALARM"))
    world.now += GIVEN_UP_MS
    with pytest.raises(ExceptionGroup):
        world.run()
    assert world.cloudwatch.values("AlertsFailed") == [1.0]
    assert world.run()["waiting"] == 0


def test_without_report_and_findings_people_are_told_all_the_same() -> None:
    world = World()
    world.report, world.finding = OSError("no bundle"), OSError("no archive")
    with pytest.raises(ExceptionGroup) as told:
        world.run(world.set("ALARM"))
    assert len(told.value.exceptions) == 2
    assert world.heard["email"] == [OPENED]
    assert world.cloudwatch.values("AlertsFailed") == [1.0]
    assert world.documents()[0]["report"] is None


def test_a_notice_is_passed_on_once() -> None:
    world = World()
    world.run("v2 is served")
    world.run("v2 is served")
    assert world.heard["email"] == ["m: told"]


# ---- Slack ----


class Secrets:
    def __init__(self, text: str) -> None:
        self.text = text
        self.reads = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        assert SecretId == "slack"
        self.reads += 1
        return {"SecretString": self.text}


def channel(text: str) -> tuple[Slack, Secrets]:
    secrets: Any = Secrets(text)
    return Slack(secrets=secrets, pool=urllib3.PoolManager(), secret="slack"), secrets


TOLD = notice("drift & more", "a line")


def test_slack_is_posted_and_its_url_read_once() -> None:
    with receiving() as webhook:
        slack_channel, secrets = channel(json.dumps({"url": webhook.url}))
        slack_channel.send(TOLD)
        slack_channel.send(TOLD)
        assert webhook.posted == [slack(TOLD)] * 2
        assert secrets.reads == 1


def test_slack_that_is_busy_is_tried_again() -> None:
    with receiving() as webhook:
        webhook.answers += [(503, "later"), (429, "rate_limited")]
        channel(webhook.url)[0].send(TOLD)
        assert len(webhook.posted) == 1


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (400, "invalid_payload", RefusedError),
        (403, "action_prohibited", RefusedError),
        (404, "no_service", RefusedError),
        (410, "channel_is_archived", RefusedError),
        (503, "later", DeliveryError),
    ],
)
def test_what_slack_answers_is_told_without_its_url(
    status: int, text: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib3.Retry, "sleep", lambda self, response=None: None)
    with receiving() as webhook:
        webhook.answers += [(status, text)] * 4
        slack_channel, secrets = channel(webhook.url)
        with pytest.raises(error, match=text) as told:
            slack_channel.send(TOLD)
        assert "/services/" not in str(told.value)
        webhook.answers.clear()
        slack_channel.send(TOLD)
        assert secrets.reads == 2  # a renewed webhook is taken without a deployment


def test_slack_out_of_reach_is_told_without_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib3.Retry, "sleep", lambda self, response=None: None)
    with receiving() as webhook:
        url = webhook.url
    with pytest.raises(DeliveryError) as told:
        channel(url)[0].send(TOLD)
    assert "/services/" not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


def test_a_secret_that_is_no_url_is_refused_without_its_text() -> None:
    with pytest.raises(RefusedError, match="holds no URL") as told:
        channel("xoxb-a-token")[0].send(TOLD)
    assert "xoxb" not in str(told.value)
