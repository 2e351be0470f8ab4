"""Delay: how many windows a change needs until the alarm, and whether the right column is named first."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.detection.mixed import CHANGES, REFERENCE, ROWS, WINDOW_MS, mixed_rows, mixed_schema, stream
from drift_core.baseline import Baseline
from drift_core.freeze import freeze
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Matrix
from drift_core.span import Span
from drift_core.window import WindowState

QUIET = 20
"""Windows before the change."""

PATIENCE = 100
"""Windows after which a change counts as not found."""


def mixed_baseline(seed: int, *, times: bool = True) -> Baseline:
    """A baseline of 50,000 rows, windows of 500 rows one after the other."""
    return freeze(
        model_name="benchmark",
        model_version=f"mixed-{seed}",
        schema=mixed_schema(),
        matrix=mixed_rows(REFERENCE, np.random.default_rng([seed, 10])),
        times=np.arange(REFERENCE, dtype=np.int64) * WINDOW_MS // ROWS if times else None,
        seed=seed,
        calibrate=(lambda done: None) if times else None,
    )


def delays(seed: int, repeats: int) -> dict[str, Any]:
    """Every change against one baseline, some times each.

    Returns
    -------
    By change a list of runs: windows until the alarm (1 is the first changed window, None not found), the
    first name, and whether there was an alarm before the change.
    """
    monitor = Monitor(baseline=mixed_baseline(seed), settings=MonitorSettings())
    return {
        "seed": seed,
        "changes": {
            name: [_delay(monitor, name, seed, repeat) for repeat in range(repeats)] for name in CHANGES
        },
    }


def _delay(monitor: Monitor, name: str, seed: int, repeat: int) -> dict[str, Any]:
    change, _ = CHANGES[name]
    rng = np.random.default_rng([seed, 11, repeat])  # the same traffic for every change
    memory, early = monitor.start(), False
    for window in range(QUIET + PATIENCE):
        rows = mixed_rows(ROWS, rng)
        if window >= QUIET:
            change(rows, np.random.default_rng([seed, 12, repeat, window]))
        start = REFERENCE // ROWS * WINDOW_MS + window * WINDOW_MS
        judged = monitor.judge(
            state_of(monitor, rows), span=Span.WINDOW, start=start, end=start + WINDOW_MS, memory=memory
        )
        memory = judged.memory
        if judged.verdict.drift and window < QUIET:
            early = True
        elif judged.verdict.drift:
            return {"delay": window - QUIET + 1, "named": judged.verdict.guilty[:1], "early": early}
    return {"delay": None, "named": [], "early": early}


def state_of(monitor: Monitor, rows: Matrix) -> WindowState:
    """A window's state.

    Parameters
    ----------
    rows : shape (n, columns).
    """
    ids = np.arange(len(rows), dtype=np.uint64)
    return WindowState.of(monitor.baseline.layout, rows, np.zeros(len(rows), np.int64), ids)


def scores(seed: int, before: int, changed: int, quiet: int) -> dict[str, Any]:
    """Driftline on the streams that its peers get.

    Returns
    -------
    By stream, for each window: "top", the drift score at the largest budget, so that it can be compared at
    any level; "any" and "dataset", whether it drifts as shipped; "first", the number of the column with the
    largest score; with "flagged", the share of columns that drift as shipped.
    """
    baseline = mixed_baseline(seed)
    loud = Monitor(baseline=baseline, settings=MonitorSettings(false_alarms_per_month=100))
    shipped = Monitor(baseline=baseline, settings=MonitorSettings())
    streams = {"quiet": stream(None, seed, before=0, windows=quiet)}
    streams |= {name: stream(name, seed, before=before, windows=before + changed) for name in CHANGES}
    return {"seed": seed, **{name: _told(loud, shipped, rows) for name, rows in streams.items()}}


def _told(loud: Monitor, shipped: Monitor, windows: Matrix) -> dict[str, Any]:
    memories = {monitor.settings: monitor.start() for monitor in (loud, shipped)}
    told: dict[str, list[Any]] = {"top": [], "any": [], "first": []}
    flagged = 0
    for i, rows in enumerate(windows):
        state, start = state_of(loud, rows), (REFERENCE // ROWS + i) * WINDOW_MS
        verdicts = {}
        for monitor in (loud, shipped):
            judged = monitor.judge(
                state,
                span=Span.WINDOW,
                start=start,
                end=start + WINDOW_MS,
                memory=memories[monitor.settings],
            )
            memories[monitor.settings], verdicts[monitor.settings] = judged.memory, judged.verdict
        columns = verdicts[loud.settings].features
        told["top"].append(verdicts[loud.settings].drift_score)
        told["any"].append(verdicts[shipped.settings].drift)
        told["first"].append(max(range(len(columns)), key=lambda j: columns[f"f{j:02}"].score))
        flagged += sum(column.drift for column in verdicts[shipped.settings].features.values())
    return {**told, "dataset": told["any"], "flagged": flagged / windows.shape[0] / windows.shape[2]}
