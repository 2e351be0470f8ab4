"""Incidents: which verdicts ask for a retraining, and that each asks once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from drift_consumer.incident import EventRefusedError, Incident, Incidents, LatestQuality, incident_of
from drift_consumer.series import Series
from drift_consumer.verdict_store import VerdictStore
from drift_core.policy import RetrainingMode, RetrainingPolicy
from drift_core.span import Span
from queries.guard import read_guard, write_guard
from tests.unit.drift_consumer.fake_aws import Calls, CrashError, FakeDynamoDB, FakeS3

HOUR = 3_600_000
NOON = 1_767_268_800_000
NOW = NOON + 20 * 60_000
POLICY = RetrainingPolicy(mode=RetrainingMode.AUTOMATIC, drift_hours=3)
SERIES = Series(kind="prediction", model_name="house-prices", model_version="v1", window_seconds=300)
DEGRADED = LatestQuality(degraded=True, since=NOON - 5 * HOUR, score=1.5)


class FakeEvents:
    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.put: list[dict[str, Any]] = []
        self.refuses = False

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        def put() -> dict[str, Any]:
            if self.refuses:
                entry = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
                return {"FailedEntryCount": 1, "Entries": [entry]}
            self.put += Entries
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

        answer: dict[str, Any] = self.calls.around(put)
        return answer


class World:
    def __init__(self) -> None:
        self.calls = Calls()
        self.events = FakeEvents(self.calls)
        fake_s3, fake_dynamodb = FakeS3(self.calls), FakeDynamoDB(self.calls)
        self.items = fake_dynamodb.items
        clients: dict[str, Any] = {"s3": fake_s3, "dynamodb": fake_dynamodb, "events": self.events}
        self.s3, self.dynamodb = clients["s3"], clients["dynamodb"]
        self.incidents = Incidents(**clients, archive="archive", table="windows")

    def hour(self, before_noon: int, *, drift: bool = True, since: str | None = None) -> None:
        start = NOON - before_noon * HOUR
        verdict = {
            "drift": drift,
            "drift_score": 2.0,
            "since": since,
            "start": f"2026-01-01T{12 - before_noon:02}:00:00+00:00",
        }
        VerdictStore(self.s3, "archive").write(SERIES, Span.HOUR, start, verdict)

    def look(
        self, quality: LatestQuality | None = None, policy: RetrainingPolicy = POLICY, now: int = NOW
    ) -> Incident | None:
        return self.incidents.look(SERIES, policy, quality, now)

    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.events.put]


@pytest.fixture
def world() -> World:
    return World()


def test_degraded_quality_asks_with_the_time_at_which_it_began(world: World) -> None:
    assert world.look(DEGRADED) is not None
    (entry,) = world.events.put
    assert (entry["Source"], entry["DetailType"]) == ("driftline", "RetrainingWanted")
    assert world.details() == [
        {
            "model": "house-prices",
            "version": "v1",
            "reason": "quality",
            "since": "2026-01-01T07:00:00Z",
            "evidence": {"quality_score": 1.5},
        }
    ]


@pytest.mark.parametrize(
    ("quality", "policy"),
    [
        (None, POLICY),
        (replace(DEGRADED, degraded=False), POLICY),
        (DEGRADED, replace(POLICY, quality=False)),
        (DEGRADED, replace(POLICY, mode=RetrainingMode.OFF)),
    ],
)
def test_what_is_no_incident(world: World, quality: LatestQuality | None, policy: RetrainingPolicy) -> None:
    assert world.look(quality, policy) is None
    assert (world.events.put, world.items) == ([], {})


def test_drift_in_so_many_hours_in_a_row_asks(world: World) -> None:
    world.hour(1)
    world.hour(2, since="2026-01-01T06:30:00+00:00")
    assert world.look() is None
    world.hour(3)
    assert world.look() is not None
    (told,) = world.details()
    assert (told["reason"], told["since"]) == ("drift", "2026-01-01T06:30:00Z")
    assert told["evidence"] == {"drift_hours": 3, "drift_score": 2.0}


def test_an_hour_without_drift_or_without_a_verdict_begins_anew(world: World) -> None:
    for before in (1, 3, 4, 5):
        world.hour(before)
    assert world.look() is None  # the second is not there
    world.hour(2, drift=False)
    assert world.look() is None
    world.hour(2)
    assert world.look() is not None


def test_the_newest_hour_may_not_be_judged_yet_but_those_of_yesterday_are_no_incident(world: World) -> None:
    for before in (2, 3, 4):
        world.hour(before)
    assert world.look(now=NOON + 2 * HOUR) is None
    assert world.look() is not None
    assert world.details()[0]["since"] == "2026-01-01T08:00:00Z"  # of the oldest, as the charts do not say


def test_no_hours_are_read_where_the_policy_wants_none(world: World) -> None:
    policy = replace(POLICY, drift_hours=0)
    assert world.look(policy=policy) is None
    assert world.calls.count == 0
    assert incident_of(policy, None, [{"drift": True}]) is None


def test_an_incident_asks_once_in_a_cool_down(world: World) -> None:
    asked = [hours for hours in range(50) if world.look(DEGRADED, now=NOW + hours * HOUR)]
    assert asked == [0, 24, 48]


def test_nobody_is_asked_while_a_run_trains_or_has_just_concluded(world: World) -> None:
    begun = read_guard(world.dynamodb, "windows", "house-prices").begun("by hand", NOW)
    assert write_guard(world.dynamodb, "windows", "house-prices", begun)
    assert world.look(DEGRADED, now=NOW + 1) is None
    assert write_guard(world.dynamodb, "windows", "house-prices", begun.concluded("refused", NOW + 2))
    assert world.look(DEGRADED, now=NOW + HOUR) is None
    assert world.look(DEGRADED, now=NOW + 25 * HOUR) is not None


def test_what_eventbridge_refuses_is_put_by_the_next_look(world: World) -> None:
    world.events.refuses = True
    with pytest.raises(EventRefusedError, match=r"refused RetrainingWanted: ThrottlingException: slow down;"):
        world.look(DEGRADED)
    world.events.refuses = False
    assert world.look(DEGRADED, now=NOW + HOUR) is not None
    assert world.look(DEGRADED, now=NOW + 2 * HOUR) is None
    assert len(world.events.put) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_call_loses_no_event_and_puts_two_at_most(when: str) -> None:
    calm = World()
    calm.hour(1, drift=False)
    calm.calls.count = 0
    calm.look(DEGRADED)
    assert calm.calls.count == 5
    for number in range(1, calm.calls.count + 1):
        world = World()
        world.hour(1, drift=False)
        world.calls.crash_at(number, when)
        with pytest.raises(CrashError):
            world.look(DEGRADED)
        world.calls.heal()
        world.look(DEGRADED, now=NOW + HOUR)
        assert 1 <= len(world.events.put) <= 2, number
        assert world.look(DEGRADED, now=NOW + 2 * HOUR) is None


def test_of_two_looks_at_once_one_asks(world: World) -> None:
    """The second reads the guard before the first has written it."""
    first = read_guard(world.dynamodb, "windows", "house-prices")
    assert world.look(DEGRADED) is not None
    assert not write_guard(world.dynamodb, "windows", "house-prices", first.wanting("v1 quality", NOW))
