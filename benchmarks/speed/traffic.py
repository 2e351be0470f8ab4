"""A model of numbers, a category and a flag, and its traffic."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.speed.batch import MODEL, START, VERSION
from drift_core.baseline import Baseline
from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, FileEntry, Manifest, bundle_prefix
from drift_core.event import Interval, PredictionEvent
from drift_core.freeze import freeze
from drift_core.interval import IntervalRule
from drift_core.schema import Feature, FeatureSchema, Kind, Matrix

REFERENCE = 20_000
"""Training rows."""

AREAS = ("centre", "coast", "hills", "harbour", "suburb")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of so many numeric features, one category and one flag."""

    numbers: int

    @cached_property
    def schema(self) -> FeatureSchema:
        """Names as short as in `docs`' example."""
        return FeatureSchema(
            (
                *(Feature(name=f"x{i}", kind=Kind.NUMERIC) for i in range(self.numbers)),
                Feature(name="area", kind=Kind.CATEGORICAL, categories=AREAS),
                Feature(name="garden", kind=Kind.BOOLEAN),
            )
        )

    @cached_property
    def baseline(self) -> Baseline:
        """Frozen from rows of the same law as the traffic."""
        rng = np.random.default_rng(1)
        return freeze(
            model_name=MODEL,
            model_version=VERSION,
            schema=self.schema,
            matrix=self.rows(rng, REFERENCE),
            predictions=rng.normal(300_000, 50_000, REFERENCE),
            interval_widths=rng.normal(60_000, 5_000, REFERENCE),
        )

    def rows(self, rng: np.random.Generator, count: int) -> Matrix:
        """Coded features, shape (count, features)."""
        numeric = np.round(rng.normal(50, 10, (count, self.numbers)), 2)
        return np.column_stack([numeric, rng.integers(0, len(AREAS), count), rng.integers(0, 2, count)])

    def bundle(self) -> dict[str, bytes]:
        """The files that the consumer and the evaluator read, by key in the models bucket."""
        baseline = self.baseline.to_json().encode()
        manifest = Manifest(
            model_name=MODEL,
            model_version=VERSION,
            created_at="2026-01-01T00:00:00Z",
            target="price",
            schema=self.schema,
            interval=IntervalRule(coverage=0.9, offset=0.0, width_quantiles=(1.0,)),
            files={BASELINE_FILE: FileEntry.of(baseline)},
        ).to_json()
        prefix = bundle_prefix(MODEL, VERSION)
        return {prefix + BASELINE_FILE: baseline, prefix + MANIFEST_FILE: manifest.encode()}

    def events(self, rng: np.random.Generator, count: int) -> list[bytes]:
        """Payloads of one window, one every 25 ms."""
        rows = self.rows(rng, count).tolist()
        return [self._event(rng, START + i * 25 % 300_000, row).encode() for i, row in enumerate(rows)]

    def _event(self, rng: np.random.Generator, time: int, row: list[float]) -> PredictionEvent:
        number = time << 80 | 0x7 << 76 | 0x2 << 62 | int(rng.integers(2**62))
        features: dict[str, Any] = {f"x{j}": row[j] for j in range(self.numbers)}
        value, width = (float(np.round(rng.normal(*law), 2)) for law in ((300_000, 50_000), (60_000, 5_000)))
        return PredictionEvent(
            event_id=str(uuid.UUID(int=number)),
            event_time=time,
            model_name=MODEL,
            model_version=VERSION,
            features={**features, "area": AREAS[int(row[-2])], "garden": bool(row[-1])},
            prediction=value,
            interval=Interval(lower=value - width // 2, upper=value + width // 2, coverage=0.9),
            confidence=float(np.round(rng.uniform(), 3)),
            source="api",
        )
