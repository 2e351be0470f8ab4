"""Alerting: whatever alarms do, people get few messages in order, and no incident lasts for ever."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_core.alert_commands import commanded
from drift_core.alert_events import (
    Acknowledge,
    AlarmChange,
    Close,
    Found,
    Mute,
    Observation,
    Survey,
    Unmute,
)
from drift_core.alert_policy import DAY_MS, HOUR_MS, MINUTE_MS, AlertPolicy
from drift_core.alert_state import ALL, Alerting, Kind, Message
from drift_core.alerting import concerned, step
from drift_core.causes import ALARMS, Cause, cause_of
from drift_core.incident import Finding, Incident

POLICY = AlertPolicy()
START = 1_767_225_600_000
TICK = 5 * MINUTE_MS


@dataclass
class World:
    """Time that passes over one model's alerting; the schedule ticks every five minutes."""

    now: int = START
    state: Alerting = field(default_factory=lambda: Alerting(model_name="m"))
    messages: list[Message] = field(default_factory=list)
    policy: AlertPolicy = POLICY

    def see(self, *observations: Observation) -> list[Kind]:
        """What is told at once."""
        self.state, told = step(self.state, observations, self.now, self.policy)
        if observations:
            self.state = Alerting.from_json("m", json.loads(json.dumps(self.state.to_json())))
        self.messages += told
        return [one.kind for one in told]

    def set(self, raised: bool, alarm: str = "drift") -> list[Kind]:
        return self.see(AlarmChange(alarm=alarm, raised=raised, at=self.now))

    def wait(self, milliseconds: int) -> list[Kind]:
        """What is told meanwhile."""
        before, end = len(self.messages), self.now + milliseconds
        while self.now + TICK <= end:
            self.now += TICK
            self.see()
        self.now = end
        return [one.kind for one in self.messages[before:]]

    @property
    def incident(self) -> Incident:
        return max(self.state.incidents.values(), key=lambda one: one.opened_at)

    @property
    def told(self) -> list[Kind]:
        return [one.kind for one in self.messages]


def found(*features: str, cause: Cause = Cause.DATA, **more: object) -> Found:
    return Found(cause=cause, finding=Finding(features=features, **more))  # type: ignore[arg-type]


# ---- the stated numbers ----


@pytest.mark.parametrize("seconds", [60, 72, 300, 600, 900, 1200, 1799, 1800, 1801, 2400, 3599, 3600])
def test_two_hundred_windows_of_drift_on_and_off_send_at_most_four_messages(seconds: int) -> None:
    """Two, where the quiet between is shorter than the quiet time; else one return, which is the last."""
    world = World()
    for number in range(200):
        drift = number % 2 == 0
        seen = found(*(["area", "rooms"] if drift else []))
        world.see(AlarmChange(alarm="drift", raised=drift, at=world.now), seen)
        world.wait(seconds * 1000)
    world.set(False)
    world.wait(3 * DAY_MS)
    assert world.told in (
        [Kind.OPENED, Kind.RECOVERED],
        [Kind.OPENED, Kind.RECOVERED, Kind.REOPENED, Kind.RECOVERED],
    )
    assert (len(world.messages) == 2) == (seconds < 1800)


@pytest.mark.parametrize("minutes", [1, 30, 300, 3000])
def test_a_single_clean_incident_is_opened_and_recovered(minutes: int) -> None:
    """Its alarms come within a minute or two, as CloudWatch evaluates them; its features stay."""
    world = World()
    assert world.see(AlarmChange(alarm="drift", raised=True, at=world.now), found("area")) == [Kind.OPENED]
    world.now += MINUTE_MS
    assert world.set(True, "gross-shift") == []
    world.wait(minutes * MINUTE_MS)
    world.set(False, "gross-shift")
    world.set(False)
    world.wait(POLICY.quiet_ms - TICK)
    assert world.told == [Kind.OPENED]
    world.wait(2 * DAY_MS)
    assert world.told == [Kind.OPENED, Kind.RECOVERED]
    assert world.incident.alarms == ("drift", "gross-shift")
    assert world.incident.messages == 2


