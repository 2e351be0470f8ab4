"""From the archive alone the table comes back: states, ranges, sequence numbers to the bit, and verdicts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_consumer.archive import Archive
from drift_consumer.archive_reader import ArchiveReader
from drift_consumer.baselines import Baselines
from drift_consumer.marks import Marks
from drift_consumer.metrics import Publisher
from drift_consumer.progress import ProgressStore
from drift_consumer.put_aside import PutAside
from drift_consumer.series import Series
from drift_consumer.settings import EvaluatorSettings
from drift_consumer.window_store import WindowStore
from drift_core import classified
from drift_core.bundle import ERRORS_FILE
from scripts.pieces import cover
from scripts.rebuild import Outcome, Rebuild
from scripts.rejudge import Compared, Rejudge
from tests.properties.test_exactly_once import (
    MIXED,
    SHARDS,
    WINDOW,
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
from tests.properties.test_reconciled import (
    given_up,
    lose_an_item,
    lose_an_object,
    objects,
    orphaned,
    put_aside,
    spoil_a_state,
)
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_traffic import (
    EVALUATOR,
    MODEL,
    NOON,
    VERSION,
    World,
    bundle_objects,
    healthy,
    label,
    with_files,
)

HOUR = 3_600_000
MINUTE = 60_000
EXACT = ("state", "last_sequence", "ranges")
SERIES = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)


@pytest.fixture(autouse=True)
def without_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes seconds an hour, and has no memory."""
    monkeypatch.setattr(classified, "FEWEST_ROWS", 10**9)


def rebuild(world: World, **options: Any) -> Rebuild:
    s3: Any = world.s3
    dynamodb: Any = world.dynamodb
    return Rebuild(
        model_name=MODEL,
        baselines=Baselines(s3, "models"),
        archive=Archive(s3, "archive"),
        reader=ArchiveReader(s3, "archive"),
        put_aside=PutAside(s3, "failed"),
        windows=WindowStore(dynamodb, "windows"),
        marks=Marks(dynamodb, "windows"),
        progress=ProgressStore(dynamodb, "windows"),
        clock=lambda: world.now,
        **options,
    )


def recover(world: World, **options: Any) -> list[Outcome]:
    one = rebuild(world, **options)
    return [outcome for hour in range(-2, 3) for _, outcome in one.hour(NOON + hour * HOUR)]


def judge_again(world: World) -> Compared | None:
    s3: Any = world.s3
    dynamodb: Any = world.dynamodb
    cloudwatch: Any = world.cloudwatch
    one = Rejudge(
        s3=s3,
        dynamodb=dynamodb,
        settings=EvaluatorSettings.from_env(EVALUATOR),
        baselines=Baselines(s3, "models"),
        publisher=Publisher(cloudwatch, namespace="Driftline", model_name=MODEL),
        clock=lambda: world.now,
        wait=lambda seconds: setattr(world, "now", world.now + round(1000 * seconds)),
    )
    return one.again(SERIES) if one.forgotten(SERIES) else None


def windows(world: World) -> dict[object, dict[str, Any]]:
    """What must come back to the bit."""
    return {
        key: {name: item[name] for name in EXACT}
        for key, item in world.dynamodb.items.items()
        if "state" in item
    }


# ---- states ----


@settings(max_examples=100, deadline=None)
@given(records_of_a_story, polls_of_a_story)
def test_after_any_story_a_lost_table_comes_back_to_the_bit(
    records: list[tuple[str, int, bool]], story: Story
) -> None:
    stream = told(records, story)
    world = stream.world
    before, held = windows(world), objects(world)
    assert set(recover(world)) <= {Outcome.INTACT}
    world.dynamodb.items.clear()
    assert set(recover(world, dry_run=True)) <= {Outcome.REBUILT}
    assert windows(world) == {}
    assert set(recover(world)) <= {Outcome.REBUILT}
    assert windows(world) == before
    assert objects(world) == held
    check(stream)
    assert set(recover(world)) <= {Outcome.INTACT}


@pytest.mark.parametrize("retry_size", [2, 5])
def test_after_a_crash_at_any_call_what_the_retry_listed_is_found_beside_the_orphan(retry_size: int) -> None:
    """The orphan of the larger batch holds the same records in fewer pieces."""
    seen = 0
    for number in range(1, calls_of_a_clean_run() + 1):
        stream = Stream()
        stream.records[SHARDS[0]] = MIXED
        stream.world.calls.crash_at(number, "after")
        stream.poll(SHARDS[0], len(MIXED))
        while stream.positions[SHARDS[0]] < len(MIXED):
            stream.poll(SHARDS[0], retry_size)
        before = windows(stream.world)
        seen += len(unlisted(stream))
        stream.world.dynamodb.items.clear()
        recover(stream.world)
        assert windows(stream.world) == before, number
    assert seen >= 2, "there is an orphan to be taken in"


