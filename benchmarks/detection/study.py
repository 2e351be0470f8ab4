"""Studies: many small pieces of work, each done once and kept, so that a run can be stopped and resumed."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks.detection import mixed, streams, watch
from drift_core import monitor

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # inherited by the workers: two of them share two cores

type Found = dict[str, Any]

UNUSED = ("adversarial", "classified", "verdict")
"""Modules of the core on which no study's numbers depend."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A function with its arguments; what it returns is JSON. `core`: whether it runs our detector."""

    function: Callable[..., Found]
    arguments: tuple[str | int | float, ...]
    core: bool = True

    @property
    def code(self) -> str:
        """Twelve digits that change when the program does: old results are of another one."""
        files = [Path(inspect.getfile(module)) for module in (mixed, self.function)]
        if self.core:
            files += [Path(inspect.getfile(module)) for module in (streams, watch)]
            core = Path(inspect.getfile(monitor)).parent.glob("*.py")
            files += sorted(file for file in core if file.stem not in UNUSED)
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]

    def file(self, folder: Path) -> Path:
        """Where its result is kept."""
        name = "-".join(str(argument) for argument in self.arguments)
        return folder / self.function.__name__ / self.code / f"{name}.json"


def run(pieces: list[Piece], folder: Path, *, workers: int) -> dict[str, list[Found]]:
    """Do what has not been done, and return all results by the name of their function.

    Parameters
    ----------
    folder : where results are kept, a file each.
    """
    files = {piece: piece.file(folder) for piece in pieces}
    missing = [piece for piece in pieces if not files[piece].exists()]
    with Progress() as progress, ProcessPoolExecutor(workers) as pool:
        task = progress.add_task(
            f"{len(pieces)} pieces", total=len(pieces), completed=len(pieces) - len(missing)
        )
        for future in as_completed([pool.submit(_keep, piece, files[piece]) for piece in missing]):
            future.result()
            progress.advance(task)
    found: dict[str, list[Found]] = {}
    for piece in pieces:
        found.setdefault(piece.function.__name__, []).append(json.loads(files[piece].read_text("utf-8")))
    return found


def _keep(piece: Piece, file: Path) -> None:
    result = piece.function(*piece.arguments)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(result), encoding="utf-8")
    draft.rename(file)
