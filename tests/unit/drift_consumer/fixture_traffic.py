"""A model with features of each kind, its bundle, and traffic as Kinesis delivers it."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from drift_consumer.archive import Archive
from drift_consumer.archive_reader import ArchiveReader
from drift_consumer.baselines import Baselines
from drift_consumer.consume import Resources, consume
from drift_consumer.evaluate import Resources as EvaluatorResources
from drift_consumer.evaluate import evaluate
from drift_consumer.marks import Marks
from drift_consumer.metrics import Publisher
from drift_consumer.progress import ProgressStore
from drift_consumer.put_aside import PutAside
from drift_consumer.reconcile import Resources as ReconcilerResources
from drift_consumer.reconcile import reconcile
from drift_consumer.reconciled import ReconciledStore
from drift_consumer.series import Series
from drift_consumer.settings import EvaluatorSettings, ReconcilerSettings
from drift_consumer.verdict_store import VerdictStore
from drift_consumer.window_store import WindowStore
from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, FileEntry, Manifest, bundle_prefix
from drift_core.event import Event, Interval, LabelEvent, PredictionEvent, ShadowEvent
from drift_core.freeze import freeze
from drift_core.interval import IntervalRule
from drift_core.memory import Memory
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.quality_budget import for_inputs
from drift_core.schema import Feature, FeatureSchema, Kind
from drift_core.season import DAY_MS
from drift_core.segments import Segmentation
from drift_core.span import Span
from tests.unit.drift_consumer.fake_aws import Calls, FakeCloudWatch, FakeDynamoDB, FakeS3

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

SEGMENTS = (
    Segmentation(column="area", values=("coast", "hills")),
    Segmentation(column="garden", values=("false", "true")),
)
"""Of some tests' models."""


def bundle_objects(
    version: str = VERSION,
    schema: FeatureSchema = SCHEMA,
    monitor: MonitorSettings | None = None,
    *,
    seasonal: bool = False,
    segments: tuple[Segmentation, ...] = (),
) -> dict[str, bytes]:
    """Contents by key in the models bucket.

    Parameters
    ----------
    seasonal : whether training knows its times, five weeks in which numbers follow `seasonal_shift`.
    """
    return dict(_bundle_objects(version, schema, monitor or MonitorSettings(), seasonal, segments))


def seasonal_shift(time: int) -> float:
    """How many standard deviations numbers are higher at this time of the day."""
    return 2 * math.sin(time / DAY_MS * 2 * math.pi)


