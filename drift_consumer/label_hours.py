"""Which hours have labels that Athena has not been asked about, and how many label records they had then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drift_consumer.schedule import is_due, quiet_since
from drift_consumer.series import NO_COLUMNS, Series
from drift_consumer.window_store import KEPT_SECONDS, WindowStore, items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOUR_MS = 3_600_000
_DAY_MS = 24 * HOUR_MS

_LATEST = 10**13 - 1
"""UTC milliseconds of 13 digits, the most that a sort key holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelHour:
    """The label records that were counted for the predictions of one hour, over all shards.

    Attributes
    ----------
    records : counted, copies included: they tell that something came, not how many labels.
    first_update, last_update : of what was counted, UTC milliseconds.
    """

    records: int
    first_update: int
    last_update: int


def label_hours(windows: WindowStore, series: Iterable[Series]) -> dict[int, LabelHour]:
    """The hours whose labels are remembered, by their begin in UTC milliseconds."""
    found: dict[int, LabelHour] = {}
    for one in series:
        for item in windows.span(one, NO_COLUMNS, 0, _LATEST):
            hour = item.key.start // HOUR_MS * HOUR_MS
            before = found.get(hour)
            found[hour] = LabelHour(
                records=item.state.n + (before.records if before else 0),
                first_update=min(item.first_update, before.first_update if before else item.first_update),
                last_update=max(item.last_update, before.last_update if before else 0),
            )
    return found


def due_spans(
    hours: Mapping[int, LabelHour], asked: Mapping[int, int], *, length: int, grace: int, now: int
) -> list[int]:
    """Begins of the spans that have labels nobody asked about, and are over and quiet; in the order of time.

    Parameters
    ----------
    asked : label records by hour when Athena was asked about it.
    length : of a span, milliseconds; a whole number of hours that divides a day.
    grace : quiet time, milliseconds.

    >>> hour = LabelHour(records=3, first_update=0, last_update=5_000_000)
    >>> due_spans({0: hour}, {0: 2}, length=HOUR_MS, grace=1_000_000, now=6_000_000)
    [0]
    >>> due_spans({0: hour}, {0: 3}, length=HOUR_MS, grace=1_000_000, now=6_000_000)
    []
    """
    quiet: dict[int, int] = {}
    for hour, counted in hours.items():
        if counted.records != asked.get(hour, 0):
            start = hour // length * length
            since = quiet_since(counted.first_update, counted.last_update, grace)
            quiet[start] = max(quiet.get(start, 0), since)
    return sorted(start for start, since in quiet.items() if is_due(start + length, since, now, grace))


class AskedHours:
    """How many label records each hour had when Athena was last asked: in the window table, an item a day."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read(self, model_name: str) -> dict[int, int]:
        """Label records by begin of the hour, UTC milliseconds."""
        query = {
            "KeyConditionExpression": "pk = :asked",
            "ExpressionAttributeValues": {":asked": {"S": _key(model_name)}},
            "ConsistentRead": True,
        }
        return {
            int(hour): int(records)
            for item in items(self._dynamodb, self._table, query)
            for hour, records in json.loads(item["records"]["S"]).items()
        }

    def write(self, model_name: str, asked: Mapping[int, int], changed: Iterable[int], now: int) -> None:
        """Remember what was asked, longer than the labels' own items are kept.

        Parameters
        ----------
        asked : of all hours.
        changed : those that are new in it; the days of these are written.
        """
        for day in sorted({hour // _DAY_MS * _DAY_MS for hour in changed}):
            records = {str(hour): n for hour, n in asked.items() if day <= hour < day + _DAY_MS}
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": _key(model_name)},
                    "sk": {"S": f"{day:013d}"},
                    "records": {"S": json.dumps(records, separators=(",", ":"))},
                    "expires": {"N": str(now // 1000 + 2 * KEPT_SECONDS)},
                },
            )


def _key(model_name: str) -> str:
    return f"asked#{model_name}"
