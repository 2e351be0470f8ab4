"""Puts the events that wait in the fallback queue on the stream, and deletes each once it was accepted.

A crash between the two leaves accepted events in the queue, and the next run puts them a second time: those
of one PutRecords call, 500 at most. Their ids stay the same: the queries read each once; a window's state
counts each delivery that comes in another batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from scripts.kinesis_writer import (
    MAX_BYTES,
    MAX_RECORD_BYTES,
    MAX_RECORDS,
    KinesisWriter,
    NotAcceptedError,
    Record,
    calls,
)

HIDDEN_SECONDS = 300
"""How long a received message is kept from others: longer than a PutRecords call with all its retries."""

_RECEIVED = 10  # messages of one call, the most that SQS gives
_WAIT_SECONDS = 1  # asks all servers of the queue, so that no answer means no message
_DELETE_ATTEMPTS = 3


@dataclass(slots=True, kw_only=True)
class QueueCounts:
    """What became of the messages: received = accepted + left, and accepted = deleted.

    Attributes
    ----------
    received : messages, each counted once.
    accepted : by the stream.
    deleted : from the queue.
    too_large : messages left because no stream record is as large.
    """

    received: int = 0
    accepted: int = 0
    deleted: int = 0
    too_large: int = 0


@dataclass(frozen=True, slots=True)
class _Message:
    id: str
    handle: str
    record: Record


@dataclass(slots=True, kw_only=True)
class QueueRedrive:
    """Redrives one queue.

    Attributes
    ----------
    advanced : called with the number of messages that were deleted.
    """

    sqs: Any
    queue_url: str
    writer: KinesisWriter
    advanced: Callable[[int], None] = lambda messages: None
    counts: QueueCounts = field(default_factory=QueueCounts)
    _accepted: set[str] = field(default_factory=set)
    _left: dict[str, _Message] = field(default_factory=dict)

    def waiting(self) -> int:
        """About how many messages the queue holds; those that another reader has received count as well."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def redrive(self, limit: int) -> QueueCounts:
        """Put messages on the stream until none comes any more, or `limit` have come.

        Raises
        ------
        NotAcceptedError
            If the stream does not take all records. What it took is deleted, the rest visible in the queue.
        """
        try:
            while self.counts.received < limit:
                messages = self._receive(min(MAX_RECORDS, limit - self.counts.received))
                if messages is None:
                    break
                for call in calls([message.record for message in messages]):
                    self._put(messages[: len(call)])
                    messages = messages[len(call) :]
        finally:
            self._release()
        return self.counts

    def _receive(self, number: int) -> list[_Message] | None:
        """New messages that fit a call, or a little more; None if the queue gave nothing at all."""
        new: list[_Message] = []
        again: list[_Message] = []
        while len(new) < number and sum(message.record.size for message in new) < MAX_BYTES:
            given = self.sqs.receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=min(_RECEIVED, number - len(new)),
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=_WAIT_SECONDS,
            ).get("Messages", [])
            if not given:
                break
            for item in given:
                body = Record(item["Body"].encode(), item["MessageId"])
                message = _Message(item["MessageId"], item["ReceiptHandle"], body)
                if message.id in self._accepted:
                    again.append(message)  # SQS gives a message twice now and then
                elif message.id not in self._left:
                    self.counts.received += 1
                    self._left[message.id] = message
                    new.append(message)
        self._delete(again)
        if not new and not again:
            return None
        large = [message for message in new if message.record.size > MAX_RECORD_BYTES]
        self.counts.too_large += len(large)
        return [message for message in new if message not in large]

    def _put(self, messages: Sequence[_Message]) -> None:
        try:
            self.writer.put([message.record for message in messages])
        except NotAcceptedError as error:
            self._take([message for i, message in enumerate(messages) if i not in error.refused])
            raise
        self._take(messages)

    def _take(self, accepted: Sequence[_Message]) -> None:
        self.counts.accepted += len(accepted)
        for message in accepted:
            self._accepted.add(message.id)
            del self._left[message.id]
        deleted = self._delete(accepted)
        self.counts.deleted += deleted
        self.advanced(deleted)

    def _delete(self, messages: Sequence[_Message]) -> int:
        """Delete messages; how many were."""
        pending = list(messages)
        for _ in range(_DELETE_ATTEMPTS):
            parts = batched(pending, _RECEIVED, strict=False)
            pending = [message for part in parts for message in self._delete_some(part)]
        return len(messages) - len(pending)

    def _delete_some(self, messages: Sequence[_Message]) -> list[_Message]:
        entries = [{"Id": str(i), "ReceiptHandle": message.handle} for i, message in enumerate(messages)]
        answer = self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)
        return [messages[int(failed["Id"])] for failed in answer.get("Failed", [])]

    def _release(self) -> None:
        """Show what is left to the next reader at once, not only after `HIDDEN_SECONDS`."""
        for part in batched(self._left.values(), _RECEIVED, strict=False):
            entries = [
                {"Id": str(i), "ReceiptHandle": message.handle, "VisibilityTimeout": 0}
                for i, message in enumerate(part)
            ]
            self.sqs.change_message_visibility_batch(QueueUrl=self.queue_url, Entries=entries)
