"""What any version has written is read by today's, and what a later one will add does no harm.

`tests/golden/` holds what each version wrote, to the byte. What is to come is made up here by the rule of
docs/decisions/0009-later-versions-only-add.md.
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift_consumer.series import Series, WindowKey
from drift_consumer.window_store import StoredWindow
from drift_core.baseline import Baseline
from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, SELF, FileEntry, Manifest, bundle_prefix, sealed
from drift_core.event import PredictionEvent, decode
from drift_core.memory import Memory
from drift_core.span import Span
from drift_core.window import WindowState
from tests.golden.record import FOLDER, MINUTE, WINDOW, from_text
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION, World, bundle_objects, healthy

RECORDED = sorted(path for path in FOLDER.iterdir() if path.is_dir() and path.name[:1] == "v")

SERIES = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
STATE_HEADER = 48
MEMORY_HEADER = 4
MEMORY_MORE = int.from_bytes(b"DLM+") << 32
ADDED = struct.pack("<3q", 17, 4711, -1)
"""A section that only a later version knows."""


def read(folder: Path, name: str) -> Any:
    return from_text(json.loads((folder / name).read_text()))


def objects(folder: Path) -> dict[str, bytes]:
    prefix = bundle_prefix(MODEL, VERSION)
    return {prefix + name: (folder / name).read_bytes() for name in (MANIFEST_FILE, BASELINE_FILE)}


def recorded_world(folder: Path) -> World:
    """The world as the recording left it."""
    world, moment = World(objects(folder)), read(folder, "moment.json")
    world.dynamodb.items = {(i["pk"]["S"], i["sk"]["S"]): i for i in read(folder, "items.json")}
    world.now, world.sequence = moment["now"], moment["next_sequence"]
    return world


def window(world: World, start: int, shard: int) -> StoredWindow:
    key = WindowKey(series=SERIES, start=start, shard_id=f"shardId-{shard:012d}")
    found = world.resources().windows.read(key, world.monitor().baseline.layout)
    assert found is not None
    return found


# ---- what versions have written ----


def test_the_first_version_is_recorded() -> None:
    assert RECORDED[0].name == "v1"


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_recorded_events_are_read(folder: Path) -> None:
    *events, label, broken = read(folder, "events.json")
    for payload in events:
        described, event = json.loads(payload), decode(payload.encode())
        assert isinstance(event, PredictionEvent)
        assert (event.event_id, event.features) == (described["event_id"], described["features"])
        assert (event.prediction, event.source) == (described["prediction"], described["source"])
    assert decode(label.encode()).event_type == "label"
    with pytest.raises(ValueError, match="schema_version is absent"):
        decode(broken.encode())


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_recorded_states_are_what_the_recorded_events_count_to(folder: Path) -> None:
    """Counted again by today's code with the recorded baseline, they are the same to the byte."""
    recorded, again = recorded_world(folder), World(objects(folder))
    events = [payload.encode() for payload in read(folder, "events.json")]
    again.consume(events[:50])
    again.consume(events[50:80], shard=1)
    again.consume(events[80:])
    for start, shard, n in ((NOON, 0, 50), (NOON, 1, 30), (NOON + WINDOW, 0, 25)):
        found, counted = window(recorded, start, shard), window(again, start, shard)
        assert found.state.n == n
        assert found.state == counted.state
        assert (found.ranges, found.last_sequence) == (counted.ranges, counted.last_sequence)


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_todays_code_goes_on_where_a_recorded_version_stopped(folder: Path) -> None:
    """It counts on in the window that was open, judges it, and leaves the one that was judged."""
    world = recorded_world(folder)
    before = world.memory()
    world.now += 1
    world.consume(healthy(30, NOON + WINDOW + 1000, first=200))
    assert world.evaluate(NOON + 2 * WINDOW + 2 * MINUTE) == {"judged": 1, "label": 1, "quarantine": 1}
    assert window(world, NOON + WINDOW, 0).state.n == 25 + 30
    verdicts = world.verdicts()
    assert list(verdicts) == [f"window.{NOON + WINDOW}"]  # the recorded one's cursor had passed its window
    assert verdicts[f"window.{NOON + WINDOW}"]["n"] == 55
    assert verdicts[f"window.{NOON + WINDOW}"]["counts"]["quarantined"] == 1
    assert world.memory().noise[Span.WINDOW].count == before.noise[Span.WINDOW].count + 1


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_a_late_row_revises_a_recorded_verdict(folder: Path) -> None:
    world = recorded_world(folder)
    world.now += 1
    world.consume(healthy(10, NOON + 1000, first=300))
    world.evaluate(NOON + 2 * WINDOW + 2 * MINUTE)
    revised = world.verdicts()[f"window.{NOON}"]
    assert (revised["n"], revised["revision"], revised["late_records"]) == (90, 1, 10)


