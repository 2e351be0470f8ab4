"""Labels: joined, judged once, revised when later ones come, and never lost to a crash."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_core.error_sums import ErrorSums
from drift_core.event import Interval, LabelEvent, PredictionEvent
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_quality import (
    ERRORS,
    HOUR,
    POLICY,
    QualityWorld,
    judged_objects,
    sums_of,
)
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION, event_id, label, prediction

AREAS = ("coast", "hills")
type Pairs = list[tuple[PredictionEvent, LabelEvent]]


def labelled(
    count: int, hour: int = 0, *, first: int = 0, worse: float = 1.0, version: str = VERSION
) -> Pairs:
    """Predictions of one hour from noon and their labels, whose errors are `worse` times training's."""
    rng = np.random.default_rng(1_000 * (hour + 100) + first)
    pairs = []
    for i in range(count):
        time = NOON + hour * HOUR + i * 1_000
        value = float(rng.normal(100, 10))
        event = prediction(
            first + i,
            time,
            model_version=version,
            features={"size": 5.0, "area": AREAS[i % 2], "garden": i % 3 == 0},
            prediction=value,
            interval=Interval(lower=value - 4, upper=value + 4, coverage=0.9),
        )
        error = float(rng.normal(0, 2.4)) * worse
        pairs.append((event, label(first + i, time, label=value - error, event_time=time + HOUR // 2)))
    return pairs


def send(world: QualityWorld, pairs: Pairs, *, only: str = "") -> None:
    """Predictions and their labels arrive, or `only` one kind of them."""
    if only != "labels":
        world.now = max(world.now, *(event.event_time for event, _ in pairs))
        world.consume([event for event, _ in pairs])
    if only != "predictions":
        world.now = max(world.now, *(told.event_time for _, told in pairs))
        world.consume([told for _, told in pairs])


def told(world: QualityWorld, hour: int) -> dict[str, Any]:
    return world.documents()[hour]


DUE = NOON + 2 * HOUR + 20_000
"""When the labels of the first hour, which came at once, are quiet."""


def test_the_document_says_what_the_rows_say() -> None:
    world = QualityWorld()
    pairs = labelled(60)
    send(world, pairs)
    world.consume([event for event, _ in labelled(30, first=500)])  # without labels
    assert world.judge(DUE) == {"measured": 1, "charted": 1, "revised": 0, "hours": 1, "unmatched": 0}
    truth = sums_of([*pairs, *((event, None) for event, _ in labelled(30, first=500))])
    found = told(world, 0)
    for name, value in truth.measures().items():
        assert found[name] == pytest.approx(value, rel=1e-6), name
    assert (found["predictions"], found["labelled"], found["revision"]) == (90, 60, 0)
    assert (found["start"], found["judged_at"]) == ("2026-01-01T12:00:00+00:00", "2026-01-01T14:00:20+00:00")
    assert found["training_mae"] == ERRORS.mae
    assert found["estimated_mae"] is None
    assert found["labels"]["used"] == 60
    coast = sums_of([pair for pair in pairs if pair[0].features["area"] == "coast"])
    assert found["segments"]["area=coast"]["mae"] == pytest.approx(coast.absolute / coast.labelled, rel=1e-6)
    assert set(found["segments"]) == {"area=coast", "area=(rest)", "garden=true", "garden=false"}
    assert sum(one["predictions"] for one in found["segments"].values()) == 2 * 90  # each column's once
    assert world.cloudwatch.values("MeanAbsoluteError") == [pytest.approx(truth.absolute / 60)]
    assert world.cloudwatch.values("LabelSharePercent") == [pytest.approx(100 * 60 / 90)]
    assert world.cloudwatch.values("IntervalCoveragePercent") == [
        pytest.approx(100 * (1 - truth.misses / truth.with_interval))
    ]


def test_nothing_is_asked_before_labels_are_quiet_or_again_after() -> None:
    world = QualityWorld()
    send(world, labelled(30))
    assert world.judge(NOON + 2 * HOUR - 1) == {}
    assert world.judge(NOON + 2 * HOUR)["hours"] == 1
    before = (dict(world.s3.objects), list(world.cloudwatch.data), world.dynamodb.items.copy())
    assert world.judge(NOON + 50 * HOUR) == {}
    assert (world.s3.objects, world.cloudwatch.data, world.dynamodb.items) == before
    assert len(world.athena.asked) == 1


def charted(*steps: tuple[ErrorSums, int, int]) -> tuple[bytes, list[float]]:
    """Memory and scores of the monitor itself after some judgements of (new, first hour, hours)."""
    monitor = QualityMonitor(ERRORS, 0.9, POLICY, 1.0)
    memory, scores = monitor.start(), []
    for new, hour, hours in steps:
        start = NOON + hour * HOUR
        judgement = monitor.judge(new, memory, start=start, end=start + hours * HOUR)
        memory = judgement.memory
        scores.append(judgement.verdict.score)
    return memory.to_bytes(), scores


def memory(world: QualityWorld) -> bytes:
    found = world.progress().memory
    assert found is not None
    return found.to_bytes()


def test_each_label_is_charted_once_whenever_it_comes() -> None:
    """Half of them at once, half months later: the charts see the two halves, the document all."""
    world = QualityWorld()
    pairs, rest = labelled(60)[:30], labelled(60)[30:]
    send(world, pairs)
    send(world, rest, only="predictions")
    world.judge(DUE)
    world.now = NOON + 90 * 24 * HOUR
    late = [(event, replace(told, event_time=world.now)) for event, told in rest]
    send(world, late, only="labels")
    assert world.judge(world.now + 2 * HOUR)["revised"] == 1
    whole = sums_of([*pairs, *late])
    first = sums_of([*pairs, *((event, None) for event, _ in rest)])
    expected, scores = charted((first, 0, 1), (whole - first, 0, 1))
    assert memory(world) == expected
    assert world.cloudwatch.values("QualityScore") == scores
    found = told(world, 0)
    assert (found["labelled"], found["revision"], found["labels"]["late"]) == (60, 1, 30)
    assert found["mae"] == pytest.approx(whole.absolute / 60, rel=1e-6)


def test_a_correction_changes_the_measures_and_no_chart() -> None:
    world = QualityWorld()
    pairs = labelled(40)
    send(world, pairs)
    world.judge(DUE)
    before = memory(world)
    event, first = pairs[0]
    again = replace(
        first, event_id=event_id(77, NOON), event_time=first.event_time + 1, label=event.prediction
    )
    world.consume([again])
    assert world.judge(world.now + 2 * HOUR) == {
        "measured": 1, "charted": 0, "revised": 1, "hours": 1, "unmatched": 0,
    }  # fmt: skip
    truth = sums_of([(event, again), *pairs[1:]])
    assert told(world, 0)["mae"] == pytest.approx(truth.absolute / 40, rel=1e-6)
    assert told(world, 0)["labels"] == {
        "used": 40, "corrected": 1, "unmatched": 0, "classes": 0, "repeated": 0, "late": 0,
    }  # fmt: skip
    assert told(world, 0)["score"] is not None  # that of the labels that were judged
    assert memory(world) == before


def test_few_labels_wait_for_those_of_the_next_windows() -> None:
    world = QualityWorld()
    hours = [labelled(8, hour) for hour in range(3)]
    for pairs in hours[:2]:
        send(world, pairs)
    world.judge(NOON + 4 * HOUR)
    assert world.cloudwatch.values("QualityScore") == []
    assert [one["waiting"] for one in world.documents().values()] == [True, True]
    send(world, hours[2])
    world.judge(NOON + 6 * HOUR)
    expected, scores = charted((sums_of([pair for pairs in hours for pair in pairs]), 0, 3))
    assert memory(world) == expected
    assert world.cloudwatch.values("QualityScore") == scores
    found = told(world, 2)
    assert (found["charted_from"], found["charted_to"]) == (
        "2026-01-01T12:00:00+00:00",
        "2026-01-01T15:00:00+00:00",
    )
    assert world.progress().waiting == ()


@pytest.fixture(scope="module")
def ready() -> QualityWorld:
    """Labels enough in two hours, a third that waits, and some that came again or belong to nobody."""
    world = QualityWorld()
    for hour, count in enumerate((40, 30, 5)):
        send(world, labelled(count, hour))
    extra = labelled(3)
    world.consume([told for _, told in extra], shard=1)  # sent twice
    world.consume([label(900, NOON), label(901, NOON, label="cat")])
    world.now = NOON + 30 * HOUR  # nobody is looked for any more
    return world


def outcome(world: QualityWorld) -> tuple[Any, ...]:
    documents = world.documents()
    items = {
        key: item for key, item in world.dynamodb.items.items() if key[0].startswith(("quality#", "asked#"))
    }
    return documents, items


def test_a_crash_between_any_two_calls_changes_nothing(ready: QualityWorld) -> None:
    whole = ready.copy()
    whole.judge()
    calls = whole.calls.count
    truth = outcome(whole)
    assert truth[0][0]["labels"] == {
        "used": 40, "corrected": 0, "unmatched": 1, "classes": 1, "repeated": 3, "late": 0,
    }  # fmt: skip
    assert len(whole.cloudwatch.values("QualityScore")) == 2
    assert calls > 20
    for number in range(1, calls + 1):  # before a call is after the one before it
        world = ready.copy()
        world.calls.crash_at(number, "after")
        with pytest.raises(CrashError):
            world.judge()
        world.calls.heal()
        world.judge()
        assert outcome(world) == truth, number
        assert set(world.cloudwatch.values("QualityScore")) == set(whole.cloudwatch.values("QualityScore"))
        assert world.judge() == {}


@given(schedule=st.data())
@settings(max_examples=8)
def test_whatever_the_order_of_labels_and_crashes_each_is_charted_once(schedule: st.DataObject) -> None:
    """Labels of three hours come in four batches drawn at random, corrected ones too, and runs crash."""
    world = QualityWorld()
    pairs = [pair for hour in range(3) for pair in labelled(14, hour, first=100 * hour)]
    world.now = NOON + 3 * HOUR
    world.consume([event for event, _ in pairs])
    step = st.integers(0, 3)
    came = [[] for _ in range(4)]  # type: list[list[LabelEvent]]
    latest: dict[str, LabelEvent] = {}
    for number, (_, told) in enumerate(pairs):
        first = schedule.draw(step)
        came[first].append(told)
        latest[told.prediction_id] = told
        if not schedule.draw(st.integers(0, 5)):
            again = replace(
                told, event_id=event_id(5_000 + number, NOON), event_time=told.event_time + 1, label=90.0
            )
            came[schedule.draw(st.integers(first, 3))].append(again)
            latest[told.prediction_id] = again
    for i, labels in enumerate(came):
        world.now = NOON + (4 + 3 * i) * HOUR
        if labels:
            world.consume(labels)
        world.now += HOUR
        crash = schedule.draw(st.integers(1, 60))
        world.calls.crash_at(crash, schedule.draw(st.sampled_from(["before", "after"])))
        with suppress(CrashError):
            world.judge()
        world.calls.heal()
        world.judge()
    truth = [(event, latest[told.prediction_id]) for event, told in pairs]
    for hour in range(3):
        whole = sums_of(truth[14 * hour : 14 * hour + 14])
        found = world.documents()[hour]
        assert found["labelled"] == 14
        assert found["mae"] == pytest.approx(whole.absolute / 14, rel=1e-6)
        assert found["interval_coverage"] == pytest.approx(1 - whole.misses / 14, rel=1e-6)
    windows = world.labels().store.windows(MODEL, VERSION, [NOON + hour * HOUR for hour in range(3)])
    waiting = set(world.progress().waiting)
    assert waiting == {start for start, one in windows.items() if one.waits}
    assert all(one.charted.labelled == 14 for start, one in windows.items() if start not in waiting)


def test_a_second_run_at_the_same_time_cannot_chart_twice(ready: QualityWorld) -> None:
    world = ready.copy()
    store = world.labels().store
    before = store.read(MODEL, VERSION, QualityMonitor(ERRORS, 0.9, POLICY, 1.0).start())
    store.advance(MODEL, VERSION, replace(before, version=1), [], world.now)
    with pytest.raises(Exception, match="TransactionCanceledException"):
        store.advance(MODEL, VERSION, replace(before, version=1), [], world.now)


def test_a_bundle_without_errors_is_measured_and_not_judged() -> None:
    world = QualityWorld(judged_objects(errors=None))
    send(world, labelled(30))
    assert world.judge(DUE)["measured"] == 1
    found = told(world, 0)
    assert (found["labelled"], found["score"], found["training_mae"]) == (30, None, None)
    assert len(world.cloudwatch.values("MeanAbsoluteError")) == 1
    assert world.cloudwatch.values("QualityScore") == []


@pytest.mark.parametrize(("worse", "alarms"), [(1.0, False), (2.0, True)])
def test_errors_as_in_training_are_quiet_and_larger_ones_alarm(worse: float, *, alarms: bool) -> None:
    world = QualityWorld()
    for hour in range(4):
        send(world, labelled(100, hour, worse=worse))
    world.judge(NOON + 9 * HOUR)
    assert (max(world.cloudwatch.values("QualityScore")) > 1) is alarms
    latest = world.progress().verdict
    assert latest is not None
    assert (latest["degraded"], latest["since"] is not None) == (alarms, alarms)


def test_labels_that_stay_away_are_judged_when_they_should_have_come() -> None:
    world = QualityWorld()
    for hour in range(40):
        send(world, labelled(30, hour), only="" if hour < 26 else "predictions")
        world.judge(NOON + (hour + 2) * HOUR + 10_000)
        if hour == 27:  # all labels so far came within an hour, so none is missed yet
            assert set(world.cloudwatch.values("LabelArrivalScore")) == {0.0}
    for hour in range(42, 47):
        world.judge(NOON + hour * HOUR)
    empty = [hour for hour, one in world.documents().items() if one["labelled"] == 0]
    assert empty == list(range(26, 40))
    assert world.cloudwatch.values("LabelArrivalScore")[-1] > 1
    assert world.judge(NOON + 50 * HOUR) == {}  # there are no more predictions


def test_where_no_label_ever_came_none_is_missed() -> None:
    world = QualityWorld()
    for hour in range(3):
        send(world, labelled(30, hour), only="predictions")
    assert world.judge(NOON + 300 * HOUR) == {}
    assert world.athena.asked == []


OTHER = "20260102T000000Z-0123abcd"


def test_versions_with_windows_of_two_lengths_are_judged_apart() -> None:
    policy = QualityPolicy(min_labels=20, window_hours=24)
    world = QualityWorld({**judged_objects(), **judged_objects(OTHER, policy=policy)})
    mine, others = labelled(30, 0), labelled(40, 3, first=200, version=OTHER)
    send(world, [*mine, *others])
    assert world.judge(NOON + 2 * HOUR) == {}  # the day is not over
    world.judge(NOON + 14 * HOUR)
    keys = [key for key in world.s3.keys("archive") if key.startswith("quality/")]
    assert [key.rpartition("/")[2] for key in keys] == [
        f"{MODEL}.{VERSION}.1.{NOON}.json",
        f"{MODEL}.{OTHER}.24.{NOON - 12 * HOUR}.json",
    ]
    bodies = [json.loads(world.s3.objects["archive", key].splitlines()[0]) for key in keys]
    assert [one["labelled"] for one in bodies] == [30, 40]
    assert len(world.athena.asked) == 1


def test_a_version_without_its_bundle_does_not_stop_the_others() -> None:
    world = QualityWorld({**judged_objects(), **judged_objects(OTHER)})
    send(world, [*labelled(30), *labelled(30, first=200, version=OTHER)])
    kept = dict(world.s3.objects)
    for key in [key for key in world.s3.objects if OTHER in key[1] and key[0] == "models"]:
        del world.s3.objects[key]
    for _ in range(2):  # and the hour is not forgotten
        with pytest.raises(ExceptionGroup) as raised:
            world.judge(DUE)
        assert OTHER in str(raised.value.exceptions[0].exceptions)
    assert told(world, 0)["labelled"] == 30
    assert world.progress().version == 1
    world.s3.objects |= {key: kept[key] for key in kept if key[0] == "models"}
    assert world.judge(DUE)["measured"] == 1
    assert world.progress(OTHER).version == 1


def test_a_version_that_is_no_longer_registered_is_found_by_its_predictions() -> None:
    world = QualityWorld()
    send(world, labelled(30))
    gone = [
        key
        for key in world.dynamodb.items
        if key[1].startswith("prediction#") and key[0].startswith("models#")
    ]
    for key in gone:
        del world.dynamodb.items[key]
    assert world.judge(DUE)["charted"] == 1
    assert len(world.athena.asked) == 2
    assert told(world, 0)["segments"]["area=coast"]["labelled"] == 15


def test_a_label_is_matched_again_for_a_day() -> None:
    """It may overtake its prediction; after a day it belongs to nobody, and nobody is asked about it."""
    world = QualityWorld()
    pairs = labelled(30)
    send(world, pairs, only="labels")
    assert world.judge(DUE) == {"hours": 1, "unmatched": 30}
    send(world, pairs, only="predictions")
    assert world.judge(DUE + HOUR)["measured"] == 1
    world.consume([label(999, NOON)])
    for hours, asked in ((3, True), (20, True), (30, True), (31, False)):
        assert ("hours" in world.judge(DUE + hours * HOUR)) is asked


def test_without_the_column_of_a_segment_labels_are_judged_and_the_fault_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table has the features of the version that was deployed last."""
    world = QualityWorld()
    pairs = [(replace(event, features={"size": 5.0}), told) for event, told in labelled(30)]
    send(world, pairs)
    run = world.athena._run
    monkeypatch.setattr(
        world.athena, "_run", lambda text: run(text.replace('features."area"', 'features."aera"'))
    )
    with pytest.raises(ExceptionGroup) as raised:
        world.judge(DUE)
    assert "aera" in str(raised.value.exceptions[0].exceptions)
    assert told(world, 0)["labelled"] == 30
    assert told(world, 0)["segments"] == {}


def test_nothing_is_begun_when_time_is_up(ready: QualityWorld) -> None:
    world = ready.copy()
    labels = world.labels()
    assert labels.judge_due(lambda: False) == {}
    left = iter([True, True, False, False])
    assert labels.judge_due(lambda: next(left))["charted"] == 1
    assert world.judge()["charted"] == 1


def test_a_label_beyond_all_measure_is_told_as_json() -> None:
    world = QualityWorld()
    pairs = labelled(30)
    pairs[0] = (pairs[0][0], replace(pairs[0][1], label=1.7e308))
    send(world, pairs)
    world.judge(DUE)
    assert told(world, 0)["mae"] > 1e90
    assert told(world, 0)["labels"]["used"] == 30


def test_the_estimate_stands_beside_the_real_error_with_its_track_record() -> None:
    world = QualityWorld()
    for hour in range(2):
        send(world, labelled(30, hour))
        world.dynamodb.items[f"quality#{MODEL}#{VERSION}", f"explained#{NOON + hour * HOUR:013d}"] = {
            "pk": {"S": f"quality#{MODEL}#{VERSION}"},
            "sk": {"S": f"explained#{NOON + hour * HOUR:013d}"},
            "estimated_mae": {"N": str(2.0 + 8 * hour)},
        }
    world.judge(NOON + 5 * HOUR)
    assert [one["estimated_mae"] for one in world.documents().values()] == [2.0, 10.0]
    record = told(world, 1)["track_record"]
    assert (record["windows"], record["near_share"]) == (2, 0.5)
