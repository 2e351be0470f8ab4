"""Null runs: how often the monitor would alarm on traffic that does not drift.

Windows of a quiet recording are drawn again in blocks of consecutive ones (moving-block bootstrap: Künsch
1989, Annals of Statistics 17), whole rows together, so that features keep going together and neighbouring
windows keep resembling each other. Each window keeps the hours of the week that its rows had.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from drift_core.budget import SINGLE_SPAN_SHARE
from drift_core.charts import Charts
from drift_core.evidence import standardised
from drift_core.memory import Memory
from drift_core.monitor import Monitor
from drift_core.schema import Matrix
from drift_core.span import Span
from drift_core.window import WindowState

CONFIDENCE = 0.9
"""Of the interval around alarms a month."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Windows, measured once; a run only puts them in another order.

    Attributes
    ----------
    score : shape (windows,), strongest evidence of each window alone, in thresholds.
    z, harmless, allowance : shape (windows, signals).
    threshold : shape (windows, 4), of charts by size of drift.
    """

    score: Matrix
    z: Matrix
    harmless: Matrix
    allowance: Matrix
    threshold: Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class NullRuns:
    """What came of them.

    Attributes
    ----------
    runs, windows : how many, and of how many windows each.
    block : consecutive windows that were drawn together.
    alarms : episodes of consecutive windows with drift, over all runs.
    months : of traffic, over all runs.
    share : of the budget that windows have; hours and days, which are not simulated, have the rest.
    """

    runs: int
    windows: int
    block: int
    alarms: int
    months: float
    share: float

    @property
    def a_month(self) -> float:
        """Alarms in a month."""
        return self.alarms / self.months

    @property
    def interval(self) -> tuple[float, float]:
        """Where the rate lies with 90 % confidence, if alarms are Poisson (Garwood 1936).

        It knows the chance of the runs, not that of the recording, which all of them share.
        """
        tail = (1 - CONFIDENCE) / 2
        low = stats.chi2.ppf(tail, 2 * self.alarms) / 2 if self.alarms else 0.0
        high = stats.chi2.ppf(1 - tail, 2 * self.alarms + 2) / 2
        return float(low) / self.months, float(high) / self.months


def measured(
    monitor: Monitor, states: Sequence[WindowState], cells: Sequence[Mapping[int, int]], memory: Memory
) -> Measured:
    """Measure windows as `Monitor.judge` does, with the noise that is known after `memory`.

    Parameters
    ----------
    states, cells : of each window its counts, and its rows by the season's cell.
    """
    signals, noise = monitor.baseline.signals, monitor.noise(Span.WINDOW, memory)
    count, width = len(states), len(signals)
    score, threshold = np.zeros(count), np.zeros((count, 4))
    z, harmless, allowance = (np.zeros((count, width)) for _ in range(3))
    alike: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for i, rows in enumerate(cells):
        mix = tuple(sorted(rows.items()))
        # Windows within one cell are compared with the same shares, whatever their rows.
        alike.setdefault(((mix[0][0], 1),) if len(mix) == 1 else mix, []).append(i)
    for mix, members in alike.items():
        reference, at = monitor.reference(dict(mix)), np.array(members)
        n = np.array([states[i].n for i in members])
        phi, freedom = monitor.factors(reference, n, noise)
        counts = np.stack([states[i].counts for i in members])
        comoments = np.stack([states[i].comoments for i in members])
        raw = monitor.measure(reference, counts, comoments, phi, one_cell=len(mix) == 1)
        evidence = standardised(raw, signals, phi, freedom)
        upwards = evidence.strength(signals.two_sided)
        score[at] = upwards.max(1) / monitor.threshold(Span.WINDOW)
        z[at], harmless[at] = evidence.z, evidence.harmless
        for rows_in in np.unique(n).tolist():
            same = at[n == rows_in]
            allowance[same] = monitor.allowance(reference, rows_in)
            threshold[same] = monitor.chart_threshold(rows_in)
    return Measured(score, z, harmless, allowance, threshold)


def drifted(
    monitor: Monitor,
    of: Measured,
    order: npt.NDArray[np.intp],
    advanced: Callable[[], object] = lambda: None,
) -> npt.NDArray[np.bool_]:
    """Whether each window drifts, when windows come in a given order.

    Parameters
    ----------
    order : shape (runs, windows), places in `of`; the charts of each run begin at 0.
    advanced : told after each window.

    Returns
    -------
    Shape (runs, windows).
    """
    runs, windows = order.shape
    signals = monitor.baseline.signals
    # The charts of all runs are one long bank.
    charts, two_sided = Charts.start(runs * len(signals)), np.tile(signals.two_sided, runs)
    found = np.zeros(order.shape, bool)
    for step in range(windows):
        now = order[:, step]
        threshold = np.repeat(of.threshold[now], len(signals), axis=0)[:, None, :]
        charts = charts.advanced(
            *(part[now].ravel() for part in (of.z, of.harmless, of.allowance)),
            two_sided=two_sided,
            start=step,
        ).capped(threshold)
        scores, _ = charts.scores(threshold)
        found[:, step] = np.maximum(scores.reshape(runs, -1).max(1), of.score[now]) > 1
        advanced()
    return found


def null_runs(
    monitor: Monitor,
    of: Measured,
    *,
    runs: int,
    a_month: float,
    seed: int,
    advanced: Callable[[], object] = lambda: None,
) -> NullRuns:
    """Play runs of a month each, or as long as the recording if that is shorter.

    Parameters
    ----------
    a_month : windows in 30 days.
    advanced : told after each window of the runs, which go side by side.
    """
    count = len(of.score)
    windows, block = run_windows(count, a_month), block_windows(count)
    random = np.random.default_rng(seed)
    first = random.integers(0, count - block + 1, (runs, -(-windows // block)))
    order = (first[:, :, None] + np.arange(block)).reshape(runs, -1)[:, :windows]
    drift = drifted(monitor, of, order, advanced)
    begins = drift & ~np.pad(drift, ((0, 0), (1, 0)))[:, :-1]
    return NullRuns(
        runs=runs,
        windows=windows,
        block=block,
        alarms=int(begins.sum()),
        months=runs * windows / a_month,
        share=1 - SINGLE_SPAN_SHARE + SINGLE_SPAN_SHARE / len(Span),
    )


def run_windows(count: int, a_month: float) -> int:
    """Windows in a run: a month's, or as many as there are."""
    return max(1, min(count, round(a_month)))


def block_windows(count: int) -> int:
    """Consecutive windows drawn together: the cube root of all, best for a variance (Künsch 1989).

    >>> block_windows(8640)
    21
    """
    return max(1, round(math.cbrt(count)))
