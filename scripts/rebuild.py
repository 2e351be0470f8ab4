"""Rebuilds the items of windows from the archive's objects."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
import pyarrow as pa

from drift_consumer.archive import Archive, hour_prefix, object_key, window_prefix, written
from drift_consumer.archive_reader import AT_ONCE, ArchivedObject, ArchiveReader
from drift_consumer.baselines import Baselines
from drift_consumer.marks import Account, Marks
from drift_consumer.progress import Judged, ProgressStore
from drift_consumer.put_aside import PutAside
from drift_consumer.series import NAMELESS, NO_COLUMNS, QUARANTINE, Series, WindowKey
from drift_consumer.window_store import KEPT_SECONDS, LostRaceError, StoredWindow, WindowStore
from drift_core.baseline import Baseline
from drift_core.event import LABEL, PREDICTION, SHADOW
from drift_core.span import Span
from drift_core.window import WindowState
from scripts.pieces import cover
from scripts.restored import Restored, restore, slice_of

ATTEMPTS = 5
"""Tries to put a window into which the consumer counts meanwhile."""

_HOUR = 3_600_000


class Outcome(StrEnum):
    """What became of a window."""

    INTACT = "intact"
    REBUILT = "rebuilt"
    REPAIRED = "repaired"
    LEFT = "left, because the archive holds fewer records than were counted"
    FORGOTTEN = "older than windows are remembered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """An object to write, where no objects fit end to end."""

    key: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A window as the archive has it."""

    window: StoredWindow
    union: Union | None


