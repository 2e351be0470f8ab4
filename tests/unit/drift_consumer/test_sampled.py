"""Sampled rows are explained once an hour, in its turn, whatever breaks; and what is told is true."""

from __future__ import annotations

import sys
from dataclasses import replace
from subprocess import run
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from drift_consumer.quality_progress import QualityProgressStore
from drift_consumer.sampled import MOST_HOURS, Samples
from drift_core.bundle import (
    ATTRIBUTION_FILE,
    BASELINE_FILE,
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    MODEL_FILE,
    bundle_prefix,
)
from drift_core.event import PredictionEvent
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_explained import (
    WEIGHTS,
    ExplainedWorld,
    explaining_files,
    explaining_objects,
    linear,
    training_rows,
)
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION, bundle_objects, healthy

HOUR = 3_600_000
MINUTE = 60_000


def events(
    count: int, hour: float = 0, *, first: int = 0, size: float = 0.0, prediction: float = 0.0
) -> list[PredictionEvent]:
    """Predictions of an hour after noon, some of their values higher."""
    found = healthy(count, NOON + int(hour * HOUR), first=first, shift=size)
    return [replace(one, prediction=float(one.prediction) + prediction) for one in found]


def arrive(world: ExplainedWorld, hour: float, *batches: list[PredictionEvent]) -> None:
    """Let events arrive in the second minute after the hour, each batch on a shard of its own."""
    world.now = NOON + int(hour * HOUR) + MINUTE
    for shard, batch in enumerate(batches):
        world.consume(batch, shard=shard)


def test_an_hour_is_told_as_it_is() -> None:
    """Against numbers computed here from the events: the model is linear, so that φ is weight × distance."""
    world = ExplainedWorld()
    told = events(80)
    arrive(world, 0, told[:50], told[50:])
    assert world.explain(NOON + HOUR + MINUTE) == {"explained": 1}
    [document] = world.documents().values()
    predictions = np.array([one.prediction for one in told], float)
    assert document["estimated_mae"] == pytest.approx(0.1 * predictions.mean(), rel=1e-5)
    assert document["training_estimated_mae"] == pytest.approx(10, abs=0.1)
    assert (document["predictions"], document["rows"]) == (80, 80)
    assert (document["start"], document["end"]) == ("2026-01-01T12:00:00+00:00", "2026-01-01T13:00:00+00:00")
    rows = np.array(
        [
            [
                one.features["size"],
                ("centre", "coast", "hills").index(str(one.features["area"])),
                one.features["garden"],
            ]
            for one in told
        ],
        float,
    )
    expected = np.abs(np.array(WEIGHTS) * (rows - training_rows(4, seed=2).mean(0))).mean(0)
    found = document["features"]
    assert [found[name]["importance"] for name in ("size", "area", "garden")] == pytest.approx(
        expected.tolist(), rel=1e-4
    )
    assert found["area"]["training_importance"] == pytest.approx(expected[1], rel=0.3)
    assert document["ndcg"] > 0.9
    assert document["guilty"] is False
    names = ("EstimatedMeanAbsoluteError", "EstimatedErrorScore", "AttributionNdcg", "AttributionScore")
    fields = ("estimated_mae", "estimated_error_score", "ndcg", "score")
    for name, field in zip(names, fields, strict=True):
        assert world.cloudwatch.values(name) == pytest.approx([document[field]], rel=1e-6)


def test_the_labels_part_finds_the_estimate() -> None:
    world = ExplainedWorld()
    arrive(world, 0, events(30))
    world.explain(NOON + HOUR + MINUTE)
    dynamodb: Any = world.dynamodb
    labels = QualityProgressStore(dynamodb, "windows")
    [document] = world.documents().values()
    assert labels.estimates(MODEL, VERSION, NOON, NOON + HOUR) == pytest.approx([document["estimated_mae"]])
    assert labels.estimates(MODEL, VERSION, NOON + HOUR, NOON + 2 * HOUR) == []
    assert labels.read(MODEL, VERSION, None).version == 0, "its progress is another"


def test_hours_wait_until_they_are_over_and_quiet() -> None:
    world = ExplainedWorld()
    arrive(world, 0, events(30))
    assert world.explain(NOON + HOUR - 1) == {}
    world.now = NOON + HOUR + 50_000
    world.consume(events(5, first=100), shard=1)
    assert world.explain(NOON + HOUR + 70_000) == {}, "something came 20 s ago"
    assert world.explain(NOON + HOUR + 110_000) == {"explained": 1}
    assert world.documents()[NOON]["predictions"] == 35
    assert world.explain(NOON + 3 * HOUR) == {}, "nothing is new"


