"""Real house prices, where they are at hand: never part of this project."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from drift_core.schema import Kind
from training.data import read
from training.train import train

HOUSES = Path(__file__).parents[4] / "shared" / "data" / "california_housing.csv"


@pytest.mark.skipif(not HOUSES.is_file(), reason="california_housing.csv is not in ../shared/data")
def test_california_is_learnt_with_honest_intervals() -> None:
    bundle = train(
        read(HOUSES),
        target="median_house_value",
        model_name="california",
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    manifest = bundle.manifest
    kinds = {feature.name: feature.kind for feature in manifest.schema.features}
    assert [name for name, kind in kinds.items() if kind is Kind.CATEGORICAL] == ["ocean_proximity"]
    assert manifest.training["missing"]["total_bedrooms"] == 207
    assert manifest.metrics["r2"] > 0.8
    deviation = np.sqrt(0.9 * 0.1 * 2 / 4_128)  # of calibration and of test rows
    assert abs(manifest.metrics["interval_coverage"] - 0.9) < 4 * deviation
    assert manifest.training["largest_onnx_difference"] < 1e-5
