"""S3 and DynamoDB in memory, as far as the consumer uses them, with a crash on demand around any call."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError


class CrashError(BaseException):
    """The Lambda environment is gone: nothing may catch this."""


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


class Calls:
    """Numbers the calls of all services and tells a hook before and after each."""

    def __init__(self) -> None:
        self.count = 0
        self.lock = Lock()
        self.hook: Callable[[int, str], None] = lambda number, when: None

    def around(self, call: Callable[[], Any]) -> Any:
        with self.lock:  # objects are read by several threads
            self.count += 1
            number = self.count
        self.hook(number, "before")
        result = call()
        self.hook(number, "after")
        return result

    def crash_at(self, number: int, when: str) -> None:
        """Crash before or after the n-th call from now."""
        target = self.count + number

        def hook(current: int, now: str) -> None:
            if (current, now) == (target, when):
                raise CrashError

        self.hook = hook

    def heal(self) -> None:
        self.hook = lambda number, when: None


class FakeS3:
    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.objects: dict[tuple[str, str], bytes] = {}
        self.written: dict[tuple[str, str], int] = {}
        self.now: Callable[[], int] = lambda: 0

    def get_object(self, *, Bucket: str, Key: str, Range: str = "") -> dict[str, Any]:
        def get() -> dict[str, Any]:
            if (Bucket, Key) not in self.objects:
                raise client_error("NoSuchKey")
            content = self.objects[Bucket, Key]
            return {"Body": io.BytesIO(content[int(Range.removeprefix("bytes=")) :] if Range else content)}

        result: dict[str, Any] = self.calls.around(get)
        return result

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        def put() -> None:
            self.objects[Bucket, Key] = bytes(Body)
            self.written[Bucket, Key] = self.now()

        self.calls.around(put)

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        self.calls.around(lambda: self.objects.pop((Bucket, Key), None))

    def keys(self, bucket: str) -> list[str]:
        return sorted(key for owner, key in self.objects if owner == bucket)

    def get_paginator(self, operation: str) -> FakeS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str = "", Delimiter: str = "") -> Iterator[dict[str, Any]]:
        """The objects below a prefix or, with a delimiter, the folders, few at once: a reader must follow."""

        def listed() -> list[dict[str, Any]]:
            keys = [key for key in self.keys(Bucket) if key.startswith(Prefix)]
            if Delimiter:
                parts = (key.removeprefix(Prefix).partition(Delimiter) for key in keys)
                return [
                    {"Prefix": one} for one in sorted({Prefix + name + cut for name, cut, _ in parts if cut})
                ]
            return [
                {
                    "Key": key,
                    "Size": len(self.objects[Bucket, key]),
                    "LastModified": datetime.fromtimestamp(self.written.get((Bucket, key), 0) / 1000, UTC),
                }
                for key in keys
            ]

        found = self.calls.around(listed)
        kind = "CommonPrefixes" if Delimiter else "Contents"
        yield from ({kind: found[at : at + 2]} for at in range(0, len(found), 2))
        yield {}


class FakeDynamoDB:
    """One table, whose items are kept as DynamoDB describes them."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:
        assert ConsistentRead, "an eventually consistent read would count twice"

        def get() -> dict[str, Any]:
            item = self.items.get(_key(Key))
            return {"Item": dict(item)} if item else {}

        result: dict[str, Any] = self.calls.around(get)
        return result

    def put_item(
        self,
        *,
        TableName: str,
        Item: dict[str, Any],
        ConditionExpression: str = "",
        ExpressionAttributeValues: dict[str, Any] | None = None,
    ) -> None:
        def put() -> None:
            self._check(_key(Item), ConditionExpression, ExpressionAttributeValues or {})
            self.items[_key(Item)] = dict(Item)

        self.calls.around(put)

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:
        puts = [item["Put"] for item in TransactItems]

        def write() -> None:
            for put in puts:
                values = put.get("ExpressionAttributeValues", {})
                self._check(
                    _key(put["Item"]),
                    put.get("ConditionExpression", ""),
                    values,
                    otherwise="TransactionCanceledException",
                )
            for put in puts:
                self.items[_key(put["Item"])] = dict(put["Item"])

        self.calls.around(write)

    def update_item(
        self,
        *,
        TableName: str,
        Key: dict[str, Any],
        UpdateExpression: str,
        ConditionExpression: str,
        ExpressionAttributeValues: dict[str, Any],
    ) -> None:
        verb, attribute = UpdateExpression.removesuffix(" = :series").split()
        assert attribute in ("pending", "unreconciled")

        def update() -> None:
            self._check(_key(Key), ConditionExpression, ExpressionAttributeValues)
            if verb == "SET":
                self.items[_key(Key)][attribute] = ExpressionAttributeValues[":series"]
            else:
                self.items[_key(Key)].pop(attribute, None)

        self.calls.around(update)

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> None:
        self.calls.around(lambda: self.items.pop(_key(Key), None))

    def _check(
        self,
        key: tuple[str, str],
        condition: str,
        values: dict[str, Any],
        otherwise: str = "ConditionalCheckFailedException",
    ) -> None:
        item = self.items.get(key)
        match condition.split():
            case []:
                holds = True
            case ["attribute_not_exists(pk)"]:
                holds = item is None
            case [attribute, "=", name]:
                holds = item is not None and item.get(attribute) == values[name]
            case _:
                raise NotImplementedError(condition)
        if not holds:
            raise client_error(otherwise)

    def query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: dict[str, Any],
        Limit: int,
        ConsistentRead: bool,
        ScanIndexForward: bool = True,
    ) -> dict[str, Any]:
        assert ConsistentRead
        partition, *bounds = (value["S"] for value in ExpressionAttributeValues.values())
        low, high = bounds if "BETWEEN" in KeyConditionExpression else ("", *(bounds or ["~"]))
        if len(bounds) < 2:
            assert KeyConditionExpression.endswith("sk <= :time" if bounds else "pk = :series")

        def query() -> dict[str, Any]:
            keys = [key for key in self.items if key[0] == partition and low <= key[1] <= high]
            chosen = sorted(keys, reverse=not ScanIndexForward)[:Limit]
            return {"Items": [dict(self.items[key]) for key in chosen]}

        result: dict[str, Any] = self.calls.around(query)
        return result

    def get_paginator(self, operation: str) -> FakeDynamoDB:
        assert operation == "query"
        return self

    def paginate(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: dict[str, Any],
        IndexName: str = "",
        ConsistentRead: bool = False,
    ) -> Iterator[dict[str, Any]]:
        values = [value["S"] for value in ExpressionAttributeValues.values()]

        def query() -> list[dict[str, Any]]:
            partition = IndexName or "pk"
            low, high = values[1:] if "BETWEEN" in KeyConditionExpression else ("", "~")
            if KeyConditionExpression.endswith("sk < :before"):  # no key is a whole start
                high = values[1]
            found = [
                dict(item)
                for item in self.items.values()
                if item.get(partition) == {"S": values[0]} and low <= item["sk"]["S"] <= high
            ]
            return sorted(found, key=lambda item: str(item["sk"]["S"]))

        found = self.calls.around(query)
        for at in range(0, len(found), 3):  # small pages, since a reader must follow them
            yield {"Items": found[at : at + 3]}
        if not found:
            yield {"Items": []}


class FakeCloudWatch:
    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.data: list[dict[str, Any]] = []

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
        assert Namespace == "Driftline"
        self.calls.around(lambda: self.data.extend(MetricData))

    def values(self, name: str) -> list[float]:
        return [datum["Value"] for datum in self.data if datum["MetricName"] == name]


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]
