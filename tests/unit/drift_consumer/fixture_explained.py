"""A world whose bundle can explain sampled rows, and the part of the quality function that does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from drift_consumer.baselines import Baselines
from drift_consumer.explained_document import ExplainedDocuments
from drift_consumer.explained_versions import ExplainedVersions
from drift_consumer.marks import Marks
from drift_consumer.metrics import Publisher
from drift_consumer.sampled import Samples
from drift_consumer.sampled_store import SampledProgress, SampledStore
from drift_consumer.window_store import WindowStore
from drift_core.attribution import AttributionBaseline
from drift_core.bundle import (
    ATTRIBUTION_FILE,
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    EXPECTED_ERROR_OUTPUT,
    MANIFEST_FILE,
    MODEL_FILE,
    MODEL_INPUT,
    FileEntry,
    Manifest,
    bundle_prefix,
)
from drift_core.errors import ErrorBaseline
from drift_core.expected_error import ExpectedErrorBaseline
from drift_core.shapley import shapley
from tests.unit.drift_consumer.fixture_traffic import MODEL, SCHEMA, VERSION, World, bundle_objects
from training.attribute import predictor

WEIGHTS = (2.0, 3.0, 5.0)
"""Of size, area and garden in the prediction."""

ERROR_WEIGHTS = (0.0, 0.0, 0.0, 0.1)
"""Of the features and the prediction in the estimated error: about 10."""


def linear(outputs: dict[str, Sequence[float]]) -> bytes:
    """An ONNX model whose outputs are weighted sums of its columns."""
    columns = len(next(iter(outputs.values())))
    weights = [
        helper.make_tensor(f"w_{name}", TensorProto.FLOAT, [columns, 1], values)
        for name, values in outputs.items()
    ]
    graph = helper.make_graph(
        [helper.make_node("MatMul", [MODEL_INPUT, f"w_{name}"], [name]) for name in outputs],
        "linear",
        [helper.make_tensor_value_info(MODEL_INPUT, TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in outputs],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString(deterministic=True))


def training_rows(count: int, seed: int = 1) -> Any:
    """Rows of the features as `fixture_traffic.healthy` draws them, shape (count, 3), float32."""
    rng = np.random.default_rng(seed)
    columns = [rng.normal(5, 1, count), rng.integers(0, 3, count), rng.random(count) < 0.5]
    return np.column_stack(columns).astype(np.float32)


@cache
def explaining_files() -> dict[str, bytes]:
    """The files of a bundle that explain, by name."""
    model = linear(dict.fromkeys(("prediction", "lower", "upper"), WEIGHTS))
    background, rows = training_rows(4, seed=2), training_rows(1_024)
    found = shapley(predictor(model), rows, background, permutations=16, seed=0)
    attribution = AttributionBaseline.measured(SCHEMA.names, found, background, permutations=16, times=None)
    estimates = np.random.default_rng(3).normal(10, 1, 4_096)
    errors = ErrorBaseline(
        rows=4_096,
        calibration_rows=2_048,
        mae=10.0,
        quantiles=(8.0, 12.0, 16.0, 22.0),
        above=0.5,
        centre=100.0,
        expected=ExpectedErrorBaseline.of(estimates, (0.5, 0.75, 0.9, 0.975), None),
    )
    return {
        MODEL_FILE: model,
        ATTRIBUTION_FILE: attribution.to_json().encode(),
        ERRORS_FILE: errors.to_json().encode(),
        EXPECTED_ERROR_FILE: linear({EXPECTED_ERROR_OUTPUT: ERROR_WEIGHTS}),
    }


def explaining_objects(files: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """A bundle's objects by key."""
    prefix = bundle_prefix(MODEL, VERSION)
    files = explaining_files() if files is None else files
    objects = bundle_objects()
    manifest = Manifest.from_json(objects[prefix + MANIFEST_FILE])
    entries = {**manifest.files, **{name: FileEntry.of(content) for name, content in files.items()}}
    monitor = manifest.monitor.overridden({"min_samples": 20})
    changed = replace(manifest, files=entries, monitor=monitor)
    objects[prefix + MANIFEST_FILE] = changed.to_json().encode()
    return objects | {prefix + name: content for name, content in files.items()}


class ExplainedWorld(World):
    """The world with what explains its sampled rows."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        super().__init__(explaining_objects() if objects is None else objects)

    def samples(self) -> Samples:
        """Of a fresh Lambda environment."""
        s3: Any = self.s3
        dynamodb: Any = self.dynamodb
        cloudwatch: Any = self.cloudwatch
        return Samples(
            model_name=MODEL,
            windows=WindowStore(dynamodb, "windows"),
            marks=Marks(dynamodb, "windows"),
            versions=ExplainedVersions(Baselines(s3, "models")),
            store=SampledStore(dynamodb, "windows"),
            documents=ExplainedDocuments(s3, "archive"),
            publisher=Publisher(cloudwatch, namespace="Driftline", model_name=MODEL),
            settings=lambda manifest: manifest,
            clock=lambda: self.now,
        )

    def explain(self, now: int) -> dict[str, int]:
        """Run it at a time."""
        self.now = now
        return dict(self.samples().judge_due(lambda: True))

    def rows_told(self) -> dict[int, list[dict[str, Any]]]:
        """The rows of each document, by its start."""
        return {
            int(key.split(".")[-2]): [
                json.loads(line) for line in self.s3.objects["archive", key].splitlines()
            ]
            for key in self.s3.keys("archive")
            if key.startswith("explained/")
        }

    def documents(self) -> dict[int, dict[str, Any]]:
        """By start, the row of all features, with those of each as "features"."""
        return {
            start: {**whole, "features": {row["feature"]: row for row in each}}
            for start, (whole, *each) in self.rows_told().items()
        }

    def progress(self) -> SampledProgress:
        return self.samples().store.read(MODEL, VERSION)

    def fork(self) -> ExplainedWorld:
        """Another world in the same state, whose calls are counted anew."""
        other, copied = ExplainedWorld({}), self.copy()
        other.calls, other.s3, other.dynamodb = copied.calls, copied.s3, copied.dynamodb
        other.cloudwatch = copied.cloudwatch
        other.now, other.sequence = copied.now, copied.sequence
        other.s3.now = lambda: other.now
        return other
