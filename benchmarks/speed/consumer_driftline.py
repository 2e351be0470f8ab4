"""Driftline's consumer over an AWS in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.speed.batch import MODEL, START, VERSION
from benchmarks.speed.memory_aws import MemoryDynamoDB, MemoryS3
from drift_consumer.archive import Archive
from drift_consumer.baselines import Baselines
from drift_consumer.consume import Resources, consume
from drift_consumer.window_store import WindowStore


def runner(event: dict[str, Any], objects: dict[str, bytes]) -> Callable[[], MemoryDynamoDB]:
    """The consumer, its bundle in memory as in a warm environment, and a window that nobody has counted."""
    stored: Any = MemoryS3()
    stored.objects.update(objects)
    baselines = Baselines(stored, "models")
    baselines.get(MODEL, VERSION)

    def run() -> MemoryDynamoDB:
        s3: Any = MemoryS3()
        dynamodb: Any = MemoryDynamoDB()
        to = Resources(
            model_name=MODEL,
            baselines=baselines,
            archive=Archive(s3, "archive"),
            windows=WindowStore(dynamodb, "windows"),
            window_seconds=None,
            clock=lambda: START,
        )
        consume(event, to)
        return dynamodb  # type: ignore[no-any-return]

    return run