@dataclass(frozen=True, kw_only=True)
class Rebuild:
    """Rebuilds windows of one stack.

    Attributes
    ----------
    clock : UTC milliseconds now.
    accept_missing : take the archive for the truth, also where an item has counted more.
    dry_run : change nothing.
    """

    model_name: str
    baselines: Baselines
    archive: Archive
    reader: ArchiveReader
    put_aside: PutAside
    windows: WindowStore
    marks: Marks
    progress: ProgressStore
    clock: Callable[[], int]
    accept_missing: bool = False
    dry_run: bool = False

    @cached_property
    def _redriven(self) -> dict[str, frozenset[int]]:
        """By shard, as far as it has been asked for."""
        return {}

    def hour(self, hour: int) -> Iterator[tuple[WindowKey, Outcome]]:
        """Rebuild the windows that begin in an hour, UTC milliseconds."""
        own = [(kind, self.model_name) for kind in (PREDICTION, LABEL, SHADOW)]
        for kind, name in (*own, (QUARANTINE, NAMELESS)):
            found = self.reader.objects(f"{hour_prefix(kind, hour)}{name}.")
            starts = {(one.window.series, one.window.start) for one in found}
            for series, start in sorted(starts, key=lambda one: (one[0].key, one[1])):
                yield from self.window(series, start)

    def window(self, series: Series, start: int) -> Iterator[tuple[WindowKey, Outcome]]:
        """Rebuild one window, over all shards."""
        groups: dict[WindowKey, list[ArchivedObject]] = {}
        for one in self.reader.objects(window_prefix(series, start)):
            if one.window.series == series:
                groups.setdefault(one.window, []).append(one)
        accounts = {one.key: one for one in self.marks.accounts(series, start, start + 1)}
        lost = [key for key in groups if key not in accounts]
        if not series.is_judged and lost and not self.dry_run:
            self._remember(series, start, groups, accounts)
        for key in sorted(groups, key=lambda key: key.sort_key):
            yield key, self._attempt(key, groups[key], accounts.get(key))

    def _attempt(self, key: WindowKey, objects: list[ArchivedObject], account: Account | None) -> Outcome:
        for _ in range(ATTEMPTS):
            try:
                return self._one(key, objects, account)
            except LostRaceError:
                prefix = window_prefix(key.series, key.start)
                objects = [one for one in self.reader.objects(prefix) if one.window == key]
                found = self.marks.accounts(key.series, key.start, key.start + 1)
                account = next((one for one in found if one.key == key), None)
        raise LostRaceError(f"{key} was counted into by the consumer {ATTEMPTS} times; run it again")

    def _one(self, key: WindowKey, objects: list[ArchivedObject], account: Account | None) -> Outcome:
        rebuilt = self.from_archive(key, objects, account)
        if rebuilt is None:
            return Outcome.FORGOTTEN
        window, stored = rebuilt.window, None if account is None else self._stored(account)
        if stored is not None and account is not None:
            if (stored.state, stored.ranges) == (window.state, window.ranges):
                return Outcome.INTACT
            records = window.state.n + window.state.duplicates
            lowers = window.last_sequence < account.last_sequence or records < account.n + account.duplicates
            if lowers and not self.accept_missing:
                return Outcome.LEFT
            window = replace(
                window,
                last_sequence=max(window.last_sequence, account.last_sequence),
                first_update=min(window.first_update, stored.first_update),
                last_update=max(window.last_update, stored.last_update),
            )
        if not self.dry_run:
            if rebuilt.union is not None:
                self.archive.put(rebuilt.union.key, rebuilt.union.content)
            self.windows.put(window, replacing=stored)
        return Outcome.REPAIRED if account else Outcome.REBUILT

    def from_archive(
        self, key: WindowKey, objects: Sequence[ArchivedObject], account: Account | None
    ) -> Rebuilt | None:
        """A window as its objects have it; None if its item would have been forgotten by now.

        Raises
        ------
        LookupError
            If a prediction's bundle is not in the models bucket.
        """
        ranges = set(account.ranges) if account else set[str]()
        objects = _remembered(objects, ranges)
        newest = max((one.written for one in objects), default=0)
        if not objects or (account is None and newest < self.clock() - KEPT_SECONDS * 1000):
            return None
        baseline = self._baseline(key.series)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            contents = pool.map(self.reader.read, objects)
            restored = {
                one.key: restore(content, key, baseline)
                for one, content in zip(objects, contents, strict=True)
            }
        by_key = {one.key: one for one in objects}
        found = cover(
            {name: one.sequences for name, one in restored.items()},
            listed=[one.key for one in objects if one.sequence_range in ranges],
            never=self._never(key.shard_id),
        )
        if not found.of:
            return None  # all of it was redriven
        union = None
        if found.keys:
            chosen = [restored[name] for name in found.keys]
            listed = tuple(by_key[name].sequence_range for name in found.keys)
        else:
            chosen = [_united([restored[name] for name in found.of], key, baseline)]
            listed = (f"{min(chosen[0].sequences)}-{max(chosen[0].sequences)}",)
            content = written(chosen[0].events.table, chosen[0].repeated)
            union = Union(key=object_key(key, listed[0]), content=content)
        layout = NO_COLUMNS if baseline is None else baseline.layout
        used = [by_key[name] for name in found.keys or found.of]
        window = StoredWindow(
            key=key,
            state=WindowState.sum(layout, (one.state() for one in chosen)),
            last_sequence=max(max(one.sequences) for one in chosen),
            ranges=listed,
            first_update=min(one.written for one in used),
            last_update=max(one.written for one in used),
        )
        return Rebuilt(window=window, union=union)

    def _stored(self, account: Account) -> StoredWindow:
        baseline = self._baseline(account.key.series)
        layout = NO_COLUMNS if baseline is None else baseline.layout
        try:
            stored = self.windows.read(account.key, layout)
        except (ValueError, struct.error, zlib.error):
            stored = None  # spoiled: what the archive has is put in its place
        return stored or StoredWindow(
            key=account.key,
            state=WindowState.empty(layout),
            last_sequence=account.last_sequence,
            ranges=account.ranges,
            first_update=account.last_update,
            last_update=account.last_update,
        )

    def _baseline(self, series: Series) -> Baseline | None:
        if not series.is_judged:
            return None
        return self.baselines.get(series.model_name, series.model_version).baseline

    def _never(self, shard_id: str) -> frozenset[int]:
        if shard_id not in self._redriven:
            self._redriven[shard_id] = self.put_aside.redriven(shard_id)
        return self._redriven[shard_id]

    def _remember(
        self,
        series: Series,
        start: int,
        groups: dict[WindowKey, list[ArchivedObject]],
        accounts: dict[WindowKey, Account],
    ) -> None:
        """Labels and quarantined records were told before; this comes first, so no crash tells them again."""
        found = [self.from_archive(key, objects, accounts.get(key)) for key, objects in groups.items()]
        states = [one.window.state for one in found if one is not None]
        n = sum(state.n for state in states)
        before = self.progress.judged(series, Span.WINDOW, start)
        if n > (before.n if before else 0):
            judged = Judged(
                span=Span.WINDOW,
                start=start,
                end=start + series.window_seconds * 1000,
                n=n,
                duplicates=sum(state.duplicates for state in states),
                first_n=n,
                revision=0,
            )
            self.progress.remember(series, judged, self.clock())


def _remembered(objects: Sequence[ArchivedObject], listed: set[str]) -> list[ArchivedObject]:
    """Those since the item was last forgotten: it is, some time after its last update."""
    kept: list[ArchivedObject] = []
    for one in sorted(objects, key=lambda one: one.written, reverse=True):
        if kept and kept[-1].written - one.written > KEPT_SECONDS * 1000 and one.sequence_range not in listed:
            break
        kept.append(one)
    return kept


def _united(parts: Sequence[Restored], key: WindowKey, baseline: Baseline | None) -> Restored:
    """All records of some objects in one, each once."""
    table = pa.concat_tables([one.events.table for one in parts])
    whole = slice_of(table, key, baseline)
    _, first = np.unique(whole.sequences, return_index=True)
    whole = slice_of(table.take(first), key, baseline)
    events = whole.distinct()
    repeated = {number for one in parts for number in one.repeated} - set(events.sequences.tolist())
    return Restored(events=events, repeated=tuple(sorted(repeated.union(whole.without(events)))))
