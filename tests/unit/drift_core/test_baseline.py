"""Baseline: frozen once, the same after JSON, and refused when it would be ambiguous."""

import json

import numpy as np
import pytest

from drift_core.baseline import Baseline
from drift_core.freeze import freeze
from drift_core.schema import Feature, FeatureSchema, Kind


def frozen(name: str = "size") -> Baseline:
    rng = np.random.default_rng(2)
    return freeze(
        model_name="m",
        model_version="v",
        schema=FeatureSchema((Feature(name=name, kind=Kind.NUMERIC),)),
        matrix=rng.normal(size=(500, 1)),
        predictions=rng.normal(size=100),
        interval_widths=rng.gamma(2, size=100),
    )


def test_json_round_trip_keeps_the_layout_to_the_bit() -> None:
    baseline = frozen()
    read = Baseline.from_json(baseline.to_json())
    assert read == baseline
    assert read.layout.fingerprint == baseline.layout.fingerprint
    assert [column.name for column in read.columns] == ["size", "prediction", "interval_width"]
    assert read.rows == 500


def test_reserved_names_are_refused() -> None:
    with pytest.raises(ValueError, match="feature 'prediction' has a reserved name; rename the column"):
        frozen("prediction")


def test_a_baseline_of_another_format_is_refused() -> None:
    text = json.dumps({**json.loads(frozen().to_json()), "format": 1})
    with pytest.raises(ValueError, match="baseline format is 1, this reader knows 2 and later; train"):
        Baseline.from_json(text)
