"""Run the notebook with an incident of its own and keep the outputs: `python -m scripts.notebook`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from drift_core.season import HOUR_MS
from scripts.bundles import LoadedBundle
from scripts.demo_errors import DemoError
from scripts.demo_screen import Screen
from scripts.demo_stack import deployed, prepared
from scripts.functions import invoke
from scripts.incident_documents import verdicts
from scripts.kinesis_writer import KinesisWriter
from scripts.local_aws import LocalAws
from scripts.notebook_run import NotebookError, read, run, written
from scripts.notebook_story import Story
from scripts.pace import Pace
from scripts.recorded import Entry
from scripts.sending import Progress, Sender
from scripts.stack import PROJECT, Stack
from scripts.telling import ended
from scripts.traffic import Plan

NOTEBOOK = PROJECT / "notebooks" / "drift_analysis.ipynb"
FOLDER = PROJECT / "build" / "notebook"

TRAINING = ("--generate", "20000", "--no-calibrate", "--label-grace-seconds", "1")
PARAMETERS = {"WindowSeconds": str(HOUR_MS // 1000), "GraceSeconds": "1"}
WINDOWS, ROWS, CHANGED, LABEL_HOURS = 48, 400, 40, 2
PATIENCE = 180.0
"""Seconds for the functions to judge all of it."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    help=f"""{__doc__}

    A model is trained and deployed to a local AWS of its own, two days of traffic with labels are sent and
    judged, and the notebook is run on what the archive has then. It takes about two minutes.

    To use the notebook on a stack of yours, open it instead: see notebooks/README.md.

    Exit code 0: the notebook is written; 1: a step failed.
    """
)
def main(
    out: Annotated[Path, typer.Option(help="Where the notebook goes, with its outputs.")] = NOTEBOOK,
) -> None:
    """Play the incident, run the notebook, write it."""
    console = Console(highlight=False)
    screen = Screen(console=console, summary=FOLDER / "summary.json")
    aws = LocalAws(FOLDER / "local")
    try:
        folder = prepared(screen, aws, FOLDER, TRAINING)
        stack = deployed(screen, aws, FOLDER, folder, PARAMETERS)
        bundle = LoadedBundle.of_folder(folder)
        begin = (time.time_ns() // 1_000_000 // HOUR_MS - WINDOWS - LABEL_HOURS - 1) * HOUR_MS
        plan = Plan(start_ms=begin, windows=WINDOWS, rows=ROWS, window_seconds=HOUR_MS // 1000)
        story = Story(plan=plan, from_window=CHANGED, label_delay=LABEL_HOURS * HOUR_MS)
        with screen.step("send and judge", spinner=False) as tell:
            send(stack, story, bundle)
            judged(stack, story)
            tell(f"{WINDOWS} hours of {ROWS} rows and their labels", f"hour {CHANGED} begins the incident")
        with screen.step("run the notebook") as tell:
            text = written(run(read(NOTEBOOK), {"STATE": str(aws.state)}))
            out.write_text(text)
            tell(f"{len(text) / 1000:,.0f} kB in {out.name}", "every cell ran")
    except (DemoError, NotebookError) as error:
        raise ended(error, 1, console) from None
    finally:
        aws.stop()


def send(stack: Stack, story: Story, bundle: LoadedBundle) -> None:
    """Write all events of a story to the stack's stream."""
    stream = stack.outputs["StreamName"]
    sender = Sender(
        writer=KinesisWriter(client=stack.client("kinesis"), stream=stream),
        pace=Pace(rate=None, speed=None),
        progress=Progress(recording="notebook", stream=stream),
    )
    events = story.events(bundle)
    sender.send(Entry(piece=0, row=row, events=(event,)) for row, event in enumerate(events, start=1))


def judged(stack: Stack, story: Story, *, version: str | None = None, patience: float = PATIENCE) -> None:
    """Run the functions until each window is judged with all its rows, and what labels say is asked once.

    Parameters
    ----------
    version : whose verdicts; by default those of all versions.

    Raises
    ------
    DemoError
        If it takes longer than `patience`, in seconds.
    """
    plan, end = story.plan, time.monotonic() + patience
    length = plan.window_seconds * 1000
    since, until = (
        datetime.fromtimestamp(ms / 1000, UTC)
        for ms in (plan.start_ms, plan.start_ms + plan.windows * length)
    )
    while True:
        invoke(stack, "EvaluatorFunction", patience)
        found = [one for one in verdicts(stack, since, until) if version in (None, one["model_version"])]
        if len(found) == plan.windows and sum(one["n"] for one in found) == plan.windows * plan.rows:
            break
        if time.monotonic() > end:
            raise DemoError(f"{len(found)} of {plan.windows} windows were judged within {patience:.0f} s")
        time.sleep(0.5)
    invoke(stack, "QualityFunction", patience)


if __name__ == "__main__":
    app()
