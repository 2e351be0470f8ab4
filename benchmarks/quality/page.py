"""The page of results: a JSON file, a picture and Markdown."""

from __future__ import annotations

import json
import math
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.quality.bikes import DAY, DELAY, Day, record
from benchmarks.quality.martingale import LABELS, PROMISED, A, Delay, Quiet, limit
from drift_core.errors import ErrorBaseline
from scripts.method_style import BLUE, GREY, ORANGE, STYLE, canvas, save
from scripts.method_tables import table


def write(
    quiet: list[Quiet], delays: list[Delay], bikes: tuple[ErrorBaseline, list[Day]] | None, folder: Path
) -> Path:
    """Write `quality.json`, `quality.md` and the picture; without bikes their part is left out.

    Returns
    -------
    The page's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {
        "quiet": [asdict(one) for one in quiet],
        "delays": [{name: _finite(value) for name, value in asdict(one).items()} for one in delays],
    }
    parts = [
        "# How well quality is judged",
        "",
        "Made by `python -m benchmarks.quality`; do not edit. "
        f"Python {platform.python_version()}, numpy {version('numpy')}.",
        "",
        *_coverage(quiet, delays),
    ]
    if bikes is not None:
        errors, days = bikes
        told["bikes"] = {"training": json.loads(errors.to_json()), "days": [_rounded(day) for day in days]}
        _picture(errors, days, folder / "quality.png")
        parts += _bikes(errors, days)
    (folder / "quality.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    page = folder / "quality.md"
    page.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return page


def _coverage(quiet: list[Quiet], delays: list[Delay]) -> list[str]:
    runs = quiet[0].runs
    return [
        "## Coverage",
        "",
        f"Intervals promise {PROMISED:.0%}; a share of {limit():.1%} outside of them is tolerated. "
        f"Coverage's part of one false alarm a month is one in {A:,.0f} windows of an hour. "
        f"{runs:,} runs of a month:",
        "",
        table(
            ["no change", "labels a window", "runs with an alarm", "promised at most"],
            [[one.what, f"{one.labels}", f"{one.alarmed}", f"{one.promised:.0f}"] for one in quiet],
        ),
        "",
        f"Windows until the alarm, {runs:,} runs each: mean (median; 95 of 100 have come). A dash means not "
        f"within a month.",
        "",
        table(
            ["actual coverage", *(f"{labels} labels a window" for labels in LABELS)],
            [
                [f"{actual:.0%}", *(_delay(one) for one in sorted(group, key=lambda one: one.labels))]
                for actual, group in groupby(delays, key=lambda one: one.actual)
            ],
        ),
        "",
    ]


def _delay(one: Delay) -> str:
    median, late = (f"{value:.0f}" if math.isfinite(value) else "–" for value in (one.median, one.late))
    mean = f"{one.mean:.1f}" if math.isfinite(one.mean) else "–"
    return f"{mean} ({median}; {late})"


def _bikes(errors: ErrorBaseline, days: list[Day]) -> list[str]:
    summary = record(days).summary()
    return [
        "## Bike sharing",
        "",
        "A model of 2011 in 2012; labels come a day late; a window is a day of 24 rows; one false alarm a "
        f"month in all. On the held-out rows of 2011 the mean absolute error is {errors.mae:.1f} bikes an "
        "hour.",
        "",
        table(
            ["month of 2012", "real MAE", "estimated MAE", "coverage", "days with a quality alarm"],
            [_month(month, list(group)) for month, group in groupby(days, key=lambda day: _date(day)[:7])],
        ),
        "",
        table(
            ["first alarm", "of the day", "told on"],
            [
                ["quality (labels a day late)", *_first(days, "quality", late=True)],
                ["estimated error (no labels)", *_first(days, "estimate", late=False)],
                ["inputs", *_first(days, "inputs", late=False)],
            ],
        ),
        "",
        "![Real and estimated error by day, with the first alarm of quality](quality.png)",
        "",
        f"The estimate's own track record: {summary['windows']} days, estimated ÷ real error "
        f"{summary['median_ratio']:.2f} in the median, {summary['near_share']:.0%} within 20 %. Demand grew "
        "for reasons that no input shows: the estimate knows 2011 only, and cannot see such a change of the "
        "concept. It is the labels that tell.",
        "",
        "Data: Fanaee-T and Gama 2013, *Event labeling combining ensemble detectors and background "
        "knowledge*, UCI, CC BY 4.0. It is no part of this project.",
    ]


def _month(month: str, days: list[Day]) -> list[str]:
    def mean(name: str) -> float:
        return float(sum(day.rows * getattr(day, name) for day in days) / sum(day.rows for day in days))

    alarms = sum(day.quality > 1 for day in days)
    return [
        month,
        f"{mean('mae'):.1f}",
        f"{mean('estimated'):.1f}",
        f"{mean('coverage'):.0%}",
        f"{alarms} of {len(days)}",
    ]


def _first(days: list[Day], name: str, *, late: bool) -> list[str]:
    """The day of the first alarm, and the day on which it is told."""
    for day in days:
        if getattr(day, name) > 1:
            told = datetime.fromtimestamp((day.start + DAY) / 1000, UTC) + (DELAY if late else 0 * DELAY)
            return [_date(day), f"{told:%Y-%m-%d}"]
    return ["none", "–"]


def _date(day: Day) -> str:
    return f"{datetime.fromtimestamp(day.start / 1000, UTC):%Y-%m-%d}"


def _picture(errors: ErrorBaseline, days: list[Day], path: Path) -> None:
    with mpl.rc_context(STYLE):
        figure, (axes,) = canvas(1)
        times: list[Any] = [datetime.fromtimestamp(day.start / 1000, UTC) for day in days]
        axes.plot(times, [day.mae for day in days], color=BLUE, linewidth=1, label="real, from labels")
        axes.plot(times, [day.estimated for day in days], color=ORANGE, linewidth=1, label="estimated")
        axes.axhline(errors.mae, color=GREY, linestyle=":", label="training")
        first = next((time for time, day in zip(times, days, strict=True) if day.quality > 1), None)
        if first is not None:
            axes.axvline(first, color=BLUE, linestyle="--", linewidth=1.2, label="first alarm")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("mean absolute error, bikes an hour")
        axes.legend(ncols=2)
        save(figure, path)


def _rounded(day: Day) -> dict[str, Any]:
    """To three digits after the point, the charts left out."""
    told = asdict(day)
    del told["charts"]
    return {name: round(value, 3) for name, value in told.items()} | {"start": _date(day)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
