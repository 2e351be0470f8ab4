"""What charts find and how soon: delays by size of drift, and what a baseline's own error does to a chart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drift_core.baseline import Baseline
from drift_core.charts import Charts, allowance
from drift_core.evidence import column_raw, effective_rows, standardised
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Matrix
from drift_core.signals import Signals
from drift_core.span import Span
from drift_core.thresholds import conservative
from drift_core.tolerance import HARMLESS_SHIFT
from scripts.method_rules import bin_shares
from scripts.method_traffic import REFERENCE, monitor_of, training_times

FEATURES = 30

MINUTES = (1, 5, 15, 60)
"""Lengths of windows that are compared."""

ROWS_A_MINUTE = 100

SIZES = (0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""Shifts of one feature's mean, in σ."""

STREAMS = 61

PATIENCE = 24 * 60
"""Minutes after which a shift counts as not found."""


def model() -> Baseline:
    """Thirty normal features, 50,000 rows of training in windows of 500, calibrated charts."""
    rows = np.random.default_rng(8).standard_normal((REFERENCE, FEATURES))
    return monitor_of(rows, training_times(REFERENCE), calibrate=True).baseline


def delays(baseline: Baseline, minutes: int, *, calibrated: bool = True, seed: int = 7) -> Matrix:
    """Median minutes from the first shifted row to the end of the window that alarms, by size of drift.

    Only the shifted feature is simulated; the thresholds are those of the whole model. Hours and days, which
    are judged too, could only be sooner.

    Returns
    -------
    Shape (number of `SIZES`,); infinite where most streams end before an alarm.
    """
    if not calibrated:
        baseline = replace(baseline, calibration=None)
    settings = MonitorSettings(window_seconds=60 * minutes)
    monitor = Monitor(baseline=baseline, settings=settings)
    return np.array([np.median(_delays(monitor, size, minutes, seed)) for size in SIZES])


def _delays(monitor: Monitor, size: float, minutes: int, seed: int) -> Matrix:
    """Minutes until the alarm, shape (STREAMS,), infinite where there is none."""
    rng = np.random.default_rng(seed)
    n, column = ROWS_A_MINUTE * minutes, monitor.baseline.columns[0]
    place = monitor.baseline.signals.positions[column.name]
    signals, reference = Signals((column,)), monitor.reference({0: n})
    expected = reference.counts(monitor.baseline.layout, 0)
    phi, freedom = monitor.factors(reference, np.array([n]), monitor.noise(Span.WINDOW, monitor.start()))
    phi, freedom = phi[:, place], freedom[place]
    b = np.tile(monitor.allowance(reference, n)[place], STREAMS)
    h, once = monitor.chart_threshold(n), monitor.threshold(Span.WINDOW)
    shares = bin_shares(column, size)
    charts = Charts.start(STREAMS * len(signals))
    two_sided = np.tile(signals.two_sided, STREAMS)
    found = np.full(STREAMS, np.inf)
    for window in range(1, PATIENCE // minutes + 1):
        counts = rng.multinomial(n, shares, STREAMS)
        evidence = standardised(column_raw(column, expected, counts, phi), signals, phi, freedom)
        upwards = evidence.strength(signals.two_sided).max(1)
        charts = charts.advanced(
            evidence.z.ravel(), evidence.harmless.ravel(), b, two_sided=two_sided, start=window
        )
        highest = charts.scores(h)[0].reshape(STREAMS, -1).max(1)
        alarmed = (upwards > once) | (highest > 1)
        found[np.isinf(found) & alarmed] = window * minutes
        if np.isfinite(found).all():
            break
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnError:
    """Charts of one signal without drift, each against a baseline of its own.

    Attributes
    ----------
    allowed, not_allowed : shape (windows, baselines), highest chart over the threshold, with the allowance
        for the baseline's error and without.
    """

    allowed: Matrix
    not_allowed: Matrix

    def alarms(self) -> tuple[int, int]:
        """Baselines that ever alarm, with the allowance and without."""
        return int((self.allowed > 1).any(0).sum()), int((self.not_allowed > 1).any(0).sum())


def own_error(
    m: int = 1_000, n: int = 500, baselines: int = 200, windows: int = 500, seed: int = 6
) -> OwnError:
    """Quiet windows against baselines of m rows, whose error shifts all z of one baseline alike."""
    rng = np.random.default_rng(seed)
    error = rng.standard_normal(baselines) * np.sqrt(n / (n + m))
    harmless = np.full(baselines, HARMLESS_SHIFT * np.sqrt(effective_rows(n, m)))
    both = np.ones(baselines, bool)
    # Thirty numeric features have this many charts: see `drift_core.charts.number_of_charts`.
    h = conservative(17_280, 30 * 15 * 4)
    b = np.full(baselines, float(allowance(n, np.array(m))))
    kinds = (b, np.zeros(baselines))
    banks, found = [Charts.start(baselines) for _ in kinds], np.zeros((2, windows, baselines))
    for window in range(windows):
        z = rng.standard_normal(baselines) * np.sqrt(m / (n + m)) + error
        for i, allowed in enumerate(kinds):
            banks[i] = banks[i].advanced(z, harmless, allowed, two_sided=both, start=window).capped(h)
            found[i, window] = banks[i].scores(h)[0]
    return OwnError(allowed=found[0], not_allowed=found[1])
