"""A bundle with a linear model and a sample, as the scripts load it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drift_core.bundle import MANIFEST_FILE, MODEL_FILE, SAMPLE_FILE, FileEntry
from scripts.bundles import LoadedBundle
from tests.unit.ingest_lambda.fixture_bundle import fixture_bundle

ROWS = 400


def bundle_files(version: str = "v1") -> dict[str, bytes]:
    """The files of a bundle: price = 100 area + 10 rooms + garden, and noise."""
    random = np.random.default_rng(0)
    sample = pd.DataFrame(
        {
            "area": random.choice(["centre", "coast"], ROWS),
            "rooms": random.integers(1, 10, ROWS).astype(float),
            "garden": random.choice([True, False], ROWS),
        }
    )
    exact = 100 * (sample["area"] == "coast") + 10 * sample["rooms"] + sample["garden"]
    sample["price"] = exact + random.normal(0, 1, ROWS)
    sample.loc[:9, "rooms"] = np.nan
    content = io.BytesIO()
    sample.to_parquet(content, index=False)
    made = fixture_bundle(version)
    files = {MODEL_FILE: made.files[MODEL_FILE], SAMPLE_FILE: content.getvalue()}
    manifest = replace(
        made.manifest,
        files={name: FileEntry.of(data) for name, data in files.items()},
        importance={"area": 100.0, "rooms": 30.0, "garden": 0.5},
    )
    return {**files, MANIFEST_FILE: manifest.to_json().encode()}


@pytest.fixture(scope="session")
def bundle() -> LoadedBundle:
    return LoadedBundle.load(bundle_files().__getitem__)


@pytest.fixture
def bundle_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bundles" / "house-prices" / "v1"
    folder.mkdir(parents=True)
    for name, content in bundle_files().items():
        (folder / name).write_bytes(content)
    return folder
