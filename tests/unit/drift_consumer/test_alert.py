"""The alert function: no message is lost and few come twice, whatever crashes, fails or refuses."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
import urllib3

from drift_consumer.alert_outbox import GIVEN_UP_MS
from drift_consumer.channels import DeliveryError, RefusedError, Slack
from drift_core.alert_payloads import slack
from drift_core.alert_text import notice
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_alerts import MINUTE, AlertWorld
from tests.webhook import receiving

OPENED = "[OPENED] m: the data differ from the training data"


def test_an_alarm_is_told_and_written_with_its_report() -> None:
    world = AlertWorld()
    assert world.run(world.set("ALARM")) == {"decided": 1, "waiting": 0}
    assert world.heard == {"email": [OPENED], "slack": [OPENED]}
    [told] = world.documents()
    assert (told["report"], told["features"]) == ("reports/incidents/i.html", ["area"])
    world.now += MINUTE
    assert world.run(world.set("ALARM", "gross-shift"))["decided"] == 0


def test_an_alarm_of_another_model_is_none_of_ours() -> None:
    world = AlertWorld()
    other = world.set("ALARM").replace("driftline-m-", "driftline-n-")
    world.cloudwatch.states = {}
    world.run(other)
    assert world.documents() == []


def test_a_lost_message_is_made_up_by_the_survey() -> None:
    world = AlertWorld()
    world.set("ALARM")
    world.run()
    assert world.heard["email"] == [OPENED]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 30))
def test_no_crash_loses_a_message_and_at_most_one_comes_twice(number: int, when: str) -> None:
    world = AlertWorld()
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
    world = AlertWorld()
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
    world = AlertWorld()
    world.fault["slack"] = RefusedError("Slack answered 410 (channel_is_archived)")
    with pytest.raises(ExceptionGroup):
        world.run(world.set("ALARM"))
    assert world.cloudwatch.values("AlertsFailed") == [1.0]
    assert world.run() == {"decided": 0, "waiting": 0}
    assert world.heard == {"email": [OPENED], "slack": []}


def test_a_message_is_given_up_after_a_day() -> None:
    world = AlertWorld()
    world.fault["slack"] = DeliveryError("Slack answered 503")
    with pytest.raises(ExceptionGroup):
        world.run(world.set("ALARM"))
    world.now += GIVEN_UP_MS
    with pytest.raises(ExceptionGroup):
        world.run()
    assert world.cloudwatch.values("AlertsFailed") == [1.0]
    assert world.run()["waiting"] == 0


def test_without_report_and_findings_people_are_told_all_the_same() -> None:
    world = AlertWorld()
    world.report, world.finding = OSError("no bundle"), OSError("no archive")
    with pytest.raises(ExceptionGroup) as told:
        world.run(world.set("ALARM"))
    assert len(told.value.exceptions) == 2
    assert world.heard["email"] == [OPENED]
    assert world.cloudwatch.values("AlertsFailed") == [1.0]
    assert world.documents()[0]["report"] is None


def test_a_notice_is_passed_on_once() -> None:
    world = AlertWorld()
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
