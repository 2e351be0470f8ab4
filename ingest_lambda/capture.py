"""Capture: every event goes to the stream or, when the stream will not take it, to the fallback queue.

The put is synchronous, because a Lambda stands still once it has answered. Its time is bounded, because the
answer waits for it. Nothing is lost silently: what neither takes is named in the delivery.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from drift_core.event import Event
from ingest_lambda.aws import fault_name

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

QUEUE_SECONDS = 4.0
"""Longest time for the fallback queue: 50 calls of 10 messages, in seconds."""

MAX_RECORD_BYTES = 1 << 20
"""Data and partition key of one Kinesis record."""

STREAM_CALL = (500, 5 << 20)  # records and bytes of one PutRecords
_QUEUE_CALL = (10, 256 << 10)  # messages and bytes of one SendMessageBatch; a longer message travels alone
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.8  # seconds, before jitter
HOPELESS = frozenset({"AccessDeniedException", "ResourceNotFoundException", "ValidationException"})
"""Errors of a whole call that the next attempt would meet again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one request's events.

    Attributes
    ----------
    queued : events that the stream did not take and the queue did.
    lost : ids of the events that neither took.
    errors : failed attempts by kind, one for each event and attempt.
    left : riders that the stream did not take.
    """

    queued: int = 0
    lost: tuple[str, ...] = ()
    errors: Mapping[str, int]
    left: int = 0


class Capture:
    """Writes events to the stream, and to the queue when it must.

    Parameters
    ----------
    kinesis, sqs : clients whose calls end within half of `seconds` and half of `QUEUE_SECONDS`.
    seconds : longest time for the stream, all retries included.
    clock : seconds, monotonic.
    random : uniform in [0, 1).
    """

    def __init__(
        self,
        *,
        kinesis: KinesisClient,
        stream: str,
        sqs: SQSClient,
        queue_url: str,
        seconds: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        random: Callable[[], float],
    ) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._sqs = sqs
        self._queue_url = queue_url
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._random = random

    def put(self, events: Sequence[Event], riders: Sequence[Event] = ()) -> Delivery:
        """Write events; never raises for a fault of AWS.

        Parameters
        ----------
        riders : go with the first attempt, behind the events, and are left where the stream does not take
            them: nothing is repeated for their sake.
        """
        errors: Counter[str] = Counter()
        records = [_Record(event.event_id, event.encode()) for event in events]
        extra = [_Record(rider.event_id, rider.encode(), rides=True) for rider in riders]
        refused = self._to_stream([*records, *extra], errors)
        left = sum(record.rides for record in refused)
        refused = [record for record in refused if not record.rides]
        lost = self._to_queue(refused, errors)
        return Delivery(
            queued=len(refused) - len(lost),
            lost=tuple(record.event_id for record in lost),
            errors=errors,
            left=left,
        )

    def _to_stream(self, records: Sequence[_Record], errors: Counter[str]) -> list[_Record]:
        """Records that the stream did not take; only failed ones are sent again, and no riders."""
        last_start = self._clock() + self._seconds / 2
        left = [record for record in records if record.size > MAX_RECORD_BYTES]
        errors.update({"RecordTooLarge": len(left)} if left else {})
        pending = [record for record in records if record.size <= MAX_RECORD_BYTES]
        for attempt in count():
            pending = [
                record
                for batch in batches(pending, STREAM_CALL)
                for record in self._put_records(batch, errors, last_start)
            ]
            left += [record for record in pending if record.rides]
            pending = [record for record in pending if not record.rides]
            pause = self._random() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
            if not pending or errors.keys() & HOPELESS or self._clock() + pause > last_start:
                break
            self._sleep(pause)
        return left + pending

    def _put_records(self, batch: list[_Record], errors: Counter[str], last_start: float) -> list[_Record]:
        if self._clock() > last_start:
            errors["OutOfTime"] += len(batch)
            return batch
        entries: list[PutRecordsRequestEntryTypeDef] = [
            {"Data": record.data, "PartitionKey": record.event_id} for record in batch
        ]
        try:
            results = self._kinesis.put_records(StreamName=self._stream, Records=entries)["Records"]
        except (BotoCoreError, ClientError) as error:
            errors[fault_name(error)] += len(batch)
            return batch
        failed = [
            (record, result["ErrorCode"])
            for record, result in zip(batch, results, strict=True)
            if result.get("ErrorCode")
        ]
        errors.update(code for _, code in failed)
        return [record for record, _ in failed]

    def _to_queue(self, records: Sequence[_Record], errors: Counter[str]) -> list[_Record]:
        """Records that the queue did not take either, at the second attempt."""
        last_start = self._clock() + QUEUE_SECONDS / 2
        pending = list(records)
        for _ in range(2):
            pending = [
                record
                for batch in batches(pending, _QUEUE_CALL)
                for record in self._send_messages(batch, errors, last_start)
            ]
        return pending

    def _send_messages(self, batch: list[_Record], errors: Counter[str], last_start: float) -> list[_Record]:
        if self._clock() > last_start:
            errors["OutOfTime"] += len(batch)
            return batch
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(i), "MessageBody": record.data.decode()} for i, record in enumerate(batch)
        ]
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            errors[fault_name(error)] += len(batch)
            return batch
        failed = answer.get("Failed", [])
        errors.update(entry["Code"] for entry in failed)
        return [batch[int(entry["Id"])] for entry in failed]


@dataclass(frozen=True, slots=True)
class _Record:
    event_id: str  # also the partition key: its random part spreads records over the shards
    data: bytes
    rides: bool = False

    @property
    def size(self) -> int:
        return len(self.data) + len(self.event_id)


class Sized(Protocol):
    """What counts against a call's limits."""

    @property
    def size(self) -> int:
        """Bytes."""


def batches[T: Sized](records: Iterable[T], limits: tuple[int, int]) -> Iterator[list[T]]:
    """Runs of records within a call's limits of number and bytes, in order."""
    number, total = limits
    batch: list[T] = []
    size = 0
    for record in records:
        if batch and (len(batch) == number or size + record.size > total):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += record.size
    if batch:
        yield batch
