"""How far the evaluator has come: what it has judged, where it stands, and what the charts remember there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drift_consumer.schedule import Cursor, OpenSpan
from drift_consumer.series import Series
from drift_consumer.succession import put_successor
from drift_consumer.window_store import KEPT_SECONDS
from drift_core.memory import Memory
from drift_core.monitor import Charted
from drift_core.span import Span

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is remembered of a judged span, so that a later look knows what is new.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive.
    n, duplicates : of the state that was judged.
    first_n : rows that were there in time, at the first verdict.
    revision : how many verdicts came after the first, because records had.
    charted : what the charts said at the first verdict, for the others.
    """

    span: Span
    start: int
    end: int
    n: int
    duplicates: int
    first_n: int
    revision: int
    charted: Charted = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A series' cursor and the monitor's memory after all that the cursor has passed; they are one item."""

    cursor: Cursor
    memory: Memory


class ProgressStore:
    """Judged spans and progress in the window table."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def judged(self, series: Series, span: Span, start: int) -> Judged | None:
        """What was judged under this start; None if nothing was."""
        key = {"pk": {"S": judged_key(series, span)}, "sk": {"S": f"{start:013d}"}}
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return _judged(span, found["Item"]) if "Item" in found else None

    def judged_around(self, series: Series, time: int) -> Judged | None:
        """The window verdict whose span holds a time; None if none does."""
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :judged AND sk <= :time",
            ExpressionAttributeValues={
                ":judged": {"S": judged_key(series, Span.WINDOW)},
                ":time": {"S": f"{time:013d}"},
            },
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        nearest = [_judged(Span.WINDOW, item) for item in found["Items"]]
        return nearest[0] if nearest and time < nearest[0].end else None

    def remember(self, series: Series, judged: Judged, now: int) -> None:
        """Keep what was counted of a series that has no charts, for as long as its windows are kept."""
        self._dynamodb.put_item(TableName=self._table, Item=_judged_item(series, judged, now))

    def read(self, series: Series, start: Memory) -> Progress:
        """How far the series has been judged.

        Parameters
        ----------
        start : the memory before the first window; it says how many signals there are.

        Raises
        ------
        ValueError
            If the stored memory is of another number of signals: the version has another baseline now.
        """
        key = cursor_key(series)
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in found:
            return Progress(cursor=Cursor(), memory=start)
        item = found["Item"]
        opened = tuple(
            OpenSpan(
                span=Span(one["M"]["span"]["S"]),
                start=int(one["M"]["start"]["N"]),
                quiet_since=int(one["M"]["quiet_since"]["N"]),
            )
            for one in item["open"]["L"]
        )
        cursor = Cursor(
            version=int(item["version"]["N"]),
            last_window=_optional(item, "last_window"),
            carried_from=_optional(item, "carried_from"),
            open=opened,
        )
        memory = Memory.from_bytes(bytes(item["memory"]["B"]), len(start.charts.evidence))
        return Progress(cursor=cursor, memory=memory)

    def advance(self, series: Series, progress: Progress, judged: Judged | None, now: int) -> None:
        """Write progress and what led to it, on condition that the stored one is its predecessor.

        Parameters
        ----------
        judged : the span that was judged, if one was: both are written or neither.

        Raises
        ------
        botocore.exceptions.ClientError
            If it is not: a second evaluator is at work, which reserved concurrency should prevent.
        """
        items = [] if judged is None else [_judged_item(series, judged, now)]
        put_successor(self._dynamodb, self._table, _progress_item(series, progress), *items)


def judged_key(series: Series, span: Span) -> str:
    """The partition key of what is remembered of a series' verdicts."""
    return f"judged#{series.key}#{span}"


def cursor_key(series: Series) -> dict[str, Any]:
    """The primary key of a series' progress."""
    own = f"{series.kind}#" if series.is_shadow else ""  # a version may be served after it was a shadow
    key = f"{series.model_name}#{series.model_version}#{series.window_seconds}"
    return {"pk": {"S": f"cursor#{own}{key}"}, "sk": {"S": "cursor"}}


def _progress_item(series: Series, progress: Progress) -> dict[str, Any]:
    cursor = progress.cursor
    marks = {
        "version": cursor.version,
        "last_window": cursor.last_window,
        "carried_from": cursor.carried_from,
    }
    opened = [
        {
            "M": {
                "span": {"S": one.span.value},
                "start": {"N": str(one.start)},
                "quiet_since": {"N": str(one.quiet_since)},
            }
        }
        for one in cursor.open
    ]
    return {
        **cursor_key(series),
        **{name: {"N": str(value)} for name, value in marks.items() if value is not None},
        "open": {"L": opened},
        "memory": {"B": progress.memory.to_bytes()},
    }


def _judged_item(series: Series, judged: Judged, now: int) -> dict[str, Any]:
    numbers = {name: getattr(judged, name) for name in ("end", "n", "duplicates", "first_n", "revision")}
    numbers |= {"expires": now // 1000 + KEPT_SECONDS}
    return {
        "pk": {"S": judged_key(series, judged.span)},
        "sk": {"S": f"{judged.start:013d}"},
        **{name: {"N": str(value)} for name, value in numbers.items()},
        "charted": {"S": json.dumps(dict(judged.charted), separators=(",", ":"))},
    }


def _judged(span: Span, item: Mapping[str, Any]) -> Judged:
    numbers = {name: int(item[name]["N"]) for name in ("end", "n", "duplicates", "first_n", "revision")}
    charted = {int(i): (score, since) for i, (score, since) in json.loads(item["charted"]["S"]).items()}
    return Judged(span=span, start=int(item["sk"]["S"]), charted=charted, **numbers)


def _optional(item: Mapping[str, Any], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