def test_an_incident_that_never_ends_and_always_changes_is_told_ever_more_rarely() -> None:
    """Updates come after 4, 20, 84 and 340 hours: five messages in a month, whatever features drift."""
    world = World()
    world.set(True)
    for number in range(30 * 24):
        world.see(found(f"feature_{number % 100}"))
        world.now += HOUR_MS
    assert world.told == [Kind.OPENED] + [Kind.UPDATED] * 4
    hours = [(one.at - START) / HOUR_MS for one in world.messages]
    assert hours == pytest.approx([0, 4, 20, 84, 340], abs=1)


# ---- laws, for any sequence ----

CHANGES = st.tuples(
    st.sampled_from(["drift", "gross-shift", "quality"]),
    st.booleans(),
    st.sampled_from([0, 1, 4, 31, 59, 121, 481, 1441, 3000]),  # minutes until the next
    st.sampled_from(["", "a", "b", "c"]),
)


def play(changes: Sequence[tuple[str, bool, int, str]]) -> World:
    world = World()
    for alarm, raised, minutes, feature in changes:
        world.see(
            AlarmChange(alarm=alarm, raised=raised, at=world.now), *([found(feature)] if feature else [])
        )
        world.wait(minutes * MINUTE_MS)
    return world


def of_incident(messages: Iterable[Message]) -> dict[str, list[Message]]:
    told: dict[str, list[Message]] = {}
    for one in messages:
        told.setdefault(one.incident.incident_id, []).append(one)
    return told


@given(st.lists(CHANGES, max_size=25))
def test_messages_alternate_and_are_bounded(changes: list[tuple[str, bool, int, str]]) -> None:
    """Per incident: an opening, then recoveries and returns in turn, updates only while it is open.

    Each return needs the quiet time before it, which grows; each update its cool-down, which grows too.
    """
    world = play(changes)
    for cause in Cause:
        whole = [m for m in world.messages if m.incident.cause is cause and m.kind is not Kind.UPDATED]
        assert all((m.kind is Kind.RECOVERED) == bool(i % 2) for i, m in enumerate(whole))
    for messages in of_incident(world.messages).values():
        kinds = [one.kind for one in messages]
        assert kinds[0] is Kind.OPENED
        assert Kind.OPENED not in kinds[1:]
        for before, after in pairwise(kinds):
            ended = before is Kind.RECOVERED
            assert (after is Kind.REOPENED) == ended
        lasted = messages[-1].at - messages[0].at
        quiet = [POLICY.quiet(number) for number in range(kinds.count(Kind.RECOVERED))]
        rest = [POLICY.cool_down(number) for number in range(kinds.count(Kind.UPDATED))]
        assert sum(quiet) <= lasted
        assert sum(rest) <= lasted
        assert [one.incident.messages for one in messages] == list(range(1, len(messages) + 1))


@given(st.lists(CHANGES, max_size=15))
def test_no_incident_lasts_once_alarms_are_over(changes: list[tuple[str, bool, int, str]]) -> None:
    world = play(changes)
    world.see(Survey(states={}))  # CloudWatch knows of none that is raised
    world.wait(POLICY.longest_quiet_ms + HOUR_MS)
    assert not any(one.is_open or one.known for one in world.state.incidents.values())
    assert world.told.count(Kind.RECOVERED) == sum(
        kind in (Kind.OPENED, Kind.REOPENED) for kind in world.told
    )


@given(st.permutations(range(8)), st.lists(st.integers(0, 7), max_size=6))
def test_order_and_repetition_of_changes_do_not_matter(order: list[int], again: list[int]) -> None:
    """SNS delivers at least once and in no order; what is known of the alarms in the end is the same."""
    changes = [AlarmChange(alarm="drift", raised=i % 2 == 0, at=START + i * MINUTE_MS) for i in range(8)]
    ordered, mixed = (World(now=START + 8 * MINUTE_MS) for _ in range(2))
    for one in changes:
        ordered.see(one)
    for i in [*order, *again]:
        mixed.see(changes[i])
    assert mixed.state.alarms == ordered.state.alarms
    for world in (ordered, mixed):
        world.wait(HOUR_MS)
        assert world.told == [Kind.OPENED, Kind.RECOVERED]


