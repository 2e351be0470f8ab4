"""What the evaluator keeps: verdicts in the archive bucket, and in the window table how far it has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drift_consumer.schedule import Cursor, OpenSpan
from drift_consumer.series import Series
from drift_consumer.window_store import KEPT_SECONDS
from drift_core.budget import Span

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is remembered of a judged span, so that a later look knows what is new.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive.
    n, duplicates : of the state that was judged.
    first_n : rows that were there in time, at the first verdict.
    revision : how many verdicts came after the first, because records had.
    """

    span: Span
    start: int
    end: int
    n: int
    duplicates: int
    first_n: int
    revision: int


class VerdictStore:
    """Verdicts, what was judged, and cursors."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, s3: S3Client, bucket: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._s3 = s3
        self._bucket = bucket

    def write(self, series: Series, judged: Judged, verdict: Mapping[str, Any]) -> None:
        """Put a verdict where the verdict table reads it; a revision replaces it."""
        content = json.dumps(verdict, allow_nan=False, separators=(",", ":")) + "\n"
        self._s3.put_object(
            Bucket=self._bucket,
            Key=verdict_key(series, judged.span, judged.start),
            Body=content.encode(),
            ContentType="application/json",
        )

    def judged(self, series: Series, span: Span, start: int) -> Judged | None:
        """What was judged under this start; None if nothing was."""
        key = {"pk": {"S": _judged_key(series, span)}, "sk": {"S": f"{start:013d}"}}
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return _judged(span, found["Item"]) if "Item" in found else None

    def judged_around(self, series: Series, time: int) -> Judged | None:
        """The window verdict whose span holds a time; None if none does."""
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :judged AND sk <= :time",
            ExpressionAttributeValues={
                ":judged": {"S": _judged_key(series, Span.WINDOW)},
                ":time": {"S": f"{time:013d}"},
            },
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        nearest = [_judged(Span.WINDOW, item) for item in found["Items"]]
        return nearest[0] if nearest and time < nearest[0].end else None

    def remember(self, series: Series, judged: Judged, now: int) -> None:
        """Keep what was judged for as long as its windows are kept."""
        numbers = {"end": judged.end, "n": judged.n, "duplicates": judged.duplicates}
        numbers |= {"first_n": judged.first_n, "revision": judged.revision}
        numbers |= {"expires": now // 1000 + KEPT_SECONDS}
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": _judged_key(series, judged.span)},
                "sk": {"S": f"{judged.start:013d}"},
                **{name: {"N": str(value)} for name, value in numbers.items()},
            },
        )

    def cursor(self, series: Series) -> Cursor:
        """How far the series has been judged."""
        key = _cursor_key(series)
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in found:
            return Cursor()
        item = found["Item"]
        return Cursor(
            version=int(item["version"]["N"]),
            last_window=_optional(item, "last_window"),
            carried_from=_optional(item, "carried_from"),
            open=tuple(
                OpenSpan(
                    span=Span(one["M"]["span"]["S"]),
                    start=int(one["M"]["start"]["N"]),
                    quiet_since=int(one["M"]["quiet_since"]["N"]),
                )
                for one in item["open"]["L"]
            ),
        )

    def advance(self, series: Series, cursor: Cursor) -> None:
        """Write a cursor on condition that the stored one is its predecessor.

        Raises
        ------
        botocore.exceptions.ClientError
            If it is not: a second evaluator is at work, which reserved concurrency should prevent.
        """
        marks = {"version": cursor.version, "last_window": cursor.last_window}
        marks |= {"carried_from": cursor.carried_from}
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
        before = cursor.version - 1
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before:
            condition = {
                "ConditionExpression": "version = :before",
                "ExpressionAttributeValues": {":before": {"N": str(before)}},
            }
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                **_cursor_key(series),
                **{name: {"N": str(value)} for name, value in marks.items() if value is not None},
                "open": {"L": opened},
            },
            **condition,
        )


def verdict_key(series: Series, span: Span, start: int) -> str:
    """Where a verdict lies in the archive bucket.

    >>> series = Series(kind="prediction", model_name="m", model_version="v1", window_seconds=300)
    >>> verdict_key(series, Span.HOUR, 3_600_000)
    'verdicts/dt=1970-01-01/m.v1.300.hour.3600000.json'
    """
    day = datetime.fromtimestamp(start / 1000, UTC)
    name = f"{series.model_name}.{series.model_version}.{series.window_seconds}.{span}.{start}"
    return f"verdicts/{day:dt=%Y-%m-%d}/{name}.json"


def _judged_key(series: Series, span: Span) -> str:
    return f"judged#{series.key}#{span}"


def _cursor_key(series: Series) -> dict[str, Any]:
    key = f"cursor#{series.model_name}#{series.model_version}#{series.window_seconds}"
    return {"pk": {"S": key}, "sk": {"S": "cursor"}}


def _judged(span: Span, item: Mapping[str, Any]) -> Judged:
    numbers = {name: int(item[name]["N"]) for name in ("end", "n", "duplicates", "first_n", "revision")}
    return Judged(span=span, start=int(item["sk"]["S"]), **numbers)


def _optional(item: Mapping[str, Any], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
