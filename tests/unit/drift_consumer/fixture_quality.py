"""A world whose bundles know the errors of training, and its quality function."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from drift_consumer.baselines import Baselines
from drift_consumer.error_baselines import ErrorBaselines
from drift_consumer.label_hours import AskedHours
from drift_consumer.labels import Labels
from drift_consumer.metrics import Publisher
from drift_consumer.quality import Resources, judge
from drift_consumer.quality_document import QualityDocuments
from drift_consumer.quality_progress import QualityProgress, QualityProgressStore
from drift_consumer.window_store import WindowStore
from drift_core.bundle import ERRORS_FILE, MANIFEST_FILE, FileEntry, Manifest, bundle_prefix
from drift_core.error_sums import ErrorSums
from drift_core.errors import ErrorBaseline
from drift_core.event import Interval, LabelEvent, PredictionEvent
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor
from drift_core.segments import Segmentation
from queries.athena import Athena
from tests.unit.drift_consumer.fake_athena import FakeAthena
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION, World, bundle_objects

HOUR = 3_600_000
ERRORS = ErrorBaseline(
    rows=20_000, calibration_rows=10_000, mae=2.0, quantiles=(1.5, 2.5, 4.0, 6.0), above=0.5, centre=100.0
)
"""Of errors that are normal with a standard deviation of about 2.5."""

POLICY = QualityPolicy(min_labels=20)
SEGMENTS = (
    Segmentation(column="area", values=("coast",)),
    Segmentation(column="garden", values=("true", "false")),
)


def judged_objects(
    version: str = VERSION,
    *,
    errors: ErrorBaseline | None = ERRORS,
    policy: QualityPolicy = POLICY,
    segments: Sequence[Segmentation] = SEGMENTS,
) -> dict[str, bytes]:
    """A bundle's objects by key; without `errors`, one of before labels were judged."""
    prefix = bundle_prefix(MODEL, version)
    found = bundle_objects(version)
    manifest = Manifest.from_json(found[prefix + MANIFEST_FILE])
    files = dict(manifest.files)
    if errors is not None:
        content = errors.to_json().encode()
        found[prefix + ERRORS_FILE] = content
        files[ERRORS_FILE] = FileEntry.of(content)
    changed = replace(manifest, files=files, quality=policy, segments=tuple(segments))
    found[prefix + MANIFEST_FILE] = changed.to_json().encode()
    return found


class QualityWorld(World):
    """The world with Athena and the quality function."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        super().__init__(judged_objects() if objects is None else objects)
        self.athena = FakeAthena(self.calls, self.s3)
        self.now = NOON + 10_000

    def labels(self) -> Labels:
        """Of a fresh Lambda environment."""
        s3: Any = self.s3
        dynamodb: Any = self.dynamodb
        cloudwatch: Any = self.cloudwatch
        return Labels(
            model_name=MODEL,
            windows=WindowStore(dynamodb, "windows"),
            asked=AskedHours(dynamodb, "windows"),
            store=QualityProgressStore(dynamodb, "windows"),
            documents=QualityDocuments(s3, "archive"),
            versions=ErrorBaselines(Baselines(s3, "models"), None),
            athena=Athena(client=self.athena, workgroup="w", database="d", sleep=lambda _: None),
            publisher=Publisher(cloudwatch, namespace="Driftline", model_name=MODEL),
            clock=lambda: self.now,
        )

    def judge(self, now: int | None = None) -> dict[str, int]:
        """Run the function, at a time."""
        self.now = self.now if now is None else now
        return judge(Resources(parts={"labels": self.labels().judge_due}))["labels"]

    def copy(self) -> QualityWorld:
        """Another world in the same state, whose calls are counted anew."""
        other = QualityWorld({})
        same = super().copy()
        other.now, other.sequence = same.now, same.sequence
        other.s3.objects, other.s3.written = same.s3.objects, same.s3.written
        other.dynamodb.items, other.cloudwatch.data = same.dynamodb.items, same.cloudwatch.data
        return other

    def documents(self) -> dict[int, dict[str, Any]]:
        """The first rows, by hours from noon; those of the segments by name under "segments"."""
        found = {}
        for key in self.s3.keys("archive"):
            if key.startswith("quality/"):
                start = int(key.removesuffix(".json").rpartition(".")[2])
                whole, *segments = map(json.loads, self.s3.objects["archive", key].splitlines())
                found[(start - NOON) // HOUR] = {**whole, "segments": {s["segment"]: s for s in segments}}
        return found

    def progress(self, version: str = VERSION) -> QualityProgress:
        monitor = QualityMonitor(ERRORS, 0.9, POLICY, 1.0)
        return self.labels().store.read(MODEL, version, monitor.start())


def sums_of(pairs: Sequence[tuple[PredictionEvent, LabelEvent | None]]) -> ErrorSums:
    """What labelled predictions add up to."""
    return sum((_sums(event, label) for event, label in pairs), ErrorSums())


def _sums(event: PredictionEvent, label: LabelEvent | None) -> ErrorSums:
    if label is None:
        return ErrorSums(predictions=1)
    y, prediction = float(label.label), float(event.prediction)
    error, interval = prediction - y, event.interval
    assert isinstance(interval, Interval)
    return ErrorSums(
        predictions=1,
        labelled=1,
        error=error,
        absolute=abs(error),
        squared=error**2,
        percentage=abs(error / y) if y else 0.0,
        percentage_rows=int(y != 0),
        label=y - ERRORS.centre,
        label_squared=(y - ERRORS.centre) ** 2,
        with_interval=1,
        misses=int(not interval.lower <= y <= interval.upper),
        above=int(error > 0),
        beyond=tuple(int(abs(error) > one) for one in ERRORS.quantiles),
        delay_seconds=(label.event_time - event.event_time) / 1000,
    )