# ---- what a later version will write ----


def later_event(event: PredictionEvent, version: int = 2) -> bytes:
    described = {**json.loads(event.encode()), "schema_version": version}
    return json.dumps({**described, "latency_ms": 12.5, "trace": {"id": "x", "hops": [1, 2]}}).encode()


def later_state(data: bytes) -> bytes:
    return data[:STATE_HEADER] + zlib.compress(zlib.decompress(data[STATE_HEADER:]) + ADDED)


def later_memory(data: bytes, signals: int) -> bytes:
    more = struct.pack("<q", MEMORY_MORE + signals) + ADDED
    return data[:MEMORY_HEADER] + zlib.compress(zlib.decompress(data[MEMORY_HEADER:]) + more)


def added_to(data: bytes, header: int, own: bytes) -> bytes | None:
    """What a later version reads of its own section: None where today's version wrote."""
    return zlib.decompress(data[header:])[len(zlib.decompress(own[header:])) :] or None


def later_objects() -> dict[str, bytes]:
    """A bundle that a later version trained."""
    found = bundle_objects()
    prefix = bundle_prefix(MODEL, VERSION)
    baseline: dict[str, Any] = json.loads(found[prefix + BASELINE_FILE])
    baseline |= {
        "format": 3,
        "embedding": [0.1, 0.2],
        "columns": [{**c, "unit": "m"} for c in baseline["columns"]],
    }
    content = json.dumps(baseline).encode()
    manifest: dict[str, Any] = json.loads(found[prefix + MANIFEST_FILE])
    del manifest[SELF]
    manifest |= {"format": 2, "licence": "MIT", "monitor": {**manifest["monitor"], "patience": 3}}
    entry = FileEntry.of(content)
    manifest["files"][BASELINE_FILE] = {"sha256": entry.sha256, "size": entry.size, "signature": "..."}
    return {prefix + BASELINE_FILE: content, prefix + MANIFEST_FILE: sealed(manifest).encode()}


def become_later(world: World) -> None:
    """Let a later version have written all items: with further attributes, sections and marks."""
    signals = len(world.monitor().baseline.signals)
    for item in world.dynamodb.items.values():
        item["weather"] = {"S": "fair"}
        if "state" in item:
            item["state"] = {"B": later_state(item["state"]["B"])}
        if "memory" in item:
            item["memory"] = {"B": later_memory(item["memory"]["B"], signals)}


@pytest.mark.parametrize("version", [2, 3, 10**30])
def test_what_an_event_has_more_is_ignored_and_what_is_known_is_checked(version: int) -> None:
    (event,) = healthy(1)
    assert decode(later_event(event, version)) == event
    broken = json.dumps({**json.loads(later_event(event, version)), "event_time": "noon"})
    with pytest.raises(ValueError, match="event_time is 'noon'; write UTC milliseconds"):
        decode(broken.encode())


def test_half_the_producers_are_ahead() -> None:
    """A later version's events, some with fields that are unknown here, mixed with today's in every batch."""
    world, plain = World(), World()
    events = healthy(200)
    bare = [e.encode().replace(b'"schema_version":1', b'"schema_version":2') for e in events]
    mixed = [(event.encode(), later_event(event), bare[i])[i % 3] for i, event in enumerate(events)]
    assert len(set(mixed)) == 200
    for world_of, payloads in ((world, mixed), (plain, [event.encode() for event in events])):
        world_of.consume(payloads[:120])
        world_of.consume(payloads[120:])
    assert world.rows("predictions") == plain.rows("predictions")
    assert window(world, NOON, 0).state == window(plain, NOON, 0).state
    assert world.rows("quarantine") == []


