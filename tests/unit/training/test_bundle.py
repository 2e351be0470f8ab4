"""A bundle reaches the disk whole or not at all."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drift_core.bundle import MANIFEST_FILE, MODEL_FILE, Manifest
from training.bundle import Bundle, write
from training.train import train


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    x = np.random.default_rng(0).normal(size=300)
    frame = pd.DataFrame({"x": x, "y": 3 * x})
    return train(frame, target="y", model_name="tiny", created_at=datetime(2026, 1, 2, tzinfo=UTC))


def test_the_folder_is_named_by_model_and_version(bundle: Bundle, tmp_path: Path) -> None:
    folder = write(bundle, tmp_path)
    assert folder == tmp_path / "tiny" / bundle.manifest.model_version
    assert {path.name for path in folder.iterdir()} == {*bundle.files, MANIFEST_FILE}
    manifest = Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    assert manifest == bundle.manifest
    for name in manifest.files:
        manifest.verify(name, (folder / name).read_bytes())


def test_a_version_is_never_changed(bundle: Bundle, tmp_path: Path) -> None:
    folder = write(bundle, tmp_path)
    (folder / MODEL_FILE).write_bytes(b"mine")
    with pytest.raises(
        FileExistsError, match="exists and a bundle is never changed; train again a second later"
    ):
        write(bundle, tmp_path)
    assert (folder / MODEL_FILE).read_bytes() == b"mine"


def test_a_failure_half_way_leaves_nothing(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)  # the manifest is the last file
    with pytest.raises(OSError, match="No space left"):
        write(bundle, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list((tmp_path / "tiny").iterdir()) == []
