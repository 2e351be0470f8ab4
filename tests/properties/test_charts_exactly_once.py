"""Charts and learned noise advance once a window, in its turn, whatever breaks and whoever else is at work.

The evaluator over services in memory: crashed around any call, run twice at once, and met by rows that come
between a crash and the next run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from drift_core import classified
from drift_core.baseline import served_matrix
from drift_core.event import Event, Interval, PredictionEvent, ShadowEvent
from drift_core.span import Span
from drift_core.window import WindowState, hash_event_ids
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_traffic import NOON, SCHEMA, World, event_id, healthy, label, shadow_of

MINUTE = 60_000
WINDOW = 5 * MINUTE
HOUR = 60 * MINUTE

SHIFTED = 1.5
"""σ of a drift that the charts see at once, though they are calibrating."""


@pytest.fixture(autouse=True)
def without_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes seconds an hour, and has no memory."""
    monkeypatch.setattr(classified, "FEWEST_ROWS", 10**9)


def rows(count: int, window: int, *, first: int, shift: float = 0.0) -> list[PredictionEvent]:
    return healthy(count, NOON + window * WINDOW, first=first, shift=shift)


def beside(count: int, window: int, *, first: int, shift: float) -> list[ShadowEvent]:
    """Shadows of the served version itself: only the kind tells them apart."""
    made = rows(count, window, first=first, shift=shift)
    return [shadow_of(event, event_id(9_000_000 + i, event.event_time)) for i, event in enumerate(made)]


type Step = tuple[int, Sequence[tuple[int, Sequence[Event | bytes]]], int]

STORY: list[Step] = [
    # arrival, [(shard, events)], evaluation; in minutes after noon
    (1, [(0, [*rows(30, 0, first=0), *rows(12, 1, first=100), label(1), b"bad"])], 11),
    (11, [(1, rows(30, 2, first=200, shift=SHIFTED)), (0, rows(9, 2, first=300, shift=SHIFTED))], 16),
    (17, [(0, rows(5, 0, first=400)), (1, rows(6, 1, first=500))], 21),
    (22, [(0, rows(25, 4, first=600)), (1, rows(30, 5, first=700, shift=SHIFTED))], 31),
    (32, [(0, rows(26, 3, first=800))], 36),
    (61, [(1, [*rows(24, 12, first=900), *beside(24, 12, first=5_000, shift=SHIFTED)])], 67),
    (68, [(1, rows(3, 4, first=1_000))], 70),
    (720, [(0, rows(30, 143, first=1_100))], 800),
]
"""Windows that are judged, carried, judged with the carried one, revised, late as a whole; hours and a day
that are closed and revised."""


def arrive(world: World, step: Step) -> None:
    arrival, batches, evaluation = step
    world.now = NOON + arrival * MINUTE
    for shard, events in batches:
        world.consume(events, shard=shard)
    world.now = NOON + evaluation * MINUTE


def state(world: World) -> dict[object, object]:
    """What must not depend on faults: verdicts, and what is stored but for how often it was put."""
    found: dict[object, object] = dict(world.verdicts().items())
    for key, item in world.dynamodb.items.items():
        judged = "#prediction#" in key[0] or "#shadow#" in key[0]
        puts = "version" if key[1] == "cursor" else "" if judged else "revision"
        found[key] = {name: value for name, value in item.items() if name != puts}
    return found


def metrics(world: World) -> set[tuple[object, ...]]:
    return {
        (datum["MetricName"], *(one["Value"] for one in datum["Dimensions"]), datum["Value"])
        for datum in world.cloudwatch.data
    }


