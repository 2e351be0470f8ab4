"""The property of `test_faults` finds the bugs that it is there to find: each seeded one, soon."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from drift_consumer import archive, consume, evaluate, reconcile, window_store
from drift_consumer.archive import parquet
from drift_consumer.consume import Resources
from drift_consumer.progress import ProgressStore
from drift_consumer.slices import Slice
from drift_consumer.window_store import LostRaceError, StoredWindow, WindowStore
from drift_core import classified
from tests.faults import checks, drawn
from tests.faults.drawn import live_through, stories
from tests.faults.story import Plan, Step

WITHIN = 300
"""Schedules."""

type Seeding = Callable[[pytest.MonkeyPatch], None]


def no_condition(patch: pytest.MonkeyPatch) -> None:
    """The state is put whatever has been counted since it was read."""

    def put(store: Any, window: StoredWindow, *, replacing: StoredWindow | None) -> None:
        if replacing is None:
            store._register(window.key.series, window.last_update)
        store._dynamodb.put_item(TableName=store._table, Item=window_store._item(window))

    patch.setattr(WindowStore, "put", put)


def fold_before_archive(patch: pytest.MonkeyPatch) -> None:
    """A crash between the two leaves counts without rows."""

    def count_once(piece: Slice, to: Resources) -> Counter[str]:
        for _ in range(consume.ATTEMPTS):
            stored = to.windows.read(piece.key, piece.layout)
            fresh = piece.after(stored.last_sequence) if stored else piece
            if not len(fresh):
                return Counter()
            events = fresh.distinct()
            try:
                to.windows.put(consume._extended(stored, fresh, events, to.clock()), replacing=stored)
            except LostRaceError:
                continue
            to.archive.put(archive.object_key(piece.key, fresh.sequence_range), parquet(events))
            return Counter()
        raise LostRaceError

    patch.setattr(consume, "count_once", count_once)


def key_of_the_first_number(patch: pytest.MonkeyPatch) -> None:
    """Two pollers whose batches begin at one record write different rows under one key."""
    whole = archive.object_key

    def object_key(window: Any, sequence_range: str) -> str:
        return whole(window, sequence_range.partition("-")[0])

    for module in (consume, checks):  # what is listed is looked up under the same key
        patch.setattr(module, "object_key", object_key)


def numbers_compared_as_texts(patch: pytest.MonkeyPatch) -> None:
    """The number after 99 is 100, which as a text comes first."""

    def after(piece: Slice, last_sequence: int) -> Slice:
        later = [str(number) > str(last_sequence) for number in piece.sequences]
        return piece._taking(np.flatnonzero(later))

    patch.setattr(Slice, "after", after)


def registered_after_the_item(patch: pytest.MonkeyPatch) -> None:
    """A crash between the two hides the first window of a series."""
    register, put = WindowStore._register, WindowStore.put

    def put_first(store: WindowStore, window: StoredWindow, *, replacing: StoredWindow | None) -> None:
        put(store, window, replacing=replacing)
        if replacing is None:
            register(store, window.key.series, window.last_update)

    patch.setattr(WindowStore, "_register", lambda *_: None)
    patch.setattr(WindowStore, "put", put_first)


def orphan_removed_though_listed(patch: pytest.MonkeyPatch) -> None:
    """Who loses to an attempt of its own removes the rows that it has counted."""
    patch.setattr(consume, "_discard_orphan", lambda fresh, place, to: to.archive.delete(place))


def settled_without_condition(patch: pytest.MonkeyPatch) -> None:
    """What is counted while a window is judged waits for no verdict any more."""

    def settle(store: Any, window: StoredWindow) -> bool:
        store._dynamodb.update_item(
            TableName=store._table,
            Key=window_store.item_key(window.key),
            UpdateExpression="REMOVE pending",
        )
        return True

    patch.setattr(WindowStore, "settle", settle)


def cursor_without_condition(patch: pytest.MonkeyPatch) -> None:
    """Of two evaluators at once, the second puts the charts back."""
    advance = ProgressStore.advance

    class Careless:
        """Passes a transaction on without its conditions."""

        def __init__(self, dynamodb: Any) -> None:
            self._dynamodb = dynamodb

        def transact_write_items(self, TransactItems: list[Any]) -> None:
            puts = [{name: item["Put"][name] for name in ("TableName", "Item")} for item in TransactItems]
            self._dynamodb.transact_write_items(TransactItems=[{"Put": put} for put in puts])

    def unconditional(store: Any, *progressed: Any) -> None:
        careless: Any = Careless(store._dynamodb)
        advance(ProgressStore(careless, store._table), *progressed)

    patch.setattr(ProgressStore, "advance", unconditional)


@pytest.mark.parametrize(
    "bug",
    [
        no_condition,
        fold_before_archive,
        key_of_the_first_number,
        numbers_compared_as_texts,
        registered_after_the_item,
        orphan_removed_though_listed,
        settled_without_condition,
        cursor_without_condition,
    ],
)
def test_a_seeded_bug_is_found(bug: Seeding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classified, "FEWEST_ROWS", 10**9)
    for module in (consume, evaluate, reconcile):
        monkeypatch.setattr(module, "logger", logging.getLogger("driftline.quiet"))
    monkeypatch.setattr(drawn, "check_reconciled", lambda story: None)  # it would find some of them alone
    bug(monkeypatch)
    lived: list[BaseException | None] = []

    @seed(0)
    @settings(
        max_examples=WITHIN,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(stories())
    def story(planned: tuple[Plan, list[Step]]) -> None:
        if lived and lived[-1]:
            raise lived[-1]  # found: hypothesis asks once more
        try:
            live_through(*planned)
        except (AssertionError, KeyError) as found:
            lived.append(found)
            raise
        lived.append(None)

    with pytest.raises((AssertionError, KeyError)):
        story()
    sys.stdout.write(f"{bug.__name__}: found by schedule {len(lived)}: {str(lived[-1])[:200]}\n")