@cache
def _bundle_objects(
    version: str,
    schema: FeatureSchema,
    monitor: MonitorSettings,
    seasonal: bool,
    segments: tuple[Segmentation, ...],
) -> dict[str, bytes]:
    rng = np.random.default_rng(7)
    rows = 20_000 if seasonal else 2_000
    times = NOON - np.arange(rows, 0, -1) * (35 * DAY_MS // rows) if seasonal else None
    columns = [rng.integers(0, max(2, len(f.categories)), rows).astype(float) for f in schema.features]
    for i, feature in enumerate(schema.features):
        if feature.kind is Kind.NUMERIC:
            columns[i] = rng.normal(5, 1, rows) + (
                0 if times is None else np.vectorize(seasonal_shift)(times)
            )
    baseline = freeze(
        model_name=MODEL,
        model_version=version,
        schema=schema,
        matrix=np.column_stack(columns),
        predictions=rng.normal(100, 10, rows),
        interval_widths=rng.normal(20, 2, rows),
        times=times,
        segments=segments,
    ).to_json()
    manifest = Manifest(
        model_name=MODEL,
        model_version=version,
        created_at="2026-01-01T00:00:00Z",
        target="price",
        schema=schema,
        interval=IntervalRule(coverage=0.9, offset=0.0, width_quantiles=(1.0,)),
        files={BASELINE_FILE: FileEntry.of(baseline.encode())},
        monitor=monitor,
        segments=segments,
    ).to_json()
    prefix = bundle_prefix(MODEL, version)
    return {prefix + BASELINE_FILE: baseline.encode(), prefix + MANIFEST_FILE: manifest.encode()}


def with_files(objects: Mapping[str, bytes], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The bundle of the default version with more files, which its manifest vouches for."""
    prefix = bundle_prefix(MODEL, VERSION)
    manifest = Manifest.from_json(objects[prefix + MANIFEST_FILE])
    entries = {**manifest.files, **{name: FileEntry.of(content) for name, content in files.items()}}
    vouched = replace(manifest, files=entries).to_json().encode()
    added = {prefix + name: content for name, content in files.items()}
    return {**objects, **added, prefix + MANIFEST_FILE: vouched}


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


def healthy(count: int, start: int = NOON, *, first: int = 0, shift: float = 0.0) -> list[PredictionEvent]:
    """Predictions as training saw them, but for a shift of `size` in its standard deviations.

    Parameters
    ----------
    first : makes them other ones, with other values.
    """
    rng = np.random.default_rng(first)
    areas, sizes = rng.choice(SCHEMA.features[1].categories, count), rng.normal(5 + shift, 1, count)
    gardens, widths, predictions = (
        rng.random(count) < 0.5,
        rng.normal(20, 2, count),
        rng.normal(100, 10, count),
    )
    return [
        prediction(
            first + i,
            start + i,
            features={"size": float(sizes[i]), "area": str(areas[i]), "garden": bool(gardens[i])},
            prediction=float(predictions[i]),
            interval=Interval(
                lower=float(predictions[i] - widths[i] / 2),
                upper=float(predictions[i] + widths[i] / 2),
                coverage=0.9,
            ),
        )
        for i in range(count)
    ]


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


def shadow(number: int, time: int = NOON, **changes: Any) -> ShadowEvent:
    """What a challenger would have answered in the place of `prediction(number, time)`."""
    return shadow_of(
        prediction(number, time, **{"event_id": event_id(2_000_000 + number, time), **changes}),
        event_id(number, time),
    )


def shadow_of(event: PredictionEvent, prediction_id: str) -> ShadowEvent:
    """A prediction as a shadow's, beside a served one."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return ShadowEvent(**fields, prediction_id=prediction_id)


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


def kinesis_ranges(count: int) -> tuple[str, ...]:
    """Ranges of numbers as Kinesis makes them: a count and a time in seconds between zeros, 56 digits."""
    rng = np.random.default_rng(3)
    counts = np.cumsum(rng.integers(1, 5_000, 2 * count)).tolist()
    seconds = np.cumsum(rng.integers(0, 3, 2 * count)).tolist()
    numbers = [
        int(f"205bf4e5c26{0x67648A17 + number:016x}{0x5C181EEA + second:011x}000000062", 16)
        for number, second in zip(counts, seconds, strict=True)
    ]
    return tuple(f"{first}-{last}" for first, last in zip(numbers[::2], numbers[1::2], strict=True))


EVALUATOR = {
    "MODEL_NAME": MODEL,
    "MODELS_BUCKET": "models",
    "ARCHIVE_BUCKET": "archive",
    "WINDOW_TABLE": "windows",
    "METRICS_NAMESPACE": "Driftline",
    "MIN_SAMPLES": "20",
}
"""The evaluator's environment."""


class World:
    """The consumer and the evaluator over services in memory."""

    def __init__(self, objects: Mapping[str, bytes] | None = None, window_seconds: int | None = None) -> None:
        self.calls = Calls()
        self.s3 = FakeS3(self.calls)
        self.dynamodb = FakeDynamoDB(self.calls)
        self.cloudwatch = FakeCloudWatch(self.calls)
        self.sequence = 0
        for key, content in (bundle_objects() if objects is None else objects).items():
            self.s3.objects["models", key] = content
        self.now = NOON + 20_000
        self.s3.now = lambda: self.now
        self.window_seconds = window_seconds

    def resources(self) -> Resources:
        """Of a fresh Lambda environment."""
        s3: Any = self.s3
        dynamodb: Any = self.dynamodb
        return Resources(
            model_name=MODEL,
            baselines=Baselines(s3, "models"),
            archive=Archive(s3, "archive"),
            windows=WindowStore(dynamodb, "windows"),
            window_seconds=self.window_seconds,
            clock=lambda: self.now,
        )

    def evaluator(self) -> EvaluatorResources:
        """Of a fresh Lambda environment."""
        s3: Any = self.s3
        dynamodb: Any = self.dynamodb
        cloudwatch: Any = self.cloudwatch
        return EvaluatorResources(
            settings=EvaluatorSettings.from_env(EVALUATOR),
            baselines=Baselines(s3, "models"),
            windows=WindowStore(dynamodb, "windows"),
            progress=ProgressStore(dynamodb, "windows"),
            verdicts=VerdictStore(s3, "archive"),
            publisher=Publisher(cloudwatch, namespace="Driftline", model_name=MODEL),
            clock=lambda: self.now,
        )

    def reconciler(self) -> ReconcilerResources:
        """Of a fresh Lambda environment."""
        s3: Any = self.s3
        dynamodb: Any = self.dynamodb
        cloudwatch: Any = self.cloudwatch
        return ReconcilerResources(
            settings=ReconcilerSettings(
                model_name=MODEL,
                archive_bucket="archive",
                failed_batches_bucket="failed",
                window_table="windows",
                metrics_namespace="Driftline",
                reconcile_after_hours=24,
            ),
            windows=WindowStore(dynamodb, "windows"),
            marks=Marks(dynamodb, "windows"),
            archive=Archive(s3, "archive"),
            reader=ArchiveReader(s3, "archive"),
            put_aside=PutAside(s3, "failed"),
            reconciled=ReconciledStore(s3, "archive"),
            publisher=Publisher(cloudwatch, namespace="Driftline", model_name=MODEL),
            clock=lambda: self.now,
        )

    def copy(self) -> World:
        """Another world in the same state, whose calls are counted anew."""
        other = World(window_seconds=self.window_seconds)
        other.now, other.sequence = self.now, self.sequence
        other.s3.objects, other.s3.written = dict(self.s3.objects), dict(self.s3.written)
        other.dynamodb.items = copy.deepcopy(self.dynamodb.items)
        other.cloudwatch.data = list(self.cloudwatch.data)
        return other

    def consume(self, events: Sequence[Event | bytes], *, shard: int = 0) -> None:
        """Let events arrive now, as the next batch of a shard."""
        payloads = [event if isinstance(event, bytes) else event.encode() for event in events]
        name = f"shardId-{shard:012d}"
        batch = kinesis_event(payloads, first=self.sequence, shard=name, arrival=self.now)
        self.sequence += len(payloads)
        consume(batch, self.resources())

    def evaluate(self, now: int | None = None) -> dict[str, int]:
        """Run the evaluator, at a time."""
        self.now = self.now if now is None else now
        return evaluate(self.evaluator())

    def reconcile(self, now: int | None = None) -> dict[str, int]:
        """Run the reconciler, at a time."""
        self.now = self.now if now is None else now
        return reconcile(self.reconciler())

    def verdicts(self) -> dict[str, dict[str, Any]]:
        """By span and start: "window.1767268800000"."""
        found = {}
        for key in self.s3.keys("archive"):
            if key.startswith("verdicts/"):
                name = ".".join(key.removesuffix(".json").split(".")[-2:])
                found[name] = json.loads(self.s3.objects["archive", key])
        return found

    def monitor(self) -> Monitor:
        """Whose verdicts they are."""
        bundle = self.resources().baselines.get(MODEL, VERSION)
        settings = self.evaluator().settings.monitor(bundle.manifest.monitor)
        return Monitor(baseline=bundle.baseline, settings=for_inputs(settings, bundle.manifest.files))

    def memory(self, kind: str = "prediction") -> Memory:
        """What stands beside the cursor."""
        seconds = self.window_seconds or MonitorSettings().window_seconds
        series = Series(kind=kind, model_name=MODEL, model_version=VERSION, window_seconds=seconds)
        return self.evaluator().progress.read(series, self.monitor().start()).memory

    def judged(self, span: Span) -> list[dict[str, Any]]:
        """The items that remember verdicts, in the order of time."""
        found = [
            (sk, item)
            for (pk, sk), item in self.dynamodb.items.items()
            if pk.startswith("judged#prediction#") and pk.endswith(f"#{span}")
        ]
        return [item for _, item in sorted(found, key=lambda one: one[0])]

    def pending(self) -> list[str]:
        """Sort keys of the items that wait for the evaluator."""
        return sorted(sk for (_, sk), item in self.dynamodb.items.items() if "pending" in item)

    def archived(self, folder: str = "") -> dict[str, list[dict[str, Any]]]:
        """Rows of the archive's objects by key."""
        return {
            key: pq.read_table(io.BytesIO(self.s3.objects["archive", key])).to_pylist()
            for key in self.s3.keys("archive")
            if key.startswith(folder) and key.endswith(".parquet")
        }

    def rows(self, folder: str) -> list[dict[str, Any]]:
        return [row for rows in self.archived(folder + "/").values() for row in rows]
