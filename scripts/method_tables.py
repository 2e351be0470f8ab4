"""The tables of docs/method.md that follow from formulas alone, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from drift_core import (
    arrival,
    baseline,
    bins,
    budget,
    charts,
    errors,
    evidence,
    joint,
    naming,
    noise,
    quality_budget,
    season,
    share_chart,
    signals,
    tolerance,
    track_record,
    window,
)
from drift_core.bins import Column
from drift_core.budget import (
    MONTH_SECONDS,
    SINGLE_SPAN_SHARE,
    alpha,
    chart_floor_sigma,
    chart_windows,
    smallest_detectable_sigma,
    threshold_z,
)
from drift_core.charts import BASELINE_ERROR, number_of_charts
from drift_core.evidence import effective_rows
from drift_core.monitor_settings import MonitorSettings
from drift_core.noise import Noise
from drift_core.schema import Kind
from drift_core.signals import Signals
from drift_core.span import Span
from drift_core.thresholds import conservative
from training import expected_error

FEATURES, REFERENCE = 30, 50_000

BUDGETS = (0.1, 1.0, 10.0, 100.0)

_NAMES = tuple(f"f{i:02}" for i in range(FEATURES))
SIGNALS = Signals(tuple(Column(name=name, kind=Kind.NUMERIC) for name in _NAMES), related=_NAMES)
"""Those of a model with thirty numeric features."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers, which stand right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def once(n: int, alarms: float = 1.0, m: float = REFERENCE, phi: float = 1.0) -> float:
    """Smallest shift of a mean that one window finds, in σ."""
    settings = MonitorSettings(false_alarms_per_month=alarms)
    return smallest_detectable_sigma(n, m, threshold_z(Span.WINDOW, settings, SIGNALS.sides), phi)


def phi_while_calibrating(n: int) -> float:
    """φ that is assumed of windows of n rows as long as nobody knows it."""
    unknown = np.array([np.nan])
    effective = effective_rows([[n]], REFERENCE)
    return float(Noise.none(1).at(np.array([[n]]), unknown, effective, unknown)[0, 0])


def _budget() -> str:
    settings = MonitorSettings()
    rows = []
    for span in Span:
        sides = SIGNALS.sides + (span is not Span.WINDOW)  # the classifier tests hours and days
        rows.append(
            [
                f"single {span.value}s",
                f"{SINGLE_SPAN_SHARE / len(Span):.3f}",
                f"{MONTH_SECONDS // span.seconds(settings):,}",
                f"{sides}",
                f"1 in {1 / alpha(span, settings):,.0f} {span.value}s",
                f"z > {threshold_z(span, settings, sides):.2f}",
            ]
        )
    bank, windows = number_of_charts(SIGNALS.two_sided), chart_windows(settings)
    rows.append(
        [
            "charts",
            f"{1 - SINGLE_SPAN_SHARE:.3f}",
            f"{MONTH_SECONDS // settings.window_seconds:,}",
            f"{bank:,}",
            f"1 in {windows:,.0f} windows",
            f"C > {conservative(windows, bank)[0]:.2f} at most",
        ]
    )
    return table(["", "alarms a month", "spans a month", "tests", "all tests together", "threshold"], rows)


def _smallest() -> str:
    rows = [
        [
            f"{n:,}",
            *(f"{once(n, alarms):.2f}" for alarms in BUDGETS),
            f"{chart_floor_sigma(n, REFERENCE):.3f}",
        ]
        for n in (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
    ]
    head = [f"{alarms:g} a month" for alarms in BUDGETS]
    return table(["rows in a window", *head, "if it lasts, any budget"], rows)


def _floor() -> str:
    sizes = (100, 500, 5_000)
    rows = [
        [
            f"{m:,}",
            f"{BASELINE_ERROR / np.sqrt(m):.3f}",
            *(f"{chart_floor_sigma(n, m):.3f}" for n in sizes),
            f"{once(500, m=m):.2f}",
        ]
        for m in (500, 1_000, 5_000, 20_000, 50_000, 200_000, 1_000_000)
    ]
    head = [f"lasting, n = {n:,}" for n in sizes]
    return table(["training rows m", "3.5/√m", *head, "one window, n = 500"], rows)


def _calibrating() -> str:
    rows = [
        [f"{n:,}", f"{once(n, phi=phi_while_calibrating(n)):.2f}", f"{once(n):.2f}"]
        for n in (100, 500, 5_000)
    ]
    return table(["rows in a window", "while calibrating", "afterwards, if φ is 1"], rows)


CONSTANTS = {
    "harmless shift of a contrast, a share or a correlation": (tolerance, "HARMLESS_SHIFT"),
    "harmless distance of a shape": (tolerance, "HARMLESS_DISTANCE"),
    "standard errors of the baseline allowed for": (charts, "BASELINE_ERROR"),
    "sizes of drift that charts aim at": (charts, "DELTAS"),
    "largest bet, in the size of drift": (charts, "BOLDEST"),
    "ceiling of a chart, in thresholds": (charts, "CEILING"),
    "part of the budget for single spans": (budget, "SINGLE_SPAN_SHARE"),
    "chance with which the smallest detectable shift is found": (budget, "POWER"),
    "spans from which noise is known": (noise, "FEWEST_SPANS"),
    "live spans after which learning ends": (noise, "MOST_SPANS"),
    "noise assumed while calibrating, in σ": (noise, "GROSS_SHIFT"),
    "bins of a number": (bins, "QUANTILE_BINS"),
    "categories with a bin, at most": (bins, "KEPT_CATEGORIES"),
    "share that earns a category its bin": (bins, "KEPT_SHARE"),
    "categories with a signal of their own": (signals, "INDICATED_CATEGORIES"),
    "rows that a χ² cell expects": (evidence, "FEWEST_EXPECTED"),
    "rows from which correlations are judged": (joint, "FEWEST_ROWS"),
    "rows sampled of training": (baseline, "SAMPLE_ROWS"),
    "days of training for weekdays and weekends": (season, "TWO_WEEKS"),
    "days of training for hours of the week": (season, "FOUR_WEEKS"),
    "innocent among those named together": (naming, "FALSE_NAMES"),
    "cut of single values, in σ": (window, "Z_LIMIT"),
    "part of the budget for quality": (quality_budget, "QUALITY_SHARE"),
    "levels of the errors that are counted": (errors, "LEVELS"),
    "sizes of the bets, λa": (share_chart, "BETS"),
    "standard errors of a share in training that are allowed for": (share_chart, "BASELINE_ERRORS"),
    "windows that teach the usual share of labels": (arrival, "LEARNING_WINDOWS"),
    "points of that share that are harmless": (arrival, "HARMLESS_SHARE"),
    "an estimate is near within this share of the real error": (track_record, "NEAR"),
    "folds of the estimated error": (expected_error, "FOLDS"),
}
"""By meaning: where the code has it."""


def _constants() -> str:
    rows = []
    for meaning, (module, name) in CONSTANTS.items():
        value = getattr(module, name)
        told = ", ".join(f"{part:g}" for part in (value if isinstance(value, tuple) else (value,)))
        rows.append([f"`{module.__name__}.{name}`: {meaning}", told])
    return table(["in the code", "value"], rows)


QUICK: dict[str, Callable[[], str]] = {
    "budget": _budget,
    "smallest": _smallest,
    "floor": _floor,
    "calibrating": _calibrating,
    "constants": _constants,
}
"""By name of the place in the page."""
