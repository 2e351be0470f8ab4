"""Make the pictures and the tables of docs/method.md: python -m scripts.method_figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import numpy as np
import typer
from matplotlib.figure import Figure
from rich.progress import track

from drift_core.budget import chart_windows
from drift_core.charts import DELTAS, number_of_charts
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Matrix
from drift_core.thresholds import conservative
from scripts import method_charts, method_curves, method_pictures, method_quiet, method_rules, method_traffic
from scripts.method_parts import stretched
from scripts.method_style import STYLE, save
from scripts.method_tables import QUICK, table
from scripts.page_texts import with_text
from scripts.stack import PROJECT

PAGE = PROJECT / "docs" / "method.md"
PICTURES = PROJECT / "docs" / "images" / "method"

type Made = tuple[dict[str, Figure], dict[str, str]]
"""Pictures and texts by name."""


def main(
    page: Annotated[Path, typer.Option(help="The page whose tables are written.")] = PAGE,
    pictures: Annotated[Path, typer.Option(help="Where the pictures go.")] = PICTURES,
) -> None:
    """Make every picture and table of docs/method.md anew, in about two minutes; seeds are fixed."""
    written = page.read_text()
    for name, quick in QUICK.items():
        written = with_text(written, name, quick())
    for make in track((_rules, _parts, _streams, _charts), description="docs/method.md"):
        with mpl.rc_context(STYLE):
            drawn, told = make()
            for name, figure in drawn.items():
                save(figure, pictures / f"{name}.png")
        for name, text in told.items():
            written = with_text(written, name, text)
    page.write_text(written)


def _rules() -> Made:
    found = method_rules.flagged()
    shown = {
        method_rules.QUIET: (100, 1_000, 1_000_000),
        method_rules.TRIVIAL: (1_000, 1_000_000),
        method_rules.REAL: (1_000, 1_000_000),
    }
    rows = [
        [f"{traffic}, n = {n:,}", *(f"{share:.0%}".replace("%", " %") for share in found.at(traffic, n))]
        for traffic, sizes in shown.items()
        for n in sizes
    ]
    return {"rules": method_curves.rules(found)}, {
        "rules": table(["windows with an alarm", *method_rules.RULES], rows)
    }


def _parts() -> Made:
    return {"evidence": method_pictures.parts(stretched()), "smallest": method_curves.smallest()}, {}


def _streams() -> Made:
    noisy, season = method_quiet.noisy_windows(), method_quiet.seasons()
    slow, coupled = method_traffic.slow_drift(), method_traffic.coupled()
    related = coupled.verdict.multivariate
    assert related is not None  # nosec B101 # noqa: S101 - five features have relations
    largest = max(column.score for column in coupled.verdict.features.values())
    texts = {
        "noise": (
            f"Windows of {method_traffic.ROWS} rows, five features, no drift. As if rows were independent, "
            f"{noisy.alarms[0]} of {noisy.z.shape[1]} windows alarm; with φ taken out, {noisy.alarms[1]}."
        ),
        "season": (
            f"Compared with all hours, {int((season.scores_without > 1).sum())} of {len(season.scores)} "
            f"windows score above 1. Compared with the same hours, {int((season.scores > 1).sum())} do; the "
            f"largest score is {season.scores.max():.2f}."
        ),
        "chart": (
            f"The mean grows by 0.004 σ a window from window {slow.begin} on. Up to the alarm in window "
            f"{slow.alarm}, at {slow.shift[slow.alarm]:.2f} σ, the largest score of a single window is "
            f"{slow.alone[: slow.alarm + 1].max():.2f}. The verdict says that the drift goes on since window "
            f"{slow.since}."
        ),
        "relations": (
            f"The largest score of a feature is {largest:.2f}, that of the relations {related.score:.2f}: "
            f"`{related.top_contrast}`, of {' and '.join(related.pair or ())}, from "
            f"{abs(related.correlation_before or 0):.2f} to {related.correlation_now:.2f}."
        ),
        "verdict": f"```json\n{json.dumps(method_traffic.example(slow.verdict), indent=2)}\n```",
    }
    return {
        "noise": method_pictures.noisy(noisy),
        "season": method_pictures.season(season),
        "chart": method_pictures.chart(slow),
        "relations": method_pictures.relations(coupled),
    }, texts


def _charts() -> Made:
    errors, baseline = method_charts.own_error(), method_charts.model()
    minutes = {length: method_charts.delays(baseline, length) for length in method_charts.MINUTES}
    careful = method_charts.delays(baseline, 5, calibrated=False)
    monitor = Monitor(baseline=baseline, settings=MonitorSettings())
    calibrated = [monitor.chart_threshold(n) for n in (100, 500)]
    charts = number_of_charts(baseline.signals.two_sided)
    sure = conservative(chart_windows(monitor.settings), charts)
    allowed, not_allowed = errors.alarms()
    return {"floor": method_curves.floor(errors), "delay": method_curves.delay(minutes)}, {
        "allowance": (
            f"Of {errors.allowed.shape[1]} baselines of 1,000 rows, {not_allowed} alarm falsely within "
            f"{len(errors.allowed)} windows of 500 rows without the allowance, and {allowed} with it."
        ),
        "thresholds": table(
            ["threshold for drift of size Δ", *(f"{delta:g}" for delta in DELTAS)],
            [
                ["conservative", *(f"{h:.1f}" for h in sure)],
                *(
                    [f"calibrated, n = {n}", *(f"{h:.1f}" for h in row)]
                    for n, row in zip((100, 500), calibrated, strict=True)
                ),
            ],
        ),
        "delay": table(
            ["shift of a mean", *(f"{size:g} σ" for size in method_charts.SIZES)],
            [
                *([f"windows of {length} min", *_told(median)] for length, median in minutes.items()),
                ["of 5 min, conservative thresholds", *_told(careful)],
            ],
        ),
    }


def _told(minutes: Matrix) -> list[str]:
    return [f"{value:.0f}" if np.isfinite(value) else "–" for value in minutes]


if __name__ == "__main__":
    typer.run(main)
