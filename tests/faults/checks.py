"""What must be true at the end of every story, exactly."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from drift_consumer.archive import object_key
from drift_consumer.progress import Judged, ProgressStore
from drift_consumer.series import NO_COLUMNS, QUARANTINE, Series
from drift_consumer.verdict_store import verdict_key
from drift_consumer.window_store import StoredWindow, WindowStore
from drift_core.bins import Layout
from drift_core.event import PREDICTION, SHADOW
from drift_core.span import Span
from drift_core.window import WindowState
from tests.faults.story import LEAST_ROWS, Story
from tests.faults.stream import StreamRecord
from tests.faults.traffic import WINDOW, Belonging, belongings
from tests.unit.drift_consumer.fixture_traffic import MODEL, VERSION, World

type Place = tuple[str, int, str]
"""Kind, window start and shard."""

_JUDGED = (PREDICTION, SHADOW)

_LENGTHS = {Span.HOUR: 3_600_000, Span.DAY: 86_400_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A stream record and where it belongs; whether its window's item lists it as counted."""

    place: Place
    record: StreamRecord
    belongs: Belonging
    counted: bool


def check(story: Story) -> None:
    """Hold a story that has come to its end against all that must hold."""
    check_counts(story)
    _the_memory_is_that_of_the_windows_in_their_turn(story)


def check_counts(story: Story) -> None:
    """All but the monitor's memory, for which one must know who read what and when."""
    windows = stored_windows(story.world)
    kept = _where_all_is(story, windows)
    _each_window_holds_its_records_once(story, windows, kept)
    _only_what_was_redriven_is_not_counted(story, kept)
    _nothing_waits(story)
    _what_capture_said_is_true(story, kept)
    _the_archive_holds_the_set_of_events(story, windows, kept)
    _verdicts_agree_with_the_states(story, windows)


def stored_windows(world: World) -> dict[Place, StoredWindow]:
    """All window items."""
    client: Any = world.dynamodb
    store = WindowStore(client, "windows")
    found: dict[Place, StoredWindow] = {}
    for series in [*store.series_of(MODEL), *store.series_of("-")]:
        for window in store.span(series, _layout(series.kind), 0, 10**13 - 1):
            found[series.kind, window.key.start, window.key.shard_id] = window
    items = [key for key in world.dynamodb.items if "shardId" in key[1]]
    assert len(items) == len(found), "an item is of a series that nobody can find"
    return found


@cache
def _layout(kind: str) -> Layout:
    if kind not in _JUDGED:
        return NO_COLUMNS
    return World().resources().baselines.get(MODEL, VERSION).baseline.layout


