"""The whole way on this machine: train, deploy to a local AWS, send traffic, drift, alarm."""

from __future__ import annotations

import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from scripts.demo_run import Demo, DemoError, Options
from scripts.demo_screen import Screen
from scripts.deploy import ERRORS
from scripts.local_aws import LocalAws, LocalAwsError
from scripts.parameters import model_name
from scripts.scenarios import ScenarioError
from scripts.stack import LOCAL_STATE, PROJECT

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

FOLDER = PROJECT / "build" / "demo"
"""Recordings, summary.json and, after an unexpected error, error.txt."""

INTERRUPTED = 130

_EXPECTED = (*ERRORS, DemoError, LocalAwsError, ScenarioError, ValueError)


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
        _stop(console, "DATA needs TARGET, the column to predict: make demo DATA=houses.csv TARGET=price", 1)
    aws = LocalAws(LOCAL_STATE)
    if aws.running():
        _stop(console, "the local AWS runs already; stop it first: .venv/bin/python -m scripts.local down", 1)
    signal.signal(signal.SIGTERM, lambda number, frame: _interrupt())
    console.print("Driftline: a model is trained, deployed and watched; then its data drifts.\n")
    run = Demo(
        screen=Screen(console=console),
        aws=aws,
        folder=FOLDER,
        options=Options(training=_training(data, target, time_column, ignore)),
    )
    code = 1
    try:
        run.play()
        code = 0 if run.summary.passed else 1
    except KeyboardInterrupt:
        run.summary.failure = "interrupted"
        console.print("\ninterrupted", style="yellow")
        code = INTERRUPTED
    except _EXPECTED as error:
        run.summary.failure = str(error)
        console.print(f"\n{error}", style="red", markup=False, soft_wrap=True)
    except Exception as error:  # whatever it is, the reader gets a sentence and the file the rest
        run.summary.failure = f"{type(error).__name__}: {error}"
        (FOLDER / "error.txt").write_text(traceback.format_exc())
        console.print(f"\n{run.summary.failure}\nsee build/demo/error.txt", style="red", markup=False)
    finally:
        run.summary.write(FOLDER / "summary.json")
        _clean_up(console, aws, keep=keep)
    sys.exit(code)


def _training(data: Path | None, target: str | None, time_column: str | None, ignore: str) -> tuple[str, ...]:
    """Options of `python -m training`; the demo's few windows need no thresholds for months."""
    if data is None:
        return ("--generate", "20000", "--no-calibrate")
    options = ["--no-calibrate", "--data", str(data.resolve()), "--target", target or ""]
    options += ["--model-name", model_name(data)]
    if time_column:
        options += ["--time-column", time_column]
    return tuple(options + (["--ignore", ignore] if ignore else []))


def _clean_up(console: Console, aws: LocalAws, *, keep: bool) -> None:
    """Stop the local AWS, or say how to go on with it."""
    if keep and aws.running():
        console.print(
            "It is left running. To ask more: .venv/bin/python -m scripts.query --list\n"
            "To stop it: .venv/bin/python -m scripts.local down",
            style="dim",
        )
        return
    try:
        aws.stop()
    except LocalAwsError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
    else:
        console.print("The local AWS is stopped; what it stored is gone.", style="dim")


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _stop(console: Console, why: str, code: int) -> NoReturn:
    console.print(why, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
