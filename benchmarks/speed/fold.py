"""Folding and judging a frame that is decoded already, beside whylogs and Evidently on the same rows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.detection.peers.job import write_job
from benchmarks.detection.rivals import NEW, OLD, PROJECT
from benchmarks.speed.machine import described
from benchmarks.speed.report import Figure, Part, Target
from benchmarks.speed.turns import in_turns, ratio

ROWS, NUMBERS, REFERENCE = 10_000, 8, 10_000
REPETITIONS = 21

FASTER_THAN_WHYLOGS = Target(of="ratio", limit=6, at_most=False)
FASTER_THAN_EVIDENTLY = Target(of="ratio", limit=20, at_most=False)

INTERPRETERS = {
    "driftline_fold": Path(sys.executable),
    "driftline_verdict": Path(sys.executable),
    "whylogs": PROJECT / OLD / "bin" / "python",
    "evidently": PROJECT / NEW / "bin" / "python",
}

TEXT = f"""
{NUMBERS} columns of numbers and one of text, {ROWS:,} rows, decoded: an Arrow table for Driftline, a pandas
frame for the others. Each library runs in a process and an environment of its own, on the same rows, one
thread, warm, in turns; what counts is processor time. Folding makes the window's state; `whylogs.log` makes a
profile, which has quantile sketches and cardinalities that Driftline does not have, and neither correlations
nor moments that shards can add to the bit. The verdict is Driftline's whole `judge`, with charts; Evidently's
is `Report([DataDriftPreset()])` against {REFERENCE:,} reference rows, with its result as a dictionary.
Driftline has frozen its reference before, which Evidently cannot.
""".strip()


def measure(*, short: bool = False, libraries: tuple[str, ...] = tuple(INTERPRETERS)) -> Part:
    """Times of all libraries in turns.

    Parameters
    ----------
    libraries : those that are measured; a figure needs both of its sides.
    """
    repetitions = 1 if short else REPETITIONS
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        _write(Path(folder))
        workers = {name: stack.enter_context(worker(name, Path(folder))) for name in libraries}
        taken = in_turns(workers, repetitions)
    pairs = [
        ("folding", "driftline_fold", "whylogs", "`whylogs.log`", FASTER_THAN_WHYLOGS),
        (
            "folding + verdict",
            "driftline_verdict",
            "evidently",
            "Evidently's drift preset",
            FASTER_THAN_EVIDENTLY,
        ),
    ]
    figures = [
        Figure(
            name=name,
            value=1e3 * median(taken[ours]),
            unit="ms",
            beside=beside,
            other=1e3 * median(taken[theirs]),
            ratio=ratio(taken[theirs], taken[ours]),
            target=target,
        )
        for name, ours, theirs, beside, target in pairs
        if {ours, theirs} <= set(taken)
    ]
    machine = described(("numpy", "pyarrow"))
    machine["versions"] |= {name: _version(name) for name in ("whylogs", "evidently") if name in taken}
    return Part(
        name="fold",
        title="Folding and judging a decoded frame",
        text=TEXT,
        figures=figures,
        machine=machine,
    )


@contextmanager
def worker(name: str, folder: Path) -> Iterator[Callable[[], float]]:
    """A running library; each call is one repetition and gives its seconds.

    Raises
    ------
    RuntimeError
        If its process ends before it is asked to.
    """
    command = [str(INTERPRETERS[name]), "-m", "benchmarks.speed.fold_worker", name, str(folder)]
    with (
        tempfile.TemporaryFile("w+") as errors,  # a pipe that nobody reads would stop a talkative library
        subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        asked, told = process.stdin, process.stdout
        if asked is None or told is None:
            raise RuntimeError("the worker has no pipes")

        def repeat() -> float:
            asked.write("\n")
            asked.flush()
            line = told.readline()
            if not line:
                errors.seek(0)
                raise RuntimeError(f"{name} ended: {errors.read()[-2000:]}")
            return float(line)

        yield repeat
        asked.close()


def _write(folder: Path) -> None:
    rng = np.random.default_rng(5)
    words = np.array(["centre", "coast", "hills", "harbour", "suburb"])
    write_job(
        folder,
        reference=np.round(rng.normal(50, 10, (REFERENCE, NUMBERS)), 2),
        windows=np.round(rng.normal(50, 10, (ROWS, NUMBERS)), 2),
        rows=np.array([ROWS]),
        reference_text=words[rng.integers(0, len(words), (REFERENCE, 1))],
        windows_text=words[rng.integers(0, len(words), (ROWS, 1))],
    )


def _version(name: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    run = subprocess.run([str(INTERPRETERS[name]), "-c", code], check=True, capture_output=True, text=True)
    return run.stdout.strip()
