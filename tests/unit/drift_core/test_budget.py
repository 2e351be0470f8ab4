"""The budget: what it costs, and what it leaves to find."""

import numpy as np
from scipy import stats

from drift_core.budget import smallest_detectable_sigma, threshold_z
from drift_core.freeze import freeze
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span
from tests.unit.drift_core.fixture_house import (
    REFERENCE,
    SCHEMA,
    SETTINGS,
    first_verdict,
    quiet,
    rows,
    served,
)


def test_the_promised_smallest_drift_is_found_as_often_as_promised() -> None:
    n, runs = 500, 200
    rng = np.random.default_rng(8)
    normal = REFERENCE.copy()
    normal[:, 1] = rng.normal(size=50_000)
    baseline = quiet(
        freeze(
            model_name="m",
            model_version="v",
            schema=SCHEMA,
            matrix=normal,
            predictions=served(REFERENCE)[:, -2],
            interval_widths=served(REFERENCE)[:, -1],
        )
    )
    threshold = Monitor(baseline=baseline, settings=SETTINGS).threshold(Span.WINDOW)
    shift = smallest_detectable_sigma(n, 50_000, threshold)
    found = 0
    for run in range(runs):
        live = rows(n, 5_000 + run)
        live[:, 1] = rng.normal(shift, 1, n)
        found += first_verdict(baseline, served(live)).drift
    # From below only: the other tests of the same window may find it too.
    assert found >= stats.binom.ppf(0.001, runs, 0.9)


def test_a_smaller_budget_asks_for_more_evidence() -> None:
    monthly, yearly = (
        threshold_z(Span.WINDOW, MonitorSettings(false_alarms_per_month=budget), 50) for budget in (1, 1 / 12)
    )
    assert monthly < yearly < monthly + 1