@settings(max_examples=60, deadline=None)
@given(records_of_a_story, polls_of_a_story, st.data())
def test_a_table_lost_amid_a_story_counts_each_record_once(
    records: list[tuple[str, int, bool]], story: Story, data: st.DataObject
) -> None:
    """The consumer goes on from a position that may lie before the loss, with other boundaries."""
    at = data.draw(st.integers(0, len(story)), label="loss")
    stream = told(records, story[:at], drain=False)
    back = {shard: data.draw(st.integers(0, stream.positions[shard])) for shard in SHARDS}
    stream.world.dynamodb.items.clear()
    if data.draw(st.booleans(), label="the consumer is first"):
        stream.positions.update({shard: back[shard] - stream.positions[shard] for shard in SHARDS})
        stream.poll(SHARDS[0], data.draw(st.integers(1, 9)))
    recover(stream.world)
    for shard in SHARDS:
        stream.positions[shard] = min(stream.positions[shard], back[shard])
    stream.drain()
    recover(stream.world)
    check(stream)


def test_a_crash_around_any_call_of_a_recovery_is_put_right_by_the_next() -> None:
    stream = orphaned()
    before = windows(stream.world)
    stream.world.dynamodb.items.clear()
    clean = stream.world.copy()
    recover(clean)
    for number in range(1, clean.calls.count + 1):
        for when in ("before", "after"):
            broken = stream.world.copy()
            broken.calls.crash_at(number, when)
            with pytest.raises(CrashError):
                recover(broken)
            broken.calls.heal()
            recover(broken)
            assert windows(broken) == before, (number, when)


@pytest.mark.parametrize("size", [1, 20])
def test_the_consumer_may_count_at_any_moment_of_a_recovery(size: int) -> None:
    reference = orphaned()
    reference.world.dynamodb.items.clear()
    clean = reference.world.copy()
    recover(clean)
    for number in range(1, clean.calls.count + 1):
        stream = orphaned()
        stream.positions[SHARDS[0]] = len(stream.records[SHARDS[0]])
        stream.records[SHARDS[0]] += [record(400 + i, "good", 0) for i in range(3)]
        stream.world.dynamodb.items.clear()

        def hook(
            current: int, when: str, at: int = stream.world.calls.count + number, one: Stream = stream
        ) -> None:
            if (current, when) == (at, "after"):
                one.world.calls.heal()
                one.poll(SHARDS[0], size)

        stream.world.calls.hook = hook
        recover(stream.world)
        stream.world.calls.heal()
        stream.drain()
        recover(stream.world)
        check(stream)


def test_one_item_or_state_comes_back_and_the_rest_is_left() -> None:
    for damage in (lose_an_item, spoil_a_state):
        world = orphaned().world
        before = windows(world)
        damage(world)
        outcomes = recover(world)
        assert windows(world) == before
        assert sorted(set(outcomes)) in (
            [Outcome.INTACT, Outcome.REBUILT],
            [Outcome.INTACT, Outcome.REPAIRED],
        )


def test_a_state_is_not_lowered_unless_the_loss_is_accepted() -> None:
    world = orphaned().world
    world.reconcile(NOON + 30 * HOUR)
    before = windows(world)
    lost = lose_an_object(world)
    assert recover(world).count(Outcome.LEFT) == 1
    assert windows(world) == before
    for item in world.dynamodb.items.values():
        if "state" in item:
            item["unreconciled"] = item["pk"]
    assert world.reconcile()["unaccounted"] == lost
    assert recover(world, accept_missing=True).count(Outcome.REPAIRED) == 1
    after = windows(world)
    assert {key: item["last_sequence"] for key, item in after.items()} == {
        key: item["last_sequence"] for key, item in before.items()
    }
    assert world.reconcile(world.now + 25 * HOUR)["unaccounted"] == 0


# ---- batches that were given up ----


def test_what_was_redriven_is_not_counted_under_its_old_number() -> None:
    world, orphan, sequences = given_up()
    before = windows(world)
    put_aside(world, f"redriven/{SHARDS[0]}/a.json", {"put": [str(sequence) for sequence in sequences]})
    world.dynamodb.items.clear()
    recover(world)
    assert windows(world) == before
    assert orphan in objects(world)


