"""Make traffic for a deployed model: `python -m scripts.simulate sudden --to stream`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from drift_core.bundle import BundleError
from drift_core.event import Event
from scripts.api import ApiClient
from scripts.api_traffic import ApiTraffic
from scripts.bundles import BundleMissingError, LoadedBundle
from scripts.kinesis_writer import KinesisWriter, NotAcceptedError
from scripts.pace import Pace, check_window, moment
from scripts.record import write
from scripts.recorded import Entry
from scripts.scenarios import SCENARIOS, Scenario, ScenarioError
from scripts.sending import Progress as Position
from scripts.sending import Sender
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended
from scripts.through_api import Labels, label_delay_of, progress_bar, through_api
from scripts.traffic import Plan, changed, drawn, labels, predictions

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


class To(StrEnum):
    """Where traffic goes."""

    API = "api"
    STREAM = "stream"


_HELP = dedent("""
    Rows are drawn from the bundle's held-out sample and changed by a scenario from --from-window on. Through
    the API they are predicted now. Straight to the stream, or into a file, the bundle's model predicts them
    here, and they are told to have happened from --start on.

    Exit code 0: all was accepted; 1: something was refused; 2: an option is wrong.
""")

_SCENARIOS = "\n\n".join(
    f"[bold]{name}[/bold]: {scenario.does} Strength {scenario.strength:g}. Should notice: {scenario.notices}."
    for name, scenario in SCENARIOS.items()
)


@app.command(help=f"{__doc__}\n{_HELP}\n{_SCENARIOS}")
def simulate(
    scenario: Annotated[str, typer.Argument(help="What happens to the traffic; see above.")] = "normal",
    *,
    to: Annotated[To, typer.Option(help="Signed requests to the API, or records to the stream.")] = To.API,
    out: Annotated[
        Path | None, typer.Option(help="Instead: a .jsonl or .parquet file for scripts.replay.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a bundle. Default: the one that the stack serves.")
    ] = None,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
    windows: Annotated[int, typer.Option(min=1, help="Windows of traffic.")] = 12,
    rows: Annotated[int, typer.Option(min=1, help="Rows in each window.")] = 500,
    window_seconds: Annotated[
        int | None, typer.Option(min=1, help="Length of a window. Default: the bundle's.")
    ] = None,
    from_window: Annotated[int, typer.Option(min=0, help="First window that changes, from 0.")] = 6,
    start: Annotated[
        str | None, typer.Option(help="Begin: ISO 8601, now or now-2h. Default: the windows end now.")
    ] = None,
    feature: Annotated[str | None, typer.Option(help="What changes. Default: the most important.")] = None,
    strength: Annotated[float | None, typer.Option(help="How much; see the scenarios.")] = None,
    labels_share: Annotated[
        float | None, typer.Option("--labels", min=0, max=1, help="Share of rows whose label is sent.")
    ] = None,
    label_delay: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds from a prediction to its label. Default: 60; 1 through the API."),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Records a second at most, to the stream.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=500, help="Instances in a request.")] = 25,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Requests under way at once.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same rows.")] = 0,
) -> None:
    """Draw rows, change them, send them."""
    console = Console(stderr=True)
    try:
        chosen = _scenario(scenario)
        if strength is not None:
            chosen.check_strength(strength)
        if chosen.changes and from_window >= windows:
            raise ScenarioError(
                f"--from-window is {from_window}, and the last of {windows} windows is {windows - 1}; "
                f"give at most that, or more --windows"
            )
        if window_seconds is not None:
            check_window(window_seconds)
        pace = Pace(rate=rate, speed=None)
        share = labels_share if labels_share is not None else float(chosen.labels)
        by_api = out is None and to is To.API
        delay = label_delay_of(label_delay, waits=by_api)
        stack = None if out is not None and bundle is not None else Stack.load(config_env)
        loaded = (
            LoadedBundle.of_stack(stack)
            if bundle is None and stack
            else LoadedBundle.of_folder(bundle or Path())
        )
        seconds = window_seconds or loaded.manifest.monitor.window_seconds
        plan = Plan(
            start_ms=_start_ms(start, seconds, windows),
            windows=windows,
            rows=rows,
            window_seconds=seconds,
            seed=seed,
        )
        made = changed(
            loaded,
            drawn(loaded, plan),
            plan,
            chosen,
            from_window=from_window,
            feature=feature,
            strength=strength,
        )
        if by_api and stack is not None:
            traffic = ApiTraffic(connect=partial(ApiClient, stack), batch=batch, concurrency=concurrency)
            through_api(console, traffic, loaded, made, Labels(share=share, delay=delay, seed=seed))
            return
        told = list(predictions(loaded, made, seed=seed, source="simulate"))
        known = labels(
            told,
            made[loaded.manifest.target].tolist(),
            delay_ms=round(delay * 1000),
            share=share,
            seed=seed,
        )
        if out is not None:
            write(out, [*told, *known], loaded.manifest.schema)
            console.print(f"{len(told):,} predictions and {len(known):,} labels in {out}", highlight=False)
        elif stack is not None:
            events: list[Event] = sorted([*told, *known], key=lambda event: event.event_time)
            _to_stream(console, stack, events, pace)
    except (NotAcceptedError, ClientError, BotoCoreError) as error:
        raise ended(error, 1, console) from None
    except (StackError, BundleError, BundleMissingError, ValueError) as error:
        raise ended(error, 2, console) from None


def _scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise ScenarioError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def _start_ms(start: str | None, window_seconds: int, windows: int) -> int:
    """Begin of the first window; windows lie on the grid that the monitor uses."""
    now = datetime.now(UTC)
    length = window_seconds * 1000
    if start is not None:
        return moment(start, now) // length * length
    return moment("now", now) // length * length - windows * length


def _to_stream(console: Console, stack: Stack, events: Sequence[Event], pace: Pace) -> None:
    stream = stack.outputs["StreamName"]
    with progress_bar(console) as bar:
        task = bar.add_task("records", total=len(events))
        counts = Sender(
            writer=KinesisWriter(client=stack.client("kinesis"), stream=stream),
            pace=pace,
            progress=Position(recording="simulated", stream=stream),
            advanced=lambda rows: bar.advance(task, rows),
        ).send(Entry(piece=0, row=row, events=(event,)) for row, event in enumerate(events, start=1))
    console.print(
        f"{counts.sent:,} records sent = {counts.accepted:,} accepted, {counts.again:,} sent again",
        highlight=False,
    )


if __name__ == "__main__":
    app()
