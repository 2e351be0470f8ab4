"""Writes records to a Kinesis stream in order; only what failed is sent again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ingest_lambda import capture

MAX_RECORDS, MAX_BYTES = capture.STREAM_CALL
"""What one PutRecords call carries."""

MAX_RECORD_BYTES = capture.MAX_RECORD_BYTES

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds, before jitter


@dataclass(frozen=True, slots=True)
class Record:
    """One stream record; its key spreads records over the shards."""

    data: bytes
    key: str

    @property
    def size(self) -> int:
        """Bytes that count against the limits."""
        return len(self.data) + len(self.key)


def calls(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Records in runs that one PutRecords call carries, in order."""
    return capture.batches(records, (MAX_RECORDS, MAX_BYTES))


class NotAcceptedError(RuntimeError):
    """The stream did not take all records.

    Attributes
    ----------
    accepted : records of the batch that were taken.
    prefix : how many of them come before the first that was not.
    refused : positions of those that were not, increasing.
    """

    def __init__(self, message: str, *, accepted: int, prefix: int, refused: Sequence[int]) -> None:
        super().__init__(message)
        self.accepted = accepted
        self.prefix = prefix
        self.refused = tuple(refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class KinesisWriter:
    """Writes batches to one stream.

    Attributes
    ----------
    attempts : of one batch; a throttled shard recovers within a second.
    remedy : what to do about records that are not taken; the error ends with it.
    sleep, uniform : seconds, and a number in [0, 1); replaced in tests.
    """

    client: Any
    stream: str
    attempts: int = 10
    remedy: str = "send the rest with --resume"
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[], float] = random.random

    def put(self, records: Sequence[Record]) -> int:
        """Write one batch of at most `MAX_RECORDS` and `MAX_BYTES`.

        Returns
        -------
        How many records had to be sent again, each attempt counted.

        Raises
        ------
        NotAcceptedError
            If some are still refused at the last attempt, or AWS refuses the call itself.
        """
        pending = list(range(len(records)))
        again = 0
        for attempt in range(self.attempts):
            pending, fault = self._attempt(records, pending)
            if not pending:
                return again
            if fault in capture.HOPELESS or attempt == self.attempts - 1:
                raise NotAcceptedError(
                    f"stream {self.stream} did not take {len(pending)} of {len(records)} records ({fault}) "
                    f"in {attempt + 1} attempts; {self.remedy}",
                    accepted=len(records) - len(pending),
                    prefix=pending[0],
                    refused=pending,
                )
            again += len(pending)
            self.sleep((0.5 + self.uniform() / 2) * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))
        return again

    def _attempt(self, records: Sequence[Record], pending: Sequence[int]) -> tuple[list[int], str]:
        """Positions that were refused, and the first reason."""
        entries = [{"Data": records[i].data, "PartitionKey": records[i].key} for i in pending]
        try:
            results = self.client.put_records(StreamName=self.stream, Records=entries)["Records"]
        except ClientError as error:
            return list(pending), error.response["Error"]["Code"]
        except BotoCoreError as error:
            return list(pending), type(error).__name__
        refused = [
            (i, result["ErrorCode"])
            for i, result in zip(pending, results, strict=True)
            if result.get("ErrorCode")
        ]
        return [i for i, _ in refused], refused[0][1] if refused else ""