def check_after(faulty: Callable[[World, int], object]) -> None:
    """Break each step of the story at each call, let the next run repair it, and compare with a clean run."""
    world, done = World(), set()
    for step in STORY:
        arrive(world, step)
        clean = world.copy()
        done |= set(clean.evaluate())
        for number in range(1, clean.calls.count + 1):
            broken = world.copy()
            faulty(broken, number)
            broken.calls.heal()
            broken.evaluate()
            assert state(broken) == state(clean), (step[0], number)
            assert metrics(broken) >= metrics(clean), "a metric may be put twice, never be missing"
            assert broken.evaluate() == {}
        world = clean
        assert world.pending() == []
    assert done == {"judged", "carried", "hour", "day", "label", "quarantine"}
    assert f"shadow-window.{NOON + 12 * WINDOW}" in world.verdicts()
    assert (
        max(item["score"] for item in world.verdicts()[f"window.{NOON + 5 * WINDOW}"]["features"].values())
        > 1
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_any_call_changes_nothing(when: str) -> None:
    def crash(world: World, number: int) -> None:
        world.calls.crash_at(number, when)
        with pytest.raises(CrashError):
            world.evaluate()

    check_after(crash)


def test_a_second_evaluator_at_any_moment_changes_nothing() -> None:
    """One of the two fails; without the condition, it would put the cursor and the charts back."""
    refused = []

    def rival(world: World, number: int) -> None:
        def hook(current: int, when: str) -> None:
            if (current, when) == (number, "after"):
                world.calls.heal()
                world.evaluate()

        world.calls.hook = hook
        try:
            world.evaluate()
        except* Exception as group:
            refused.append(str(group.exceptions[0]))

    check_after(rival)
    assert refused
    assert all("TransactionCanceledException" in text for text in refused)


def test_the_memory_is_that_of_the_windows_in_their_order() -> None:
    """Against the monitor itself, fed with the rows that each window had when it was judged in its turn."""
    world = World()
    for step in STORY:
        arrive(world, step)
        world.evaluate()
    monitor = world.monitor()
    memory = monitor.start()
    turns = [
        (0, 1, rows(30, 0, first=0)),
        (
            1,
            3,
            [
                *rows(12, 1, first=100),
                *rows(30, 2, first=200, shift=SHIFTED),
                *rows(9, 2, first=300, shift=SHIFTED),
            ],
        ),
        (4, 5, rows(25, 4, first=600)),
        (5, 6, rows(30, 5, first=700, shift=SHIFTED)),
        (12, 13, rows(24, 12, first=900)),
        (143, 144, rows(30, 143, first=1_100)),
    ]
    for first, end, events in turns:
        memory = monitor.judge(
            counted(world, events),
            span=Span.WINDOW,
            start=NOON + first * WINDOW,
            end=NOON + end * WINDOW,
            memory=memory,
        ).memory
    found = world.memory()
    assert found.charts.evidence.tolist() == memory.charts.evidence.tolist()
    assert found.charts.since.tolist() == memory.charts.since.tolist()
    assert found.noise[Span.WINDOW].to_json() == memory.noise[Span.WINDOW].to_json()
    assert found.charts.evidence.max() > 0


def counted(world: World, events: Sequence[PredictionEvent]) -> WindowState:
    widths = [e.interval.upper - e.interval.lower for e in events if isinstance(e.interval, Interval)]
    matrix = served_matrix(
        SCHEMA.encode([e.features for e in events]),
        np.array([e.prediction for e in events], float),
        np.array(widths),
    )
    ids = hash_event_ids(np.array([e.event_id for e in events], "S36"))
    times = np.array([e.event_time for e in events])
    return WindowState.of(world.monitor().baseline.layout, matrix, times, ids)


def test_a_revision_leaves_the_charts_and_tells_what_they_said() -> None:
    world = World()
    for window in range(4):
        world.consume(rows(30, window, first=100 * window, shift=SHIFTED))
    world.evaluate(NOON + 4 * WINDOW + MINUTE)
    name = f"window.{NOON + 2 * WINDOW}"
    before, first = world.memory().to_bytes(), world.verdicts()[name]
    assert first["drift"]
    assert first["since"] == first["features"]["size"]["since"] == "2026-01-01T12:00:00+00:00"
    world.consume(rows(5, 2, first=900))
    world.evaluate(world.now + 2 * MINUTE)
    revised = world.verdicts()[name]
    assert (revised["revision"], revised["n"]) == (1, 35)
    for key in ("since", "score", "top_contrast"):
        assert revised["features"]["size"][key] == first["features"]["size"][key]
    assert world.memory().to_bytes() == before
    [judged] = [item for item in world.judged(Span.WINDOW) if item["sk"]["S"] == f"{NOON + 2 * WINDOW:013d}"]
    assert json.loads(judged["charted"]["S"])


def test_a_window_that_is_late_as_a_whole_has_no_charts() -> None:
    world = World()
    world.consume(rows(30, 0, first=0, shift=SHIFTED))
    world.consume(rows(30, 2, first=200, shift=SHIFTED))
    world.evaluate(NOON + 3 * WINDOW + MINUTE)
    before = world.memory().to_bytes()
    world.consume(rows(30, 1, first=100, shift=SHIFTED))
    assert world.evaluate(world.now + 2 * MINUTE) == {"judged": 1}
    assert world.memory().to_bytes() == before
    late = world.verdicts()[f"window.{NOON + WINDOW}"]
    assert late["features"]["size"]["since"] is None
    assert [json.loads(item["charted"]["S"]) != {} for item in world.judged(Span.WINDOW)] == [
        True,
        False,
        True,
    ]


def test_a_memory_of_another_baseline_is_refused_by_the_name_of_its_series() -> None:
    world = World()
    world.consume(rows(30, 0, first=0))
    world.evaluate(NOON + WINDOW + MINUTE)
    [cursor] = [item for (_, sk), item in world.dynamodb.items.items() if sk == "cursor"]
    other = type(world.memory()).start(len(world.monitor().baseline.signals) + 1)
    cursor["memory"] = {"B": other.to_bytes()}
    world.consume(rows(30, 1, first=100))
    with pytest.raises(ExceptionGroup) as raised:
        world.evaluate(NOON + 2 * WINDOW + MINUTE)
    [fault] = raised.value.exceptions
    assert "belongs to another baseline" in str(fault)
    assert fault.__notes__[0].startswith("while judging prediction#house-prices#")


def test_json_keeps_what_charts_said_to_the_bit() -> None:
    world = World()
    world.consume(rows(30, 0, first=0, shift=SHIFTED))
    world.evaluate(NOON + WINDOW + MINUTE)
    monitor = world.monitor()
    said = monitor.judge(
        counted(world, rows(30, 0, first=0, shift=SHIFTED)),
        span=Span.WINDOW,
        start=NOON,
        end=NOON + WINDOW,
        memory=monitor.start(),
    ).charted
    [item] = world.judged(Span.WINDOW)
    assert {int(i): tuple(told) for i, told in json.loads(item["charted"]["S"]).items()} == said
    assert said
