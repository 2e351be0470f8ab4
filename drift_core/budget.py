"""The budget of false alarms: how often you accept to be woken for nothing, and what that leaves to find.

Half of `false_alarms_per_month` belongs to tests of single spans, a third of it each to windows, hours and
days; the other half is kept for charts that remember across windows. A span's share is divided among all its
tests (Bonferroni), so the promise holds under any dependence between features.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy import special

from drift_core.bundle import MonitorSettings
from drift_core.evidence import HARMLESS_SHIFT

MONTH_SECONDS = 30 * 24 * 3600

SINGLE_SPAN_SHARE = 1 / 2
"""Part of the budget for tests of single windows, hours and days."""

NORMAL_EFFICIENCY = np.sqrt(3 / np.pi)
"""Correlation of a normal value with its rank: what the location contrast sees of a shift in σ."""

POWER = 0.9
"""Chance with which the smallest detectable drift is found in one window."""


class Span(StrEnum):
    """What a verdict covers."""

    WINDOW = "window"
    HOUR = "hour"
    DAY = "day"

    def seconds(self, settings: MonitorSettings) -> int:
        """Length of the span.

        >>> Span.HOUR.seconds(MonitorSettings())
        3600
        """
        return {Span.WINDOW: settings.window_seconds, Span.HOUR: 3600, Span.DAY: 86400}[self]

    def alpha(self, settings: MonitorSettings) -> float:
        """Chance that one span without drift alarms.

        >>> round(1 / Span.WINDOW.alpha(MonitorSettings(false_alarms_per_month=6, window_seconds=300)))
        8640
        """
        a_month = MONTH_SECONDS / self.seconds(settings)
        return settings.false_alarms_per_month * SINGLE_SPAN_SHARE / len(Span) / a_month


def threshold_z(span: Span, settings: MonitorSettings, tests: int) -> float:
    """The evidence above which one of `tests` two-sided tests of a span alarms."""
    return float(-special.ndtri(span.alpha(settings) / tests / 2))


def smallest_detectable_sigma(
    n: int, m: int, settings: MonitorSettings, tests: int, span: Span = Span.WINDOW
) -> float:
    """Shift of a normal feature's mean, in σ, that one span finds with a chance of 90 %.

    Parameters
    ----------
    n, m : rows in the span and in training.
    tests : tests that share the span's budget, see `drift_core.verdict.number_of_tests`.

    >>> few, many = (smallest_detectable_sigma(n, 50_000, MonitorSettings(), 80) for n in (100, 5_000))
    >>> bool(0.6 < few < 0.75 and 0.1 < many < 0.15)
    True
    """
    effective = n * m / (n + m)
    needed = threshold_z(span, settings, tests) + float(special.ndtri(POWER))
    return float((needed / np.sqrt(effective) + HARMLESS_SHIFT) / NORMAL_EFFICIENCY)