def test_consumer_and_evaluator_go_on_after_a_later_version_and_it_after_them() -> None:
    """There and back: today's code, a later one, today's, and what the later one finds then."""
    world, alone = World(later_objects()), World()
    first, second, third = (
        healthy(60),
        healthy(40, NOON + 1000, first=100),
        healthy(50, NOON + WINDOW, first=200),
    )
    for each in (world, alone):
        each.consume(first)
    become_later(world)
    for each in (world, alone):
        each.consume(
            [later_event(event) for event in second[:20]] + [event.encode() for event in second[20:]]
        )
        each.evaluate(NOON + WINDOW + 2 * MINUTE)
    become_later(world)
    for each in (world, alone):
        each.consume(third)
        each.evaluate(NOON + 2 * WINDOW + 4 * MINUTE)

    for start, n in ((NOON, 100), (NOON + WINDOW, 50)):
        assert window(world, start, 0).state.n == n
        assert window(world, start, 0).state == window(alone, start, 0).state
        assert window(world, start, 0).ranges == window(alone, start, 0).ranges
    told, expected = world.verdicts(), alone.verdicts()
    assert told == expected
    assert {name: verdict["n"] for name, verdict in told.items() if name.startswith("window.")} == {
        f"window.{NOON}": 100,
        f"window.{NOON + WINDOW}": 50,
    }
    assert world.memory().to_bytes() == alone.memory().to_bytes()


def test_a_later_version_finds_its_own_where_it_was_left_and_nothing_where_it_was_not() -> None:
    """What today's code counts into again loses what it does not know; what it only marks keeps it."""
    world = World()
    world.consume(healthy(60))
    become_later(world)
    item = world.dynamodb.items[SERIES.key, f"{NOON}#shardId-000000000000"]
    own = window(world, NOON, 0).state.to_bytes()
    assert added_to(item["state"]["B"], STATE_HEADER, own) == ADDED

    assert world.evaluator().windows.settle(window(world, NOON, 0))
    settled = world.dynamodb.items[SERIES.key, f"{NOON}#shardId-000000000000"]
    assert "pending" not in settled
    assert (settled["weather"], settled["state"]) == (item["weather"], item["state"])

    world.consume(healthy(10, NOON + 1000, first=100))
    counted = world.dynamodb.items[SERIES.key, f"{NOON}#shardId-000000000000"]
    assert "weather" not in counted
    assert added_to(counted["state"]["B"], STATE_HEADER, window(world, NOON, 0).state.to_bytes()) is None
    assert window(world, NOON, 0).state.n == 70


def test_a_later_bundle_has_the_same_layout() -> None:
    """Else its windows could not be counted by both."""
    later, today = later_objects(), bundle_objects()
    prefix = bundle_prefix(MODEL, VERSION)
    read = [Baseline.from_json(one[prefix + BASELINE_FILE]) for one in (later, today)]
    assert read[0].layout.fingerprint == read[1].layout.fingerprint
    manifests = [Manifest.from_json(one[prefix + MANIFEST_FILE]) for one in (later, today)]
    assert manifests[0].monitor == manifests[1].monitor


def test_a_longer_memory_of_another_baseline_is_not_taken_for_a_later_one() -> None:
    """It is longer too, but lacks the word that names the number of signals."""
    rng = np.random.default_rng(0)
    start = Memory.start(5)
    longer = Memory(start.charts, start.noise).to_bytes()
    for signals in (4, 3, 1):
        with pytest.raises(ValueError, match=f"not one of {signals} signals"):
            Memory.from_bytes(longer, signals)
        with pytest.raises(ValueError, match=f"not one of {signals} signals"):
            Memory.from_bytes(later_memory(longer, 5), signals)
    noisy = longer[:4] + zlib.compress(zlib.decompress(longer[4:]) + rng.bytes(80))
    with pytest.raises(ValueError, match="not one of 5 signals"):
        Memory.from_bytes(noisy, 5)
    assert Memory.from_bytes(later_memory(longer, 5), 5).to_bytes() == longer


def test_a_state_that_is_cut_is_not_read_as_empty() -> None:
    state = window(counted(), NOON, 0).state
    data = state.to_bytes()
    cut = data[:STATE_HEADER] + zlib.compress(zlib.decompress(data[STATE_HEADER:])[:-4])
    with pytest.raises(ValueError, match="its layout"):
        WindowState.from_bytes(state.layout, cut)


def counted() -> World:
    world = World()
    world.consume(healthy(60))
    return world
