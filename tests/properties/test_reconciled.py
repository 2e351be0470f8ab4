"""The reconciler removes exactly what no item lists, and tells to the record what is not accounted for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_consumer.archive import REPEATED, written
from drift_consumer.archive_reader import footer
from drift_consumer.ranges import _coalesced, pack
from drift_consumer.window_store import UNRECONCILED
from tests.properties.test_exactly_once import (
    MIXED,
    SHARDS,
    Story,
    Stream,
    calls_of_a_clean_run,
    check,
    polls_of_a_story,
    record,
    records_of_a_story,
    told,
    unlisted,
)
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_traffic import NOON, World, sequence_number

HOUR = 3_600_000
LATER = NOON + 30 * HOUR
"""More than a day after the stories."""

ARCHIVED = ("predictions/", "labels/", "shadow/", "quarantine/")


def objects(world: World) -> set[str]:
    return {key for key in world.s3.keys("archive") if key.startswith(ARCHIVED)}


def marked(world: World) -> list[str]:
    return sorted(sk for (_, sk), item in world.dynamodb.items.items() if UNRECONCILED in item)


def lines(world: World) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for key in world.s3.keys("archive")
        if key.startswith("reconciled/")
        for line in world.s3.objects["archive", key].splitlines()
    ]


def stored_but_for_marks(world: World) -> dict[object, object]:
    return {
        key: {name: value for name, value in item.items() if name != UNRECONCILED}
        for key, item in world.dynamodb.items.items()
    }


def orphaned() -> Stream:
    """One after whose story an object is not listed, and events are repeated in a batch."""
    made = _orphaned()
    records = {shard: list(payloads) for shard, payloads in made.records.items()}
    return Stream(world=made.world.copy(), records=records, positions=made.positions.copy())


@cache
def _orphaned() -> Stream:
    for number in range(1, calls_of_a_clean_run() + 1):
        stream = Stream()
        twice = record(200, "good", 0)
        stream.records = {SHARDS[0]: [*MIXED, twice, twice], SHARDS[1]: [record(201, "good", 0)]}
        stream.world.calls.crash_at(number, "after")
        stream.poll(SHARDS[0], len(MIXED))
        stream.drain()
        if unlisted(stream):
            return stream
    raise AssertionError("no crash left an orphan")


@settings(max_examples=60, deadline=None)
@given(records_of_a_story, polls_of_a_story)
def test_after_any_story_exactly_the_unlisted_objects_are_removed(
    records: list[tuple[str, int, bool]], story: Story
) -> None:
    stream = told(records, story)
    world, orphans = stream.world, unlisted(stream)
    before, items = objects(world), stored_but_for_marks(world)
    done = world.reconcile(LATER)
    assert objects(world) == before - orphans
    assert (done["orphans"], done["unaccounted"]) == (len(orphans), 0)
    assert marked(world) == []
    assert stored_but_for_marks(world) == items
    captured = sum(line["captured"] for line in lines(world))
    assert captured == sum(line["folded"] for line in lines(world)) == sum(map(len, stream.records.values()))
    assert sum(line["archived"] for line in lines(world)) == sum(map(len, world.archived().values()))
    check(stream)
    assert world.reconcile() == {"windows": 0, "orphans": 0, "waiting": 0, "unaccounted": 0}
    assert world.cloudwatch.values("UnaccountedRecords") == [0, 0]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_any_call_changes_nothing(when: str) -> None:
    stream = orphaned()
    clean = stream.world.copy()
    clean.reconcile(LATER)
    assert len(objects(clean)) < len(objects(stream.world))
    for number in range(1, clean.calls.count + 1):
        broken = stream.world.copy()
        broken.now = LATER
        broken.calls.crash_at(number, when)
        with pytest.raises(CrashError):
            broken.reconcile()
        broken.calls.heal()
        assert broken.reconcile()["unaccounted"] == 0
        assert objects(broken) == objects(clean)
        assert marked(broken) == []
        assert stored_but_for_marks(broken) == stored_but_for_marks(clean)


def test_what_is_not_old_enough_is_left() -> None:
    """Its batch may yet be delivered, and the object listed."""
    stream = orphaned()
    world, orphans = stream.world, unlisted(stream)
    assert world.reconcile(NOON + 2 * HOUR)["windows"] == 0
    assert orphans <= objects(world)
    [orphan] = orphans
    world.s3.written["archive", orphan] = LATER - HOUR
    world.reconcile(LATER)
    assert orphans <= objects(world)
    assert marked(world)
    assert world.reconcile(LATER + 24 * HOUR)["orphans"] == 1


def test_a_window_that_is_counted_into_meanwhile_stays_marked() -> None:
    stream = orphaned()
    world = stream.world
    total = len(marked(world))
    stream.positions[SHARDS[0]] = len(stream.records[SHARDS[0]])
    stream.records[SHARDS[0]].append(record(300, "good", 0))

    def hook(current: int, when: str) -> None:
        if (current, when) == (3, "after"):  # the items have been read
            world.calls.heal()
            world.now = LATER
            stream.drain()

    world.calls = world.dynamodb.calls = world.s3.calls = type(world.calls)()
    world.calls.hook = hook
    world.reconcile(LATER)
    assert len(marked(world)) == 1 < total
    assert world.reconcile(LATER + 25 * HOUR)["unaccounted"] == 0
    assert marked(world) == []
    check(stream)


# ---- what is wrong is told to the record ----


def damaged(damage: Callable[[World], int]) -> tuple[World, int]:
    """A world in which something was lost, and how many records that makes."""
    world = orphaned().world
    world.reconcile(LATER)
    for item in world.dynamodb.items.values():
        if "state" in item:
            item[UNRECONCILED] = item["pk"]
    return world, damage(world)


def lose_an_object(world: World) -> int:
    """The one with the repeated event: rows and repeated deliveries are missing."""
    key, content = next(
        (key, world.s3.objects["archive", key])
        for key in sorted(objects(world))
        if footer(world.s3.objects["archive", key]).repeated
    )
    del world.s3.objects["archive", key]
    assert footer(content).records > footer(content).rows > 0
    return footer(content).records


def lose_rows(world: World) -> int:
    key = max(objects(world), key=lambda one: footer(world.s3.objects["archive", one]).rows)
    content = world.s3.objects["archive", key]
    table = pq.read_table(io.BytesIO(content))
    world.s3.objects["archive", key] = written(table.slice(2), footer(content).repeated)
    return 2


def forget_a_repeated_delivery(world: World) -> int:
    key = next(one for one in sorted(objects(world)) if footer(world.s3.objects["archive", one]).repeated)
    content = world.s3.objects["archive", key]
    assert REPEATED.encode() in content
    world.s3.objects["archive", key] = written(pq.read_table(io.BytesIO(content)), ())
    return len(footer(content).repeated)


def count_too_few(world: World) -> int:
    """A state that has one row less and one duplicate more has two wrong numbers, though the sum is right."""
    item = next(item for item in world.dynamodb.items.values() if "state" in item)
    state = bytearray(item["state"]["B"])
    n, duplicates = (int.from_bytes(state[at : at + 8], "little") for at in (12, 20))
    state[12:20], state[20:28] = (n - 1).to_bytes(8, "little"), (duplicates + 1).to_bytes(8, "little")
    item["state"] = {"B": bytes(state)}
    return 2


def spoil_a_state(world: World) -> int:
    item = next(item for item in world.dynamodb.items.values() if "state" in item)
    n, duplicates = (int.from_bytes(item["state"]["B"][at : at + 8], "little") for at in (12, 20))
    item["state"] = {"B": b"spoiled"}
    return n + duplicates


def lose_an_item(world: World) -> int:
    """One whose hour has another."""
    place = f"{NOON:013d}#{SHARDS[0]}"
    key = next(key for key in world.dynamodb.items if key[0].startswith("prediction#") and key[1] == place)
    state = world.dynamodb.items.pop(key)["state"]["B"]
    return sum(int.from_bytes(state[at : at + 8], "little") for at in (12, 20))


@pytest.mark.parametrize(
    "damage",
    [lose_an_object, lose_rows, forget_a_repeated_delivery, count_too_few, spoil_a_state, lose_an_item],
)
def test_what_is_lost_is_told_to_the_record(
    damage: Callable[[World], int], caplog: pytest.LogCaptureFixture
) -> None:
    world, lost = damaged(damage)
    held = objects(world)
    caplog.clear()
    assert world.reconcile()["unaccounted"] == lost > 0
    assert world.cloudwatch.values("UnaccountedRecords")[-1] == lost
    assert objects(world) == held, "an object that may be the only copy stays"
    assert marked(world), "it is looked at again"
    [message] = [vars(entry) for entry in caplog.records if entry.levelname == "ERROR"]
    assert message["unaccounted"] == lost
    assert {"series", "window_start", "shard_id", "captured", "archived", "folded"} <= set(message)
    assert "coast" not in str(message)
    assert world.reconcile()["unaccounted"] == lost


# ---- batches that the consumer gave up ----


def given_up() -> tuple[World, str, list[int]]:
    """A batch whose object was written and never counted, and later ones that were."""
    stream = Stream()
    stream.records[SHARDS[0]] = [*(record(i, "good", 0) for i in range(4)), record(9, "good", 0)]
    size = 4
    for number in range(1, 20):
        stream.world.calls.crash_at(number, "after")
        stream.poll(SHARDS[0], size)
        if objects(stream.world):
            break
    stream.positions[SHARDS[0]] = size
    stream.drain()
    [orphan] = unlisted(stream)
    return stream.world, orphan, [sequence_number(i) for i in range(size)]


def put_aside(world: World, key: str, content: dict[str, Any]) -> None:
    world.s3.objects["failed", key] = json.dumps(content).encode()


def test_the_only_copy_of_a_record_is_unaccounted_and_kept() -> None:
    world, orphan, sequences = given_up()
    done = world.reconcile(LATER)
    assert (done["unaccounted"], done["orphans"]) == (len(sequences), 0)
    assert orphan in objects(world)


def test_what_waits_in_a_failed_batch_is_not_unaccounted_and_once_redriven_it_is_removed() -> None:
    world, orphan, sequences = given_up()
    batch = f"aws/lambda/x/{SHARDS[0]}/2026/01/01/y"
    info = {"startSequenceNumber": str(sequences[0]), "endSequenceNumber": str(sequences[-2])}
    put_aside(world, batch, {"KinesisBatchInfo": info})
    put_aside(world, batch.replace(SHARDS[0], SHARDS[1]), {"KinesisBatchInfo": {}})
    done = world.reconcile(LATER)
    assert (done["waiting"], done["unaccounted"]) == (len(sequences) - 1, 1)
    info["endSequenceNumber"] = str(sequences[-1])
    put_aside(world, batch, {"KinesisBatchInfo": info})
    done = world.reconcile()
    assert (done["waiting"], done["unaccounted"], done["orphans"]) == (len(sequences), 0, 0)
    assert orphan in objects(world)
    assert marked(world)
    receipt = f"redriven/{SHARDS[0]}/{sequences[0]}-{sequences[-1]}.json"
    put_aside(world, receipt, {"put": [str(sequence) for sequence in sequences]})
    del world.s3.objects["failed", batch]
    done = world.reconcile()
    assert (done["waiting"], done["unaccounted"], done["orphans"]) == (0, 0, 1)
    assert orphan not in objects(world)
    assert marked(world) == []


# ---- what has been forgotten, and what cannot be told ----


def test_objects_of_a_forgotten_window_are_neither_removed_nor_missed() -> None:
    """A late label makes an item anew, after the table has dropped the one before."""
    stream = Stream()
    stream.records[SHARDS[0]] = [record(0, "label", 0)]
    stream.drain()
    world = stream.world
    [key] = [key for key, item in world.dynamodb.items.items() if "state" in item]
    del world.dynamodb.items[key]
    world.now += 36 * 24 * HOUR
    stream.positions[SHARDS[0]] = 1
    stream.records[SHARDS[0]].append(record(1, "label", 0))
    stream.drain()
    assert len(objects(world)) == 2
    done = world.reconcile(world.now + 25 * HOUR)
    assert (done["windows"], done["unaccounted"], done["orphans"]) == (1, 0, 0)
    assert len(objects(world)) == 2
    assert marked(world) == []


def test_of_merged_ranges_nothing_is_removed_and_what_is_missing_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "drift_consumer.window_store.pack", lambda one: pack(_coalesced(one) if len(one) > 6 else one)
    )
    stream = Stream()
    stream.records[SHARDS[0]] = [record(i, "good", 0) for i in range(12)]
    while stream.positions[SHARDS[0]] < 12:
        stream.poll(SHARDS[0], 1)
    world = stream.world
    [item] = [item for item in world.dynamodb.items.values() if "state" in item]
    assert item["merged"] == {"BOOL": True}
    held = objects(world)
    assert world.reconcile(LATER)["unaccounted"] == 0
    assert objects(world) == held
    assert marked(world) == []
    item[UNRECONCILED] = item["pk"]
    del world.s3.objects["archive", min(held)]
    assert world.reconcile()["unaccounted"] == 1


def test_a_strange_object_stops_its_hour_only_and_the_metric_is_not_a_calm_zero() -> None:
    stream = Stream()
    stream.records[SHARDS[0]] = [record(i, kind, 0) for i, kind in enumerate(["good", "label"])]
    stream.drain()
    world = stream.world
    label_key = next(key for key in objects(world) if key.startswith("labels/"))
    world.s3.objects["archive", label_key.replace(".parquet", ".copy.parquet")] = b""
    with pytest.raises(ExceptionGroup, match="some hours could not be compared") as raised:
        world.reconcile(LATER)
    [fault] = raised.value.exceptions
    assert "is not a name that the consumer gives" in str(fault)
    assert fault.__notes__[0].startswith("while reconciling label#")
    assert world.cloudwatch.values("UnaccountedRecords") == []
    assert [line["kind"] for line in lines(world)] == ["prediction"]
    assert len(marked(world)) == 1


@given(st.integers(1, 40))
@settings(max_examples=10, deadline=None)
def test_a_footer_of_any_length_is_read(repeats: int) -> None:
    """Longer than what is fetched at first."""
    stream = Stream()
    stream.records[SHARDS[0]] = [record(0, "good", 0)] * (20 * repeats)
    stream.poll(SHARDS[0], 20 * repeats)
    assert stream.world.reconcile(LATER)["unaccounted"] == 0
    assert lines(stream.world)[0]["captured"] == 20 * repeats
