"""The budget of false alarms of inputs and quality: three quarters for a model's inputs, one for its quality.

The quarter is divided in equal parts, so the promise holds under any dependence between them. A bundle
without `errors.json` has no quality to watch, and leaves all of the budget to its inputs.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from drift_core.bundle import ERRORS_FILE
from drift_core.monitor_settings import MonitorSettings

QUALITY_SHARE = 1 / 4
"""Part of the budget for quality; the rest is the inputs'."""

PARTS = ("coverage", "error", "estimate", "arrival", "attribution")
"""What shares it: intervals that miss; errors that are larger or one-sided; errors estimated without labels;
labels that stay away; features that matter otherwise than in training."""

_MONTH_HOURS = 30 * 24


def for_inputs(settings: MonitorSettings, files: Container[str]) -> MonitorSettings:
    """The settings with the budget that is left for the inputs.

    Parameters
    ----------
    settings : of the model, the template's parameters in place.
    files : of its bundle.

    >>> for_inputs(MonitorSettings(), {"errors.json"}).false_alarms_per_month
    0.75
    >>> for_inputs(MonitorSettings(), {"baseline.json"}).false_alarms_per_month
    1.0
    """
    if ERRORS_FILE not in files:
        return settings
    return replace(settings, false_alarms_per_month=settings.false_alarms_per_month * (1 - QUALITY_SHARE))


def quality_windows(false_alarms_per_month: float, window_hours: float) -> float:
    """A: windows between two false alarms of one of `PARTS`.

    >>> round(quality_windows(1.0, 1))
    14400
    """
    return _MONTH_HOURS / window_hours / (false_alarms_per_month * QUALITY_SHARE / len(PARTS))
