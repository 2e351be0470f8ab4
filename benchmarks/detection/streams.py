"""Streams of the benchmark: training rows and traffic of known law, seeded, the same for every detector.

All features are standard normal without drift. What differs between the kinds of quiet traffic is how rows
hang together: not at all, by columns, by the hour of the day, or by their neighbours in time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from drift_core.schema import Feature, FeatureSchema, Kind, Matrix

WINDOW_MS = 300_000
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS

CORRELATION = 0.8
"""Of every pair of columns, in the correlated kind."""

SWING = 0.5
"""Half the distance between the day's lowest and highest mean, in σ, in the diurnal kind."""

MEMORY = 0.3
"""Correlation of a row with the row before, in the autocorrelated kind."""

KINDS = ("iid", "correlated", "diurnal", "autocorrelated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The size of a benchmark.

    Attributes
    ----------
    features : columns.
    rows : in a window.
    reference : training rows.
    seasonal_reference : training rows of the diurnal kind, spread over `seasonal_days`.
    """

    features: int = 30
    rows: int = 500
    reference: int = 50_000
    seasonal_reference: int = 200_000
    seasonal_days: int = 28


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Training rows, shape (m, features), and their times, UTC milliseconds."""

    rows: Matrix
    times: npt.NDArray[np.int64]


def schema(setting: Setting) -> FeatureSchema:
    """Features f00, f01, …: all numeric."""
    return FeatureSchema(tuple(Feature(name=f"f{i:02}", kind=Kind.NUMERIC) for i in range(setting.features)))


def reference(kind: str, setting: Setting, seed: int) -> Reference:
    """Training rows of one baseline: window after window, or thin rows of four weeks for the season."""
    rng = np.random.default_rng([seed, KINDS.index(kind), 0])
    if kind == "diurnal":
        m = setting.seasonal_reference
        times = np.sort(rng.integers(0, setting.seasonal_days * DAY_MS, m)) + WEEK_MS
    else:
        m = setting.reference
        times = WEEK_MS + np.arange(m, dtype=np.int64) * WINDOW_MS // setting.rows
    return Reference(_rows(kind, times, setting.features, rng), times)


def traffic(
    kind: str, setting: Setting, seed: int, first: int, windows: int
) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Windows of quiet traffic: rows of shape (windows, n, features), and the starts of the windows.

    Parameters
    ----------
    first : number of the first window; windows before and after are independent of these.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), 1, first])
    begin = WEEK_MS + setting.seasonal_days * DAY_MS
    starts = begin + (first + np.arange(windows, dtype=np.int64)) * WINDOW_MS
    times = (starts[:, None] + np.arange(setting.rows) * WINDOW_MS // setting.rows).ravel()
    rows = _rows(kind, times, setting.features, rng)
    return rows.reshape(windows, setting.rows, setting.features), starts


def _rows(kind: str, times: npt.NDArray[np.int64], width: int, rng: np.random.Generator) -> Matrix:
    noise = rng.standard_normal((len(times), width))
    if kind == "correlated":
        common = rng.standard_normal((len(times), 1))
        correlated: Matrix = np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * noise
        return correlated
    if kind == "diurnal":
        phase = np.arange(width) / width
        swing = SWING * np.sin(2 * np.pi * (times[:, None] / DAY_MS + phase))
        diurnal: Matrix = swing + noise * np.sqrt(1 - SWING**2 / 2)
        return diurnal
    if kind == "autocorrelated":
        noise[1:] *= np.sqrt(1 - MEMORY**2)
        return np.asarray(lfilter([1.0], [1.0, -MEMORY], noise, axis=0))
    return noise


type Change = Callable[[Matrix, np.random.Generator], Matrix]


def shift(size: float) -> Change:
    """The first feature moves by some σ."""
    return lambda rows, rng: _first(rows, rows[..., 0] + size)


def scale(factor: float) -> Change:
    """The first feature spreads more about its mean."""
    return lambda rows, rng: _first(rows, rows[..., 0] * factor)


def _first(rows: Matrix, values: Matrix) -> Matrix:
    changed = rows.copy()
    changed[..., 0] = values
    return changed
