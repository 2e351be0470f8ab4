"""How fast the consumer counts a batch, against the obvious way in pandas; one thread, AWS in memory.

Run `python -m benchmarks.consume`: prints a table and writes build/benchmarks/consume.json.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import platform
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from botocore.exceptions import ClientError

from drift_consumer.archive import Archive
from drift_consumer.baselines import Baselines
from drift_consumer.consume import Resources, consume
from drift_consumer.window_store import WindowStore
from drift_core.baseline import Baseline
from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, FileEntry, IntervalRule, Manifest, bundle_prefix
from drift_core.event import Interval, PredictionEvent
from drift_core.freeze import freeze
from drift_core.schema import Feature, FeatureSchema, Kind

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POWERTOOLS_LOG_LEVEL": "WARNING"}
"""Read when NumPy and Powertools are imported, so the script starts itself again with it."""

MODEL, VERSION = "house-prices", "20260101T000000Z-0123abcd"
START = 1_767_268_800_000
AREAS = ("centre", "coast", "hills", "harbour", "suburb")
SCHEMA = FeatureSchema(
    (
        *(Feature(name=f"number_{i}", kind=Kind.NUMERIC) for i in range(6)),
        Feature(name="area", kind=Kind.CATEGORICAL, categories=AREAS),
        Feature(name="garden", kind=Kind.BOOLEAN),
    )
)
SHARD = "shardId-000000000000"
FIRST_SEQUENCE = 49590338271490256608559692538361571095921575989136588898


class Memory:
    """S3 and DynamoDB as dictionaries: what they cost is not the question here."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.items: dict[str, Any] = {}

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        """As S3."""
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:
        """As S3."""
        self.objects[Key] = Body

    def get_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:
        """As DynamoDB."""
        item = self.items.get(Key["pk"]["S"] + Key["sk"]["S"])
        return {"Item": item} if item else {}

    def put_item(self, *, Item: dict[str, Any], **_: Any) -> None:
        """As DynamoDB, without conditions."""
        self.items[Item["pk"]["S"] + Item["sk"]["S"]] = Item


def bundle_objects(rng: np.random.Generator) -> dict[str, bytes]:
    """A bundle's files by key."""
    rows = 20_000
    matrix = np.column_stack([columns_of(rng, rows)[feature.name] for feature in SCHEMA.features])
    baseline = freeze(
        model_name=MODEL,
        model_version=VERSION,
        schema=SCHEMA,
        matrix=matrix,
        predictions=rng.normal(300_000, 50_000, rows),
        interval_widths=rng.normal(60_000, 5_000, rows),
    ).to_json()
    manifest = Manifest(
        model_name=MODEL,
        model_version=VERSION,
        created_at="2026-01-01T00:00:00Z",
        target="price",
        schema=SCHEMA,
        interval=IntervalRule(coverage=0.9, offset=0.0, width_quantiles=(1.0,)),
        files={BASELINE_FILE: FileEntry.of(baseline.encode())},
    ).to_json()
    prefix = bundle_prefix(MODEL, VERSION)
    return {prefix + BASELINE_FILE: baseline.encode(), prefix + MANIFEST_FILE: manifest.encode()}


def columns_of(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray[Any, Any]]:
    """Coded features by name, as training and traffic draw them."""
    numeric = {f"number_{i}": np.round(rng.normal(50, 10, rows), 2) for i in range(6)}
    return {**numeric, "area": rng.integers(0, len(AREAS), rows), "garden": rng.integers(0, 2, rows)}


def batch(rng: np.random.Generator, size: int) -> dict[str, Any]:
    """A Kinesis event of one window's predictions."""
    columns = {name: values.tolist() for name, values in columns_of(rng, size).items()}
    records = []
    for i in range(size):
        event_time = START + i * 25
        number = event_time << 80 | 0x7 << 76 | 0x2 << 62 | int(rng.integers(2**62))
        payload = PredictionEvent(
            event_id=str(uuid.UUID(int=number)),
            event_time=event_time,
            model_name=MODEL,
            model_version=VERSION,
            features={
                **{f"number_{j}": columns[f"number_{j}"][i] for j in range(6)},
                "area": AREAS[columns["area"][i]],
                "garden": bool(columns["garden"][i]),
            },
            prediction=float(np.round(rng.normal(300_000, 50_000), 2)),
            interval=Interval(
                lower=270_000.0, upper=float(np.round(rng.normal(330_000, 5_000), 2)), coverage=0.9
            ),
            confidence=float(np.round(rng.uniform(), 3)),
            source="api",
        ).encode()
        sequence = str(FIRST_SEQUENCE + i * 1_000)
        records.append(
            {
                "eventID": f"{SHARD}:{sequence}",
                "kinesis": {
                    "data": base64.b64encode(payload).decode(),
                    "sequenceNumber": sequence,
                    "approximateArrivalTimestamp": event_time / 1000 + 0.05,
                },
            }
        )
    return {"Records": records}


