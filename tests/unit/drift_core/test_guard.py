"""The guard: one at a time, a rest between two, and nobody blocks for ever."""

from __future__ import annotations

import pytest

from drift_core.guard import LEASE_MS, Guard

NOW = 1_767_268_800_000
HOUR = 3_600_000


def test_a_run_keeps_others_away_until_it_ends_or_is_given_up() -> None:
    guard = Guard().begun("build 1", NOW)
    why = guard.running(NOW + LEASE_MS - 1)
    assert why is not None
    assert "build 1 is training; it ends before 2026-01-01 13:30 UTC" in why
    assert guard.running(NOW + LEASE_MS) is None  # it crashed
    assert guard.renewed(NOW + HOUR).running(NOW + LEASE_MS) is not None
    assert guard.released().running(NOW) is None
    assert guard.concluded("v2 promoted", NOW).running(NOW) is None


def test_the_cool_down_counts_from_a_decision_and_from_nothing_else() -> None:
    concluded = Guard().begun("build 1", NOW).concluded("v2 promoted", NOW)
    why = concluded.resting(NOW + 24 * HOUR - 1, 24)
    assert why is not None
    assert "(v2 promoted) and cool_down_hours is 24: it may run again at 2026-01-02 12:00 UTC" in why
    assert concluded.resting(NOW + 24 * HOUR, 24) is None
    assert concluded.resting(NOW, 0) is None
    assert Guard().resting(NOW, 24) is None
    assert Guard().begun("build 1", NOW).released().resting(NOW, 24) is None  # too few labels, or a fault


def test_an_incident_is_asked_for_once_in_a_cool_down() -> None:
    assert Guard().asks_for("quality", NOW, 24)
    asked = Guard().wanting("quality", NOW).asked()
    assert not asked.asks_for("quality", NOW + HOUR, 24)
    assert not asked.asks_for("drift", NOW + HOUR, 24)
    assert asked.asks_for("quality", NOW + 24 * HOUR, 24)
    assert not asked.asks_for("quality", NOW + 1, 0)  # no cool-down, yet not at every look
    assert asked.asks_for("drift", NOW + 1, 0)


def test_an_event_whose_put_may_have_failed_is_put_again() -> None:
    wanting = Guard().wanting("quality", NOW)
    assert wanting.asks_for("quality", NOW + HOUR, 24)
    trained = wanting.begun("by hand", NOW + 1).concluded("v2 promoted", NOW + HOUR)
    assert not trained.asks_for("quality", NOW + 2 * HOUR, 24)
    assert trained.asks_for("quality", NOW + 26 * HOUR, 24)


def test_nothing_is_asked_for_while_a_run_trains_or_has_just_concluded() -> None:
    running = Guard().begun("by hand", NOW)
    assert not running.asks_for("quality", NOW + 1, 24)
    assert running.asks_for("quality", NOW + LEASE_MS, 24)  # it crashed
    assert not running.concluded("refused", NOW).asks_for("quality", NOW + HOUR, 24)


@pytest.mark.parametrize(
    "guard",
    [
        Guard(),
        Guard().wanting("quality", NOW),
        Guard().begun("build 1", NOW).concluded("v2 promoted", NOW + 5).wanting("drift", NOW + 9).asked(),
    ],
)
def test_an_item_says_all_and_each_change_counts_one(guard: Guard) -> None:
    item = guard.to_item()
    assert Guard.from_item({**item, "pk": {"S": "x"}, "later": {"S": "unknown"}}) == guard
    assert guard.released().version == guard.version + 1
