"""S3, DynamoDB and CloudWatch as dictionaries, as far as the functions use them.

They answer at once and count their calls. A query comes in pages of 1 MB, as DynamoDB's does, and conditions
are kept, so that the code under test goes its usual way.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

PAGE_BYTES = 1_000_000
"""What one page of a query holds."""


class MemoryS3:
    """Objects by key, of all buckets."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        """As S3."""
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:
        """As S3."""
        self.objects[Key] = Body


class MemoryDynamoDB:
    """One table by partition and sort key."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, dict[str, Any]]] = {}
        self.calls: Counter[str] = Counter()

    def get_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:
        """As DynamoDB."""
        self.calls["reads"] += 1
        item = self._find(Key)
        return {"Item": item} if item else {}

    def put_item(self, *, Item: dict[str, Any], **condition: Any) -> None:
        """As DynamoDB."""
        self.calls["writes"] += 1
        self._check(Item, condition)
        self._put(Item)

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:
        """As DynamoDB."""
        self.calls["writes"] += 1
        for one in TransactItems:
            self._check(one["Put"]["Item"], one["Put"])
        for one in TransactItems:
            self._put(one["Put"]["Item"])

    def update_item(self, *, Key: dict[str, Any], UpdateExpression: str, **condition: Any) -> None:
        """As DynamoDB, for the one update that there is."""
        if UpdateExpression != "REMOVE pending":
            raise NotImplementedError(UpdateExpression)
        self.calls["writes"] += 1
        self._check(Key, condition)
        item = self._find(Key)
        if item is not None:
            item.pop("pending", None)

    def query(self, *, ExpressionAttributeValues: dict[str, Any], **_: Any) -> dict[str, Any]:
        """As DynamoDB: the last item up to a sort key."""
        self.calls["reads"] += 1
        partition, highest = (value["S"] for value in ExpressionAttributeValues.values())
        keys = [key for key in self.items.get(partition, {}) if key <= highest]
        return {"Items": [self.items[partition][max(keys)]] if keys else []}

    def get_paginator(self, _: str) -> MemoryDynamoDB:
        """Pages of a query, by `paginate`."""
        return self

    def paginate(
        self,
        *,
        ExpressionAttributeValues: dict[str, Any],
        KeyConditionExpression: str,
        IndexName: str = "",
        **_: Any,
    ) -> Iterator[dict[str, Any]]:
        """As DynamoDB."""
        partition, *bounds = (value["S"] for value in ExpressionAttributeValues.values())
        low, high = bounds if "BETWEEN" in KeyConditionExpression else ("", "~")
        parts = self.items.values() if IndexName else [self.items.get(partition, {})]
        found = [
            (key, item)
            for part in parts
            for key, item in part.items()
            if low <= key <= high and (not IndexName or item.get(IndexName) == {"S": partition})
        ]
        page: list[dict[str, Any]] = []
        size = 0
        for _key, item in sorted(found, key=lambda one: one[0]):
            page.append(item)
            size += _bytes(item)
            if size >= PAGE_BYTES:
                self.calls["reads"] += 1
                yield {"Items": page}
                page, size = [], 0
        self.calls["reads"] += 1
        yield {"Items": page}

    def _find(self, key: dict[str, Any]) -> dict[str, Any] | None:
        return self.items.get(key["pk"]["S"], {}).get(key["sk"]["S"])

    def _put(self, item: dict[str, Any]) -> None:
        self.items.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = dict(item)

    def _check(self, key: dict[str, Any], condition: dict[str, Any]) -> None:
        item = self._find(key)
        match condition.get("ConditionExpression", "").split():
            case []:
                holds = True
            case ["attribute_not_exists(pk)"]:
                holds = item is None
            case [attribute, "=", name]:
                holds = item is not None and item[attribute] == condition["ExpressionAttributeValues"][name]
            case other:
                raise NotImplementedError(" ".join(other))
        if not holds:
            raise ClientError(
                {"Error": {"Code": "ConditionalCheckFailedException", "Message": str(key)}}, "Write"
            )


class MemoryCloudWatch:
    """Counts the data that it is given."""

    def __init__(self) -> None:
        self.data = 0

    def put_metric_data(self, *, MetricData: list[dict[str, Any]], **_: Any) -> None:
        """As CloudWatch."""
        self.data += len(MetricData)


def _bytes(item: dict[str, Any]) -> int:
    """What an item counts against a page: names and values."""
    return sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())
