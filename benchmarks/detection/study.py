"""Studies: many small pieces of work, each done once and kept, so that a run can be stopped and resumed."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks.detection import streams, watch
from drift_core import monitor

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # inherited by the workers: two of them share two cores

type Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """A function with its arguments; what it returns is JSON."""

    function: Callable[..., Found]
    arguments: tuple[str | int | float, ...]

    def file(self, folder: Path, code: str) -> Path:
        """Where its result is kept; other code keeps it elsewhere."""
        name = "-".join(str(argument) for argument in self.arguments)
        return folder / code / self.function.__name__ / f"{name}.json"


def code_of(functions: Iterable[Callable[..., Found]]) -> str:
    """Twelve digits that change when the core or a study does: old results are of another program."""
    files = sorted(Path(inspect.getfile(monitor)).parent.glob("*.py"))
    files += [Path(inspect.getfile(module)) for module in (streams, watch)]
    files += sorted({Path(inspect.getfile(function)) for function in functions})
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    return digest.hexdigest()[:12]


def run(pieces: list[Piece], folder: Path, *, workers: int) -> dict[str, list[Found]]:
    """Do what has not been done, and return all results by the name of their function.

    Parameters
    ----------
    folder : where results are kept, a file each.
    """
    code = code_of(piece.function for piece in pieces)
    missing = [piece for piece in pieces if not piece.file(folder, code).exists()]
    with Progress() as progress, ProcessPoolExecutor(workers) as pool:
        task = progress.add_task(
            f"{len(pieces)} pieces", total=len(pieces), completed=len(pieces) - len(missing)
        )
        for future in as_completed(
            [pool.submit(_keep, piece, piece.file(folder, code)) for piece in missing]
        ):
            future.result()
            progress.advance(task)
    found: dict[str, list[Found]] = {}
    for piece in pieces:
        text = piece.file(folder, code).read_text(encoding="utf-8")
        found.setdefault(piece.function.__name__, []).append(json.loads(text))
    return found


def _keep(piece: Piece, file: Path) -> None:
    result = piece.function(*piece.arguments)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(result), encoding="utf-8")
    draft.rename(file)
