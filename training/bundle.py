"""What training makes, and how it reaches the disk: all of it or nothing."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from drift_core.baseline import Baseline
from drift_core.bundle import MANIFEST_FILE, Manifest

DEFAULT_FOLDER = Path("build/bundles")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A trained model with all that serving and monitoring need.

    Attributes
    ----------
    files : content by file name, all but the manifest.
    """

    manifest: Manifest
    baseline: Baseline
    files: Mapping[str, bytes]


def version_of(model: bytes, baseline: Baseline, created_at: datetime) -> str:
    """Name of a version: it sorts by time of creation, and its last 8 digits are the content's.

    Parameters
    ----------
    baseline : under any version.
    created_at : UTC.
    """
    frozen = replace(baseline, model_version="unnamed").to_json()
    digest = hashlib.sha256(model + frozen.encode()).hexdigest()
    return f"{created_at:%Y%m%dT%H%M%SZ}-{digest[:8]}"


def write(bundle: Bundle, folder: Path = DEFAULT_FOLDER) -> Path:
    """Write a bundle to `<folder>/<model name>/<model version>/`, whole or not at all.

    Returns
    -------
    The bundle's folder.

    Raises
    ------
    FileExistsError
        If this version exists: a bundle is never changed.
    """
    parent = folder / bundle.manifest.model_name
    final = parent / bundle.manifest.model_version
    if final.exists():
        raise FileExistsError(f"{final} exists and a bundle is never changed; train again a second later")
    parent.mkdir(parents=True, exist_ok=True)
    # Beside its goal, because a rename is atomic only within one file system.
    with tempfile.TemporaryDirectory(dir=parent, prefix=".unfinished-") as temporary:
        draft = Path(temporary) / final.name
        draft.mkdir()
        for name, content in bundle.files.items():
            (draft / name).write_bytes(content)
        (draft / MANIFEST_FILE).write_text(bundle.manifest.to_json(), encoding="utf-8")
        draft.rename(final)
    return final
