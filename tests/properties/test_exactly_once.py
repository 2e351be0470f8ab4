"""Every record is counted exactly once, in the window states and in the archive, whichever call breaks.

One batch, broken at each call in turn: by a crash, after which it comes again in other batches, or by a
second poller. What `test_faults` draws at random is complete here, for one fault at a time.
"""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st

from drift_consumer.archive import object_key
from drift_consumer.consume import consume
from drift_consumer.series import NO_COLUMNS, Series
from drift_consumer.window_store import StoredWindow, WindowStore
from drift_core.bins import Layout
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    SEGMENTS,
    VERSION,
    World,
    bundle_objects,
    kinesis_event,
    label,
    prediction,
    sequence_number,
    shadow,
)

WINDOW = 300_000
SHARDS = ("shardId-000000000000", "shardId-000000000001")

type Place = tuple[str, int, str]  # kind, window start, shard


@dataclass
class Stream:
    """Shards with records, and how far each has been read."""

    world: World = field(default_factory=lambda: World(bundle_objects(segments=SEGMENTS)))
    records: dict[str, list[bytes]] = field(default_factory=lambda: {shard: [] for shard in SHARDS})
    positions: Counter[str] = field(default_factory=Counter)

    def batch(self, shard: str, size: int) -> dict[str, Any]:
        at = self.positions[shard]
        return kinesis_event(self.records[shard][at : at + size], first=at, shard=shard)

    def poll(self, shard: str, size: int) -> bool:
        """One invocation by a new environment; whether it returned."""
        try:
            consume(self.batch(shard, size), self.world.resources())
        except CrashError:
            return False
        finally:
            self.world.calls.heal()
        self.positions[shard] += size
        return True

    def drain(self) -> None:
        for shard, records in self.records.items():
            while self.positions[shard] < len(records):
                self.poll(shard, 7)


