"""The command line of training: `python -m training --help`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.progress import Progress

from drift_core.bundle import check_name
from drift_core.monitor_settings import MonitorSettings
from drift_core.policy import QualityPolicy, RetrainingMode, RetrainingPolicy
from training import generator, retrain_cli
from training.bundle import DEFAULT_FOLDER, write
from training.data import DataError, read, without
from training.export import ParityError
from training.report import report
from training.train import train

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)

app.command("retrain", help=retrain_cli.HELP)(retrain_cli.command)

_DEFAULTS = MonitorSettings()
_QUALITY, _RETRAINING = QualityPolicy(), RetrainingPolicy()

BAD_DATA, BAD_EXPORT = 2, 1
"""Exit codes: mend the data or the options; or the model could not be exported faithfully."""


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    *,
    data: Annotated[
        Path | None, typer.Option(help="A .csv or .parquet file, one row per observation.")
    ] = None,
    generate: Annotated[
        int | None, typer.Option(min=1, help="Instead of a file, this many generated house sales.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict: a number.")] = None,
    time_column: Annotated[str | None, typer.Option(help="When each row happened; it is no feature.")] = None,
    model_name: Annotated[str | None, typer.Option(help="Default: the file's name.")] = None,
    out: Annotated[Path, typer.Option(help="The bundle goes to <out>/<model>/<version>.")] = DEFAULT_FOLDER,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is random.")] = 0,
    coverage: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Promised share of labels inside the interval.")
    ] = 0.9,
    ignore: Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")] = "",
    segments: Annotated[
        str,
        typer.Option(
            help="Columns by whose values predictions are judged apart as well, separated by commas."
        ),
    ] = "",
    false_alarms_per_month: Annotated[
        float, typer.Option(max=100, help="How often you accept to be woken for nothing.")
    ] = _DEFAULTS.false_alarms_per_month,
    window_seconds: Annotated[
        int, typer.Option(max=3600, help="Length of a window; it divides an hour.")
    ] = _DEFAULTS.window_seconds,
    grace_seconds: Annotated[
        int, typer.Option(help="Quiet time before a window is judged.")
    ] = _DEFAULTS.grace_seconds,
    min_samples: Annotated[
        int, typer.Option(help="A window with fewer rows is carried into the next.")
    ] = _DEFAULTS.min_samples,
    label_window_hours: Annotated[
        int, typer.Option(help="Predictions of so many hours have their labels judged together.")
    ] = _QUALITY.window_hours,
    label_grace_seconds: Annotated[
        int, typer.Option(help="Quiet time before the labels of a window are judged.")
    ] = _QUALITY.label_grace_seconds,
    min_labels: Annotated[
        int, typer.Option(help="Labels of fewer predictions wait for the next ones.")
    ] = _QUALITY.min_labels,
    retraining: Annotated[
        RetrainingMode, typer.Option(help="What an incident may lead to; see docs/retraining.md.")
    ] = _RETRAINING.mode,
    retrain_min_labels: Annotated[
        int, typer.Option(help="Labelled predictions that a retraining needs.")
    ] = _RETRAINING.min_labels,
    retrain_margin: Annotated[
        float, typer.Option(help="Share of the error by which a retrained model must be better.")
    ] = _RETRAINING.margin,
    retrain_drift_hours: Annotated[
        int, typer.Option(help="Hours in a row that drift and ask for a retraining; 0 for never.")
    ] = _RETRAINING.drift_hours,
    retrain_days: Annotated[
        int, typer.Option(help="Days of labelled predictions that a retraining learns from.")
    ] = _RETRAINING.train_days,
    cool_down_hours: Annotated[
        int, typer.Option(help="From one retraining to the next.")
    ] = _RETRAINING.cool_down_hours,
    calibrate: Annotated[
        bool,
        typer.Option(
            help="Find the charts' thresholds by simulation, some 15 seconds; else conservative ones."
        ),
    ] = True,
) -> Path | None:
    """Train a model and write its bundle; the last line printed is the bundle's folder."""
    if context.invoked_subcommand is not None:
        return None
    if (data is None) == (generate is None):
        raise typer.BadParameter("give either --data FILE or --generate N")
    if generate is not None:
        target, time_column = target or generator.TARGET, time_column or generator.TIME_COLUMN
    if target is None:
        raise typer.BadParameter("--data needs --target, the column to predict")
    ignored, apart = (
        [name.strip() for name in names.split(",") if name.strip()] for names in (ignore, segments)
    )
    try:
        name = check_name("--model-name", model_name or (data.stem if data else generator.MODEL_NAME))
        monitor = MonitorSettings(
            window_seconds=window_seconds,
            grace_seconds=grace_seconds,
            min_samples=min_samples,
            false_alarms_per_month=false_alarms_per_month,
        )
        quality = QualityPolicy(
            window_hours=label_window_hours,
            label_grace_seconds=label_grace_seconds,
            min_labels=min_labels,
        )
        policy = RetrainingPolicy(
            mode=retraining,
            min_labels=retrain_min_labels,
            margin=retrain_margin,
            drift_hours=retrain_drift_hours,
            train_days=retrain_days,
            cool_down_hours=cool_down_hours,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        frame, about = _load(data, generate or 0, ignored, seed)
        with _progress(calibrate) as done:
            bundle = train(
                frame,
                target=target,
                time_column=time_column,
                model_name=name,
                created_at=datetime.now(UTC),
                coverage=coverage,
                seed=seed,
                monitor=monitor,
                segments=apart,
                quality=quality,
                retraining=policy,
                calibrate=done,
                **about,
            )
        folder = write(bundle, out)
    except (DataError, ParityError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(BAD_EXPORT if isinstance(error, ParityError) else BAD_DATA) from error
    Console().print(report(bundle))
    typer.echo(folder)
    return folder


@contextmanager
def _progress(calibrate: bool) -> Iterator[Callable[[float], None] | None]:
    """What `train` tells how far it is: a bar where a person looks on."""
    if not calibrate:
        yield None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("calibrate", total=1, visible=False)
        yield lambda done: bar.update(task, completed=done, visible=True)


def _load(
    data: Path | None, generate: int, ignored: list[str], seed: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows, and what `train` shall know about them."""
    if data is not None:
        return read(data, ignored), {"source": {"source": data.name}}
    frame = without(generator.houses(generate, seed=seed), ignored)
    return frame, {"units": generator.UNITS, "source": {"source": "generator"}}
