"""A model with features of each kind, its bundle, and traffic as Kinesis delivers it."""

from __future__ import annotations

import base64
import io
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from drift_consumer.archive import Archive
from drift_consumer.baselines import Baselines
from drift_consumer.consume import Resources
from drift_consumer.window_store import WindowStore
from drift_core.baseline import Baseline
from drift_core.bundle import (
    BASELINE_FILE,
    MANIFEST_FILE,
    FileEntry,
    IntervalRule,
    Manifest,
    MonitorSettings,
    bundle_prefix,
)
from drift_core.event import Interval, LabelEvent, PredictionEvent
from drift_core.schema import Feature, FeatureSchema, Kind
from tests.unit.drift_consumer.fake_aws import Calls, FakeDynamoDB, FakeS3

MODEL = "house-prices"
VERSION = "20260101T000000Z-0123abcd"
NOON = 1_767_268_800_000
"""2026-01-01 12:00 UTC, the start of a window."""

SCHEMA = FeatureSchema(
    (
        Feature(name="size", kind=Kind.NUMERIC, minimum=0.0, maximum=10.0),
        Feature(name="area", kind=Kind.CATEGORICAL, categories=("centre", "coast", "hills")),
        Feature(name="garden", kind=Kind.BOOLEAN),
    )
)


def bundle_objects(
    version: str = VERSION, schema: FeatureSchema = SCHEMA, monitor: MonitorSettings | None = None
) -> dict[str, bytes]:
    """Contents by key in the models bucket."""
    rng = np.random.default_rng(7)
    rows = 2_000
    columns = [rng.integers(0, max(2, len(f.categories)), rows).astype(float) for f in schema.features]
    for i, feature in enumerate(schema.features):
        if feature.kind is Kind.NUMERIC:
            columns[i] = rng.normal(5, 1, rows)
    baseline = Baseline.freeze(
        model_name=MODEL,
        model_version=version,
        schema=schema,
        matrix=np.column_stack(columns),
        predictions=rng.normal(100, 10, rows),
        interval_widths=rng.normal(20, 2, rows),
    ).to_json()
    manifest = Manifest(
        model_name=MODEL,
        model_version=version,
        created_at="2026-01-01T00:00:00Z",
        target="price",
        schema=schema,
        interval=IntervalRule(coverage=0.9, offset=0.0, width_quantiles=(1.0,)),
        files={BASELINE_FILE: FileEntry.of(baseline.encode())},
        monitor=monitor or MonitorSettings(),
    ).to_json()
    prefix = bundle_prefix(MODEL, version)
    return {prefix + BASELINE_FILE: baseline.encode(), prefix + MANIFEST_FILE: manifest.encode()}


def event_id(number: int, time: int = NOON) -> str:
    return str(uuid.UUID(int=time << 80 | 0x7 << 76 | 0x2 << 62 | number))


def prediction(number: int, time: int = NOON, **changes: Any) -> PredictionEvent:
    fields: dict[str, Any] = {
        "event_id": event_id(number, time),
        "event_time": time,
        "model_name": MODEL,
        "model_version": VERSION,
        "features": {"size": 5.0 + number % 3, "area": "coast", "garden": number % 2 == 0},
        "prediction": 100.0 + number % 7,
        "interval": Interval(lower=90.0, upper=110.0 + number % 5, coverage=0.9),
        "confidence": 0.5,
        "source": "api",
    }
    return PredictionEvent(**{**fields, **changes})


def label(number: int, time: int = NOON, **changes: Any) -> LabelEvent:
    fields: dict[str, Any] = {
        "event_id": event_id(1_000_000 + number, time),
        "event_time": time + 1000,
        "model_name": MODEL,
        "prediction_id": event_id(number, time),
        "label": 101.5,
        "source": "crm",
    }
    return LabelEvent(**{**fields, **changes})


def kinesis_event(
    payloads: Sequence[bytes],
    *,
    first: int = 1,
    shard: str = "shardId-000000000000",
    arrival: int = NOON + 10_000,
) -> dict[str, Any]:
    """A batch as Lambda delivers it, with sequence numbers too long for a float."""
    return {
        "Records": [
            {
                "eventID": f"{shard}:{sequence_number(first + i)}",
                "eventSource": "aws:kinesis",
                "kinesis": {
                    "data": base64.b64encode(payload).decode(),
                    "sequenceNumber": str(sequence_number(first + i)),
                    "approximateArrivalTimestamp": arrival / 1000,
                },
            }
            for i, payload in enumerate(payloads)
        ]
    }


def sequence_number(number: int) -> int:
    """Crosses from 55 to 56 digits at 5, where comparing texts goes wrong."""
    return 10**55 - 5 + number


class World:
    """The consumer over services in memory."""

    def __init__(self, objects: Mapping[str, bytes] | None = None, window_seconds: int | None = None) -> None:
        self.calls = Calls()
        self.s3 = FakeS3(self.calls)
        self.dynamodb = FakeDynamoDB(self.calls)
        for key, content in (bundle_objects() if objects is None else objects).items():
            self.s3.objects["models", key] = content
        self.now = NOON + 20_000
        self.window_seconds = window_seconds

    def resources(self) -> Resources:
        """Of a fresh Lambda environment."""
        s3: Any = self.s3
        dynamodb: Any = self.dynamodb
        return Resources(
            baselines=Baselines(s3, "models"),
            archive=Archive(s3, "archive"),
            windows=WindowStore(dynamodb, "windows"),
            window_seconds=self.window_seconds,
            clock=lambda: self.now,
        )

    def archived(self, folder: str = "") -> dict[str, list[dict[str, Any]]]:
        """Rows of the archive's objects by key."""
        return {
            key: pq.read_table(io.BytesIO(self.s3.objects["archive", key])).to_pylist()
            for key in self.s3.keys("archive")
            if key.startswith(folder) and key.endswith(".parquet")
        }

    def rows(self, folder: str) -> list[dict[str, Any]]:
        return [row for rows in self.archived(folder + "/").values() for row in rows]