def _where_all_is(story: Story, windows: Mapping[Place, StoredWindow]) -> list[Kept]:
    found = []
    for shard, record in story.world.stream.records:
        belongs = belongings()[record.data]
        time = record.arrival if belongs.time is None else belongs.time
        place = (belongs.kind, time // WINDOW * WINDOW, shard.name)
        ranges = windows[place].ranges if place in windows else ()
        counted = any(first <= record.sequence <= last for first, last in map(_ends, ranges))
        found.append(Kept(place=place, record=record, belongs=belongs, counted=counted))
    return found


def _ends(counted: str) -> tuple[int, int]:
    first, _, last = counted.partition("-")
    return int(first), int(last)


def _each_window_holds_its_records_once(
    story: Story, windows: Mapping[Place, StoredWindow], kept: list[Kept]
) -> None:
    """States, ranges and rows of the listed objects, each against the stream itself."""
    counted: dict[Place, list[Kept]] = defaultdict(list)
    for one in kept:
        if one.counted:
            counted[one.place].append(one)
    assert counted.keys() == windows.keys()
    archived = story.world.archived()
    for place, window in windows.items():
        ends = [end for one in window.ranges for end in _ends(one)]
        assert ends == sorted(ends), "ranges overlap"
        assert len({first for first, _ in map(_ends, window.ranges)}) == len(window.ranges)
        assert window.last_sequence == ends[-1]
        assert window.state.n + window.state.duplicates == len(counted[place]), place
        rows = 0
        for listed in window.ranges:
            first, last = _ends(listed)
            truth = [one for one in counted[place] if first <= one.record.sequence <= last]
            assert truth[0].record.sequence == first
            assert truth[-1].record.sequence == last
            found = archived[object_key(window.key, listed)]
            told = [(row.get("event_id", row.get("payload")), int(row["sequence_number"])) for row in found]
            assert sorted(told) == sorted(_rows(truth)), "rows are the first deliveries in a range"
            rows += len(found)
        assert rows == window.state.n, place


def _rows(counted: list[Kept]) -> list[tuple[str, int]]:
    """Identity and sequence number of each row: of an event its first delivery, of what is broken each."""
    rows: dict[object, tuple[str, int]] = {}
    for one in counted:
        identity, sequence = one.belongs.identity, one.record.sequence
        rows.setdefault(identity if one.belongs.kind != QUARANTINE else sequence, (identity, sequence))
    return list(rows.values())


def _only_what_was_redriven_is_not_counted(story: Story, kept: list[Kept]) -> None:
    """A record is in one place: counted, or given up and put on the stream again by the redrive."""
    given_up = {(one.shard.name, record) for one in story.world.mapping.discarded for record in one.records}
    left = [one for one in kept if not one.counted]
    assert {(one.place[2], one.record) for one in left} <= given_up
    missing = Counter(one.record.data for one in kept if not one.counted)
    again = Counter(one.record.data for one in kept if one.record.writer.startswith("batches"))
    assert missing <= again, "a record that was given up has not come back"
    if not may_double(story):
        assert missing == again, "redriven more often than it was missing"


def may_double(story: Story) -> bool:
    """Whether a redrive may put records twice.

    It was interrupted between a put and its receipt, or a batch that it has put again was delivered as well.
    """
    harmed = any(name.startswith("batches") for name, _, _ in story.world.gate.befallen)
    hits = story.world.mapping.hits
    return harmed or bool(hits["a second poller"] or hits["a checkpoint is lost"])


def _nothing_waits(story: Story) -> None:
    world = story.world
    assert world.pending() == []
    assert world.evaluate() == {}
    assert world.queue.messages == {}
    assert world.failed_batches() == []


def _what_capture_said_is_true(story: Story, kept: list[Kept]) -> None:
    """What it did not call lost is on the stream, and all that is there was sent."""
    accepted = {one.record.data for one in kept}
    sent = {one.encode() for sending in story.sendings for one in sending.sent}
    assert accepted <= sent
    for sending in story.sendings:
        if sending.delivery is not None:
            safe = {one.encode() for one in sending.sent if one.event_id not in sending.delivery.lost}
            assert safe <= accepted, "an event that was not reported lost is nowhere"


def _the_archive_holds_the_set_of_events(
    story: Story, windows: Mapping[Place, StoredWindow], kept: list[Kept]
) -> None:
    """Each event of the stream once as the queries read it; stray objects only where something broke."""
    archived = story.world.archived()
    found = {row.get("event_id", row.get("payload")) for rows in archived.values() for row in rows}
    assert found == {one.belongs.identity for one in kept}
    listed = {object_key(window.key, one) for window in windows.values() for one in window.ranges}
    assert listed <= archived.keys()
    if not any(name.startswith("consumer") for name, _, _ in story.world.gate.befallen):
        assert archived.keys() == listed, "nothing broke, so each loser removed what it had written"


def _verdicts_agree_with_the_states(story: Story, windows: Mapping[Place, StoredWindow]) -> None:
    world = story.world
    client: Any = world.dynamodb
    progress = ProgressStore(client, "windows")
    for series in {window.key.series for window in windows.values()}:
        mine = [window for window in windows.values() if window.key.series == series]
        for span in Span:
            for start, end in _spans(mine, span):
                judged = progress.judged(series, span, start)
                if judged is None:
                    continue
                inside = [window for window in mine if judged.start <= window.key.start < judged.end]
                assert judged.n == sum(window.state.n for window in inside), (series.kind, span)
                assert judged.duplicates == sum(window.state.duplicates for window in inside)
                if series.kind in _JUDGED:
                    _verdict_agrees(story, series, judged)
                assert judged.end >= end or span is Span.WINDOW
        if series.kind in _JUDGED and sum(window.state.n for window in mine) >= LEAST_ROWS:
            assert any(progress.judged(series, Span.DAY, start) for start, _ in _spans(mine, Span.DAY))


def _spans(windows: list[StoredWindow], span: Span) -> set[tuple[int, int]]:
    length = _LENGTHS.get(span, WINDOW)
    starts = {window.key.start // length * length for window in windows}
    return {(start, start + length) for start in starts}


def _verdict_agrees(story: Story, series: Series, judged: Judged) -> None:
    key = verdict_key(series, judged.span, judged.start)
    verdict = json.loads(story.world.s3.objects["archive", key])
    if story.plan.evaluators == 1:
        assert verdict["n"] == verdict["counts"]["archived"] == judged.n
        assert verdict["counts"]["duplicates"] == judged.duplicates
    else:
        assert verdict["n"] <= judged.n, "of two at once, the one that lost may have written last"


def _the_memory_is_that_of_the_windows_in_their_turn(story: Story) -> None:
    """Against the monitor itself, fed with the states that each span had when its verdict was committed."""
    world = story.world
    monitor = world.monitor()
    memory, seen = dict.fromkeys(_JUDGED, monitor.start()), set()
    read: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for caller, operation, request, answer in world.gate.trace:
        if operation == "TransactWriteItems":
            for item in _first_verdicts(request):
                span, start = Span(item["pk"]["S"].rpartition("#")[2]), int(item["sk"]["S"])
                kind = item["pk"]["S"].split("#")[1]
                assert (kind, span, start) not in seen, "a span had its turn twice"
                seen.add((kind, span, start))
                states = [
                    WindowState.from_bytes(monitor.baseline.layout, bytes(one["state"]["B"]))
                    for one in read[caller]
                ]
                cells: Counter[int] = Counter()
                for one, state in zip(read[caller], states, strict=True):
                    cells[monitor.cell(int(one["sk"]["S"].partition("#")[0]))] += state.n
                total = WindowState.sum(monitor.baseline.layout, states)
                assert total.n == int(item["n"]["N"])
                memory[kind] = monitor.judge(
                    total, span=span, start=start, end=int(item["end"]["N"]), memory=memory[kind], cells=cells
                ).memory
        elif "BETWEEN" in request["KeyConditionExpression"] and _is_judged(request):
            read[caller] = [*(read[caller] if operation == "Page" else []), *answer]
    for kind in _JUDGED:
        assert world.memory(kind).to_bytes() == memory[kind].to_bytes(), kind


def _is_judged(request: Mapping[str, Any]) -> bool:
    """Whether a query read windows of predictions, served or in shadow."""
    key: str = request["ExpressionAttributeValues"][":series"]["S"]
    return key.partition("#")[0] in _JUDGED


def _first_verdicts(puts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items of a transaction that remember a span judged in its turn."""
    items = [put["Item"] for put in puts]
    return [
        item
        for item in items
        if "first_n" in item and item["revision"]["N"] == "0" and item["first_n"]["N"] != "0"
    ]
