"""Labels by segment: each charted once beside those of all, trouble told, nothing lost to a crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from drift_consumer.quality_progress import QualityProgress
from drift_core.error_sums import ErrorSums
from drift_core.event import PredictionEvent
from drift_core.quality import QualityMonitor
from drift_core.segment_errors import SegmentErrors
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_quality import (
    ERRORS,
    HOUR,
    POLICY,
    QualityWorld,
    judged_objects,
    sums_of,
)
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION
from tests.unit.drift_consumer.test_labels import Pairs, labelled, outcome, send, told

AS_THE_WHOLE = SegmentErrors(
    rows=5_000,
    missed=0.1,
    beyond=(0.5, 0.25, 0.1, 0.025),
    above=0.5,
    window_rows=1.0,
    missed_clumping=0.0,
    beyond_clumping=(0.0,) * 4,
    above_clumping=0.0,
)
CHARTED = ("area=(rest)", "area=coast", "garden=true")
"""Not all of the segments: the others had too few rows."""

BY_SEGMENT = replace(ERRORS, segments=dict.fromkeys(CHARTED, AS_THE_WHOLE))
MONITOR = QualityMonitor(BY_SEGMENT, 0.9, POLICY, 1.0)
OF: dict[str, Callable[[PredictionEvent], object]] = {
    "area=coast": lambda event: event.features["area"] == "coast",
    "area=(rest)": lambda event: event.features["area"] != "coast",
    "garden=true": lambda event: event.features["garden"],
}


def world_by_segment() -> QualityWorld:
    return QualityWorld(judged_objects(errors=BY_SEGMENT))


def by_segment(pairs: Any) -> dict[str, ErrorSums]:
    return {name: sums_of([pair for pair in pairs if of(pair[0])]) for name, of in OF.items()}


def progress(world: QualityWorld) -> QualityProgress:
    return world.labels().store.read(MODEL, VERSION, MONITOR.start())


def charts(world: QualityWorld) -> bytes:
    memory = progress(world).memory
    assert memory is not None
    return memory.segments.to_bytes()


def charted(*steps: tuple[Any, int]) -> bytes:
    """The charts of the monitor itself after new labels, each with the window's hour."""
    memory = MONITOR.start()
    for new, hour in steps:
        start = NOON + hour * HOUR
        judgement = MONITOR.judge(ErrorSums(), memory, start=start, end=start + HOUR, segments=new)
        memory = judgement.memory
    return memory.segments.to_bytes()


def worse_on_the_coast(count: int, hour: int) -> Pairs:
    """The coast, where every other prediction is made, errs half as much again, and the others less."""
    less, worse = labelled(count, hour, worse=0.6), labelled(count, hour, worse=1.5)
    return [two if OF["area=coast"](two[0]) else one for one, two in zip(less, worse, strict=True)]


def test_trouble_of_one_segment_alarms_and_the_document_names_it() -> None:
    world = world_by_segment()
    for hour in range(6):
        send(world, worse_on_the_coast(80, hour))
    world.judge(NOON + 9 * HOUR)
    last = told(world, 5)
    assert last["guilty_segments"] == ["area=coast"]
    coast, rest = last["segments"]["area=coast"], last["segments"]["area=(rest)"]
    assert (coast["degraded"], coast["since"] is not None) == (True, True)
    assert (rest["degraded"], rest["since"]) == (False, None)
    assert set(coast["charts"]) == {"coverage", "error", "above", "below"}
    assert last["segments"]["garden=false"]["score"] is None  # it has no charts
    assert (last["score"], last["since"], last["degraded"]) == (coast["score"], coast["since"], True)
    assert max(last["charts"].values()) < 1 < coast["score"]
    assert world.cloudwatch.values("QualityScore")[-1] == pytest.approx(coast["score"], rel=1e-6)
    latest = progress(world).verdict
    assert latest is not None
    assert (latest["degraded"], latest["since"]) == (True, coast["since"])  # what retraining looks at


def test_each_label_is_charted_once_by_segment_whenever_it_comes() -> None:
    world = world_by_segment()
    pairs = labelled(80)
    first, rest = pairs[:50], pairs[50:]
    send(world, first)
    send(world, rest, only="predictions")
    world.judge(NOON + 3 * HOUR)
    assert charts(world) == charted((by_segment(first), 0))
    world.now = NOON + 90 * 24 * HOUR
    late = [(event, replace(one, event_time=world.now)) for event, one in rest]
    send(world, late, only="labels")
    world.judge(world.now + 2 * HOUR)
    assert charts(world) == charted((by_segment(first), 0), (by_segment(late), 0))
    event, one = pairs[0]
    again = replace(
        one, event_id=late[0][1].event_id[:-1] + "f", event_time=world.now, label=event.prediction
    )
    world.consume([again])
    before = charts(world)
    assert world.judge(world.now + 2 * HOUR)["charted"] == 0
    assert charts(world) == before


def test_a_crash_between_any_two_calls_changes_no_segment() -> None:
    ready = world_by_segment()
    for hour, count in enumerate((40, 5)):
        send(ready, worse_on_the_coast(count, hour))
    ready.now = NOON + 30 * HOUR
    whole = ready.copy()
    whole.judge()
    calls = whole.calls.count
    truth = outcome(whole)
    assert charts(whole) == charted((by_segment(worse_on_the_coast(40, 0)), 0))
    for number in range(1, calls + 1):
        world = ready.copy()
        world.calls.crash_at(number, "after")
        with pytest.raises(CrashError):
            world.judge()
        world.calls.heal()
        world.judge()
        assert outcome(world) == truth, number


def test_labels_that_were_judged_without_segments_are_charted_by_segment_when_they_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table lost the column for a while; what was charted before is not charted again."""
    world = world_by_segment()
    first, second, third = (labelled(40, hour) for hour in range(3))
    more = labelled(10, 0, first=300)
    send(world, first)
    world.judge(NOON + 3 * HOUR)
    send(world, second)
    with monkeypatch.context() as without:
        run = world.athena._run
        lost = lambda text: run(text.replace('features."area"', 'features."aera"'))  # noqa: E731
        without.setattr(world.athena, "_run", lost)
        send(world, more)  # the first hour is asked about as well
        with pytest.raises(ExceptionGroup):
            world.judge(NOON + 5 * HOUR)
    assert (told(world, 0)["labelled"], told(world, 1)["labelled"]) == (50, 40)
    assert charts(world) == charted((by_segment(first), 0))
    send(world, third)
    world.judge(NOON + 7 * HOUR)
    assert charts(world) == charted((by_segment(first), 0), (by_segment([*more, *second, *third]), 0))
    stored = world.labels().store.windows(MODEL, VERSION, [NOON + hour * HOUR for hour in range(3)])
    assert [window.segments["area=coast"].labelled for window in stored.values()] == [25, 20, 20]
    assert [window.segments for window in stored.values()] == [
        window.charted_segments for window in stored.values()
    ]
    assert progress(world).waiting == ()


def test_progress_of_before_segments_had_charts_goes_on() -> None:
    world = world_by_segment()
    send(world, labelled(40))
    world.judge(NOON + 3 * HOUR)
    key = f"quality#{MODEL}#{VERSION}"
    del world.dynamodb.items[key, "progress"]["segments"]
    window = world.dynamodb.items[key, f"window#{NOON:013d}"]
    stored = world.labels().store.windows(MODEL, VERSION, [NOON])[NOON]
    assert len(window["told"]["S"]) < 4_000
    assert stored.segments == stored.charted_segments
    assert charts(world) == charted()
    assert world.judge(NOON + 5 * HOUR) == {}
