"""Calibrate the charts' thresholds: play training rows as traffic and see how high charts rise without drift.

Each simulated stream is one world that could have given this baseline: its windows are rows of training,
resampled in blocks of time; the baseline's own error is drawn once for the whole stream, and so is how wrong
the noise between windows was estimated. What counts is how often charts pass a level; far out that falls
exponentially, so a line through its logarithm gives the threshold for any budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from drift_core.charts import BASELINE_ERROR, DELTAS, wagers
from drift_core.evidence import Evidence, normal_of_t, standardised
from drift_core.history import History
from drift_core.monitor import Monitor
from drift_core.noise import Noise
from drift_core.schema import Matrix
from drift_core.span import Span
from drift_core.thresholds import Calibration

POOL = 3_000
"""Windows that the streams are put together from."""

STREAMS, WINDOWS, BURN_IN = 300, 600, 60
"""Simulated worlds, their windows, and those of them that only fill the charts."""

CYCLE = 60
"""Windows over which the highest chart is taken."""

LEVELS = np.geomspace(0.3, 0.004, 12)
"""Chances of passing a level in one cycle, through whose logarithm the line is drawn."""

ROW_BLOCK = 25
"""Consecutive rows that are resampled together when training has times."""

STEPS_OF_ROWS = (1, 5, 25)
"""Rows of a simulated window, in multiples of the smallest one that is judged."""


@dataclass(frozen=True, slots=True, eq=False)
class _Worlds:
    """What streams are made of, for windows of n rows.

    Attributes
    ----------
    z : shape (pool, signals), standard normal up to shape.
    harmless, allowance : shape (signals,).
    baseline_share : shape (signals,), part of z's variance that is the baseline's; 0 for one-sided signals.
    phi, freedom : shape (signals,), the noise as estimated.
    """

    z: Matrix
    harmless: Matrix
    allowance: Matrix
    baseline_share: Matrix
    phi: Matrix
    freedom: Matrix


def calibration(
    monitor: Monitor,
    history: History,
    times: npt.NDArray[np.int64],
    cells: npt.NDArray[np.int64],
    *,
    seed: int,
    progress: Callable[[float], None] = lambda done: None,
) -> Calibration:
    """Simulate streams without drift.

    Parameters
    ----------
    monitor : with a baseline whose noise between windows is known from training.
    history : shape (m, columns), the training rows.
    times, cells : shape (m,), when they happened, and the season's cell.
    progress : told the share that is done.
    """
    rng = np.random.default_rng(seed)
    rows = [monitor.settings.min_samples * step for step in STEPS_OF_ROWS]
    lines = []
    for i, n in enumerate(rows):
        worlds = _worlds(monitor, history, times, cells, n=n, rng=rng)
        two_sided = monitor.baseline.signals.two_sided
        part = lambda done, i=i: progress((i + done) / len(rows))  # noqa: E731
        lines.append(_line(_highest(worlds, two_sided, rng, part)))
    intercept, slope = (np.array(side) for side in zip(*lines, strict=True))
    return Calibration(
        rows=tuple(rows), intercept=intercept, slope=slope, windows=STREAMS * (WINDOWS - BURN_IN)
    )


def _worlds(
    monitor: Monitor,
    history: History,
    times: npt.NDArray[np.int64],
    cells: npt.NDArray[np.int64],
    *,
    n: int,
    rng: np.random.Generator,
) -> _Worlds:
    baseline = monitor.baseline
    noise = monitor.noise(Span.WINDOW, monitor.start())
    inside = monitor
    if np.isinf(baseline.seasonal.pooling).all():
        cells = np.zeros_like(cells)  # nothing has a season, so all rows are alike
    else:  # training is the whole truth of these worlds: each cell is compared with itself
        itself = replace(baseline.seasonal, pooling=np.zeros(len(baseline.columns)))
        inside = Monitor(baseline=replace(baseline, seasonal=itself), settings=monitor.settings)
    order = np.argsort(times, kind="stable")
    found, rows_in = np.unique(cells, return_counts=True)
    drawn = rng.multinomial(POOL, rows_in / rows_in.sum())
    pools = [
        _pool(
            inside,
            history,
            order[cells[order] == cell],
            windows=int(windows),
            n=n,
            cell=int(cell),
            noise=noise,
            rng=rng,
        )
        for cell, windows in zip(found, drawn, strict=True)
        if windows
    ]
    two_sided = baseline.signals.two_sided
    # Cells of few rows give narrower z, for they are compared with themselves.
    z = np.concatenate([_widened(pool.z, two_sided) for pool in pools])
    # A bootstrap is a little off in its variance; each stream draws its own below.
    there = np.maximum(np.isfinite(z[:, two_sided]).sum(0), 1)
    z[:, two_sided] /= np.maximum(np.sqrt(np.nansum(z[:, two_sided] ** 2, axis=0) / there), 1e-9)
    reference = monitor.reference({int(found[rows_in.argmax()]): n})
    phi, freedom = monitor.factors(reference, np.array([n]), noise)
    b = monitor.allowance(reference, n)
    return _Worlds(
        z=np.nan_to_num(z),  # a signal that a window does not have raises no chart
        harmless=np.concatenate([pool.harmless for pool in pools]).mean(0),
        allowance=b,
        baseline_share=np.where(two_sided, (b / BASELINE_ERROR) ** 2, 0.0),
        phi=phi[0],
        freedom=freedom,
    )


def _widened(z: Matrix, two_sided: npt.NDArray[np.bool_]) -> Matrix:
    """Windows of one cell, their two-sided signals of variance 1 on average."""
    scale = float(np.sqrt(np.nanmean(z[:, two_sided] ** 2)))
    return np.where(two_sided, z / max(scale, 1e-9), z)


def _pool(
    monitor: Monitor,
    history: History,
    rows: npt.NDArray[np.intp],
    *,
    windows: int,
    n: int,
    cell: int,
    noise: Noise,
    rng: np.random.Generator,
) -> Evidence:
    """Windows of one cell, put together from blocks of consecutive rows of training."""
    block = min(ROW_BLOCK, len(rows))
    first = rng.integers(0, len(rows) - block + 1, (windows, -(-n // block)))
    chosen = (first[:, :, None] + np.arange(block)).reshape(windows, -1)[:, :n]
    counted = history.windows([rows[places] for places in chosen])
    reference = monitor.reference({cell: n})
    phi, freedom = monitor.factors(reference, counted.n, noise)
    raw = monitor.measure(reference, counted.counts, counted.comoments, phi, one_cell=True)
    return standardised(raw, monitor.baseline.signals, phi, np.full_like(freedom, np.inf))


def _highest(
    worlds: _Worlds,
    two_sided: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    progress: Callable[[float], None],
) -> Matrix:
    """The highest chart of each cycle, shape (cycles, 4), by size of drift."""
    pool, signals = worlds.z.shape
    error = worlds.z[rng.integers(0, pool, STREAMS)] * np.sqrt(worlds.baseline_share)
    own = np.sqrt(1 - worlds.baseline_share)
    # What φ may really be, given what it was measured as; it is never below 1.
    estimated = np.isfinite(worlds.freedom)
    freedom = np.where(estimated, worlds.freedom, 1.0)
    truth = worlds.phi * freedom / rng.chisquare(freedom, (STREAMS, signals))
    scale = np.where(estimated, np.sqrt(np.maximum(truth, 1.0) / worlds.phi), 1.0)
    # One column a chart, upwards and then downwards, so that each pass runs straight through memory.
    charted = np.concatenate([np.arange(signals), np.flatnonzero(two_sided)])
    sign = np.where(np.arange(len(charted)) < signals, 1.0, -1.0)
    bets, needed = (side[charted].T.astype(np.float32) for side in wagers(worlds.harmless, worlds.allowance))
    charts = np.zeros((len(DELTAS), STREAMS, len(charted)), np.float32)
    highest, cycle = [], np.zeros((STREAMS, len(DELTAS)), np.float32)
    for step in range(WINDOWS):
        z = worlds.z[rng.integers(0, pool, STREAMS)]
        z = normal_of_t((z * own + error) * scale, worlds.freedom)
        signed = (z[:, charted] * sign).astype(np.float32)
        for i, bet in enumerate(bets):
            charts[i] += bet * (signed - needed[i])
            np.maximum(charts[i], 0, out=charts[i])
        if step >= BURN_IN:
            np.maximum(cycle, charts.max(2).T, out=cycle)
            if (step + 1 - BURN_IN) % CYCLE == 0:
                highest.append(cycle.copy())
                cycle[:] = 0
        if step % 20 == 0:
            progress(step / WINDOWS)
    return np.concatenate(highest).astype(float)


def _line(highest: Matrix) -> tuple[Matrix, Matrix]:
    """Intercept and slope of the logarithm of how often a window passes a level, shape (4,) each.

    Charts of different sizes rise together, so all four pass their levels less often than the sum of each;
    the intercept is lowered by what the rarer half of the levels shows of this. Charts that never rise have a
    slope of 0.

    Parameters
    ----------
    highest : shape (cycles, 4).
    """
    rates = np.log(-np.log1p(-LEVELS) / CYCLE)
    heights = np.quantile(highest, 1 - LEVELS, axis=0)
    fits = [np.polyfit(h, rates, 1) if np.ptp(h) > 0 else (0.0, 0.0) for h in heights.T]
    slope, intercept = (np.array(side) for side in zip(*fits, strict=True))
    together = np.array([(highest > height).any(1).mean() for height in heights])
    shared = np.log1p(-np.minimum(together, 1 - 1e-9)) / np.log1p(-LEVELS) / highest.shape[1]
    return intercept + np.log(max(shared[len(LEVELS) // 2 :].mean(), 1e-9)), -slope
