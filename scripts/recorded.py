"""Recorded traffic, row by row: what can be sent becomes events, what cannot is named with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from drift_core.event import Event, EventError, LabelEvent, ShadowEvent, decode
from scripts.event_ids import moved_event_id
from scripts.recorded_table import TableReader
from scripts.sources import Piece, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row or line of a recording.

    Attributes
    ----------
    piece, row : its place: number of the piece from 0, number of the row from 1.
    events : what to send: none for a bad row, two for a row with its label.
    problem : why it cannot be sent, with field and remedy; None for a good row.
    raw : the row as it was found, for `--keep-bad`.
    """

    piece: int
    row: int
    events: tuple[Event, ...] = ()
    problem: str | None = None
    raw: bytes = b""


def entries(source: Source, tables: TableReader, *, after: tuple[int, int] = (0, 0)) -> Iterator[Entry]:
    """All rows of a recording, in order.

    Parameters
    ----------
    after : piece and row that come before the first; see `Entry`.
    """
    for number, piece in enumerate(source.pieces):
        if number < after[0]:
            continue
        done = after[1] if number == after[0] else 0
        if piece.suffix == ".jsonl":
            yield from _lines(piece, number, done)
            continue
        for row in tables.rows(piece, done):
            yield Entry(piece=number, row=row.number, events=row.events, problem=row.problem, raw=row.raw)


def _lines(piece: Piece, number: int, done: int) -> Iterator[Entry]:
    with piece.open() as lines:
        for row, line in enumerate(lines, start=1):
            text = line.strip()
            if row <= done or not text:
                continue
            try:
                yield Entry(piece=number, row=row, events=(decode(text),), raw=text)
            except EventError as error:
                yield Entry(piece=number, row=row, problem=str(error), raw=text)


def moved(event: Event, shift_ms: int) -> Event:
    """An event as it would have been told at another time; see `moved_event_id`."""
    if shift_ms == 0:
        return event
    told = replace(
        event, event_id=moved_event_id(event.event_id, shift_ms), event_time=event.event_time + shift_ms
    )
    if isinstance(told, LabelEvent | ShadowEvent):
        return replace(told, prediction_id=moved_event_id(told.prediction_id, shift_ms))
    return told
