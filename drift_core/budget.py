"""The budget of false alarms: how often you accept to be woken for nothing, and what that leaves to find.

Half of `false_alarms_per_month` belongs to tests of single spans, a third of it each to windows, hours and
days; the other half to the charts that remember across windows. A share is divided among all its tests
(Bonferroni) or charts, so the promise holds under any dependence between features.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from drift_core.charts import BASELINE_ERROR, DELTAS
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span
from drift_core.tolerance import HARMLESS_SHIFT

MONTH_SECONDS = 30 * 24 * 3600

SINGLE_SPAN_SHARE = 1 / 2
"""Part of the budget for tests of single windows, hours and days; the rest is the charts'."""

NORMAL_EFFICIENCY = np.sqrt(3 / np.pi)
"""Correlation of a normal value with its rank: what the location contrast sees of a shift in σ."""

POWER = 0.9
"""Chance with which the smallest detectable drift is found in one window."""


def alpha(span: Span, settings: MonitorSettings) -> float:
    """Chance that one span without drift alarms.

    >>> round(1 / alpha(Span.WINDOW, MonitorSettings(false_alarms_per_month=6, window_seconds=300)))
    8640
    """
    a_month = MONTH_SECONDS / span.seconds(settings)
    return settings.false_alarms_per_month * SINGLE_SPAN_SHARE / len(Span) / a_month


def threshold_z(span: Span, settings: MonitorSettings, sides: int) -> float:
    """The z above which one of `sides` one-sided tests of a span alarms."""
    return float(-special.ndtri(alpha(span, settings) / sides))


def chart_windows(settings: MonitorSettings) -> float:
    """A: windows between two false alarms of the charts.

    >>> chart_windows(MonitorSettings(false_alarms_per_month=1, window_seconds=300))
    17280.0
    """
    a_month = MONTH_SECONDS / settings.window_seconds
    return a_month / (settings.false_alarms_per_month * (1 - SINGLE_SPAN_SHARE))


def smallest_detectable_sigma(n: int, m: float, threshold: float, phi: float = 1.0) -> float:
    """Shift of a normal feature's mean, in σ, that one span finds with a chance of 90 %.

    Parameters
    ----------
    n, m : rows in the span and in training.
    threshold : from `threshold_z`.
    phi : noise between spans.

    >>> bool(0.6 < smallest_detectable_sigma(100, 50_000, 5.3) < 0.75)
    True
    """
    effective = n * m / (n + m)
    needed = (threshold + float(special.ndtri(POWER))) * np.sqrt(phi)
    return float((needed / np.sqrt(effective) + HARMLESS_SHIFT) / NORMAL_EFFICIENCY)


def chart_floor_sigma(n: int, m: float, phi: float = 1.0) -> float:
    """Shift of a normal feature's mean, in σ, below which charts never add it up, however long it lasts.

    >>> bool(0.04 < chart_floor_sigma(500, 50_000) < 0.05)
    True
    """
    effective = n * m / (n + m)
    baseline = BASELINE_ERROR * np.sqrt(n / (n + m) * phi / effective)
    finest = min(DELTAS) / 2 * np.sqrt(phi / effective)
    return float((max(HARMLESS_SHIFT, baseline) + finest) / NORMAL_EFFICIENCY)
