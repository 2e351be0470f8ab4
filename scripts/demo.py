"""The whole way on this machine: train, deploy to a local AWS, send traffic, drift, alarm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scripts.demo_run import Demo, Options
from scripts.demo_screen import Screen
from scripts.demo_stage import Stage, stop
from scripts.local_aws import LocalAws
from scripts.parameters import model_name
from scripts.stack import LOCAL_STATE, PROJECT

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

FOLDER = PROJECT / "build" / "demo"
"""Recordings, summary.json and, after an unexpected error, error.txt."""


@app.command(
    help=f"""{__doc__}

    Nothing leaves this machine, and nothing is left running unless --keep is given.

    Exit code 0: all of it happened; 1: something did not; 130: interrupted.
    """
)
def demo(
    *,
    data: Annotated[
        Path | None, typer.Option(envvar="DATA", help="A .csv or .parquet. Default: generated house sales.")
    ] = None,
    target: Annotated[str | None, typer.Option(envvar="TARGET", help="Its column to predict.")] = None,
    time_column: Annotated[
        str | None, typer.Option(envvar="TIME_COLUMN", help="Its column of times.")
    ] = None,
    ignore: Annotated[str, typer.Option(envvar="IGNORE", help="Columns to leave out.")] = "",
    keep: Annotated[bool, typer.Option("--keep", envvar="KEEP", help="Leave all of it running.")] = False,
) -> None:
    """Run the demo."""
    console = Console(highlight=False)
    if data is not None and target is None:
        stop(console, "DATA needs TARGET, the column to predict: make demo DATA=houses.csv TARGET=price", 1)
    aws = LocalAws(LOCAL_STATE)
    run = Demo(
        screen=Screen(console=console, summary=FOLDER / "summary.json"),
        aws=aws,
        folder=FOLDER,
        options=Options(training=_training(data, target, time_column, ignore), live=keep),
    )

    def steps() -> None:
        console.print("Driftline: a model is trained, deployed and watched; then its data drifts.\n")
        run.play()

    sys.exit(Stage(console=console, aws=aws, folder=FOLDER).play(steps, run.summary, keep=keep))


def _training(data: Path | None, target: str | None, time_column: str | None, ignore: str) -> tuple[str, ...]:
    """Options of `python -m training`; the demo's few windows need no thresholds for months."""
    if data is None:
        return ("--generate", "20000", "--no-calibrate")
    options = ["--no-calibrate", "--data", str(data.resolve()), "--target", target or ""]
    options += ["--model-name", model_name(data)]
    if time_column:
        options += ["--time-column", time_column]
    return tuple(options + (["--ignore", ignore] if ignore else []))


if __name__ == "__main__":
    app()
