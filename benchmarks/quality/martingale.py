"""Charts of shares over many runs: false alarms at nominal coverage, and the delay when coverage falls.

A chart of many shares stands for as many runs: each share is a run of its own, judged by its own mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drift_core.quality_budget import quality_windows
from drift_core.share_chart import BETS, ShareChart, tolerated

RUNS = 10_000
MONTH = 720
"""Windows of an hour."""

PROMISED, CALIBRATION = 0.9, 4_000
LABELS = (50, 100, 500)
ACTUAL = (0.88, 0.86, 0.85, 0.8, 0.7, 0.5)

A = quality_windows(1.0, 1)
"""Windows between two false alarms of coverage: one a month in all, of which a twentieth is its part."""

type Share = float | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """False alarms of runs of a month.

    Attributes
    ----------
    alarmed : runs with an alarm.
    promised : how many of them may have one.
    """

    what: str
    labels: int
    runs: int
    alarmed: int
    promised: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Windows until the alarm; infinite quantiles where it did not come within a month."""

    actual: float
    labels: int
    mean: float
    median: float
    late: float
    """95 of 100 alarms have come."""


def limit(share: float = 1 - PROMISED) -> float:
    """The share of misses that is tolerated."""
    return float(tolerated(np.array([share]), CALIBRATION, np.zeros(1), 1.0)[0])


def quiet(labels: int, *, runs: int = RUNS, windows: int = MONTH) -> list[Quiet]:
    """Three kinds of traffic without a change: nominal, with the calibration's error, at the limit."""
    rng = np.random.default_rng(labels)
    alpha = 1 - PROMISED
    off = alpha + rng.normal(0, np.sqrt(alpha * (1 - alpha) / CALIBRATION), runs)
    kinds: dict[str, Share] = {
        "nominal coverage": alpha,
        "nominal, calibrated on 4,000 rows": off,
        "at the limit of what is tolerated": limit(),
    }
    found = []
    for what, share in kinds.items():
        when = _alarms(rng, share, labels, runs, windows)
        found.append(
            Quiet(
                what=what,
                labels=labels,
                runs=runs,
                alarmed=int((when <= windows).sum()),
                promised=runs * windows / A,
            )
        )
    return found


def delay(actual: float, labels: int, *, runs: int = RUNS, windows: int = MONTH) -> Delay:
    """How long lower coverage lasts before it is told."""
    rng = np.random.default_rng([labels, round(100 * actual)])
    when = _alarms(rng, 1 - actual, labels, runs, windows).astype(float)
    when[when > windows] = np.inf
    return Delay(
        actual=actual,
        labels=labels,
        mean=float(when.mean()),
        median=float(np.quantile(when, 0.5, method="higher")),
        late=float(np.quantile(when, 0.95, method="higher")),
    )


def _alarms(
    rng: np.random.Generator, share: Share, labels: int, runs: int, windows: int
) -> npt.NDArray[np.int64]:
    """Windows until the alarm of each run; one more than there are where there is none."""
    chart = ShareChart.start(runs)
    when = np.full(runs, windows + 1)
    most, independent = np.array([limit()]), np.zeros(1)
    for window in range(windows):
        chart = chart.advanced(rng.binomial(labels, share, runs), labels, most, independent, start=window)
        logs = np.logaddexp.reduce(chart.logs, axis=1) - np.log(len(BETS))
        when = np.where((logs >= np.log(A)) & (when > windows), window + 1, when)
        if (when <= windows).all():
            break
    return when
