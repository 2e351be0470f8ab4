"""Naming: which columns are guilty, once there is an alarm, and which mistake a shift looks like."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import special

from drift_core.bins import Column, Counts
from drift_core.window import LOG_ONE

FALSE_NAMES = 0.1
"""Share of innocent columns among those named, at most, on average."""

UNIT_FACTORS = (2.204623, 2.54, 3.28084, 3.785412, 4.184, 7, 12, 24, 25.4, 30.48, 60, 1024, 1440, 3600, 86400)
"""Numbers between common units, besides powers of ten and 1.609344."""

_FACTORS = np.array([1.609344, *UNIT_FACTORS, *(10.0**k for k in range(1, 10))])

NEAREST_UNIT = 0.1
"""How far the mean of log2|x| may lie from a unit's, at most: 7 %."""


def e_bh(log_e: Mapping[str, float], level: float = FALSE_NAMES) -> set[str]:
    """Names whose e-values say so together: the k largest, for the largest k with e_(k) >= K / (level k).

    The share of false names is at most `level` under any dependence (Wang, Ramdas 2022, JRSS B 84).

    Parameters
    ----------
    log_e : logarithm of each hypothesis' e-value.

    >>> sorted(e_bh({"a": math.log(40), "b": math.log(16), "c": 0.0}, level=0.1))
    ['a', 'b']
    """
    ordered = sorted(log_e, key=lambda name: -log_e[name])
    for k in range(len(ordered), 0, -1):
        if log_e[ordered[k - 1]] >= math.log(len(ordered) / (level * k)):
            return set(ordered[:k])
    return set()


def log_e_of_z(z: float, tests: int) -> float:
    """Logarithm of an e-value from the largest of some one-sided z: 1 / (2 √p), p by Bonferroni.

    Vovk, Wang 2021, Annals of Statistics 49.

    >>> log_e_of_z(5.0, 10) > math.log(200)
    True
    """
    log_p = min(0.0, float(special.log_ndtr(-z)) + math.log(tests))
    return -log_p / 2 - math.log(2)


def log_e_of_chart(evidence: float, windows: float, charts: int) -> float:
    """Logarithm of an e-value from the largest of some charts, for a false alarm in A windows."""
    return evidence - math.log(windows * charts)


def unit_factor(column: Column, moments: Counts) -> float | None:
    """By which common factor the values are larger than training's; None when by none.

    Parameters
    ----------
    moments : shape (4,), of the column, as in `WindowState.moments`.
    """
    total, count = int(moments[2]), int(moments[3])
    if not column.numeric or not count:
        return None
    moved = total / LOG_ONE / count - column.log_center
    rows = max(sum(column.reference[: column.inner]), 1)
    error = 3 * column.log_scale * math.sqrt(1 / count + 1 / rows)
    distances = np.abs(np.log2(_FACTORS) - abs(moved))
    nearest = int(distances.argmin())
    if error > NEAREST_UNIT or distances[nearest] > max(error, 0.01):
        return None
    factor = float(_FACTORS[nearest])
    return factor if moved > 0 else 1 / factor
