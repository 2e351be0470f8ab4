"""Small streams with a drift, judged by the monitor that the functions run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.freeze import freeze
from drift_core.memory import Memory
from drift_core.monitor import Judgement, Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Feature, FeatureSchema, Kind, Matrix
from drift_core.span import Span
from drift_core.verdict import Verdict
from drift_core.window import WindowState

WINDOW_MS, DAY_MS = 300_000, 86_400_000
ROWS, REFERENCE, FEATURES = 500, 50_000, 5

NOW = 4 * DAY_MS + 2968 * 7 * DAY_MS
"""A Monday at 00:00 UTC: all traffic begins here, training ends here."""


def monitor_of(rows: Matrix, times: npt.NDArray[np.int64], *, calibrate: bool = False) -> Monitor:
    """A monitor of numeric features f0, f1, … with the default settings."""
    names = [f"f{i}" for i in range(rows.shape[1])]
    baseline = freeze(
        model_name="example",
        model_version="1",
        schema=FeatureSchema(tuple(Feature(name=name, kind=Kind.NUMERIC) for name in names)),
        matrix=rows,
        times=times,
        calibrate=(lambda done: None) if calibrate else None,
    )
    return Monitor(baseline=baseline, settings=MonitorSettings())


def judged(monitor: Monitor, rows: Matrix, number: int, memory: Memory, *, charts: bool = True) -> Judgement:
    """Judge one window of rows.

    Parameters
    ----------
    number : windows since `NOW`.
    charts : False for what the window alone says.
    """
    state = WindowState.of(
        monitor.baseline.layout, rows, np.zeros(len(rows), np.int64), np.arange(len(rows), dtype=np.uint64)
    )
    start = NOW + number * WINDOW_MS
    return monitor.judge(
        state,
        span=Span.WINDOW,
        start=start,
        end=start + WINDOW_MS,
        memory=memory,
        charted=None if charts else {},
    )


def training_times(rows: int) -> npt.NDArray[np.int64]:
    """Times of training rows that fill one window after the other, up to `NOW`."""
    return NOW - (rows - np.arange(rows, dtype=np.int64)) * WINDOW_MS // ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDrift:
    """A mean that creeps away.

    Attributes
    ----------
    shift : shape (windows,), in σ.
    alone, charts : shape (windows,), largest score of the window alone, and of the charts.
    begin, alarm, since : numbers of windows: of the first shift, the first verdict of drift, and the begin of
        the drift that this verdict tells.
    verdict : that one.
    """

    shift: Matrix
    alone: Matrix
    charts: Matrix
    begin: int
    alarm: int
    since: int
    verdict: Verdict


def slow_drift(seed: int = 5) -> SlowDrift:
    """The mean of f0 grows by 0.004 σ a window from the fortieth window on."""
    rng = np.random.default_rng(seed)
    monitor = monitor_of(
        rng.standard_normal((REFERENCE, FEATURES)), training_times(REFERENCE), calibrate=True
    )
    begin, windows = 40, 80
    shift = np.clip(0.004 * (np.arange(windows, dtype=float) - begin + 1), 0.0, None)
    memory, told = monitor.start(), []
    alone, charts = np.zeros(windows), np.zeros(windows)
    for i, moved in enumerate(shift):
        rows = rng.standard_normal((ROWS, FEATURES))
        rows[:, 0] += moved
        alone[i] = judged(monitor, rows, i, memory, charts=False).verdict.drift_score
        judgement = judged(monitor, rows, i, memory)
        charts[i] = max((score for score, _ in judgement.charted.values()), default=0.0)
        memory = judgement.memory
        told.append(judgement.verdict)
    alarm = next(i for i, verdict in enumerate(told) if verdict.drift)
    since = told[alarm].features["f0"].since or told[alarm].start
    return SlowDrift(
        shift=shift,
        alone=alone,
        charts=charts,
        begin=begin,
        alarm=alarm,
        since=(since - NOW) // WINDOW_MS,
        verdict=told[alarm],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupled:
    """Two features that begin to go together while each stays as it was; rows have shape (n, 2)."""

    before: Matrix
    now: Matrix
    verdict: Verdict


def coupled(seed: int = 4) -> Coupled:
    """The correlation of f0 and f1 goes from 0 to 0.6."""
    rng = np.random.default_rng(seed)
    reference = rng.standard_normal((REFERENCE, FEATURES))
    monitor = monitor_of(reference, training_times(REFERENCE))
    live = rng.standard_normal((ROWS, FEATURES))
    live[:, 1] = 0.6 * live[:, 0] + 0.8 * live[:, 1]
    verdict = judged(monitor, live, 0, monitor.start()).verdict
    return Coupled(before=reference[:ROWS, :2], now=live[:, :2], verdict=verdict)


def example(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON, of the features only the first."""
    described = verdict.to_json()
    first = next(iter(described["features"]))
    return {**described, "features": {first: described["features"][first]}}
