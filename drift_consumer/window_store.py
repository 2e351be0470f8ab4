"""The window table: one item a window and shard, which carries the last sequence number counted into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from drift_consumer.ranges import pack, unpack
from drift_consumer.series import Series, WindowKey
from drift_core.bins import Layout
from drift_core.window import WindowState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PENDING_INDEX = "pending"
"""The sparse index of items that the evaluator has not judged as they are."""

UNRECONCILED = "unreconciled"
"""The sparse index, and its attribute, of items that have not been compared with the archive as they are."""

KEPT_SECONDS = 35 * 86_400
"""How long an item outlives its last update: longer than a stream is commonly kept, so that no redelivery
meets a forgotten window."""


class LostRaceError(RuntimeError):
    """Another invocation counted into the window since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWindow:
    """The content of an item.

    Attributes
    ----------
    last_sequence : the largest sequence number counted.
    ranges : "first-last" of each batch counted, which names its archive object; of very many, the oldest are
        one range (see `ranges.pack`).
    first_update, last_update : UTC milliseconds.
    merged : whether the oldest ranges have been made one.
    pending : whether this content waits for the evaluator.
    """

    key: WindowKey
    state: WindowState
    last_sequence: int
    ranges: tuple[str, ...]
    first_update: int
    last_update: int
    merged: bool = False
    pending: bool = True


class WindowStore:
    """Window items in DynamoDB."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read(self, key: WindowKey, layout: Layout) -> StoredWindow | None:
        """What has been counted so far; None if nothing has."""
        found = self._dynamodb.get_item(TableName=self._table, Key=item_key(key), ConsistentRead=True)
        return _stored(key.series, found["Item"], layout) if "Item" in found else None

    def put(self, window: StoredWindow, *, replacing: StoredWindow | None) -> None:
        """Write an item on condition that it still is the one read.

        Raises
        ------
        LostRaceError
            If another invocation wrote it meanwhile, or an attempt of this very call that seemed to fail.
        """
        if replacing is None:
            self._register(window.key.series, window.last_update)
        condition: dict[str, Any] = (
            {"ConditionExpression": "attribute_not_exists(pk)"}
            if replacing is None
            else {
                "ConditionExpression": "last_sequence = :read",
                "ExpressionAttributeValues": {":read": {"S": str(replacing.last_sequence)}},
            }
        )
        try:
            self._dynamodb.put_item(TableName=self._table, Item=_item(window), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise LostRaceError(f"{window.key} was counted into meanwhile") from None

    def _register(self, series: Series, now: int) -> None:
        """Let the evaluator find the series; before its first item, so that a crash cannot hide one."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": registry_key(series.model_name)},
                "sk": {"S": series.key},
                "expires": {"N": str(now // 1000 + 2 * KEPT_SECONDS)},
            },
        )

    def series_of(self, model_name: str) -> list[Series]:
        """All series with windows of one model; "-" for those of no model."""
        found = self._query(
            KeyConditionExpression="pk = :registry",
            ExpressionAttributeValues={":registry": {"S": registry_key(model_name)}},
            ConsistentRead=True,
        )
        return [Series.from_key(item["sk"]["S"]) for item in found]

    def pending(self, series: Series) -> Iterator[tuple[int, int, int]]:
        """Window start, first and last update of items not yet judged; may lag behind by a moment."""
        found = self._query(
            IndexName=PENDING_INDEX,
            KeyConditionExpression="pending = :series",
            ExpressionAttributeValues={":series": {"S": series.key}},
        )
        return (
            (
                int(item["sk"]["S"].partition("#")[0]),
                int(item["first_update"]["N"]),
                int(item["last_update"]["N"]),
            )
            for item in found
        )

    def span(self, series: Series, layout: Layout, start: int, end: int) -> Iterator[StoredWindow]:
        """The windows that begin in [start, end), UTC milliseconds, of all shards."""
        found = self._query(**between(series, start, end))
        return (_stored(series, item, layout) for item in found)

    def any_in(self, series: Iterable[Series], start: int, end: int) -> bool:
        """Whether something was counted into a window that begins in [start, end), UTC milliseconds."""
        return any(
            self._dynamodb.query(TableName=self._table, Limit=1, **between(one, start, end))["Items"]
            for one in series
        )

    def first_in(self, series: Series, start: int, end: int) -> int | None:
        """Start of the first window that begins in [start, end), UTC milliseconds; None if there is none."""
        query = between(series, start, end)
        found = self._dynamodb.query(TableName=self._table, Limit=1, **query)["Items"]
        return int(found[0]["sk"]["S"].partition("#")[0]) if found else None

    def settle(self, window: StoredWindow) -> bool:
        """Take an item off the pending ones, unless more has been counted since it was read.

        Returns
        -------
        Whether it was taken off.
        """
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=item_key(window.key),
                UpdateExpression="REMOVE pending",
                ConditionExpression="last_sequence = :judged",
                ExpressionAttributeValues={":judged": {"S": str(window.last_sequence)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False  # it stays pending and is judged again, with what has come
        return True

    def _query(self, **query: Any) -> Iterator[Mapping[str, Any]]:
        return items(self._dynamodb, self._table, query)


def items(dynamodb: DynamoDBClient, table: str, query: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a query finds, page after page."""
    pages = dynamodb.get_paginator("query").paginate(TableName=table, **query)
    return (item for page in pages for item in page["Items"])


def between(series: Series, start: int, end: int) -> dict[str, Any]:
    """The query of the windows that begin in [start, end), UTC milliseconds, of all shards."""
    return {
        "KeyConditionExpression": "pk = :series AND sk BETWEEN :start AND :end",
        "ExpressionAttributeValues": {
            ":series": {"S": series.key},
            ":start": {"S": f"{start:013d}"},
            ":end": {"S": f"{end:013d}"},  # sorts before the keys of the window that begins at end
        },
        "ConsistentRead": True,
    }


def registry_key(model_name: str) -> str:
    """Where the series of a model are listed."""
    return f"models#{model_name}"


def item_key(key: WindowKey) -> dict[str, Any]:
    """The primary key of a window's item."""
    return {"pk": {"S": key.series.key}, "sk": {"S": key.sort_key}}


def _item(window: StoredWindow) -> dict[str, Any]:
    ranges = pack(window.ranges)
    merged = window.merged or len(unpack(ranges)) < len(window.ranges)
    return {
        **item_key(window.key),
        "state": {"B": window.state.to_bytes()},
        "last_sequence": {"S": str(window.last_sequence)},
        "ranges": {"B": ranges},
        **({"merged": {"BOOL": True}} if merged else {}),
        "first_update": {"N": str(window.first_update)},
        "last_update": {"N": str(window.last_update)},
        "pending": {"S": window.key.series.key},
        UNRECONCILED: {"S": window.key.series.key},
        "expires": {"N": str(window.last_update // 1000 + KEPT_SECONDS)},
    }


def _stored(series: Series, item: Mapping[str, Any], layout: Layout) -> StoredWindow:
    start, shard_id = item["sk"]["S"].split("#")
    return StoredWindow(
        key=WindowKey(series=series, start=int(start), shard_id=shard_id),
        state=WindowState.from_bytes(layout, bytes(item["state"]["B"])),
        last_sequence=int(item["last_sequence"]["S"]),
        ranges=unpack(bytes(item["ranges"]["B"])),
        first_update=int(item["first_update"]["N"]),
        last_update=int(item["last_update"]["N"]),
        merged="merged" in item,
        pending="pending" in item,
    )
