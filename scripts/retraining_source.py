"""The source of a retraining's build: what CodeBuild unpacks, installs and runs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from scripts.stack import PROJECT, Stack

SOURCE_KEY = "retraining/source.zip"
"""Where the build finds it, in the models bucket."""

PACKAGES = ("drift_core", "queries", "training")
REQUIREMENTS = "requirements/training.txt"

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold: the same files give the same bytes


def source_zip(project: Path = PROJECT) -> bytes:
    """The packages that training needs, with their SQL, and the pinned requirements."""
    files = [project / REQUIREMENTS]
    for package in PACKAGES:
        files += [path for path in (project / package).rglob("*") if path.suffix in (".py", ".sql")]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path.relative_to(project).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return content.getvalue()


def upload_source(stack: Stack) -> None:
    """Put the source where the stack's build looks for it."""
    stack.client("s3").put_object(Bucket=stack.outputs["ModelsBucketName"], Key=SOURCE_KEY, Body=source_zip())
