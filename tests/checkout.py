"""A copy of the checkout, so that what a user would run cannot meet what the developer runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def copy_checkout(folder: Path) -> Path:
    """Copy all files that git would, with their times, and lend the environments."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in listed.split("\0"):
        if name and (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    for environment in (".venv", ".venv-aws", ".venv-sam"):
        (folder / environment).symlink_to(PROJECT / environment)
    return folder


def plain_environment() -> dict[str, str]:
    """An environment without AWS settings, an active virtual environment, or a make that called us."""
    ours = ("AWS_", "MAKE", "VIRTUAL_ENV", "MFLAGS", "DATA", "TARGET", "KEEP")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
