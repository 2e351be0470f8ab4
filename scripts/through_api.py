"""Made-up traffic through the API: predictions, and their labels once they are old enough."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scripts.api_traffic import ApiTraffic
from scripts.bundles import LoadedBundle
from scripts.traffic import feedback

LONGEST_WAIT = 900.0
"""Seconds from a prediction to its label through the API, at most: the command waits for them."""


def label_delay_of(given: float | None, *, waits: bool) -> float:
    """Seconds from a prediction to its label.

    Parameters
    ----------
    waits : whether somebody waits for them, as through the API.

    Raises
    ------
    ValueError
        If that would be too long.
    """
    if given is None:
        return 1.0 if waits else 60.0
    if waits and given > LONGEST_WAIT:
        raise ValueError(
            f"--label-delay is {given:g}, and through the API it is waited for, {LONGEST_WAIT:g} seconds at "
            f"most; give less, or --to stream, or --out"
        )
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Of which share of the rows labels are told, and how many seconds after the predictions."""

    share: float
    delay: float
    seed: int


def through_api(
    console: Console, traffic: ApiTraffic, bundle: LoadedBundle, made: pd.DataFrame, told: Labels
) -> None:
    """Predict and, for a share of the rows, tell the truth once the last prediction is old enough."""
    with progress_bar(console) as bar:
        task = bar.add_task("predict", total=len(made))
        ids = traffic.predict(bundle.instances(made), lambda rows: bar.advance(task, rows))
        truths = feedback(
            ids,
            made[bundle.manifest.target].tolist(),
            delay_ms=round(told.delay * 1000),
            share=told.share,
            seed=told.seed,
        )
        if truths:
            _wait(bar, told.delay)
            task = bar.add_task("feedback", total=len(truths))
            traffic.feedback(truths, lambda rows: bar.advance(task, rows))
    counts = traffic.counts
    console.print(
        f"{counts.requests:,} requests, {counts.ok:,} answered, {counts.captured:,} rows; "
        f"{_milliseconds(counts.seconds)}",
        highlight=False,
    )
    for status, number in sorted(counts.refused.items()):
        console.print(f"{number:,} x status {status}: {counts.why[status]}", style="red", markup=False)
    if counts.refused:
        raise typer.Exit(1)


def _wait(bar: Progress, seconds: float) -> None:
    """Let the labels become known."""
    task = bar.add_task("wait for labels, seconds", total=round(seconds))
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 1.0))
        bar.update(task, completed=round(seconds - left))
    bar.update(task, completed=round(seconds))


def _milliseconds(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return "too few answers to time"
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"median {percentiles[49] * 1000:.0f} ms, 99 % within {percentiles[98] * 1000:.0f} ms"


def progress_bar(console: Console) -> Progress:
    """Of what is done and of how much there is."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
