"""The consumer: archives and counts a shard's batch, every record exactly once.

For each window in the batch: leave out what has been counted, write the rest to the archive under a key that
names its sequence numbers, then put the window's item on condition that nobody has counted meanwhile. A
crash between any two calls leaves at most an object that no item lists, and the retry counts what is left.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from drift_consumer.archive import Archive, object_key, parquet
from drift_consumer.baselines import Baselines
from drift_consumer.decode import decode
from drift_consumer.records import Records
from drift_consumer.settings import ConsumerSettings
from drift_consumer.slices import Slice, by_window
from drift_consumer.window_store import LostRaceError, StoredWindow, WindowStore

ATTEMPTS = 5
"""Tries to count one window. Only a second poller of the same shard can win a race, and rarely twice."""

logger = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the consumer works with.

    Attributes
    ----------
    model_name : of the stack; its stream is for no other.
    clock : UTC milliseconds now.
    """

    model_name: str
    baselines: Baselines
    archive: Archive
    windows: WindowStore
    window_seconds: int | None
    clock: Callable[[], int]


@cache
def resources() -> Resources:
    """The real ones, built at the first call of a Lambda environment."""
    settings = ConsumerSettings.from_env()
    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})
    s3 = boto3.client("s3", config=config)
    return Resources(
        model_name=settings.model_name,
        baselines=Baselines(s3, settings.models_bucket),
        archive=Archive(s3, settings.archive_bucket),
        windows=WindowStore(boto3.client("dynamodb", config=config), settings.window_table),
        window_seconds=settings.window_seconds,
        clock=lambda: time.time_ns() // 1_000_000,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[Any]]:
    """Serve the Kinesis event source mapping."""
    return consume(event, resources())


def consume(event: Mapping[str, Any], to: Resources) -> dict[str, list[Any]]:
    """Archive and count a batch; what breaks the contract goes to the quarantine, it is never retried.

    Parameters
    ----------
    event : Kinesis records as Lambda passes them.

    Returns
    -------
    No failed items: a fault of AWS is raised, so that Lambda retries the batch.
    """
    for records in Records.by_shard(event):
        counts: Counter[str] = Counter(records=len(records.payloads))
        for piece in by_window(records, decode(records, to.model_name, to.baselines), to.window_seconds):
            counts += count_once(piece, to)
            counts["windows"] += 1
        logger.info("batch counted", extra={"shard_id": records.shard_id, **counts})
    return {"batchItemFailures": []}


def count_once(piece: Slice, to: Resources) -> Counter[str]:
    """Archive and count the records of a slice that have not been counted.

    Returns
    -------
    How many records were archived (by kind), "duplicates" of an event in the slice, or "counted_before".

    Raises
    ------
    LostRaceError
        If others kept winning the race for the window.
    """
    for _ in range(ATTEMPTS):
        stored = to.windows.read(piece.key, piece.layout)
        fresh = piece.after(stored.last_sequence) if stored else piece
        if not len(fresh):
            return Counter(counted_before=len(piece))
        events = fresh.distinct()
        place = object_key(piece.key, fresh.sequence_range)
        to.archive.put(place, parquet(events, fresh.without(events)))
        try:
            to.windows.put(_extended(stored, fresh, events, to.clock()), replacing=stored)
        except LostRaceError:
            _discard_orphan(fresh, place, to)
            continue
        return Counter(
            {
                piece.key.series.kind: len(events),
                "duplicates": len(fresh) - len(events),
                "counted_before": len(piece) - len(fresh),
            }
        )
    raise LostRaceError(
        f"{piece.key} was counted into by others {ATTEMPTS} times; look for a second event source mapping "
        f"on the stream that calls this function"
    )


def _extended(stored: StoredWindow | None, fresh: Slice, events: Slice, now: int) -> StoredWindow:
    """The window with a slice counted: its range covers the duplicates, which are done with as well."""
    state = events.count(duplicates=len(fresh) - len(events))
    return StoredWindow(
        key=fresh.key,
        state=stored.state + state if stored else state,
        last_sequence=int(fresh.sequences.max()),
        ranges=(*(stored.ranges if stored else ()), fresh.sequence_range),
        first_update=stored.first_update if stored else now,
        last_update=now,
        merged=stored is not None and stored.merged,
    )


def _discard_orphan(fresh: Slice, place: str, to: Resources) -> None:
    """Remove the object of a lost race, if no item lists it now and none ever will.

    None will once a sequence number of its range has been counted: ranges begin above the last one counted.
    Before that, the next attempt writes the same object again.
    """
    stored = to.windows.read(fresh.key, fresh.layout)
    passed = stored is not None and stored.last_sequence >= int(fresh.sequences.min())
    if stored is not None and passed and fresh.sequence_range not in stored.ranges:
        to.archive.delete(place)
