"""Windows that have not been compared with the archive: the consumer marks each item that it writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from drift_consumer.ranges import pack, unpack
from drift_consumer.series import Series, WindowKey
from drift_consumer.window_store import UNRECONCILED, between, item_key, items
from drift_core.window import counted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a window's item says of its records.

    Attributes
    ----------
    n, duplicates : of the state; 0 if its bytes cannot be read, for then nobody counts these records.
    ranges, merged, last_sequence : as in `drift_consumer.window_store.StoredWindow`.
    last_update : UTC milliseconds.
    marked : whether it has not been compared as it is.
    """

    key: WindowKey
    n: int
    duplicates: int
    ranges: tuple[str, ...]
    merged: bool
    last_sequence: int
    last_update: int
    marked: bool


class Marks:
    """The marks in the window table."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def starts(self, series: Series, before: int) -> list[int]:
        """Starts of marked windows that begin before a time, UTC milliseconds; may lag behind by a moment."""
        query = {
            "IndexName": UNRECONCILED,
            "KeyConditionExpression": "unreconciled = :series AND sk < :before",
            "ExpressionAttributeValues": {
                ":series": {"S": series.key},
                ":before": {"S": f"{before:013d}"},
            },
        }
        found = items(self._dynamodb, self._table, query)
        return sorted({int(item["sk"]["S"].partition("#")[0]) for item in found})

    def accounts(self, series: Series, start: int, end: int) -> list[Account]:
        """All windows that begin in [start, end), marked or not, of all shards."""
        found = items(self._dynamodb, self._table, between(series, start, end))
        return [_account(series, item) for item in found]

    def clear(self, account: Account) -> bool:
        """Take a mark off, unless more has been counted since the item was read; whether it was taken off."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=item_key(account.key),
                UpdateExpression="REMOVE unreconciled",
                ConditionExpression="last_sequence = :compared",
                ExpressionAttributeValues={":compared": {"S": str(account.last_sequence)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False  # it stays marked and is compared again, with what has come
        return True

    def unite(self, account: Account, sequence_range: str) -> bool:
        """Let one range stand for all that an item lists, unless it has changed since; whether it does."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=item_key(account.key),
                UpdateExpression="SET #ranges = :united",
                ConditionExpression="#ranges = :compared AND last_sequence = :last",
                ExpressionAttributeNames={"#ranges": "ranges"},
                ExpressionAttributeValues={
                    ":united": {"B": pack([sequence_range])},
                    ":compared": {"B": pack(account.ranges)},
                    ":last": {"S": str(account.last_sequence)},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _account(series: Series, item: Mapping[str, Any]) -> Account:
    start, shard_id = item["sk"]["S"].split("#")
    try:
        n, duplicates = counted(bytes(item["state"]["B"]))
    except ValueError:
        n, duplicates = 0, 0
    return Account(
        key=WindowKey(series=series, start=int(start), shard_id=shard_id),
        n=n,
        duplicates=duplicates,
        ranges=unpack(bytes(item["ranges"]["B"])),
        merged="merged" in item,
        last_sequence=int(item["last_sequence"]["S"]),
        last_update=int(item["last_update"]["N"]),
        marked=UNRECONCILED in item,
    )
