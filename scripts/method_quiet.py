"""Small streams without drift that look like drift: noise between windows, and a season."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from drift_core.evidence import standardised
from drift_core.history import History
from drift_core.schema import Matrix
from drift_core.span import Span
from scripts.method_traffic import (
    DAY_MS,
    FEATURES,
    NOW,
    REFERENCE,
    ROWS,
    WINDOW_MS,
    judged,
    monitor_of,
    training_times,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisyWindows:
    """Windows whose rows resemble each other: first as if rows were independent, then without the noise.

    Attributes
    ----------
    z : shape (2, windows), of one feature's mean.
    limits : beyond which z alarms, shape (2,): the threshold and what is harmless.
    alarms : how many windows alarm by any signal, shape (2,).
    """

    z: Matrix
    limits: Matrix
    phi: float
    alarms: tuple[int, int]


def noisy_windows(seed: int = 3, windows: int = 300) -> NoisyWindows:
    """Each window's means lie 0.12 σ up or down, by chance, in training as in traffic."""
    rng = np.random.default_rng(seed)

    def rows(count: int) -> Matrix:
        common = np.repeat(rng.standard_normal((count, FEATURES)) * 0.12, ROWS, axis=0)
        return np.asarray(rng.standard_normal((count * ROWS, FEATURES)) + common)

    reference = rows(2 * REFERENCE // ROWS)
    monitor = monitor_of(reference, training_times(len(reference)))
    live = rows(windows)
    history = History.of(monitor.baseline.layout, live)
    counted = history.windows(list(np.arange(len(live)).reshape(windows, ROWS)))
    against = monitor.reference({0: ROWS})
    noise = monitor.noise(Span.WINDOW, monitor.start())
    phi, freedom = monitor.factors(against, counted.n, noise)
    signals, threshold = monitor.baseline.signals, monitor.threshold(Span.WINDOW)
    at = next(i for i, signal in enumerate(signals.all) if signal.name == "location")
    z, limits, alarms = [], [], []
    for factor, known in ((np.ones_like(phi), np.full_like(freedom, np.inf)), (phi, freedom)):
        raw = monitor.measure(against, counted.counts, counted.comoments, factor, one_cell=True)
        evidence = standardised(raw, signals, factor, known)
        upwards = evidence.strength(signals.two_sided)
        alarms.append(int((upwards.max(1) > threshold).sum()))
        z.append(evidence.z[:, at])
        limits.append(threshold + evidence.harmless[0, at])
    return NoisyWindows(
        z=np.array(z), limits=np.array(limits), phi=float(phi[0, at]), alarms=(alarms[0], alarms[1])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seasons:
    """Three days of one feature with a season, by hour; scores with and without the season's baseline."""

    hours: Matrix
    means: Matrix
    scores: Matrix
    scores_without: Matrix


def seasons(seed: int = 2) -> Seasons:
    """The mean of f0 swings by 0.5 σ in the day; four weeks of training know it, a plain average does not."""
    rng = np.random.default_rng(seed)

    def rows(times: npt.NDArray[np.int64]) -> Matrix:
        found = rng.standard_normal((len(times), 3))
        found[:, 0] += 0.5 * np.sin(2 * np.pi * times / DAY_MS)
        return found

    times = NOW - np.sort(rng.integers(1, 28 * DAY_MS, 2 * REFERENCE))
    with_season = monitor_of(rows(times), times)
    baseline = with_season.baseline
    pooled = replace(baseline.seasonal, pooling=np.full(len(baseline.columns), np.inf))
    without = replace(with_season, baseline=replace(baseline, seasonal=pooled))
    numbers = np.arange(0, 3 * DAY_MS // WINDOW_MS, 6)
    means, scores = [], []
    for number in numbers.tolist():
        live = rows(NOW + number * WINDOW_MS + np.arange(ROWS, dtype=np.int64) * WINDOW_MS // ROWS)
        means.append(live[:, 0].mean())
        scores.append(
            [
                judged(monitor, live, number, monitor.start(), charts=False).verdict.features["f0"].score
                for monitor in (with_season, without)
            ]
        )
    known, unknown = np.array(scores).T
    return Seasons(
        hours=numbers * WINDOW_MS / 3_600_000, means=np.array(means), scores=known, scores_without=unknown
    )