def driftline(event: dict[str, Any], objects: dict[str, bytes]) -> Callable[[], Memory]:
    """The handler, its bundle in memory as in a warm environment, and a window that nobody has counted."""
    memory: Any = Memory()
    memory.objects.update(objects)
    baselines = Baselines(memory, "models")
    baselines.get(MODEL, VERSION)

    def run() -> Memory:
        aws: Any = Memory()
        to = Resources(
            model_name=MODEL,
            baselines=baselines,
            archive=Archive(aws, "archive"),
            windows=WindowStore(aws, "windows"),
            window_seconds=None,
            clock=lambda: START,
        )
        consume(event, to)
        return aws  # type: ignore[no-any-return]

    return run


def plain_pandas(event: dict[str, Any], objects: dict[str, bytes]) -> Callable[[], Memory]:
    """What one writes first: a dictionary a record, a frame, Parquet, histograms. Nothing is checked."""
    baseline = Baseline.from_json(objects[bundle_prefix(MODEL, VERSION) + BASELINE_FILE])
    edges = {column.name: np.array(column.edges) for column in baseline.columns if column.numeric}

    def run() -> Memory:
        aws = Memory()
        rows = []
        for record in event["Records"]:
            row = json.loads(base64.b64decode(record["kinesis"]["data"]))
            row |= row.pop("features")
            row |= {f"interval_{name}": value for name, value in row.pop("interval").items()}
            row["sequence_number"] = record["kinesis"]["sequenceNumber"]
            rows.append(row)
        frame = pd.DataFrame(rows)
        frame["event_time"] = pd.to_datetime(frame["event_time"], unit="ms", utc=True)
        frame["interval_width"] = frame["interval_upper"] - frame["interval_lower"]
        for window, part in frame.groupby(frame["event_time"].dt.floor("5min")):
            counts = {
                name: (
                    np.histogram(part[name], edges[name])[0].tolist()
                    if name in edges
                    else part[name].value_counts().to_dict()
                )
                for name in (*SCHEMA.names, "prediction", "interval_width")
            }
            aws.put_object(Key=f"{window}.parquet", Body=part.to_parquet(compression="zstd"))
            key = {"pk": {"S": str(window)}, "sk": {"S": SHARD}}
            aws.get_item(Key=key)
            aws.put_item(Item={**key, "counts": json.dumps(counts, default=str)})
        return aws

    return run


def seconds(runs: dict[str, Callable[[], Memory]], repetitions: int) -> dict[str, list[float]]:
    """Time of each repetition after one that warms up; in turns, so that a busy machine slows all alike."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for repetition in range(repetitions + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if repetition:
                taken[name].append(time.perf_counter() - start)
    return taken


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks/consume.json"))
    arguments = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **ENVIRONMENT})

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    rng = np.random.default_rng(1)
    objects = bundle_objects(rng)
    event = batch(rng, arguments.records)
    size = statistics.mean(len(base64.b64decode(r["kinesis"]["data"])) for r in event["Records"])
    results = {}
    print(f"{arguments.records} records of {size:.0f} bytes, {len(SCHEMA.features)} features, one thread")
    print(f"{'':<12}{'best':>12}{'median':>12}  records/s")
    runs = {"driftline": driftline(event, objects), "pandas": plain_pandas(event, objects)}
    times = seconds(runs, arguments.repetitions)
    for name, taken in times.items():
        best, median = arguments.records / min(taken), arguments.records / statistics.median(taken)
        results[name] = {"best": round(best), "median": round(median)}
        print(f"{name:<12}{best:>12,.0f}{median:>12,.0f}")
    ratio = statistics.median(p / d for d, p in zip(times["driftline"], times["pandas"], strict=True))
    print(f"driftline is {ratio:.1f} times as fast in the median")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "pyarrow": pa.__version__,
        "records": arguments.records,
        "bytes_per_record": round(size),
        "repetitions": arguments.repetitions,
        "records_per_second": results,
        "times_as_fast": round(ratio, 2),
    }
    arguments.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
