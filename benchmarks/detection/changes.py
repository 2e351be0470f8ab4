"""Delay: how many windows a change needs until the alarm, and whether the right column is named first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from drift_core.baseline import Baseline
from drift_core.bundle import MonitorSettings
from drift_core.freeze import freeze
from drift_core.monitor import Monitor
from drift_core.schema import UNSEEN, Feature, FeatureSchema, Kind, Matrix
from drift_core.span import Span
from drift_core.window import WindowState

NUMERIC = 29
CATEGORIES = ("a", "b", "c", "d", "e")
SHARES = (0.4, 0.25, 0.2, 0.1, 0.05)

REFERENCE, ROWS = 50_000, 500
WINDOW_MS = 300_000

QUIET = 20
"""Windows before the change."""

PATIENCE = 100
"""Windows after which a change counts as not found."""

type Change = Callable[[Matrix, np.random.Generator], None]


def _add(column: int, size: float) -> Change:
    def change(rows: Matrix, rng: np.random.Generator) -> None:
        del rng
        rows[:, column] += size

    return change


def _times(column: int, factor: float) -> Change:
    def change(rows: Matrix, rng: np.random.Generator) -> None:
        del rng
        rows[:, column] *= factor

    return change


def _some(column: int, share: float, value: float) -> Change:
    def change(rows: Matrix, rng: np.random.Generator) -> None:
        rows[rng.random(len(rows)) < share, column] = value

    return change


def _correlate(rows: Matrix, rng: np.random.Generator) -> None:
    del rng
    rows[:, 1] = 0.5 * rows[:, 0] + np.sqrt(0.75) * rows[:, 1]


CHANGES: dict[str, tuple[Change, int]] = {
    "mean + 0.1 σ": (_add(0, 0.1), 9),
    "mean + 0.2 σ": (_add(0, 0.2), 3),
    "scale × 1.2": (_times(0, 1.2), 3),
    "unit × 1000": (_times(0, 1000.0), 1),
    "missing + 2 points": (_some(0, 0.02, np.nan), 1),
    "new category 0.5 %": (_some(NUMERIC, 0.005, UNSEEN), 2),
    "correlation 0 → 0.5": (_correlate, 3),
}
"""By name: what happens to the rows, and within how many windows it should be found."""

GUILTY = {"new category 0.5 %": f"f{NUMERIC:02}"}
"""The column that should be named first, where it is not f00."""


def mixed_schema() -> FeatureSchema:
    """29 numeric columns and one of categories."""
    numeric = [Feature(name=f"f{i:02}", kind=Kind.NUMERIC) for i in range(NUMERIC)]
    return FeatureSchema(
        (*numeric, Feature(name=f"f{NUMERIC:02}", kind=Kind.CATEGORICAL, categories=CATEGORIES))
    )


def mixed_rows(n: int, rng: np.random.Generator) -> Matrix:
    """Independent rows of the mixed schema, shape (n, 30)."""
    codes = rng.choice(len(CATEGORIES), n, p=SHARES).astype(float)
    return np.column_stack([rng.standard_normal((n, NUMERIC)), codes])


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
