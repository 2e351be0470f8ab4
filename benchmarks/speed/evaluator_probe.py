"""One fresh process of the evaluator benchmark: windows of one size are judged; it prints JSON.

    python -m benchmarks.speed.evaluator_probe <features> <shards> <records> <windows> <hours>

The real evaluator runs over an AWS in memory. Its windows are those of one hour; with <hours> it goes on to
close that hour and its day, after which the monitor remembers the noise of all three spans.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np

from benchmarks.speed.batch import MODEL, START, VERSION
from benchmarks.speed.machine import forget_peak, peak_bytes
from benchmarks.speed.memory_aws import MemoryCloudWatch, MemoryDynamoDB, MemoryS3
from benchmarks.speed.traffic import Model
from drift_consumer.baselines import Baselines
from drift_consumer.evaluate import Resources, evaluate
from drift_consumer.metrics import Publisher
from drift_consumer.progress import ProgressStore
from drift_consumer.series import Series, WindowKey
from drift_consumer.settings import EvaluatorSettings
from drift_consumer.verdict_store import VerdictStore
from drift_consumer.window_store import StoredWindow, WindowStore
from drift_core.window import WindowState, hash_event_ids

CHUNK = 100_000
"""Rows that are drawn and folded at once."""

DRIFTING, SLOW = 12, 0.1
"""Windows of a slow drift, and its size in σ: charts see it, single windows of 1,000 rows do not."""

WINDOW_MS, DAY_MS = 300_000, 86_400_000
SERIES = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)


class World:
    """The evaluator, its AWS and its clock."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.now = START
        self.dynamodb = MemoryDynamoDB()
        s3: Any = MemoryS3()
        s3.objects.update(model.bundle())
        table: Any = self.dynamodb
        cloudwatch: Any = MemoryCloudWatch()
        self.windows = WindowStore(table, "windows")
        self.to = Resources(
            settings=EvaluatorSettings(
                model_name=MODEL,
                models_bucket="models",
                archive_bucket="archive",
                window_table="windows",
                metrics_namespace="Driftline",
                window_seconds=None,
                grace_seconds=None,
                min_samples=None,
                false_alarms_per_month=None,
                drift_threshold=None,
            ),
            baselines=Baselines(s3, "models"),
            windows=self.windows,
            progress=ProgressStore(table, "windows"),
            verdicts=VerdictStore(s3, "archive"),
            publisher=Publisher(cloudwatch, namespace="Driftline", model_name=MODEL),
            clock=lambda: self.now,
        )

    def fill(self, window: int, states: list[WindowState]) -> None:
        """Put one window's items, one a shard."""
        for shard, state in enumerate(states):
            key = WindowKey(series=SERIES, start=START + window * WINDOW_MS, shard_id=f"shardId-{shard:012d}")
            item = StoredWindow(
                key=key,
                state=state,
                last_sequence=10**55,
                ranges=("1-2",),
                first_update=key.start,
                last_update=key.start,
            )
            self.windows.put(item, replacing=None)

    def evaluate(self, now: int) -> tuple[float, dict[str, int]]:
        """One run of the evaluator: its processor time in seconds, and what it did."""
        self.now = now
        started = time.process_time()
        done = evaluate(self.to)
        return time.process_time() - started, done

    def memory_bytes(self) -> int:
        """Size of what the monitor remembers, as it is stored."""
        [size] = [
            len(item["memory"]["B"])
            for part in self.dynamodb.items.values()
            for item in part.values()
            if "memory" in item
        ]
        return size


def states(
    model: Model, shards: int, records: int, seed: int, *, shift: float = 0.0
) -> Iterator[WindowState]:
    """The state of each shard, of so many records each; numbers are shifted by so many σ."""
    rng = np.random.default_rng([7, seed])
    for _ in range(shards):
        state = WindowState.empty(model.baseline.layout)
        for begin in range(0, records, CHUNK):
            count = min(CHUNK, records - begin)
            served = rng.normal((300_000, 60_000), (50_000, 5_000), (count, 2))
            rows = np.column_stack([model.rows(rng, count), served])
            rows[:, : model.numbers] += shift * 10
            ids = hash_event_ids(rng.integers(2**62, size=count).astype("S36"))
            state = state + WindowState.of(model.baseline.layout, rows, np.full(count, START), ids)
        yield state


def main(features: int, shards: int, records: int, windows: int, hours: int) -> dict[str, float]:
    """Seconds, bytes and calls of AWS for one window; of the hour and the day if they are closed."""
    model = Model(numbers=features - 2)
    world = World(model)
    counted = list(states(model, shards, records, 0))
    taken = []
    for window in range(windows + 1):
        if hours and window:  # the same rows again would be drift in the sum of an hour
            counted = list(states(model, shards, records, window))
        world.fill(window, counted)
        if window == 1:  # the first has warmed up
            forget_peak()
        world.dynamodb.calls.clear()
        seconds, done = world.evaluate(START + (window + 1) * WINDOW_MS + 60_000)
        if done.get("judged") != 1:
            raise RuntimeError(f"window {window} was not judged alone: {done}")
        if window:
            taken.append(seconds)
    found = {
        "seconds": median(taken),
        "peak_bytes": float(peak_bytes()),
        "state_bytes": float(len(counted[0].to_bytes())),
        "reads": float(world.dynamodb.calls["reads"]),
        "writes": float(world.dynamodb.calls["writes"]),
    }
    if hours:
        seconds, done = world.evaluate(START + DAY_MS + 60_000)
        if (done.get("hour"), done.get("day")) != (1, 1):
            raise RuntimeError(f"the hour and the day were not judged: {done}")
        found |= {"hour_and_day_seconds": seconds, "memory_bytes": float(world.memory_bytes())}
        found["busy_memory_bytes"] = float(_busiest(world, model))
    return found


def _busiest(world: World, model: Model) -> int:
    """The largest memory of a next day on which all numbers drift slowly, so that charts fill up."""
    sizes = []
    for window in range(DRIFTING):
        world.fill(DAY_MS // WINDOW_MS + window, list(states(model, 1, 1_000, 1_000 + window, shift=SLOW)))
        world.evaluate(START + DAY_MS + (window + 1) * WINDOW_MS + 60_000)
        sizes.append(world.memory_bytes())
    return max(sizes)


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
