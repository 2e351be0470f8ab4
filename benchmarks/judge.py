"""How long a verdict takes from a window's state, beside tests on raw rows: `python -m benchmarks.judge`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import stats

from drift_core.bundle import MonitorSettings
from drift_core.freeze import freeze
from drift_core.monitor import Monitor
from drift_core.schema import Feature, FeatureSchema, Kind, Matrix
from drift_core.span import Span
from drift_core.window import WindowState

COLUMNS = (10, 50)
ROWS = (1_000, 100_000)
REFERENCE = 50_000
REPEATS = 15

LIMIT_MS, LIMIT_BYTES = 100.0, 64_000
"""What a verdict for 50 columns and its state may take."""


def median_ms(work: Callable[[], object]) -> float:
    """Median time of a call, in milliseconds."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def judge(monitor: Monitor, state: WindowState) -> object:
    """One verdict."""
    return monitor.judge(state, span=Span.WINDOW, start=0, end=300_000, memory=monitor.start())


def ks_on_rows(rows: Matrix, reference: Matrix) -> object:
    """The usual test of each column."""
    return [stats.ks_2samp(new, old, method="asymp") for new, old in zip(rows.T, reference.T, strict=True)]


def main() -> None:
    """Print a table."""
    print(f"{'columns':>7} {'rows':>8} {'verdict':>10} {'state':>9} {'KS on rows':>11} {'ratio':>6}")
    for columns in COLUMNS:
        rng = np.random.default_rng(0)
        reference = rng.standard_normal((REFERENCE, columns))
        names = [f"f{i:02}" for i in range(columns)]
        schema = FeatureSchema(tuple(Feature(name=name, kind=Kind.NUMERIC) for name in names))
        monitor = Monitor(
            baseline=freeze(model_name="m", model_version="v", schema=schema, matrix=reference),
            settings=MonitorSettings(),
        )
        for n in ROWS:
            rows = rng.standard_normal((n, columns))
            ids = np.arange(n, dtype=np.uint64)
            state = WindowState.of(monitor.baseline.layout, rows, np.zeros(n, np.int64), ids)
            judged = median_ms(partial(judge, monitor, state))
            raw = median_ms(partial(ks_on_rows, rows, reference))
            size = len(state.to_bytes())
            print(f"{columns:>7} {n:>8,} {judged:>7.1f} ms {size:>7,} B {raw:>8.1f} ms {raw / judged:>5.1f}x")
    print(f"limits for 50 columns: {LIMIT_MS:g} ms and {LIMIT_BYTES:,} bytes")


if __name__ == "__main__":
    main()