def expected(stream: Stream) -> dict[Place, list[tuple[str, str]]]:
    """Event id (or payload) and sequence number of each record read, by where it belongs."""
    found: dict[Place, list[tuple[str, str]]] = defaultdict(list)
    for shard, payloads in stream.records.items():
        for position, payload in enumerate(payloads[: stream.positions[shard]]):
            kind, time, identity = BELONGS[payload]
            place = (kind, time // WINDOW * WINDOW, shard)
            found[place].append((identity, str(sequence_number(position))))
    return found


def check(stream: Stream) -> None:
    """States and listed objects hold each record once, and nothing else."""
    windows = {(w.key.series.kind, w.key.start, w.key.shard_id): w for w in stored(stream.world)}
    truth = expected(stream)
    assert windows.keys() == truth.keys()
    archived = stream.world.archived()
    for place, records in truth.items():
        window = windows[place]
        assert window.state.n + window.state.duplicates == len(records)
        assert window.pending
        assert len(set(window.ranges)) == len(window.ranges)
        ends = [int(end) for counted in window.ranges for end in counted.split("-")]
        assert ends == sorted(ends), "ranges overlap"
        rows = [row for counted in window.ranges for row in archived[object_key(window.key, counted)]]
        assert len(rows) == window.state.n
        kept = [(row.get("event_id", row.get("payload")), row["sequence_number"]) for row in rows]
        assert len(set(kept)) == len(kept)
        assert set(kept) <= set(records)
        assert {identity for identity, _ in kept} == {identity for identity, _ in records}
        if window.key.series.kind == "prediction":
            check_segments(window, rows)


def check_segments(window: StoredWindow, rows: list[dict[str, Any]]) -> None:
    """Each row is counted in one segment of each column."""
    layout, found = window.state.layout, window.state.segments
    assert found is not None
    counted = dict(
        zip(
            (n for one in SEGMENTS for n in one.names), found[:, layout.slice(0)].sum(1).tolist(), strict=True
        )
    )
    gardens = Counter(row["features"]["garden"] for row in rows)
    assert counted == {
        "area=coast": len(rows),
        "area=hills": 0,
        "area=(rest)": 0,
        "garden=false": gardens[False],
        "garden=true": gardens[True],
        "garden=(rest)": 0,
    }
    for first, last in ((0, 3), (3, 6)):
        assert found[first:last].sum(0).tolist() == window.state.counts.tolist()


def stored(world: World) -> list[StoredWindow]:
    client: Any = world.dynamodb
    store = WindowStore(client, "windows")
    found: list[StoredWindow] = []
    for series in [*store.series_of(MODEL), *store.series_of("-")]:
        found += store.span(series, layout_of(series), 0, 10**13 - 1)
    return found


def layout_of(series: Series) -> Layout:
    if not series.is_judged:
        return NO_COLUMNS
    world = World(bundle_objects(segments=SEGMENTS))
    return world.resources().baselines.get(MODEL, VERSION).baseline.layout


BELONGS: dict[bytes, tuple[str, int, str]] = {}
"""Kind, time and identity of each payload below."""


def remembered(kind: str, time: int, payload: bytes, identity: str) -> bytes:
    BELONGS[payload] = (kind, time, identity)
    return payload


def record(number: int, kind: str, window: int) -> bytes:
    time = NOON - window * WINDOW + number * 10
    if kind == "bad":
        payload = b"{" * (number + 1)
        return remembered("quarantine", NOON + 10_000, payload, base64.b64encode(payload).decode())
    if kind == "label":
        event = label(number, time)
        return remembered("label", time, event.encode(), event.event_id)
    if kind == "shadow":
        beside = shadow(number, time)
        return remembered("shadow", time, beside.encode(), beside.event_id)
    served = prediction(number, time)
    return remembered("prediction", time, served.encode(), served.event_id)


MIXED = [
    record(i, kind, i % 2)
    for i, kind in enumerate(["good", "label", "good", "bad", "shadow", "good", "good", "label"])
]
MIXED = [*MIXED, MIXED[0], MIXED[2]]
"""Two windows of each kind; the last two records repeat events, one of them as the last of its window."""


def calls_of_a_clean_run() -> int:
    stream = Stream()
    stream.records[SHARDS[0]] = MIXED
    assert stream.poll(SHARDS[0], len(MIXED))
    return stream.world.calls.count


@pytest.mark.parametrize("retry_size", [1, 5, len(MIXED) + 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_any_call_loses_and_doubles_nothing(when: str, retry_size: int) -> None:
    for number in range(1, calls_of_a_clean_run() + 1):
        stream = Stream()
        stream.records[SHARDS[0]] = [*MIXED, *(record(100 + i, "good", 0) for i in range(3))]
        stream.world.calls.crash_at(number, when)
        assert not stream.poll(SHARDS[0], len(MIXED))
        while stream.positions[SHARDS[0]] < len(stream.records[SHARDS[0]]):
            assert stream.poll(SHARDS[0], retry_size)
        check(stream)


@pytest.mark.parametrize("other_size", [1, 4, 6, len(MIXED)])
def test_a_second_poller_at_any_moment_loses_and_doubles_nothing(other_size: int) -> None:
    for number in range(1, calls_of_a_clean_run() + 1):
        for when in ("before", "after"):
            stream = Stream()
            stream.records[SHARDS[0]] = MIXED

            def hook(
                current: int, now: str, at: tuple[int, str] = (number, when), one: Stream = stream
            ) -> None:
                if (current, now) == at:
                    one.world.calls.heal()
                    consume(one.batch(SHARDS[0], other_size), one.world.resources())

            stream.world.calls.hook = hook
            assert stream.poll(SHARDS[0], len(MIXED))
            check(stream)
            orphans = unlisted(stream)
            assert not orphans, "nobody crashed, so each loser removed what it had written"


def unlisted(stream: Stream) -> set[str]:
    listed = {object_key(window.key, counted) for window in stored(stream.world) for counted in window.ranges}
    return set(stream.world.archived()) - listed


records_of_a_story = st.lists(
    st.tuples(
        st.sampled_from(["good", "good", "good", "label", "shadow", "bad"]), st.integers(0, 2), st.booleans()
    ),
    max_size=25,
)
"""Kind and window of each record, and whether it comes twice."""

polls_of_a_story = st.lists(
    st.tuples(
        st.sampled_from(SHARDS),
        st.integers(1, 12),
        st.none() | st.tuples(st.integers(1, 40), st.sampled_from(["before", "after"]), st.integers(0, 12)),
    ),
    max_size=20,
)
"""Polls of a shard by batch size; a fault is a crash (rival 0) or a rival's batch size, around a call."""

type Story = list[tuple[str, int, tuple[int, str, int] | None]]


def told(records: list[tuple[str, int, bool]], story: Story, *, drain: bool = True) -> Stream:
    """The stream after a story."""
    stream = Stream()
    for number, (kind, window, second) in enumerate(records):
        payload = record(number, kind, window)
        stream.records[SHARDS[number % 2]] += [payload, payload] if second and kind != "bad" else [payload]
    for shard, size, fault in story:
        size = min(size, len(stream.records[shard]) - stream.positions[shard])  # noqa: PLW2901
        if not size:
            continue
        if fault:
            set_fault(stream, shard, *fault)
        stream.poll(shard, size)
    if drain:
        stream.drain()
    return stream


def set_fault(stream: Stream, shard: str, number: int, when: str, rival: int) -> None:
    calls = stream.world.calls
    target = calls.count + number
    if not rival:
        calls.crash_at(number, when)
        return

    def hook(current: int, now: str) -> None:
        if (current, now) == (target, when):
            calls.heal()
            consume(stream.batch(shard, rival), stream.world.resources())

    calls.hook = hook