def test_the_only_copy_of_records_is_counted_and_then_they_are_accounted_for() -> None:
    world, _, sequences = given_up()
    assert world.reconcile(NOON + 30 * HOUR)["unaccounted"] == len(sequences)
    assert recover(world) == [Outcome.REPAIRED]
    assert world.reconcile(world.now + 25 * HOUR)["unaccounted"] == 0


def test_a_window_that_no_objects_fit_is_united() -> None:
    """The counted object is lost, and an orphan of other boundaries has some of its records."""
    stream = Stream()
    stream.records[SHARDS[0]] = [record(i, "good", 0) for i in range(6)]
    for size, first in ((4, 0), (4, 2)):
        stream.positions[SHARDS[0]] = first
        stream.world.dynamodb.items.clear()
        stream.poll(SHARDS[0], size)
    stream.world.dynamodb.items.clear()
    stream.positions[SHARDS[0]] = 6
    assert recover(stream.world) == [Outcome.REBUILT]
    check(stream)
    assert len(objects(stream.world)) == 3
    assert recover(stream.world) == [Outcome.INTACT]
    stream.world.reconcile(NOON + 30 * HOUR)
    assert unlisted(stream) == set()
    check(stream)


def test_windows_that_would_have_been_forgotten_stay_so() -> None:
    world = orphaned().world
    world.dynamodb.items.clear()
    world.now += 36 * 24 * HOUR
    assert set(recover(world)) == {Outcome.FORGOTTEN}
    assert world.dynamodb.items == {}


@given(st.sets(st.integers(0, 60), min_size=1, max_size=25), st.data())
@settings(max_examples=200, deadline=None)
def test_the_counted_objects_are_found_among_any_orphans_that_begin_where_they_do(
    numbers: set[int], data: st.DataObject
) -> None:
    """Law: attempts begin at the first record that has not been counted, and end anywhere."""
    records = sorted(numbers)
    every: dict[str, set[int]] = {}
    counted = []
    at = 0
    while at < len(records):
        ends = data.draw(st.lists(st.integers(at + 1, len(records)), min_size=1, max_size=4))
        for end in ends:
            every[f"{records[at]}-{records[end - 1]}"] = set(records[at:end])
        counted.append(f"{records[at]}-{records[ends[-1] - 1]}")
        at = ends[-1]
    assert list(cover(every).keys) == counted


def test_what_an_item_lists_was_counted_whatever_else_would_fit() -> None:
    """Two pollers, one of which gave up: its halves are more pieces, but the item says what was counted."""
    every = {"1-4": {1, 2, 3, 4}, "1-2": {1, 2}, "3-4": {3, 4}, "5-5": {5}}
    assert cover(every, listed=["1-4"]).keys == ("1-4", "5-5")
    assert cover(every).keys == ("1-2", "3-4", "5-5")
    assert cover({"1-4": {1, 2, 3, 4}, "3-6": {3, 4, 5, 6}}).keys == ()


# ---- verdicts ----


def story(world: World, windows_from: int, windows_to: int) -> None:
    """Traffic that begins to drift, beside labels and unreadable records, judged as it comes."""
    for number in range(windows_from, windows_to):
        start = NOON + number * WINDOW
        world.now = start + MINUTE
        shift = 1.5 if number >= 5 else 0.0
        world.consume(healthy(20, start, first=1_000 * number, shift=shift))
        rest = healthy(15, start, first=1_000 * number + 500, shift=shift)
        world.consume([*rest, label(number, start), b"bad"], shard=1)
        world.evaluate(start + WINDOW + 2 * MINUTE)


def test_judged_again_the_memory_is_the_same_and_nothing_is_told_twice() -> None:
    world, twin = World(), World()
    for one in (world, twin):
        story(one, 0, 14)
    before, verdicts = dict(world.dynamodb.items), world.verdicts()
    assert verdicts[f"window.{NOON + 6 * WINDOW}"]["drift"]
    published = len(world.cloudwatch.data)
    world.dynamodb.items.clear()
    recover(world)
    compared = judge_again(world)
    assert compared is not None
    assert (compared.same, compared.different, compared.new) == (len(verdicts), [], 0)
    assert len(world.cloudwatch.data) == published, "nothing is told twice"
    assert world.verdicts() == verdicts
    assert world.memory().to_bytes() == twin.memory().to_bytes()
    of_the_moment = {"expires", "first_update", "last_update", "unreconciled", "pending", "version"}
    for key, item in before.items():
        if key[0].startswith("models#"):
            continue
        found = world.dynamodb.items[key]
        assert {name: found[name] for name in item.keys() - of_the_moment} == {
            name: item[name] for name in item.keys() - of_the_moment
        }, key
    assert judge_again(world) is None

    for one in (world, twin):
        story(one, 14, 18)
    assert [told_again(v) for v in world.verdicts().values()] == [
        told_again(v) for v in twin.verdicts().values()
    ]
    assert world.memory().to_bytes() == twin.memory().to_bytes()
    for name in ("QuarantinedRecords", "LabelRecords"):
        assert sum(world.cloudwatch.values(name)) == sum(twin.cloudwatch.values(name)) == 18


