"""An alarm on the local AWS becomes an incident: by e-mail, Slack and chat, in the archive, by command."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from scripts import incidents
from scripts.demo_queue import queue_for
from scripts.functions import invoke
from scripts.stack import Stack
from tests.webhook import Webhook

pytestmark = pytest.mark.e2e

ALARM = "low-volume"
"""Of a cause of its own, which no other test raises."""


@pytest.fixture(scope="module")
def queues(stack: Stack) -> Iterator[dict[str, str]]:
    """Queues that hear what is told to the topics of people."""
    urls = {}
    for name in ("IncidentTopicArn", "ChatTopicArn"):
        topic = stack.outputs[name]
        urls[name], arn = queue_for(stack, f"hears-{name}", service="sns.amazonaws.com", source=topic)
        stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    yield urls
    for url in urls.values():
        stack.client("sqs").delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def incident(stack: Stack, webhook: Webhook, queues: dict[str, str]) -> str:
    """The id of the incident that a raised alarm opens, as Slack was told it."""
    del queues
    invoke(stack, "AlertFunction", 60)
    set_alarm(stack, "OK")
    set_alarm(stack, "ALARM")
    posted = within(60, lambda: [one for one in webhook.posted if "few requests" in one["text"]])
    fields = [one["text"] for block in posted[-1]["blocks"] for one in block.get("fields", ())]
    (found,) = (str(text).partition("\n")[2] for text in fields if text.startswith("*incident*"))
    return found


def set_alarm(stack: Stack, state: str) -> None:
    name = f"driftline-{model(stack)}-{ALARM}"
    stack.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def model(stack: Stack) -> str:
    return str(stack.outputs["ActiveBundleParameterName"].split("/")[2])


def within[Found](seconds: float, look: Callable[[], Found]) -> Found:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "nothing came in time"
        time.sleep(0.5)
    return found


def received(stack: Stack, url: str, about: str) -> list[dict[str, Any]]:
    """Notifications of a topic whose text is about something."""
    got = stack.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    told = [json.loads(one["Body"]) for one in got.get("Messages", ())]
    return list({one["MessageId"]: one for one in told if about in one["Message"]}.values())


def document(stack: Stack, incident: str) -> dict[str, Any]:
    key = f"incidents/dt={incident[:4]}-{incident[4:6]}-{incident[6:8]}/{incident}.json"
    found = stack.client("s3").get_object(Bucket=stack.outputs["ArchiveBucketName"], Key=key)
    told: dict[str, Any] = json.loads(found["Body"].read())
    return told


def test_the_topic_of_the_alarms_invokes_the_function_and_slack_hears_of_it(incident: str) -> None:
    assert incident.endswith("-volume")


def test_the_same_is_told_by_e_mail_and_in_chat(stack: Stack, queues: dict[str, str], incident: str) -> None:
    (mail,) = within(30, lambda: received(stack, queues["IncidentTopicArn"], incident))
    assert mail["Subject"] == f"[OPENED] {model(stack)}: few requests"
    assert "python -m scripts.query traffic_by_window" in mail["Message"]
    assert f"docs/runbook.md#{ALARM}" in mail["Message"]
    (notified,) = within(30, lambda: received(stack, queues["ChatTopicArn"], incident))
    told = json.loads(notified["Message"])
    assert (told["version"], told["source"]) == ("1.0", "custom")
    assert told["metadata"]["threadId"] == incident


def test_the_document_lies_in_the_archive(stack: Stack, incident: str) -> None:
    told = document(stack, incident)
    assert (told["state"], told["cause"], told["alarms"]) == ("open", "volume", [ALARM])


def test_athena_reads_it(stack: Stack, incident: str) -> None:
    from queries.athena import Athena  # noqa: PLC0415 - used here only

    athena = Athena(
        client=stack.client("athena"),
        workgroup=stack.outputs["AthenaWorkgroupName"],
        database=stack.outputs["GlueDatabaseName"],
    )
    asked = f"select state, alarms[1] from incident_files where incident_id = '{incident}'"
    assert [tuple(row) for row in athena.ask(asked).rows] == [("open", ALARM)]


def test_commands_change_it_and_the_next_run_tells(
    stack: Stack, webhook: Webhook, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "load", lambda *args, **named: stack)

    def command(*words: str) -> str:
        done = CliRunner().invoke(incidents.app, list(words))
        assert done.exit_code == 0, done.output
        return done.output

    command("ack", incident, "--by", "Ada")
    command("mute", "--cause", "labels", "--for", "1h", "--why", "a test", "--by", "Ada")
    invoke(stack, "AlertFunction", 60)
    assert document(stack, incident)["acknowledged_by"] == "Ada"
    listed = command("list")
    assert "labels (a test; by Ada)" in listed
    assert json.loads(command("show", incident))["incident_id"] == incident
    command("unmute", "--cause", "labels")
    before = len(webhook.posted)
    command("close", incident, "--by", "Ada")
    webhook.answers.append((503, "later"))  # tried again at once
    invoke(stack, "AlertFunction", 60)
    told = [one["text"] for one in webhook.posted[before:] if "few requests" in one["text"]]
    assert told == [f"{model(stack)}: few requests; closed by Ada"]
    assert document(stack, incident)["state"] == "recovered"
    done = CliRunner().invoke(incidents.app, ["ack", incident, "--by", "Ada"])
    assert (done.exit_code, "is over" in done.output) == (2, True)
    set_alarm(stack, "OK")


def test_what_else_is_told_to_the_topic_is_passed_on(
    stack: Stack, queues: dict[str, str], incident: str
) -> None:
    del incident
    stack.client("sns").publish(
        TopicArn=stack.outputs["AlarmTopicArn"], Subject="m: promoted", Message="v2 is served instead of v1"
    )
    (mail,) = within(30, lambda: received(stack, queues["IncidentTopicArn"], "v2 is served"))
    assert mail["Subject"] == "m: promoted"


def test_the_webhook_is_in_no_log(stack: Stack, webhook: Webhook, incident: str) -> None:
    del incident
    kept = stack.client("dynamodb").scan(TableName=stack.outputs["WindowTableName"])
    assert webhook.url not in str(kept)
    group = f"/driftline/{model(stack)}/alert"
    logged = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    assert webhook.url.rpartition("/")[2] not in str(logged)
