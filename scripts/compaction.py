"""Compaction: the many small objects of a window and shard become one that accounts for the same records.

At each step the archive tells every record: the new object is written, read back and compared; then it is
listed in the window's item in place of the old ones; then the old ones go. What a crash leaves, the next run
goes on from: see docs/decisions/0012-compaction.md.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from drift_consumer.archive import Archive, hour_prefix, object_key, written
from drift_consumer.archive_reader import COMPACTED, ArchivedObject, ArchiveReader, footer
from drift_consumer.marks import Account, Marks
from drift_consumer.put_aside import PutAside
from drift_consumer.series import WindowKey
from drift_consumer.window_store import KEPT_SECONDS
from drift_core.event import LABEL, PREDICTION, SHADOW

KINDS = (PREDICTION, LABEL, SHADOW)
"""What is compacted; quarantined records are few."""

QUIET_MS = 2 * 86_400_000
"""A window is left alone until so long after its last record: a batch is retried for a day."""

_CONSTANTS = ("model_name", "model_version", "source", "shard_id")


class CompactionError(RuntimeError):
    """An object that does not hold what was written; the old ones stay. The text names it."""


class Outcome(StrEnum):
    """What became of a window of a shard."""

    COMPACTED = "compacted"
    SINGLE = "one object already"
    YOUNG = "too young"
    UNRECONCILED = "not reconciled yet"
    WAITING = "a failed batch of its shard waits for redrive"
    DIFFERENT = "the archive and the item differ"
    CHANGED = "changed meanwhile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """One window of a shard.

    Attributes
    ----------
    before, after : objects.
    bytes_before, bytes_after : of them.
    rows : that the objects hold.
    """

    key: WindowKey
    outcome: Outcome
    before: int
    after: int
    bytes_before: int
    bytes_after: int
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """Compacts one model's archive.

    Attributes
    ----------
    clock : UTC milliseconds now.
    dry_run : say what would be done, and change nothing.
    """

    model_name: str
    archive: Archive
    reader: ArchiveReader
    put_aside: PutAside
    marks: Marks
    clock: Callable[[], int]
    dry_run: bool = False

    def hour(self, hour: int) -> Iterator[Compacted]:
        """Compact the windows that begin in an hour, UTC milliseconds.

        Raises
        ------
        CompactionError
            If an object that was written reads otherwise; nothing is removed then.
        """
        for kind in KINDS:
            groups: dict[WindowKey, list[ArchivedObject]] = {}
            for one in self.reader.objects(f"{hour_prefix(kind, hour)}{self.model_name}."):
                groups.setdefault(one.window, []).append(one)
            accounts = {
                account.key: account
                for series in {key.series for key in groups}
                for account in self.marks.accounts(series, hour, hour + 3_600_000)
            }
            for key in sorted(groups, key=lambda key: key.sort_key):
                yield self._window(key, groups[key], accounts.get(key))

    def _window(self, key: WindowKey, objects: list[ArchivedObject], account: Account | None) -> Compacted:
        size = sum(one.size for one in objects)
        left = self._left(objects, account)
        if left is not None:
            return Compacted(
                key=key,
                outcome=left,
                before=len(objects),
                after=len(objects),
                bytes_before=size,
                bytes_after=size,
            )
        parts = listed(objects, account)
        table, repeated = united([self.reader.read(one) for one in parts])
        outcome, length = Outcome.COMPACTED, size
        if account is not None and (account.n, account.duplicates) != (len(table), len(repeated)):
            outcome = Outcome.DIFFERENT
        elif not self.dry_run:
            content = written(encoded(table), repeated)
            outcome, length = self._replace(key, objects, account, (table, repeated, content)), len(content)
        done = outcome is Outcome.COMPACTED
        return Compacted(
            key=key,
            outcome=outcome,
            before=len(objects),
            after=1 if done else len(objects),
            bytes_before=size,
            bytes_after=length,
            rows=len(table),
        )

    def _left(self, objects: Sequence[ArchivedObject], account: Account | None) -> Outcome | None:
        """Why a window is left as it is; None if it is not."""
        now, newest = self.clock(), max(one.written for one in objects)
        if len(objects) == 1:
            return Outcome.SINGLE
        if max(newest, account.last_update if account else 0) > now - QUIET_MS:
            return Outcome.YOUNG
        if account is None and newest > now - KEPT_SECONDS * 1000:
            return Outcome.UNRECONCILED  # its item should be there: recover it first
        if account is not None and (account.marked or account.merged):
            return Outcome.UNRECONCILED
        first, last = min(one.first for one in objects), max(one.last for one in objects)
        waiting = self.put_aside.waiting(objects[0].window.shard_id)
        if any(begin <= last and first <= end for begin, end in waiting):
            return Outcome.WAITING
        return None

    def _replace(
        self,
        key: WindowKey,
        objects: Sequence[ArchivedObject],
        account: Account | None,
        whole: tuple[Any, tuple[int, ...], bytes],
    ) -> Outcome:
        """Write the union, look at it, list it, remove the others."""
        table, repeated, content = whole
        parts = listed(objects, account)
        ends = f"{min(one.first for one in parts)}-{max(one.last for one in parts)}"
        name = object_key(key, f"{COMPACTED}{ends}-{max(one.written for one in parts)}")
        if not (len(parts) == 1 and parts[0].key == name):
            self.archive.put(name, content)
            self._check(name, key, table, repeated)
        if account is not None and account.ranges != (ends,) and not self.marks.unite(account, ends):
            return Outcome.CHANGED  # what was written is an orphan whose records are elsewhere
        held = sequences(table, repeated)
        others = [one for one in objects if one.key != name]
        for gone, found in self.reader.sequences(others).items():
            if not found <= held:
                raise CompactionError(f"{gone} holds records that {name} does not; it stays")
            self.archive.delete(gone)
        return Outcome.COMPACTED

    def _check(self, name: str, key: WindowKey, table: Any, repeated: tuple[int, ...]) -> None:
        read = self.reader.bytes_of(name)
        found = plain(pq.read_table(io.BytesIO(read)))
        if not found.equals(table) or footer(read).repeated != repeated:
            raise CompactionError(
                f"{name} reads otherwise than it was written; the {key.series.kind} objects stay"
            )


def listed(objects: Sequence[ArchivedObject], account: Account | None) -> list[ArchivedObject]:
    """The objects that a window's item lists; all of a window whose item was forgotten."""
    ranges = None if account is None else set(account.ranges)
    return [one for one in objects if ranges is None or one.sequence_range in ranges]


