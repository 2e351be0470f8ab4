"""How well drift is detected, against the peers: `python -m benchmarks.detection --help`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.detection.changes import delays, scores
from benchmarks.detection.page import write
from benchmarks.detection.quiet import harmless, months
from benchmarks.detection.rivals import rivals
from benchmarks.detection.streams import KINDS
from benchmarks.detection.study import Piece, run

RESULTS = Path("benchmarks/results")
KEPT = Path("build/bench-detection")

BEFORE, CHANGED, QUIET = 5, 30, 100
"""Windows of the streams that all detectors get: before a change, after it, and of the quiet one."""

COMPARED = 10
"""Baselines on which the peers are compared; they are slow."""

PROTECTED = (
    ("autocorrelated", "without noise", 1),
    ("iid", "without allowance", 1),
    ("diurnal", "all", 0),
)
"""Quiet traffic on which one protective part is switched off; the last one forgets the season."""

SHORT = [
    Piece(months, ("autocorrelated", 0, 1)),
    Piece(months, ("autocorrelated", 0, 1, "without noise", 1)),
    Piece(delays, (0, 1)),
]

app = typer.Typer(add_completion=False)


@app.command()
def main(
    *,
    baselines: Annotated[int, typer.Option(min=1, help="Independent baselines.")] = 20,
    days: Annotated[int, typer.Option(min=1, help="Days of quiet traffic for each.")] = 30,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each change for each.")] = 6,
    peers: Annotated[bool, typer.Option(help="Compare with the peers: some minutes a baseline.")] = True,
    short: Annotated[bool, typer.Option(help="One baseline, one day, no peers: does it still run?")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    kept: Annotated[Path, typer.Option(help="What is done is kept here; a second run goes on.")] = KEPT,
    out: Annotated[Path, typer.Option(help="Where detection.json and detection.md go.")] = RESULTS,
) -> None:
    """Measure false alarms, delays and names, and write them to a page."""
    pieces = SHORT if short else plan(baselines, days, repeats, peers=peers)
    page = write(run(pieces, kept, workers=workers), out)
    Console().print(Markdown(page.read_text(encoding="utf-8")))


def plan(baselines: int, days: int, repeats: int, *, peers: bool) -> list[Piece]:
    """All that is to be done; what takes longest first."""
    seeds = range(baselines)
    some = range(max(1, baselines // 4))
    compared = range(min(baselines, COMPARED) if peers else 0)
    pieces = [Piece(rivals, (seed, BEFORE, CHANGED, QUIET), core=False) for seed in compared]
    pieces += [Piece(months, (kind, seed, days)) for kind in reversed(KINDS) for seed in seeds]
    pieces += [
        Piece(months, (kind, seed, days, part, season)) for kind, part, season in PROTECTED for seed in some
    ]
    pieces += [Piece(harmless, (seed, part)) for part in ("all", "without tolerance") for seed in some]
    pieces += [Piece(delays, (seed, repeats)) for seed in seeds]
    return pieces + [Piece(scores, (seed, BEFORE, CHANGED, QUIET)) for seed in compared]


if __name__ == "__main__":
    app()