def told_again(verdict: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in verdict.items() if name != "judged_at"}, sort_keys=True)


@pytest.mark.parametrize("files", [{}, {ERRORS_FILE: b"{}"}], ids=["inputs only", "quality is watched"])
def test_a_verdict_that_was_never_given_is_told_aloud(files: dict[str, bytes]) -> None:
    world = World(with_files(bundle_objects(), files))
    story(world, 0, 7)
    start = NOON + 7 * WINDOW
    world.now = start + MINUTE
    world.consume(healthy(30, start, first=9_000, shift=1.5))
    world.dynamodb.items.clear()
    published = world.cloudwatch.values("DriftScore")
    world.now = start + WINDOW + 2 * MINUTE
    recover(world)
    compared = judge_again(world)
    assert compared is not None
    assert (compared.same, compared.different, compared.new) == (7, [], 1)
    assert len(world.cloudwatch.values("DriftScore")) == len(published) + 1
    assert world.verdicts()[f"window.{start}"]["drift"]


def test_what_was_told_and_is_not_quiet_is_waited_for() -> None:
    """Else the evaluator would tell it again, and all windows behind it."""
    world = World()
    story(world, 0, 14)  # beyond the hour
    published = len(world.cloudwatch.values("DriftScore"))
    verdicts = world.verdicts()
    assert any(name.startswith("hour.") for name in verdicts)
    world.dynamodb.items.clear()
    for key in objects(world):
        world.s3.written["archive", key] = world.now
    recover(world)
    compared = judge_again(world)
    assert compared is not None
    assert (compared.same, compared.new) == (len(verdicts), 0)
    world.evaluate(world.now + 2 * MINUTE)
    assert len(world.cloudwatch.values("DriftScore")) == published


def test_late_rows_make_another_verdict_which_is_named_and_not_written() -> None:
    world = World()
    story(world, 0, 8)
    world.consume(healthy(15, NOON + 6 * WINDOW, first=77_000, shift=1.5))
    world.evaluate(world.now + 3 * MINUTE)
    verdicts = world.verdicts()
    assert verdicts[f"window.{NOON + 6 * WINDOW}"]["revision"] == 1
    world.dynamodb.items.clear()
    recover(world)
    compared = judge_again(world)
    assert compared is not None
    assert compared.different
    assert compared.same >= 6
    assert world.verdicts() == verdicts


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_any_call_of_judging_again_is_put_right_by_the_next(when: str) -> None:
    world = World()
    story(world, 0, 4)
    clean = world.copy()
    for one in (world, clean):
        one.dynamodb.items.clear()
        recover(one)
    world, clean = world.copy(), clean.copy()
    judge_again(clean)
    for number in range(1, clean.calls.count + 1):
        broken = world.copy()
        broken.calls.crash_at(number, when)
        with pytest.raises(CrashError):
            judge_again(broken)
        broken.calls.heal()
        judge_again(broken)
        broken.evaluate(broken.now)
        assert broken.memory().to_bytes() == clean.memory().to_bytes(), number
        assert broken.verdicts() == clean.verdicts()
        assert len(broken.cloudwatch.values("DriftScore")) == len(clean.cloudwatch.values("DriftScore"))


def test_a_memory_that_is_whole_is_left_alone() -> None:
    """Of a single lost item the evaluator knows the verdict already: it is not judged again."""
    world = World()
    story(world, 0, 4)
    verdicts, memory = world.verdicts(), world.memory().to_bytes()
    key = next(
        key for key, item in world.dynamodb.items.items() if "state" in item and "prediction" in key[0]
    )
    del world.dynamodb.items[key]
    assert recover(world).count(Outcome.REBUILT) == 1
    assert judge_again(world) is None
    published = len(world.cloudwatch.data)
    world.evaluate(world.now + 2 * MINUTE)
    assert world.pending() == []
    assert (world.verdicts(), world.memory().to_bytes()) == (verdicts, memory)
    assert len(world.cloudwatch.data) == published
