"""Sends the rows of a recording in order, and remembers how far it came."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from drift_core.event import Event
from scripts.kinesis_writer import (
    MAX_BYTES,
    MAX_RECORD_BYTES,
    MAX_RECORDS,
    KinesisWriter,
    NotAcceptedError,
    Record,
)
from scripts.pace import Pace
from scripts.recorded import Entry, moved

_SHORTEST_PAUSE = 0.05  # seconds; what is due sooner travels in one call


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the rows of a recording.

    Attributes
    ----------
    rows : read.
    bad : rows that cannot be sent as events.
    sent, accepted : records handed to the stream, and taken by it.
    again : records that were sent more than once because the stream refused them.
    """

    rows: int = 0
    bad: int = 0
    sent: int = 0
    accepted: int = 0
    again: int = 0


class ProgressError(ValueError):
    """A progress file that cannot be read; the text says what to do."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a recording was sent; kept in a small file, so that another run can go on.

    Attributes
    ----------
    recording, stream : what was sent where.
    shift_ms : from the recorded times to the told ones; None before the first record.
    piece, row : the last row whose records were all accepted.
    """

    recording: str
    stream: str
    shift_ms: int | None = None
    piece: int = 0
    row: int = 0

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".unfinished")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(path)

    @classmethod
    def load(cls, path: Path) -> Progress:
        """Read what `save` wrote.

        Raises
        ------
        ProgressError
            If the file is not such a one.
        """
        try:
            found = json.loads(path.read_text())
            types = (str, str, int | None, int, int)
            if set(found) == {*cls.__slots__} and all(map(isinstance, map(found.get, cls.__slots__), types)):
                return cls(**found)
        except (ValueError, TypeError):
            pass  # refused below, with the file's name
        raise ProgressError(f"{path} is no progress file; leave --resume away or correct --progress")


@dataclass(slots=True, kw_only=True)
class Sender:
    """Sends entries.

    Attributes
    ----------
    progress_file : None keeps no memory.
    rebase_ms : time of the first record, UTC milliseconds; None keeps the recorded times.
    earliest_ms : an event that would be told to lie before is a bad row.
    keep_bad : send bad rows as they are, to see them quarantined.
    told : called with each bad row.
    advanced : called with the number of rows done.
    """

    writer: KinesisWriter
    pace: Pace
    progress: Progress
    progress_file: Path | None = None
    rebase_ms: int | None = None
    earliest_ms: int = 0
    keep_bad: bool = False
    told: Callable[[Entry], None] = lambda entry: None
    advanced: Callable[[int], None] = lambda rows: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    counts: Counts = field(default_factory=Counts)
    _batch: list[Record] = field(default_factory=list)
    _ends: list[tuple[int, int] | None] = field(default_factory=list)
    _size: int = 0

    def send(self, entries: Iterable[Entry]) -> Counts:
        """Send all entries.

        Raises
        ------
        NotAcceptedError
            If the stream does not take a record; what was taken before is remembered.
        """
        begun = self.clock()
        for entry in entries:
            self.counts.rows += 1
            records = self._records(entry)
            happened = None if entry.problem else entry.events[0].event_time
            for i, record in enumerate(records):
                due = begun + self.pace.due(happened)
                if due - self.clock() > _SHORTEST_PAUSE:
                    self._flush()
                    self.sleep(max(0.0, due - self.clock()))  # the calls took time too
                self._add(record, (entry.piece, entry.row) if i == len(records) - 1 else None)
            self.advanced(1)
        self._flush()
        return self.counts

    def _records(self, entry: Entry) -> list[Record]:
        """Records of a row; a bad row has none unless it is kept."""
        if entry.problem is None:
            told = [self._moved(event) for event in entry.events]
            made = [Record(event.encode(), event.event_id) for event in told]
            problem = self._problem(told, made)
            if problem is None:
                return made
            entry = Entry(piece=entry.piece, row=entry.row, problem=problem)
        self.counts.bad += 1
        self.told(entry)
        return [Record(entry.raw, f"{entry.piece}-{entry.row}")] if self.keep_bad and entry.raw else []

    def _problem(self, told: list[Event], made: list[Record]) -> str | None:
        if any(record.size > MAX_RECORD_BYTES for record in made):
            return f"it is larger than a record may be, {MAX_RECORD_BYTES:,} bytes; shorten its values"
        first = min(event.event_time for event in told)
        if first < self.earliest_ms:
            earliest = datetime.fromtimestamp(self.earliest_ms / 1000, UTC).date()
            return f"event_time {first} lies before {earliest}, where Athena does not look; give --rebase-to"
        return None

    def _moved(self, event: Event) -> Event:
        if self.progress.shift_ms is None:
            self.progress.shift_ms = 0 if self.rebase_ms is None else self.rebase_ms - event.event_time
        return moved(event, self.progress.shift_ms)

    def _add(self, record: Record, end: tuple[int, int] | None) -> None:
        if len(self._batch) == MAX_RECORDS or self._size + record.size > MAX_BYTES:
            self._flush()
        self._batch.append(record)
        self._ends.append(end)
        self._size += record.size

    def _flush(self) -> None:
        if not self._batch:
            return
        self.counts.sent += len(self._batch)
        try:
            self.counts.again += self.writer.put(self._batch)
            self._accepted(len(self._batch), len(self._batch))
        except NotAcceptedError as error:
            self._accepted(error.accepted, error.prefix)
            raise
        self._batch, self._ends, self._size = [], [], 0

    def _accepted(self, number: int, prefix: int) -> None:
        """Remember the last row of which everything up to `prefix` was taken."""
        self.counts.accepted += number
        done = [end for end in self._ends[:prefix] if end is not None]
        if done:
            self.progress.piece, self.progress.row = done[-1]
        if self.progress_file is not None:
            self.progress.save(self.progress_file)
