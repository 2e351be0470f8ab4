"""Puts the records of a failed batch that were not counted on the stream again.

A failed batch may have been counted in part: each window is counted by itself, and the ones before the fault
stay counted. The ranges in the windows' items tell which records these were. The last sequence number does
not, for the consumer went on with later batches. What is put gets new sequence numbers, so it counts as new.

A receipt beside the batches notes each PutRecords call once it is accepted. A crash between the two puts the
records of that one call, 500 at most, twice. The queries read an event once; a window's state counts each
delivery that comes in another batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from drift_consumer.baselines import Baselines
from drift_consumer.decode import decode
from drift_consumer.put_aside import RECEIPTS, receipt
from drift_consumer.records import Records
from drift_consumer.slices import by_window
from drift_consumer.window_store import KEPT_SECONDS, WindowStore
from scripts.failed_batch import FailedBatch, FailedBatchError
from scripts.kinesis_writer import KinesisWriter, NotAcceptedError, calls

KNOWN_SECONDS = KEPT_SECONDS - 3 * 86_400
"""Age of a batch up to which its windows are surely remembered: they were counted at most 72 hours, the
stream's retention, before it was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """What became of a batch: records = counted + put_before + put.

    Attributes
    ----------
    records : in the object.
    counted : by the consumer, before it failed.
    put_before : by an earlier run.
    put : by this run, or to be put if it is a dry run.
    """

    records: int = 0
    counted: int = 0
    put_before: int = 0
    put: int = 0

    def __add__(self, other: BatchCounts) -> BatchCounts:
        return BatchCounts(
            records=self.records + other.records,
            counted=self.counted + other.counted,
            put_before=self.put_before + other.put_before,
            put=self.put + other.put,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRedrive:
    """Redrives the failed batches in one bucket.

    Attributes
    ----------
    window_seconds : as the consumer has it; None leaves the length to each bundle's manifest.
    model_name : of the stack, whose consumer refuses any other.
    writer : to the stream that the batches came from.
    clock : UTC milliseconds now.
    """

    s3: Any
    bucket: str
    writer: KinesisWriter
    model_name: str
    baselines: Baselines
    windows: WindowStore
    window_seconds: int | None
    clock: Callable[[], int]

    def waiting(self) -> list[str]:
        """Keys of all objects but the receipts, in order: of a shard, the oldest batch first."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = (item["Key"] for page in pages for item in page.get("Contents", []))
        return sorted(key for key in keys if not key.startswith(RECEIPTS))

    def redrive(self, key: str, *, dry_run: bool) -> BatchCounts:
        """Put what was not counted, then delete the object: its records are on the stream or counted.

        Parameters
        ----------
        dry_run : only count.

        Raises
        ------
        FailedBatchError
            If the object is not a failed batch of the stream, or what was counted of it is forgotten.
        NotAcceptedError
            If the stream does not take all records; the receipt knows those that it took.
        """
        batch = FailedBatch.read(key, self._read(key), self.writer.stream)
        if self.clock() - batch.failed_at > KNOWN_SECONDS * 1000:
            raise FailedBatchError(
                f"it is older than {KNOWN_SECONDS // 86_400} days, so what was counted of it is forgotten; "
                f"send its records with python -m scripts.replay, or delete it"
            )
        about = f"{RECEIPTS}{batch.shard_id}/{batch.sequences[0]}-{batch.sequences[-1]}.json"
        counted, before = self._counted(batch), self._receipt(about)
        put = [sequence for sequence in batch.sequences if sequence not in counted and sequence not in before]
        counts = BatchCounts(
            records=len(batch.sequences),
            counted=len(counted),
            put_before=len(batch.sequences) - len(counted) - len(put),
            put=len(put),
        )
        if not dry_run:
            self._put(batch, put, before, about)
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        return counts

    def _counted(self, batch: FailedBatch) -> set[int]:
        """Sequence numbers in a range that their window's item lists."""
        counted: set[int] = set()
        for records in Records.by_shard(batch.event):
            for piece in by_window(
                records, decode(records, self.model_name, self.baselines), self.window_seconds
            ):
                stored = self.windows.read(piece.key, piece.layout)
                for ends in stored.ranges if stored else ():
                    first, last = (int(end) for end in ends.split("-"))
                    counted |= {
                        sequence for sequence in piece.sequences.tolist() if first <= sequence <= last
                    }
        return counted

    def _put(self, batch: FailedBatch, sequences: list[int], before: set[int], about: str) -> None:
        records = dict(zip(batch.sequences, batch.records, strict=True))
        done = set(before)
        waiting = iter(sequences)
        for call in calls([records[sequence] for sequence in sequences]):
            sent = [next(waiting) for _ in call]
            try:
                self.writer.put(call)
            except NotAcceptedError as error:
                done |= {sequence for i, sequence in enumerate(sent) if i not in error.refused}
                self._write_receipt(about, done)
                raise
            done |= set(sent)
            self._write_receipt(about, done)

    def _write_receipt(self, key: str, done: set[int]) -> None:
        body = json.dumps({"put": [str(sequence) for sequence in sorted(done)]})
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode())

    def _receipt(self, key: str) -> set[int]:
        """Sequence numbers that earlier runs put; Lambda may also have written one batch twice."""
        try:
            return receipt(key, self._read(key))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return set()
        except ValueError as error:
            raise FailedBatchError(str(error)) from None

    def _read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content
