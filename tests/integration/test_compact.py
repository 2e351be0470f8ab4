"""Compaction on moto: no record is lost or counted twice at any moment, wherever it is stopped."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.parquet as pq
import pytest

from drift_consumer import reconcile as reconciler
from drift_consumer.archive import Archive
from drift_consumer.archive_reader import ArchiveReader
from drift_consumer.marks import Marks
from drift_consumer.put_aside import PutAside
from scripts.compaction import Compacted, Compaction, CompactionError, Outcome
from tests.integration.test_consume_and_evaluate import WINDOW, Stack, stack
from tests.integration.test_recover import DAY, deployed, items, run, wipe
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, healthy

__all__ = ["deployed", "stack"]

HOUR = 3_600_000
FOLDERS = ("predictions/", "labels/")


class StoppedError(Exception):
    """The process ended here."""


@dataclass
class Fragile:
    """A client that ends before its n-th writing call."""

    client: Any
    calls_left: int

    def __getattr__(self, name: str) -> Any:
        if name in ("put_object", "delete_object", "update_item"):
            if not self.calls_left:
                raise StoppedError(name)
            self.calls_left -= 1
        return getattr(self.client, name)


@pytest.fixture
def settled(deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Windows of several objects each, compared and two days old."""
    for part in range(3):
        for shard in range(2):
            events = [event.encode() for event in healthy(6, NOON, first=9_000 + 20 * part + 7 * shard)]
            deployed.consume([*events, events[0]], first=3_000 + 50 * part, shard=shard)
    for name, value in {"FAILED_BATCHES_BUCKET": "failed", "RECONCILE_AFTER_HOURS": "24"}.items():
        monkeypatch.setenv(name, value)
    reconciler.resources.cache_clear()
    deployed.now = int(time.time() * 1000) + 3 * DAY
    assert reconcile(deployed)["unaccounted"] == 0
    yield deployed


def reconcile(stack: Stack) -> dict[str, int]:
    return reconciler.reconcile(replace(reconciler.resources(), clock=lambda: stack.now))


def compaction(stack: Stack, calls: int = 10**9) -> Compaction:
    s3, dynamodb = Fragile(stack.s3, calls), Fragile(stack.dynamodb, calls)
    return Compaction(
        model_name=MODEL,
        archive=Archive(s3, "archive"),  # type: ignore[arg-type]
        reader=ArchiveReader(stack.s3, "archive"),
        put_aside=PutAside(stack.s3, "failed"),
        marks=Marks(dynamodb, "windows"),  # type: ignore[arg-type]
        clock=lambda: stack.now,
    )


def compacted(stack: Stack, calls: int = 10**9) -> list[Compacted]:
    return list(compaction(stack, calls).hour(NOON // HOUR * HOUR))


def records(stack: Stack) -> dict[str, set[tuple[str, ...]]]:
    """All rows, by folder, each once."""
    return {
        folder: {
            tuple(map(str, row.values()))
            for key in stack.keys(folder)
            for row in pq.read_table(io.BytesIO(content(stack, key))).to_pylist()
        }
        for folder in FOLDERS
    }


def content(stack: Stack, key: str) -> bytes:
    body: bytes = stack.s3.get_object(Bucket="archive", Key=key)["Body"].read()
    return body


def objects(stack: Stack) -> Counter[str]:
    """Objects by window and shard."""
    return Counter(key.rsplit(".", 2)[0] for folder in FOLDERS for key in stack.keys(folder))


def test_each_window_of_a_shard_becomes_one_object_of_the_same_rows(settled: Stack) -> None:
    before, rows, states = objects(settled), records(settled), items(settled)
    assert max(before.values()) == 4
    told = compacted(settled)
    assert {one.outcome for one in told} == {Outcome.COMPACTED, Outcome.SINGLE}
    assert sum(one.before for one in told) == before.total()
    assert objects(settled) == Counter(dict.fromkeys(before, 1))
    assert records(settled) == rows
    after = items(settled)
    assert {key: {**item, "ranges": 0} for key, item in after.items()} == {
        key: {**item, "ranges": 0} for key, item in states.items()
    }
    assert {one.outcome for one in compacted(settled)} == {Outcome.SINGLE}
    assert reconcile(settled)["unaccounted"] == 0


def test_wherever_it_is_stopped_every_record_is_there_and_the_next_run_ends_it(settled: Stack) -> None:
    rows, windows = records(settled), set(objects(settled))
    for calls in range(12):
        try:
            compacted(settled, calls)
        except StoppedError:
            assert records(settled) == rows
            assert reconcile(settled)["unaccounted"] == 0
    compacted(settled)
    assert records(settled) == rows
    assert objects(settled) == Counter(dict.fromkeys(windows, 1))


def test_late_records_and_a_lost_table_after_it(settled: Stack) -> None:
    """More is counted into a compacted window; then the table is lost and comes back from the archive."""
    compacted(settled)
    late = [event.encode() for event in healthy(4, NOON, first=20_000)]
    settled.consume(late, first=9_000, shard=0)
    settled.now += 2 * DAY
    settled.evaluate(settled.now)
    assert reconcile(settled)["unaccounted"] == 0
    states = {key: item for key, item in items(settled).items() if key[0].startswith("prediction#")}
    wipe(settled)
    code, told = run()
    assert code == 0, told
    found = items(settled)
    for key, item in states.items():
        if key[1][0].isdigit():
            assert found[key]["state"] == item["state"]
            assert found[key]["ranges"] == item["ranges"]


def test_windows_whose_items_were_forgotten_are_compacted_and_stay_forgotten(settled: Stack) -> None:
    rows = records(settled)
    wipe(settled)
    assert {one.outcome for one in compacted(settled)} == {Outcome.UNRECONCILED, Outcome.SINGLE}
    settled.now += 40 * DAY
    assert Outcome.COMPACTED in {one.outcome for one in compacted(settled)}
    assert records(settled) == rows
    newest = [one.written for one in ArchiveReader(settled.s3, "archive").objects("predictions/")]
    assert max(newest) < settled.now - 39 * DAY, "as old as its records, not as the compaction"


def test_what_reads_otherwise_than_it_was_written_costs_nothing(settled: Stack) -> None:
    before = objects(settled)
    work = compaction(settled)
    put = work.archive.put

    def spoil(key: str, content: bytes) -> None:
        first = next(iter(settled.keys("predictions/")))
        put(key, settled.s3.get_object(Bucket="archive", Key=first)["Body"].read())

    work.archive.put = spoil  # type: ignore[method-assign]
    with pytest.raises(CompactionError, match="reads otherwise than it was written"):
        list(work.hour(NOON // HOUR * HOUR))
    assert objects(settled) >= before


@pytest.mark.parametrize(("days", "outcome"), [(0, Outcome.YOUNG), (3, Outcome.UNRECONCILED)])
def test_what_may_still_change_is_left(deployed: Stack, days: int, outcome: Outcome) -> None:
    events = [event.encode() for event in healthy(6, NOON + WINDOW, first=9_000)]
    deployed.consume(events, first=3_000, shard=0)
    deployed.now = int(time.time() * 1000) + days * DAY
    assert {one.outcome for one in compacted(deployed)} == {outcome, Outcome.SINGLE}