def united(contents: Sequence[bytes]) -> tuple[Any, tuple[int, ...]]:
    """All records of some objects, each once, in the order of the stream.

    Returns
    -------
    The rows, and the sequence numbers of further deliveries.
    """
    tables = [plain(pq.read_table(io.BytesIO(content))) for content in contents]
    table = pa.concat_tables(tables, promote_options="default")
    numbers = [int(number) for number in table["sequence_number"].to_pylist()]
    place = {number: i for i, number in reversed(list(enumerate(numbers)))}
    ordered = table.take(pa.array([place[number] for number in sorted(place)], pa.int64()))
    repeated = {number for content in contents for number in footer(content).repeated} - place.keys()
    return ordered.combine_chunks(), tuple(sorted(repeated))


def sequences(table: Any, repeated: tuple[int, ...]) -> frozenset[int]:
    """All sequence numbers of a union."""
    return frozenset(int(number) for number in table["sequence_number"].to_pylist()).union(repeated)


def plain(table: Any) -> Any:
    """A table without metadata and without dictionaries."""
    fields = [
        pa.field(one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type)
        for one in table.schema
    ]
    return table.replace_schema_metadata().cast(pa.schema(fields)).combine_chunks()


def encoded(table: Any) -> Any:
    """A table whose texts that repeat are dictionaries, as the consumer writes them."""
    for name in _CONSTANTS:
        if name in table.column_names:
            at = table.column_names.index(name)
            table = table.set_column(at, name, table[name].dictionary_encode())
    return table.combine_chunks()
