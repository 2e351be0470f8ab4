"""What somebody who may write to the stream can make grow: calls, windows, names, the registry."""

from __future__ import annotations

import base64
import gzip
import io
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from drift_consumer.archive import object_key
from drift_consumer.consume import consume, logger
from drift_consumer.series import Series, WindowKey
from drift_consumer.window_store import registry_key
from drift_core.event import EARLIEST_MS, Event
from tests.hostile.odd import ARRIVAL, TIMES
from tests.hostile.records import record, tame
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    VERSION,
    World,
    bundle_objects,
    kinesis_event,
    label,
    prediction,
)

BATCH = 10_000
"""Records of the largest batch."""

WINDOWS, TIMEOUT = BATCH // 8, 120_000 // 8
"""Of a batch and milliseconds of the function, both an eighth, so that the test is not as long."""

CALL = 25
"""Milliseconds of a call, our own work for it included: slow for S3, very slow for DynamoDB."""


class Metered(World):
    """A world whose clock runs with the calls, and which ends an invocation at its timeout."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        super().__init__(objects)
        self.spent = 0
        self.kinds: Counter[str] = Counter()

        def hook(number: int, when: str) -> None:
            self.spent += CALL if when == "before" else 0
            if self.spent > TIMEOUT:
                raise CrashError

        self.calls.hook = hook

    def invoke(self, payloads: list[bytes], first: int) -> bool:
        """One invocation; whether it returned."""
        self.spent = 0
        try:
            consume(kinesis_event(payloads, first=first, arrival=ARRIVAL), self.resources())
        except CrashError:
            return False
        return True

    def deliver(self, payloads: list[bytes], *, attempts: int = 10) -> int:
        """As the event source mapping does: a batch that fails is split in two, a single record is retried.

        Returns
        -------
        How many invocations it took.
        """
        waiting, invocations = [(0, len(payloads))], 0
        failures: Counter[tuple[int, int]] = Counter()
        while waiting:
            first, last = waiting.pop(0)
            invocations += 1
            if self.invoke(payloads[first:last], first):
                continue
            failures[first, last] += 1
            assert failures[first, last] <= attempts, "given up"
            middle = (first + last) // 2
            waiting[:0] = [(first, middle), (middle, last)] if last - first > 1 else [(first, last)]
        return invocations


def spread(make: Callable[[int, int], Event]) -> list[bytes]:
    """A batch with a window for each record, over a quarter of a century."""
    step = (NOON - EARLIEST_MS) // WINDOWS
    return [make(number, EARLIEST_MS + number * step).encode() for number in range(WINDOWS)]


@pytest.mark.parametrize("make", [prediction, label])
def test_a_batch_with_a_window_a_record_is_counted_within_the_retries(
    make: Callable[[int, int], Event],
) -> None:
    """One invocation has no time for it. What is counted stays counted, so each attempt comes further."""
    world = Metered()
    batch = spread(make)
    assert not world.invoke(batch, 0)
    assert counted(world) > WINDOWS // 10, "even an attempt that is killed makes progress"
    assert world.deliver(batch) <= 20
    assert counted(world) == WINDOWS
    assert len(world.s3.keys("archive")) <= WINDOWS + 20, (
        "an attempt that is killed leaves one orphan at most"
    )


def counted(world: World) -> int:
    return sum("state" in item for item in world.dynamodb.items.values())


@pytest.mark.parametrize("names", ["versions", "models", "names that are none"])
def test_forged_versions_cost_no_call_each(names: str) -> None:
    makers: dict[str, Callable[[int], Event]] = {
        "versions": lambda i: prediction(i, model_version=f"v{i}"),
        "models": lambda i: prediction(i, model_name=f"m{i}"),
        "names that are none": lambda i: prediction(i, model_version=f"../v{i}"),
    }
    forged = makers[names]
    objects = {**bundle_objects(), **bundle_objects("20260303T000000Z-0123abcd")}
    world = World(objects)
    batch = [forged(i).encode() for i in range(BATCH - 2)]
    consume(kinesis_event([prediction(1).encode(), *batch, prediction(2).encode()]), world.resources())
    assert len(world.rows("quarantine")) == BATCH - 2
    assert len(world.rows("predictions")) == 2
    # The bundle's two files, one absent version, the list of all; then 4 calls for each of the two windows.
    assert world.calls.count <= 2 + 1 + 1 + 2 * 4


def test_a_bomb_is_not_unpacked() -> None:
    """It is not JSON, and it is kept as it came."""
    bombs = [gzip.compress(bytes(100_000_000)), zlib.compress(prediction(1).encode() + b" " * 100_000_000)]
    world = World()
    to = world.resources()
    consume(kinesis_event([prediction(1).encode()], first=1), to)  # so that the bundle has been read
    tracemalloc.start()
    consume(kinesis_event(bombs, first=2), to)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
    rows = world.rows("quarantine")
    assert [base64.b64decode(row["payload"]) for row in rows] == bombs
    assert all(row["reason"].startswith("not JSON (") for row in rows)


def test_absence_is_forgotten_with_the_batch() -> None:
    world = World({})
    to = world.resources()
    consume(kinesis_event([prediction(1).encode()], first=1), to)
    world.s3.objects.update({("models", key): content for key, content in bundle_objects().items()})
    consume(kinesis_event([prediction(2).encode()], first=2), to)
    assert [row["event_id"] for row in world.rows("predictions")] == [prediction(2).event_id]
    assert len(world.rows("quarantine")) == 1


def test_hostile_records_register_no_series_of_their_own() -> None:
    world = World()
    rng = Random(4)
    payloads = [rng.choice([tame, record])(rng) for _ in range(3_000)]
    consume(kinesis_event(payloads, first=0, arrival=ARRIVAL), world.resources())
    registered = {key for key in world.dynamodb.items if key[0].startswith("models#")}
    assert registered == {
        (registry_key(MODEL), f"prediction#{MODEL}#{VERSION}#300"),
        (registry_key(MODEL), f"shadow#{MODEL}#{VERSION}#300"),
        (registry_key(MODEL), f"label#{MODEL}#-#300"),
        (registry_key("-"), "quarantine#-#-#300"),
    }


def test_the_longest_names_fit_into_every_key() -> None:
    series = Series(kind="prediction", model_name="m" * 64, model_version="v" * 64, window_seconds=3600)
    key = WindowKey(series=series, start=max(TIMES), shard_id="s" * 128)
    sequences = f"{10**56 - 1}-{10**56 - 1}"
    place = object_key(WindowKey(series=series, start=NOON, shard_id="s" * 128), sequences)
    assert len(place) <= 1_024
    assert len(key.series.key.encode()) <= 2_048
    assert len(key.sort_key.encode()) <= 1_024


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    (handler,) = logger.handlers
    written = io.StringIO()
    before = handler.setStream(written)  # type: ignore[attr-defined]
    yield written
    handler.setStream(before)  # type: ignore[attr-defined]


def test_a_batch_logs_one_short_line(log: io.StringIO) -> None:
    rng = Random(5)
    world: Any = World()
    consume(kinesis_event([record(rng) for _ in range(500)], arrival=ARRIVAL), world.resources())
    [line] = log.getvalue().splitlines()
    assert len(line) < 1_000
