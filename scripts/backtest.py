"""What would the monitor have said? `python -m scripts.backtest --reference FILE --live FILE --out FILE`."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from drift_core.monitor_settings import MonitorSettings
from scripts import backtest_report as report
from scripts.backtest_columns import kinds_told
from scripts.backtest_files import load
from scripts.backtest_inject import Injection, found, injected
from scripts.backtest_plan import Plan, notes
from scripts.backtest_report import Outcome
from scripts.backtest_roles import Columns
from scripts.backtest_watch import line

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


class Source(StrEnum):
    """Which recording null runs draw from."""

    LIVE = "live"
    REFERENCE = "reference"


@app.command(
    help=f"""{__doc__}

    The monitor of the Lambdas, fed offline with recorded traffic. The reference stands for the training data.
    Both are .csv or .parquet files, one row per observation. How each column is read is printed, and why.

    The out file has one JSON line per window: the verdict, and the window's number from 0. Where windows are
    shorter, hours and days are judged as well and told in the summary; --all-spans writes their lines too,
    with "window": null.

    Exit code 0: the recording was judged, whatever was found; 2: a file or an option is wrong.
    """
)
def backtest(
    *,
    reference: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="Stands for the training data.")
    ],
    live: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Recorded traffic.")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="A .jsonl file for the verdicts; replaced.")],
    time_column: Annotated[str | None, typer.Option(help="When each row happened; ISO 8601.")] = None,
    window: Annotated[
        str | None,
        typer.Option(help="Length of a window by time: 5min, 1h, 1D. It divides an hour or a day."),
    ] = None,
    window_rows: Annotated[int | None, typer.Option(min=1, help="Instead: rows in each window.")] = None,
    windows_per_month: Annotated[
        float | None,
        typer.Option(min=1, help="Of --window-rows without a time. Default: 8640, one in 5 minutes."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="The label's column; it is no feature.")] = None,
    prediction_column: Annotated[str | None, typer.Option(help="What the model predicted; watched.")] = None,
    ignore: Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")] = "",
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="COLUMN=numeric, categorical, boolean or ignore, against the rules. May be repeated."
        ),
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option(help="A text that stands for a missing value. May be repeated.")
    ] = None,
    false_alarms_per_month: Annotated[
        float, typer.Option(min=0, max=100, help="How often you accept to be woken for nothing.")
    ] = MonitorSettings().false_alarms_per_month,
    min_samples: Annotated[
        int,
        typer.Option(min=1, help="A window with fewer rows is carried into the next; 30 rows have a shape."),
    ] = 30,
    calibrate: Annotated[
        bool, typer.Option(help="Find the charts' thresholds by simulation, if the reference has times.")
    ] = True,
    all_spans: Annotated[bool, typer.Option("--all-spans", help="Write hours and days too.")] = False,
    inject: Annotated[
        str | None, typer.Option(help="SCENARIO@WINDOW or SCENARIO:STRENGTH@WINDOW, such as sudden:0.5@20.")
    ] = None,
    inject_feature: Annotated[
        str | None, typer.Option(help="What changes. Default: the first that can.")
    ] = None,
    null_runs_: Annotated[
        int,
        typer.Option(
            "--null-runs",
            min=0,
            help="Estimate false alarms by so many runs of resampled windows, which must be a quiet period.",
        ),
    ] = 0,
    null_from: Annotated[Source, typer.Option(help="Whose windows null runs draw.")] = Source.LIVE,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is random.")] = 0,
) -> None:
    """Read both files, judge each window, tell what was found."""
    console, aside = Console(), Console(stderr=True)
    try:
        _refuse_place(out, reference, live)
        injection = None if inject is None else Injection.of(inject, inject_feature)
        columns = Columns(
            time=time_column,
            target=target,
            prediction=prediction_column,
            ignore=tuple(name.strip() for name in ignore.split(",") if name.strip()),
            told=kinds_told(kind or []),
            missing=tuple(missing or ()),
        )
        plan = Plan(
            window=window,
            window_rows=window_rows,
            windows_per_month=windows_per_month,
            false_alarms_per_month=false_alarms_per_month,
            min_samples=min_samples,
            seed=seed,
        )
        pair = load(reference, live, columns)
        console.print(report.columns(pair.readings))
        settings, cut = plan.cut(pair.live)
        quiet = pair.live if null_from is Source.LIVE else pair.reference
        pair, feature = (pair, "") if injection is None else injected(pair, cut, injection, seed=seed)
        with _bar(aside) as bar:
            watch = plan.watch(pair, settings, _told(bar, "calibrate") if calibrate else None)
            told = plan.judged(watch, cut, _told(bar, "judge"))
            runs = None
            if null_runs_:
                runs = plan.null(watch, quiet, cut, told, runs=null_runs_, progress=_told(bar, "null runs"))
    except ValueError as error:
        aside.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    outcome = Outcome(cut=cut, told=told, timed=pair.live.times is not None, budget=false_alarms_per_month)
    kept = told if all_spans else outcome.windows
    out.write_text(
        "".join(json.dumps(line(one, timed=outcome.timed), allow_nan=False) + "\n" for one in kept)
    )
    for note in notes(plan, watch, cut, pair):
        console.print(note, highlight=False)
    for table in (report.summary(outcome), report.guilty(outcome)):
        if table is not None:
            console.print(table)
    if injection is not None:
        text = report.injected(found(told, injection, feature, timed=outcome.timed), injection)
        console.print(text, markup=False, highlight=False)
    if runs is not None:
        console.print(
            report.null(runs, outcome, quiet=injection is not None or null_from is Source.REFERENCE),
            markup=False,
            highlight=False,
        )
    console.print(f"{report.plain(outcome)} {len(kept):,} lines in {out}", markup=False, highlight=False)


def _refuse_place(out: Path, *read: Path) -> None:
    """Do nothing, if the verdicts can go there: it would be known only after all the work."""
    if not out.parent.is_dir():
        raise ValueError(f"--out is {out}, and there is no folder {out.parent}; make it, or give another")
    if out.resolve() in [path.resolve() for path in read]:
        raise ValueError(f"--out is {out}, which is read and would be replaced; give another file")


def _told(bar: Progress, task: str) -> Callable[[float], None]:
    """What is told the share of a task that is done; its bar appears with the first word."""
    number: list[TaskID] = []

    def progress(done: float) -> None:
        if not number:
            number.append(bar.add_task(task, total=1.0))
        bar.update(number[0], completed=done)

    return progress


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
    )


if __name__ == "__main__":
    app()
