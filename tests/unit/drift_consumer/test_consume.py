"""A batch through the handler: what is archived, counted, quarantined and said."""

from __future__ import annotations

import base64
import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_consumer import consume as module
from drift_consumer.consume import ATTEMPTS, consume
from drift_consumer.series import Series, WindowKey
from drift_consumer.window_store import LostRaceError
from drift_core.baseline import served_matrix
from drift_core.event import Interval
from drift_core.window import WindowState, hash_event_ids
from tests.unit.drift_consumer.fake_aws import CrashError, client_error
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    SCHEMA,
    VERSION,
    World,
    event_id,
    kinesis_event,
    label,
    prediction,
    sequence_number,
)

SHARD = "shardId-000000000000"
SERIES = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
WINDOW = WindowKey(series=SERIES, start=NOON, shard_id=SHARD)


def served(world: World, *events: Any, first: int = 1) -> dict[str, list[Any]]:
    payloads = [event if isinstance(event, bytes) else event.encode() for event in events]
    return consume(kinesis_event(payloads, first=first), world.resources())


def layout(world: World) -> Any:
    return world.resources().baselines.get(MODEL, VERSION).baseline.layout


def test_predictions_are_archived_as_the_tables_expect() -> None:
    world = World()
    assert served(world, prediction(1), prediction(2, source="é")) == {"batchItemFailures": []}
    first, last = sequence_number(1), sequence_number(2)
    key = f"predictions/dt=2026-01-01/hour=12/{MODEL}.{VERSION}.300.{NOON}.{SHARD}.{first}-{last}.parquet"
    assert world.s3.keys("archive") == [key]
    table = pq.read_table(io.BytesIO(world.s3.objects["archive", key]))
    assert [f"{field.name}: {field.type}" for field in table.schema] == [
        "event_id: string",
        "event_time: timestamp[ms, tz=UTC]",
        "model_name: string",
        "model_version: string",
        "source: string",
        "features: struct<size: double, area: string, garden: bool>",
        "prediction: double",
        "predicted_class: string",
        "interval_lower: double",
        "interval_upper: double",
        "interval_coverage: double",
        "confidence: double",
        "window_start: timestamp[ms, tz=UTC]",
        "shard_id: string",
        "sequence_number: string",
    ]
    assert table.to_pylist()[1] == {
        "event_id": event_id(2),
        "event_time": datetime.fromtimestamp(NOON / 1000, UTC),
        "model_name": MODEL,
        "model_version": VERSION,
        "source": "é",
        "features": {"size": 7.0, "area": "coast", "garden": True},
        "prediction": 102.0,
        "predicted_class": None,
        "interval_lower": 90.0,
        "interval_upper": 112.0,
        "interval_coverage": 0.9,
        "confidence": 0.5,
        "window_start": datetime.fromtimestamp(NOON / 1000, UTC),
        "shard_id": SHARD,
        "sequence_number": str(last),
    }


def test_labels_lie_in_the_window_of_their_prediction() -> None:
    world = World()
    served(world, label(1, NOON - 3_600_000), label(2, NOON - 3_600_000, label="dear"))
    [key] = world.s3.keys("archive")
    assert key.startswith(f"labels/dt=2026-01-01/hour=11/{MODEL}.-.300.{NOON - 3_600_000}.")
    table = pq.read_table(io.BytesIO(world.s3.objects["archive", key]))
    assert table.schema.names == [
        "event_id",
        "event_time",
        "model_name",
        "prediction_id",
        "label",
        "label_class",
        "source",
        "window_start",
        "shard_id",
        "sequence_number",
    ]
    rows = table.to_pylist()
    assert [(row["label"], row["label_class"]) for row in rows] == [(101.5, None), (None, "dear")]
    assert rows[0]["prediction_id"] == event_id(1, NOON - 3_600_000)


def test_what_cannot_be_read_is_kept_with_its_reason_and_place() -> None:
    world = World()
    served(world, prediction(1), b"\xff{", prediction(2))
    [row] = world.rows("quarantine")
    assert row.pop("reason").startswith("not JSON")
    assert row == {
        "shard_id": SHARD,
        "sequence_number": str(sequence_number(2)),
        "arrival_time": datetime.fromtimestamp((NOON + 10_000) / 1000, UTC),
        "payload": base64.b64encode(b"\xff{").decode(),
    }
    assert [
        key for key in world.s3.keys("archive") if key.startswith("quarantine/dt=2026-01-01/hour=12/-.-.300.")
    ]


