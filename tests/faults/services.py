"""S3, SQS and CloudWatch in memory, each call of which the schedule can break."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.faults.scheduler import Call, Gate
from tests.unit.drift_consumer.fake_aws import client_error

PAGE = 3
"""Keys of a page: few, since others write between two pages."""


class Buckets:
    """Objects by bucket and key. S3 is consistent: who reads sees the last write."""

    def __init__(self, gate: Gate, clock: Callable[[], int]) -> None:
        self._gate = gate
        self._clock = clock
        self.objects: dict[tuple[str, str], bytes] = {}
        self.written: dict[tuple[str, str], int] = {}

    def get_object(self, *, Bucket: str, Key: str, Range: str = "bytes=0") -> dict[str, Any]:
        def get() -> dict[str, Any]:
            if (Bucket, Key) not in self.objects:
                raise client_error("NoSuchKey")
            return {"Body": io.BytesIO(self.objects[Bucket, Key][int(Range.removeprefix("bytes=")) :])}

        answer: dict[str, Any] = self._gate.make(Call(operation="GetObject", effect=get))
        return answer

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        def put() -> None:
            self.objects[Bucket, Key] = bytes(Body)
            self.written[Bucket, Key] = self._clock()

        outlives = Bucket == "archive" and not Key.startswith("verdicts/")
        self._gate.make(Call(operation="PutObject", effect=put, writes=True, outlives=outlives))

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        def delete() -> None:
            self.objects.pop((Bucket, Key), None)

        self._gate.make(Call(operation="DeleteObject", effect=delete, writes=True, outlives=True))

    def get_paginator(self, operation: str) -> Buckets:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str = "", Delimiter: str = "") -> Iterator[dict[str, Any]]:
        after = ""
        while True:

            def page(after: str = after) -> list[str]:
                keys = [key for key in self.keys(Bucket) if key.startswith(Prefix)]
                if Delimiter:
                    parts = (key.removeprefix(Prefix).partition(Delimiter) for key in keys)
                    keys = sorted({Prefix + name + cut for name, cut, _ in parts if cut})
                return [key for key in keys if key > after][:PAGE]

            found = self._gate.make(Call(operation="ListObjectsV2", effect=page))
            if Delimiter:
                yield {"CommonPrefixes": [{"Prefix": name} for name in found]}
            else:
                yield {"Contents": [self._listed(Bucket, key) for key in found]} if found else {}
            if len(found) < PAGE:
                return
            after = found[-1]

    def _listed(self, bucket: str, key: str) -> dict[str, Any]:
        written = self.written.get((bucket, key), 0)  # 0: it was there from the beginning
        return {
            "Key": key,
            "Size": len(self.objects[bucket, key]),
            "LastModified": datetime.fromtimestamp(written / 1000, UTC),
        }

    def keys(self, bucket: str) -> list[str]:
        return sorted(key for owner, key in self.objects if owner == bucket)


@dataclass(slots=True, kw_only=True)
class Message:
    """One message; who has received it is alone with it until `visible_at`, in milliseconds."""

    body: str
    visible_at: int = 0


class Queue:
    """A standard SQS queue."""

    def __init__(self, gate: Gate, clock: Callable[[], int]) -> None:
        self._gate = gate
        self._clock = clock
        self.messages: dict[str, Message] = {}
        self._sent = 0

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        def send(refused: int = 0) -> dict[str, Any]:
            for i, entry in enumerate(Entries):
                if not refused >> i & 1:
                    self._sent += 1
                    self.messages[f"message-{self._sent:06d}"] = Message(body=entry["MessageBody"])
            return _told(Entries, refused)

        call = Call(operation="SendMessageBatch", effect=send, writes=True, outlives=True, partial=send)
        answer: dict[str, Any] = self._gate.make(call)
        return answer

    def receive_message(
        self, *, QueueUrl: str, MaxNumberOfMessages: int, VisibilityTimeout: int, WaitTimeSeconds: int
    ) -> dict[str, Any]:
        def receive(hidden: int = 0) -> dict[str, Any]:
            now = self._clock()
            names = [name for name, message in self.messages.items() if hidden or message.visible_at <= now][
                :MaxNumberOfMessages
            ]
            for name in names:
                self.messages[name].visible_at = now + 1000 * VisibilityTimeout
            found = [
                {"MessageId": name, "ReceiptHandle": name, "Body": self.messages[name].body} for name in names
            ]
            return {"Messages": found} if found else {}

        call = Call(
            operation="ReceiveMessage", effect=receive, writes=True, stale=lambda detail: receive(hidden=1)
        )
        answer: dict[str, Any] = self._gate.make(call)
        return answer

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        def delete(refused: int = 0) -> dict[str, Any]:
            for i, entry in enumerate(Entries):
                if not refused >> i & 1:
                    self.messages.pop(entry["ReceiptHandle"], None)
            return _told(Entries, refused)

        call = Call(operation="DeleteMessageBatch", effect=delete, writes=True, partial=delete)
        answer: dict[str, Any] = self._gate.make(call)
        return answer

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:
        def change() -> None:
            for entry in Entries:
                if entry["ReceiptHandle"] in self.messages:
                    self.messages[entry["ReceiptHandle"]].visible_at = self._clock()

        self._gate.make(Call(operation="ChangeMessageVisibilityBatch", effect=change, writes=True))


def _told(entries: list[dict[str, str]], refused: int) -> dict[str, Any]:
    failed = [
        {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
        for i, entry in enumerate(entries)
        if refused >> i & 1
    ]
    return {"Failed": failed} if failed else {}


class Metrics:
    """CloudWatch, as far as it takes metrics."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.data: list[dict[str, Any]] = []

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
        self._gate.make(
            Call(operation="PutMetricData", effect=lambda: self.data.extend(MetricData), writes=True)
        )
