"""False alarms: months of traffic without drift, judged by baselines that are independent of each other."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from benchmarks.detection.streams import Setting, reference, schema, traffic
from benchmarks.detection.watch import Parts, Watch
from drift_core.baseline import Baseline
from drift_core.budget import chart_windows
from drift_core.freeze import freeze
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings

BUDGETS = (1.0, 10.0, 100.0)
"""False alarms per month that are promised; the larger ones show in a month what the smaller do in years."""

DAY_WINDOWS = 288
MONTH_DAYS = 30

HARMLESS_ROWS, HARMLESS_WINDOWS = 20_000, 100
HARMLESS_MOVE = 0.015
"""σ by which all means move, half of what is tolerated."""

HARMLESS_REFERENCE = 500_000
"""So many training rows that their own error does not hide such a move."""

PARTS = {
    "all": Parts(),
    "without noise": Parts(noise=False),
    "without allowance": Parts(allowance=False),
    "without tolerance": Parts(tolerance=False),
}


def frozen(
    kind: str, seed: int, setting: Setting, *, calibrate: bool = True, season: bool = True
) -> Baseline:
    """The baseline of one kind and seed.

    Parameters
    ----------
    season : False hides the season from it, though not the noise.
    """
    training = reference(kind, setting, seed)
    baseline = freeze(
        model_name="benchmark",
        model_version=f"{kind}-{seed}",
        schema=schema(setting),
        matrix=training.rows,
        times=training.times,
        seed=seed,
        calibrate=_silent if calibrate else None,
    )
    if season:
        return baseline
    pooled = replace(baseline.seasonal, pooling=np.full(len(baseline.columns), np.inf))
    return replace(baseline, seasonal=pooled)


def months(kind: str, seed: int, days: int, part: str = "all", season: int = 1) -> dict[str, Any]:
    """One stream without drift.

    Parameters
    ----------
    part : the name of what is switched off, of `PARTS`.
    season : 0 for a baseline that knows no season.

    Returns
    -------
    For each budget how many alarms there were, by what gave them, and after how many windows the charts'
    came.
    """
    setting = Setting()
    baseline = frozen(kind, seed, setting, season=bool(season))
    monitors = {
        budget: Monitor(baseline=baseline, settings=MonitorSettings(false_alarms_per_month=budget))
        for budget in BUDGETS
    }
    watching = Watch(monitors, parts=PARTS[part])
    for day in range(days):
        watching.read(*traffic(kind, setting, seed, day * DAY_WINDOWS, DAY_WINDOWS))
    return {
        "kind": kind,
        "seed": seed,
        "days": days,
        "part": part if season else "without season",
        "threshold": [float(h) for h in monitors[1.0].chart_threshold(setting.rows)],
        "budgets": [
            {
                "budget": budget * days / MONTH_DAYS,
                "chart_windows": chart_windows(monitors[budget].settings),
                "windows": watching.seen,
                "alarms": {name: len(found) for name, found in asdict(told).items()},
            }
            for budget, told in watching.alarms.items()
        ],
    }


def harmless(seed: int, part: str) -> dict[str, Any]:
    """Windows of very many rows whose every mean is off by less than anybody cares about.

    Returns
    -------
    How many of the windows alarmed at a budget of one false alarm a month.
    """
    setting = replace(Setting(), rows=HARMLESS_ROWS, reference=HARMLESS_REFERENCE)
    monitor = Monitor(baseline=frozen("iid", seed, setting, calibrate=False), settings=MonitorSettings())
    watching = Watch({1.0: monitor}, parts=PARTS[part])
    for first in range(0, HARMLESS_WINDOWS, 10):
        rows, starts = traffic("iid", setting, seed, first, 10)
        watching.read(rows + HARMLESS_MOVE, starts)
    told = watching.alarms[1.0]
    alarmed = {*told.windows, *told.charts}
    return {"seed": seed, "part": part, "windows": watching.seen, "alarmed": len(alarmed)}


def _silent(done: float) -> None:
    del done