def test_the_state_is_that_of_the_rows() -> None:
    world = World()
    events = [
        prediction(1),
        prediction(2, features={"size": None, "area": "moon", "garden": True}),
        prediction(3, interval=None, features={"size": 1e300}),
        prediction(4, interval=Interval(lower=-1.7e308, upper=1.7e308, coverage=0.9)),
    ]
    served(world, *events)
    found = world.resources().windows.read(WINDOW, layout(world))
    assert found is not None
    widths = [e.interval.upper - e.interval.lower if e.interval else np.nan for e in events]
    assert widths[3] == np.inf
    rows = served_matrix(
        SCHEMA.encode([e.features for e in events]),
        np.array([e.prediction for e in events], float),
        np.array(widths),
    )
    ids = hash_event_ids(np.array([e.event_id for e in events], "S36"))
    times = np.array([e.event_time for e in events])
    assert found.state == WindowState.of(layout(world), rows, times, ids)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.binary(max_size=40)
        | st.sampled_from([b"{}", b"null", b"[]", b"{}\n{}", b"\xf3\x89\x9a\xc2", b'{"features":{}}', b"\n"])
        | st.text(max_size=20).map(lambda text: json.dumps({"source": text}).encode())
        | st.none(),
        max_size=12,
    )
)
def test_whatever_arrives_every_record_is_kept_in_one_place(batch: list[bytes | None]) -> None:
    """None stands for a good record."""
    world = World()
    payloads = [prediction(i).encode() if payload is None else payload for i, payload in enumerate(batch)]
    served(world, *payloads)
    good = [i for i, payload in enumerate(batch) if payload is None]
    assert [row["event_id"] for row in world.rows("predictions")] == [event_id(i) for i in good]
    kept = [(row["sequence_number"], base64.b64decode(row["payload"])) for row in world.rows("quarantine")]
    bad = [i for i, payload in enumerate(batch) if payload is not None]
    assert kept == [(str(sequence_number(1 + i)), payloads[i]) for i in bad]
    counted = [item for (pk, _), item in world.dynamodb.items.items() if not pk.startswith("models#")]
    assert len(counted) == bool(good) + bool(bad)


def test_an_event_delivered_twice_is_counted_once_and_said() -> None:
    world = World()
    served(world, prediction(2), prediction(1), prediction(2))
    found = world.resources().windows.read(WINDOW, layout(world))
    assert found is not None
    assert (found.state.n, found.state.duplicates) == (2, 1)
    assert found.last_sequence == sequence_number(3)
    assert found.ranges == (f"{sequence_number(1)}-{sequence_number(3)}",)
    assert [(row["event_id"], row["sequence_number"]) for row in world.rows("predictions")] == [
        (event_id(2), str(sequence_number(1))),
        (event_id(1), str(sequence_number(2))),
    ]


def test_the_template_may_override_the_window_length() -> None:
    world = World(window_seconds=60)
    served(world, prediction(1), prediction(2, NOON + 60_000), label(1))
    assert sorted({pk for pk, _ in world.dynamodb.items if not pk.startswith("models#")}) == [
        f"label#{MODEL}#-#60",
        f"prediction#{MODEL}#{VERSION}#60",
    ]
    assert len([sk for pk, sk in world.dynamodb.items if pk.startswith("prediction#")]) == 2