def test_what_is_raised_counts_even_if_its_end_is_told_first() -> None:
    world = World()
    world.see(AlarmChange(alarm="drift", raised=False, at=START))
    assert world.see(AlarmChange(alarm="drift", raised=True, at=START - 1)) == [Kind.OPENED]
    assert world.wait(HOUR_MS) == [Kind.RECOVERED]
    # A copy of the same change, long after, is no return.
    assert world.see(AlarmChange(alarm="drift", raised=True, at=START - 1)) == []


def test_a_lost_end_is_seen_by_the_survey() -> None:
    world = World()
    world.set(True)
    world.wait(HOUR_MS)
    world.see(Survey(states={"drift": (False, world.now - 20 * MINUTE_MS), "quality": (True, START)}))
    assert [m.incident.cause for m in world.messages] == [Cause.DATA, Cause.QUALITY]  # its begin was lost
    assert world.wait(10 * MINUTE_MS) == [Kind.RECOVERED]  # half an hour after its end, not after the survey
    assert world.incident.since == START


# ---- acknowledged, muted, closed ----


def test_an_acknowledged_incident_is_told_only_when_it_is_over() -> None:
    world = World()
    world.see(AlarmChange(alarm="drift", raised=True, at=START), found("a"))
    world.see(Acknowledge(incident_id=world.incident.incident_id, by="Ada"))
    world.see(found("b"))
    assert world.wait(10 * HOUR_MS) == []
    world.set(False)
    assert world.wait(HOUR_MS) == [Kind.RECOVERED]
    assert world.messages[-1].incident.acknowledged_by == "Ada"
    world.set(True)
    assert world.told[-1] is Kind.REOPENED  # it came back, so somebody should know
    assert world.incident.acknowledged_by is None


def test_without_the_acknowledgement_it_is_told_what_is_new() -> None:
    """So the test above does test."""
    world = World()
    world.see(AlarmChange(alarm="drift", raised=True, at=START), found("a"))
    world.see(found("b", "a"))
    assert world.wait(POLICY.cool_down_ms - TICK) == []
    assert world.wait(HOUR_MS) == [Kind.UPDATED]
    assert world.messages[-1].news == ("b",)
    assert world.incident.features == ("b", "a")


@pytest.mark.parametrize("of", [ALL, Cause.DATA])
def test_a_mute_holds_before_there_is_an_incident_and_tells_at_its_end_what_lasts(of: str) -> None:
    world = World()
    world.see(Mute(of=of, until=START + 4 * HOUR_MS, why="a migration", by="Ada"))
    world.set(True)
    assert world.wait(4 * HOUR_MS - TICK) == []
    assert world.incident.document()["muted_until"] == "2026-01-01T04:00:00+00:00"
    assert world.wait(HOUR_MS) == [Kind.OPENED]


def test_what_came_and_went_in_a_mute_is_not_told() -> None:
    world = World()
    world.see(Mute(of="data", until=START + 4 * HOUR_MS))
    world.set(True)
    world.wait(10 * MINUTE_MS)
    world.set(False)
    world.wait(DAY_MS)
    assert world.told == []
    assert not world.incident.is_open


def test_a_mute_of_another_cause_changes_nothing() -> None:
    world = World()
    world.see(Mute(of="quality", until=START + DAY_MS))
    assert world.set(True) == [Kind.OPENED]


def test_an_end_within_a_mute_is_told_after_it() -> None:
    """People know that it is open; so its end, and no second opening, is what they must learn."""
    world = World()
    world.set(True)
    world.see(Mute(of=world.incident.incident_id, until=START + 12 * HOUR_MS))
    world.set(False)
    assert world.wait(11 * HOUR_MS) == []
    world.set(True)
    world.set(False)
    assert world.wait(HOUR_MS) == []  # it came back meanwhile and is not over yet
    assert world.wait(3 * HOUR_MS) == [Kind.RECOVERED]


def test_a_mute_can_be_ended() -> None:
    world = World()
    world.see(Mute(of=ALL, until=START + DAY_MS))
    world.set(True)
    world.now += TICK
    assert world.see(Unmute(of=ALL)) == [Kind.OPENED]
    assert world.incident.muted_until == world.now


