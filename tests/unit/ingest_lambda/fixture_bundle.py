"""A small bundle with a linear model, whose predictions a test can compute by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from drift_core.bundle import (
    MANIFEST_FILE,
    MODEL_FILE,
    MODEL_INPUT,
    MODEL_OUTPUTS,
    FileEntry,
    Manifest,
    bundle_prefix,
)
from drift_core.interval import IntervalRule
from drift_core.schema import Feature, FeatureSchema, Kind

MODEL_NAME = "house-prices"

SCHEMA = FeatureSchema(
    (
        Feature(name="area", kind=Kind.CATEGORICAL, categories=("centre", "coast")),
        Feature(name="rooms", kind=Kind.NUMERIC, unit="rooms", minimum=1, maximum=9),
        Feature(name="garden", kind=Kind.BOOLEAN),
    )
)

WEIGHTS = (100.0, 10.0, 1.0)
"""Of area, rooms and garden; a missing value counts as 0, an unseen area as -1."""

RULE = IntervalRule(coverage=0.9, offset=2.0, width_quantiles=(4.0, 8.0, 12.0))

HOUSE = {"area": "coast", "rooms": 3, "garden": True}
"""Predicted 131 with the interval [126, 136], of width 10 and so of confidence 0.25."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureBundle:
    """Files by name."""

    manifest: Manifest
    files: dict[str, bytes]

    def objects(self) -> dict[str, bytes]:
        """Contents by key in the models bucket."""
        prefix = bundle_prefix(self.manifest.model_name, self.manifest.model_version)
        return {prefix + name: content for name, content in self.files.items()}


def fixture_bundle(version: str = "v1", *, bias: float = 0.0, knows_missing: bool = True) -> FixtureBundle:
    """A bundle; `bias` is added to the prediction, and the quantiles lie 3 below and above it."""
    onnx = linear_model(bias, knows_missing=knows_missing)
    manifest = Manifest(
        model_name=MODEL_NAME,
        model_version=version,
        created_at="2026-01-02T03:04:05Z",
        target="price",
        target_unit="thousand EUR",
        schema=SCHEMA,
        interval=RULE,
        files={MODEL_FILE: FileEntry.of(onnx)},
        metrics={"mae": 1.5},
    )
    return bundle_of(manifest, onnx)


def bundle_of(manifest: Manifest, onnx: bytes) -> FixtureBundle:
    """A bundle of this graph, vouched for."""
    vouched = replace(manifest, files={MODEL_FILE: FileEntry.of(onnx)})
    return FixtureBundle(
        manifest=vouched, files={MANIFEST_FILE: vouched.to_json().encode(), MODEL_FILE: onnx}
    )


def linear_model(
    bias: float = 0.0,
    *,
    knows_missing: bool = True,
    width: int = len(WEIGHTS),
    factor: float = 1.0,
) -> bytes:
    """An ONNX graph: the weighted sum of `width` features times a factor, and 3 below and above it."""
    weights = factor * np.array([[w, w, w] for w in WEIGHTS[:width]], np.float32)
    biases = np.array([bias, bias - 3, bias + 3], np.float32)
    filled = MODEL_INPUT if not knows_missing else "filled"
    nodes = [
        helper.make_node("IsNaN", [MODEL_INPUT], ["missing"]),
        helper.make_node("Where", ["missing", "zero", MODEL_INPUT], ["filled"]),
        helper.make_node("Gemm", [filled, "weights", "biases"], ["all"]),
        helper.make_node("Split", ["all"], list(MODEL_OUTPUTS), axis=1, num_outputs=3),
    ]
    graph = helper.make_graph(
        nodes if knows_missing else nodes[2:],
        "linear",
        [helper.make_tensor_value_info(MODEL_INPUT, TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in MODEL_OUTPUTS],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(biases, "biases"),
            numpy_helper.from_array(np.zeros(1, np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    serialized: bytes = model.SerializeToString()
    return serialized