def test_an_item_remembers_when_it_was_first_and_last_counted_into() -> None:
    world = World()
    served(world, prediction(1))
    first = world.now
    world.now += 5_000
    served(world, prediction(2), first=2)
    item = world.dynamodb.items[SERIES.key, WINDOW.sort_key]
    assert item["first_update"] == {"N": str(first)}
    assert item["last_update"] == {"N": str(first + 5_000)}
    assert item["expires"] == {"N": str((first + 5_000) // 1000 + 35 * 86_400)}
    assert item["pending"] == {"S": SERIES.key}
    found = world.resources().windows.read(WINDOW, layout(world))
    assert found is not None
    assert found.ranges == tuple(f"{sequence_number(n)}-{sequence_number(n)}" for n in (1, 2))


def test_a_write_that_only_seemed_to_fail_keeps_its_object() -> None:
    """The client repeats a put whose answer was lost, and the repetition meets its own first attempt."""
    world = World()
    put = world.dynamodb.put_item

    def twice(**arguments: Any) -> None:
        put(**arguments)
        put(**arguments)

    world.dynamodb.put_item = twice  # type: ignore[method-assign]
    served(world, prediction(1), prediction(2))
    found = world.resources().windows.read(WINDOW, layout(world))
    assert found is not None
    assert found.state.n == 2
    assert len(world.rows("predictions")) == 2


def test_an_object_that_may_still_be_listed_is_left_alone() -> None:
    """A late poller with earlier records wins; a third one may be about to list the very same object."""
    world = World()
    served(world, prediction(1))
    late_done = False

    def hook(number: int, when: str) -> None:
        nonlocal late_done
        if when == "after" and not late_done and len(world.s3.keys("archive")) == 2:
            late_done = True
            served(world, prediction(2), first=2)

    world.calls.hook = hook
    deleted: list[str] = []
    world.s3.delete_object = lambda *, Bucket, Key: deleted.append(Key)  # type: ignore[method-assign]
    served(world, prediction(3), first=3)
    assert late_done
    assert deleted == []
    found = world.resources().windows.read(WINDOW, layout(world))
    assert found is not None
    assert found.state.n == 3


def test_a_race_that_is_always_lost_is_raised_with_a_hint() -> None:
    world = World()
    attempts = 0

    def hook(number: int, when: str) -> None:
        nonlocal attempts
        items = world.dynamodb.items
        if when == "before" and (SERIES.key, WINDOW.sort_key) in items:
            attempts += 1
            sequence = {"S": str(attempts)}
            items[SERIES.key, WINDOW.sort_key] = {
                **items[SERIES.key, WINDOW.sort_key],
                "last_sequence": sequence,
            }

    served(world, prediction(1))
    world.calls.hook = hook
    with pytest.raises(
        LostRaceError, match=f"by others {ATTEMPTS} times; look for a second event source mapping"
    ):
        served(world, prediction(2), first=2)


def test_a_batch_that_takes_too_long_gets_further_with_each_retry() -> None:
    """Labels of 40 old windows, and time for 60 calls where 160 are needed; Lambda retries ten times."""
    world = World()
    labels = [label(i, NOON - i * 300_000) for i in range(40)]
    progress = [0]
    while progress[-1] < len(labels) and len(progress) < 11:
        world.calls.crash_at(60, "before")
        with suppress(CrashError):
            served(world, *labels)
        progress.append(len(world.rows("labels")))
    assert progress == sorted(set(progress)), "each retry counts windows that none before had"
    assert progress[-1] == len(labels)
    world.calls.heal()
    served(world, *labels)
    assert len(world.rows("labels")) == len(labels)


def test_events_of_another_model_are_refused_and_counted() -> None:
    """Nobody would ever judge or count them: the evaluator of this stack looks at its own model's windows."""
    world = World()
    served(world, prediction(1), label(2, model_name="nosuchmodel"), label(3))
    [row] = world.rows("quarantine")
    assert row["reason"].startswith(
        f"model_name is 'nosuchmodel', but this stack watches '{MODEL}'; write to"
    )
    assert {pk.split("#")[1] for pk, _ in world.dynamodb.items} == {MODEL, "-"}
    world.evaluate(NOON + 360_000)
    assert world.cloudwatch.values("QuarantinedRecords") == [1]
    assert world.pending() == []


@pytest.mark.parametrize("service", ["s3", "dynamodb"])
def test_a_fault_of_aws_is_raised_for_a_retry(service: str) -> None:
    world = World()

    def refuse(**_: Any) -> None:
        raise client_error("InternalError")

    target: Any = getattr(world, service)
    setattr(target, "put_object" if service == "s3" else "put_item", refuse)
    with pytest.raises(ClientError, match="InternalError"):
        served(world, prediction(1))


def test_the_batch_is_logged_in_one_line_without_its_content(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    output = io.StringIO()
    monkeypatch.setattr(module, "resources", world.resources)
    monkeypatch.setattr(module.logger.registered_handler, "stream", output)
    payloads = [prediction(1).encode(), prediction(1).encode(), b"secret-4711"]

    class Context:
        function_name = "consumer"
        memory_limit_in_mb = 512
        invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:consumer"
        aws_request_id = "request"

    context: Any = Context()
    handler: Any = module.lambda_handler
    assert handler(kinesis_event(payloads), context) == {"batchItemFailures": []}
    [line] = output.getvalue().splitlines()
    logged = json.loads(line)
    assert {
        k: logged[k] for k in ("message", "shard_id", "records", "prediction", "duplicates", "quarantine")
    } == {
        "message": "batch counted",
        "shard_id": SHARD,
        "records": 3,
        "prediction": 1,
        "duplicates": 1,
        "quarantine": 1,
    }
    assert "4711" not in line
    assert "coast" not in line


def test_shards_in_one_event_are_counted_apart() -> None:
    world = World()
    one = kinesis_event([prediction(1).encode()])
    two = kinesis_event([prediction(2).encode()], shard="shardId-000000000001")
    consume({"Records": one["Records"] + two["Records"]}, world.resources())
    assert len([sk for pk, sk in world.dynamodb.items if pk == SERIES.key]) == 2
