"""What a trained bundle's monitor will be able to see, for the person who trained it."""

from __future__ import annotations

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from drift_core.baseline import Baseline
from drift_core.monitor import Monitor
from drift_core.noise import FEWEST_SPANS
from drift_core.quality_budget import for_inputs
from drift_core.season import Season
from drift_core.span import Span
from training.bundle import Bundle

_WINDOW_ROWS = (500, 5_000)  # typical traffic, beside the fewest rows that a window is judged with


def outlook(bundle: Bundle) -> RenderableType:
    """The season and the noise that training showed, and the smallest drifts that can be found."""
    settings = bundle.manifest.monitor
    inputs = for_inputs(settings, bundle.files)
    monitor = Monitor(baseline=bundle.baseline, settings=inputs)
    return Group(
        Text(
            f"Windows of {settings.window_seconds} s, judged after {settings.grace_seconds} s of quiet; "
            f"budget of false alarms: {settings.false_alarms_per_month:g} a month, "
            f"{inputs.false_alarms_per_month:g} of them for the inputs."
        ),
        Text(_season(bundle.baseline)),
        Text(_noise(bundle.baseline)),
        Text(_thresholds(bundle.baseline)),
        *_segments(bundle.baseline),
        Text(),
        _smallest(monitor),
    )


def _season(baseline: Baseline) -> str:
    season, pooling = baseline.seasonal.season, baseline.seasonal.pooling
    if season is Season.NONE:
        return "Season: none; traffic of all hours is compared with all of training."
    seasonal = [
        column.name for column, lent in zip(baseline.columns, pooling, strict=True) if np.isfinite(lent)
    ]
    if not seasonal:
        return f"Season: by {season.value}, and no column has one."
    return f"Season: by {season.value}, in {', '.join(seasonal)}."


def _noise(baseline: Baseline) -> str:
    measured = [f"{baseline.noise[span].count:,} {span.value}s" for span in Span if span in baseline.noise]
    learned = [span.value for span in Span if span not in baseline.noise]
    if Span.WINDOW not in baseline.noise and baseline.block_noise is not None:
        rows = baseline.block_noise.rows.max() / max(baseline.block_noise.count, 1)
        measured.insert(0, f"{baseline.block_noise.count:,} blocks of {rows:,.0f} rows, in place of windows")
        learned.remove(Span.WINDOW)
    told = f"Noise: measured on {', '.join(measured)}" if measured else "Noise: not known from training"
    if Span.WINDOW in learned:
        return (
            f"{told}; the first {FEWEST_SPANS} windows of traffic are calibrating: they teach it, and only "
            f"gross shifts alarm."
        )
    return f"{told}; that of {'s and '.join(learned)}s is learned from traffic." if learned else f"{told}."


def _thresholds(baseline: Baseline) -> str:
    found = baseline.calibration
    if found is None:
        return "Charts: conservative thresholds, which hold whatever the data."
    return f"Charts: thresholds calibrated on {found.windows:,} simulated windows."


def _segments(baseline: Baseline) -> list[Text]:
    if baseline.segments is None:
        return []
    columns = ", ".join(one.column for one in baseline.segments.segments)
    return [Text(f"Segments: {baseline.layout.cells}, by {columns}; their tests share the budget.")]


def _smallest(monitor: Monitor) -> Grid:
    grid = Grid(title="Smallest drift of a feature's mean that is found, in σ")
    grid.add_column("rows in a window", justify="right")
    grid.add_column("in one window", justify="right")
    grid.add_column("if it lasts", justify="right")
    fewest = monitor.settings.min_samples
    for n in (fewest, *(n for n in _WINDOW_ROWS if n > fewest)):
        once, lasting = smallest_drifts(monitor, n)
        grid.add_row(f"{n:,}", f"{once:.2f}", f"{lasting:.2f}")
    m = monitor.baseline.rows
    grid.caption = f"no chart finds less than 3.5/√{m:,} = {3.5 / np.sqrt(m):.3f} σ with {m:,} training rows"
    if monitor.noise(Span.WINDOW, monitor.start()).count < FEWEST_SPANS:
        grid.caption = f"while calibrating, less afterwards; {grid.caption}"
    return grid


def smallest_drifts(monitor: Monitor, n: int) -> tuple[float, float]:
    """What the first windows of n rows will say can be found, in σ: in one window, and if it lasts.

    Where training has a season, in its busiest hour.
    """
    seasonal = monitor.baseline.seasonal
    first = monitor.baseline.layout.slice(0)
    busiest = int(seasonal.counts[:, first].sum(1).argmax())
    reference = monitor.reference({busiest: n})
    phi, freedom = monitor.factors(reference, np.array([n]), monitor.noise(Span.WINDOW, monitor.start()))
    return monitor.smallest_drifts(Span.WINDOW, reference, n, phi[0], freedom)