def test_an_hour_with_few_rows_waits_for_the_next() -> None:
    world = ExplainedWorld()
    arrive(world, 0, events(12))
    arrive(world, 3, events(15, 3, first=100))
    assert world.explain(NOON + 5 * HOUR) == {"carried": 1, "explained": 1}
    [document] = world.documents().values()
    assert (document["predictions"], document["rows"]) == (27, 27)
    assert (document["start"], document["end"]) == ("2026-01-01T12:00:00+00:00", "2026-01-01T16:00:00+00:00")
    assert world.progress().carried_from is None


def test_an_hour_that_comes_late_is_left_out_and_counted_once() -> None:
    world = ExplainedWorld()
    arrive(world, 0, events(12))
    arrive(world, 2, events(30, 2, first=100))
    assert world.explain(NOON + 4 * HOUR) == {"carried": 1, "explained": 1}
    before = world.documents(), world.progress()
    world.now = NOON + 4 * HOUR
    world.consume(events(40, 1, first=200), shard=1)  # lies in what was explained together
    world.consume(events(40, -5, first=300), shard=1)
    assert world.explain(NOON + 5 * HOUR) == {"late": 1}
    assert world.explain(NOON + 6 * HOUR) == {}
    assert (world.documents(), world.progress()) == before


def test_alarms_hear_nothing_of_a_version_that_serves_no_more() -> None:
    world = ExplainedWorld({**explaining_objects(), **bundle_objects("v2")})
    arrive(world, 0, events(40))
    arrive(world, 3, [replace(one, model_version="v2") for one in events(40, 3, first=100)])
    assert world.explain(NOON + 5 * HOUR) == {"explained": 1}
    assert list(world.documents()) == [NOON]
    assert not world.cloudwatch.values("EstimatedErrorScore") + world.cloudwatch.values("AttributionNdcg")


def test_a_backlog_is_taken_in_order_and_in_pieces() -> None:
    world = ExplainedWorld()
    hours = MOST_HOURS + 3
    for hour in range(hours):
        arrive(world, hour, events(20, hour, first=100 * hour))
    world.now = NOON + (hours + 1) * HOUR
    left = 2

    def enough() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    assert world.samples().judge_due(enough) == {"explained": 2}
    assert sorted(world.documents()) == [NOON, NOON + HOUR]
    assert world.explain(world.now) == {"explained": MOST_HOURS}
    assert world.explain(world.now) == {"explained": 1}
    assert sorted(world.documents()) == [NOON + hour * HOUR for hour in range(hours)]


def test_drift_of_either_kind_is_told() -> None:
    """Sizes that matter more, and predictions whose errors are larger; both charts need some hours."""
    world = ExplainedWorld()
    for hour in range(8):
        changed = hour >= 4
        arrive(
            world,
            hour,
            events(100, hour, first=1_000 * hour, size=1.5 * changed, prediction=15.0 * changed),
        )
    world.explain(NOON + 9 * HOUR)
    told = list(world.documents().values())
    assert all(max(one["score"], one["estimated_error_score"]) < 1 for one in told[:4])
    assert not any(one["guilty"] for one in told[:4])
    last = told[-1]
    assert min(last["score"], last["estimated_error_score"]) > 1
    assert last["guilty"]
    assert [name for name, one in last["features"].items() if one["guilty"]] == ["size"]
    assert "2026-01-01T15:00:00+00:00" <= last["since"] <= "2026-01-01T17:00:00+00:00"
    assert last["estimated_mae"] > last["training_estimated_mae"] + 1


def crashed(world: ExplainedWorld, number: int, when: str) -> bool:
    """Run until it crashes around a call, and once more; whether it crashed."""
    world.calls.crash_at(number, when)
    try:
        world.samples().judge_due(lambda: True)
    except CrashError:
        world.calls.heal()
        world.samples().judge_due(lambda: True)
        return True
    world.calls.heal()
    return False


def state(world: ExplainedWorld) -> dict[object, object]:
    """What must not depend on faults."""
    return {"documents": world.documents(), "items": world.dynamodb.items}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_any_call_changes_nothing(when: str) -> None:
    """An hour that is carried, two that are explained, and one that came late."""
    world = ExplainedWorld()
    arrive(world, 0, events(30, size=1.0))
    world.explain(NOON + HOUR + MINUTE)
    arrive(world, 1, events(5, 1, first=100), events(40, -2, first=200))
    arrive(world, 2, events(40, 2, first=300, size=1.0))
    arrive(world, 3, events(25, 3, first=400))
    world.now = NOON + 6 * HOUR
    calm = world.fork()
    assert dict(calm.samples().judge_due(lambda: True)) == {"late": 1, "carried": 1, "explained": 2}
    expected, number = state(calm), 1
    while crashed(faulty := world.fork(), number, when):
        assert state(faulty) == expected, f"crash {when} call {number}"
        number += 1
    assert number > 15, "calls were crashed"


