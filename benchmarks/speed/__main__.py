"""All benchmarks of speed but the soak: `python -m benchmarks.speed`; results go to speed.json and a page."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.speed.machine import ONE_THREAD
from benchmarks.speed.page import RESULTS, add, lines
from benchmarks.speed.report import Part

PARTS = ("ingest", "consumer", "fold", "evaluator", "replay", "browse")

PEERS = ("fold",)
"""Parts that need the environments of the peers, which a short run does without."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
_console = Console(highlight=False, soft_wrap=True)


@app.command()
def main(
    *,
    only: Annotated[list[str] | None, typer.Option(help=f"A part: {', '.join(PARTS)}.")] = None,
    short: Annotated[bool, typer.Option(help="Tiny sizes, no peers: does it still run?")] = False,
    out: Annotated[Path, typer.Option(help="Where speed.json and speed.md go.")] = RESULTS,
) -> None:
    """Measure, print and write; a target that is missed is told, and no error."""
    unknown = sorted(set(only or ()) - set(PARTS))
    if unknown:
        raise typer.BadParameter(f"--only is {unknown[0]!r}; give one of {', '.join(PARTS)}")
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **ONE_THREAD})
    for name in only or [part for part in PARTS if not (short and part in PEERS)]:
        begun = time.monotonic()
        part: Part = importlib.import_module(f"benchmarks.speed.{name}").measure(short=short)
        page = add(out, [part])
        for line in lines(part):
            _console.print(line, markup=False)
        _console.print(f"{time.monotonic() - begun:.0f} s, {page}\n", markup=False)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.speed")
