"""From harm to repair on this machine: labels change, quality alarms, a challenger takes over."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from scripts.demo_screen import Screen
from scripts.demo_stage import Stage
from scripts.local_aws import LocalAws
from scripts.retraining_run import RetrainingDemo
from scripts.stack import LOCAL_STATE, PROJECT

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

FOLDER = PROJECT / "build" / "demo-retraining"
"""summary.json, the packages and, after an unexpected error, error.txt."""


@app.command(
    help=f"""{__doc__}

    First the labels' law changes while the inputs stay as they were: the inputs' monitor is quiet, the labels
    raise the alarm, a challenger learns from them and takes over. Then an input drifts that the model hardly
    uses: it is seen, and no challenger takes over.

    Nothing leaves this machine, and nothing is left running unless --keep is given.

    Exit code 0: all of it happened; 1: something did not; 130: interrupted.
    """
)
def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", envvar="KEEP", help="Leave all of it running.")] = False,
) -> None:
    """Run the demo."""
    console = Console(highlight=False)
    aws = LocalAws(LOCAL_STATE)
    run = RetrainingDemo(
        screen=Screen(console=console, summary=FOLDER / "summary.json"), aws=aws, folder=FOLDER
    )

    def steps() -> None:
        console.print("Driftline: the world changes where no input shows it, and the model is renewed.\n")
        run.play()

    sys.exit(Stage(console=console, aws=aws, folder=FOLDER).play(steps, run.summary, keep=keep))


if __name__ == "__main__":
    app()