def test_of_two_runs_at_once_one_fails_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = ExplainedWorld()
    arrive(world, 0, events(30))
    world.now = NOON + 2 * HOUR
    one, other = world.samples(), world.samples()
    publish, met = one.publisher.publish, False

    def meeting(*args: Any) -> None:
        nonlocal met
        publish(*args)
        if not met:
            met = True
            other.judge_due(lambda: True)

    monkeypatch.setattr(one.publisher, "publish", meeting)
    with pytest.raises(ExceptionGroup) as failed:
        one.judge_due(lambda: True)
    [fault] = failed.value.exceptions
    assert isinstance(fault, ClientError)
    assert fault.__notes__ == [f"while explaining {MODEL} {VERSION}"]
    assert world.progress().version == 1


def test_a_bundle_that_explains_nothing_is_passed_over() -> None:
    world = ExplainedWorld(bundle_objects())
    arrive(world, 0, events(30))
    assert world.explain(NOON + 2 * HOUR) == {}
    assert not world.documents()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ((MODEL_FILE, ATTRIBUTION_FILE), {"AttributionNdcg", "AttributionScore"}),
        (
            (MODEL_FILE, ERRORS_FILE, EXPECTED_ERROR_FILE),
            {"EstimatedMeanAbsoluteError", "EstimatedErrorScore"},
        ),
    ],
)
def test_a_bundle_with_one_of_the_files_is_told_of_by_it(files: tuple[str, ...], told: set[str]) -> None:
    world = ExplainedWorld(explaining_objects({name: explaining_files()[name] for name in files}))
    arrive(world, 0, events(30))
    assert world.explain(NOON + 2 * HOUR) == {"explained": 1}
    assert {datum["MetricName"] for datum in world.cloudwatch.data} == told
    [document] = world.documents().values()
    assert (document["ndcg"] is None) == ("AttributionNdcg" not in told)
    assert (document["estimated_mae"] is None) == ("EstimatedErrorScore" not in told)


@pytest.mark.parametrize("name", sorted({*explaining_files()} - {BASELINE_FILE}))
@pytest.mark.parametrize("damage", ["changed", "another", "gone"])
def test_a_damaged_file_stops_this_version_only_and_is_named(name: str, damage: str) -> None:
    objects = explaining_objects()
    key = bundle_prefix(MODEL, VERSION) + name
    if damage == "changed":
        objects[key] += b" "
    elif damage == "gone":
        del objects[key]
    else:
        files = {**explaining_files(), name: linear({"other": (1.0,)})}
        objects = explaining_objects(files)
    world = ExplainedWorld(objects)
    arrive(world, 0, events(30))
    with pytest.raises(ExceptionGroup) as failed:
        world.explain(NOON + 2 * HOUR)
    [fault] = failed.value.exceptions
    assert "NoSuchKey" in str(fault) if damage == "gone" else name in str(fault)
    assert world.progress().version == 0
    assert not world.documents()


def test_its_package_needs_neither_scipy_nor_pyarrow() -> None:
    """They are larger than all else in the function's package together."""
    absent = "; ".join(f"sys.modules[{name!r}] = None" for name in ("scipy", "sklearn", "pyarrow"))
    run([sys.executable, "-c", f"import sys; {absent}; import drift_consumer.sampled"], check=True)


def test_models_are_read_once_and_not_before_they_are_needed() -> None:
    world = ExplainedWorld()
    samples: Samples = world.samples()
    arrive(world, 0, events(30))
    read: list[str] = []
    get = world.s3.get_object
    world.s3.get_object = lambda **asked: read.append(asked["Key"]) or get(**asked)  # type: ignore[func-returns-value, method-assign]
    samples.judge_due(lambda: True)
    assert not any(key.endswith(".onnx") for key in read)
    arrive(world, 1, events(30, 1, first=100))
    world.now = NOON + 3 * HOUR
    assert samples.judge_due(lambda: True)["explained"] == 2
    assert sorted(key.rsplit("/")[-1] for key in read if key.endswith(".onnx")) == [
        EXPECTED_ERROR_FILE,
        MODEL_FILE,
    ]