def test_a_closed_incident_is_over_until_its_alarm_is_raised_anew() -> None:
    world = World()
    world.set(True)
    world.wait(HOUR_MS)
    assert world.see(Close(incident_id=world.incident.incident_id, by="Ada")) == [Kind.RECOVERED]
    assert world.messages[-1].incident.closed_by == "Ada"
    world.see(Survey(states={"drift": (True, START + 1)}))  # CloudWatch's own clock
    assert world.wait(DAY_MS) == []
    world.set(False)
    world.wait(TICK)
    assert world.set(True) == [Kind.OPENED]


@pytest.mark.parametrize(
    "command",
    [
        Acknowledge(incident_id="20260101T000000Z-quality", by="Ada"),
        Close(incident_id="no", by="Ada"),
        Mute(of="datta", until=START),
        Unmute(of="data"),
    ],
)
def test_a_command_about_nothing_is_refused(command: Acknowledge | Close | Mute | Unmute) -> None:
    world = World()
    world.set(True)
    world.set(True, "quality")
    world.set(False, "quality")
    world.wait(HOUR_MS)
    with pytest.raises(LookupError, match=r"there are|is over|is not muted"):
        commanded(world.state, command, world.now)


# ---- the rest ----


def test_a_grave_alarm_is_told_and_what_follows_the_opening_at_once_is_not() -> None:
    world = World()
    world.set(True, "capture-failed")
    world.now += MINUTE_MS
    world.set(True, "capture-lost")
    world.set(True, "fallback-queue")
    assert world.wait(5 * HOUR_MS) == [Kind.UPDATED]
    assert world.messages[-1].news == ("capture-lost",)


def test_causes_are_apart() -> None:
    world = World()
    assert world.see(
        *(AlarmChange(alarm=alarms[0], raised=True, at=START) for alarms in ALARMS.values())
    ) == [Kind.OPENED] * len(Cause)
    assert len(world.state.incidents) == len(Cause)


def test_every_alarm_has_one_cause() -> None:
    names = [name for alarms in ALARMS.values() for name in alarms]
    assert len(names) == len(set(names))
    assert cause_of("drift") is Cause.DATA
    assert cause_of("an-alarm-of-my-own") is Cause.MONITORING


def test_what_an_alarm_would_concern_is_known_before() -> None:
    world = World()
    raised = AlarmChange(alarm="quality", raised=True, at=START)
    assert concerned(world.state, [], START, POLICY) == set()
    assert concerned(world.state, [raised], START, POLICY) == {Cause.QUALITY}
    assert world.state.incidents == {}


def test_the_state_keeps_only_what_can_come_back() -> None:
    world = World()
    world.see(Mute(of="volume", until=START + HOUR_MS))
    world.set(True)
    world.set(False)
    world.wait(DAY_MS)
    assert len(world.state.pruned(world.now, POLICY).incidents) == 1
    assert world.state.pruned(world.now, POLICY).mutes == {}
    world.wait(HOUR_MS)
    assert world.state.pruned(world.now, POLICY).incidents == {}


def test_the_document_has_the_agreed_fields() -> None:
    world = World()
    since = START - HOUR_MS
    seen = found("area", score=7.5, affected_share=0.25, since=since, model_version="v1")
    world.see(AlarmChange(alarm="drift", raised=True, at=START - 500), seen)
    assert world.incident.key == "incidents/dt=2026-01-01/20260101T000000Z-data.json"
    assert world.incident.document() == {
        "format": 1,
        "incident_id": "20260101T000000Z-data",
        "model_name": "m",
        "model_version": "v1",
        "cause": "data",
        "state": "open",
        "opened_at": "2026-01-01T00:00:00+00:00",
        "since": "2025-12-31T23:00:00+00:00",
        "updated_at": "2026-01-01T00:00:00+00:00",
        "recovered_at": None,
        "alarms": ["drift"],
        "features": ["area"],
        "score": 7.5,
        "affected_share": 0.25,
        "reopened": 0,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "muted_until": None,
        "messages": 1,
        "report": None,
    }


def test_later_versions_may_add() -> None:
    world = World()
    world.set(True)
    told = json.loads(json.dumps(world.messages[0].to_json()))
    told["incident"]["severity"] = "of a later version"
    assert Message.from_json(told) == world.messages[0]
