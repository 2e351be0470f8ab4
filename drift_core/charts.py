"""Charts: what remembers across windows, so that slow drift adds up.

A bank of CUSUM charts for each signal, both directions and four sizes of drift. A chart is the logarithm of
an e-process that starts again whenever it falls to 0: without drift its exponential grows by 1 a window on
average, whatever other signals do. So a bank of N charts that alarms at ln(A N) alarms once in A windows at
most (e-detector: Shin, Ramdas, Rinaldo 2022, arXiv 2203.03532).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from drift_core.schema import Matrix

DELTAS = (0.5, 1.0, 2.0, 4.0)
"""Sizes of drift that the charts of a signal aim at, in standard deviations of its z beyond the tolerance."""

BASELINE_ERROR = 3.5
"""Standard errors of the baseline itself that are allowed for: of 200 signals one in 12 baselines has a
larger one."""

BOLDEST = 2.0
"""Largest bet, in the size of drift that it is made for."""

CEILING = 1.25
"""A chart stops here, in thresholds, so that it comes down soon after the drift has ended."""

NEVER = -1
"""Start of a chart that is 0."""

type Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Charts:
    """The state of a bank; arrays of shape (signals, 2, 4): up and down, by size of drift.

    Attributes
    ----------
    evidence : C >= 0, a logarithm.
    since : start of the window with which the chart left 0, UTC milliseconds: the most likely begin of the
        drift.
    """

    evidence: Matrix
    since: Times

    @classmethod
    def start(cls, signals: int) -> Self:
        """Before the first window."""
        shape = (signals, 2, len(DELTAS))
        return cls(np.zeros(shape), np.full(shape, NEVER, np.int64))

    def advanced(
        self, z: Matrix, harmless: Matrix, allowance: Matrix, *, two_sided: npt.NDArray[np.bool_], start: int
    ) -> Charts:
        """The charts after one more window.

        C ← max(0, C + λ(±z - κ - Δ/2)), with the bets λ and κ + Δ/2 of `wagers`.

        Parameters
        ----------
        z, harmless, allowance : shape (signals,); a signal whose z is NaN keeps its charts.
        two_sided : shape (signals,); the others have no charts downwards.
        start : of the window, UTC milliseconds.
        """
        bets, needed = wagers(harmless, allowance)
        known = ~np.isnan(z)
        signed = np.nan_to_num(z)[:, None] * np.array([1.0, -1.0])
        gain = bets[:, None] * (signed[:, :, None] - needed[:, None])
        gain = np.where(known[:, None, None], gain, 0.0)
        evidence = np.maximum(self.evidence + gain, 0.0)
        evidence[~two_sided, 1] = 0.0
        since = np.where(evidence == 0, NEVER, np.where(self.since == NEVER, start, self.since))
        return Charts(evidence, since)

    def capped(self, threshold: Matrix) -> Charts:
        """The charts, none above its ceiling.

        Parameters
        ----------
        threshold : shape (4,), by size of drift.
        """
        return replace(self, evidence=np.minimum(self.evidence, CEILING * threshold))

    def scores(self, threshold: Matrix) -> tuple[Matrix, Times]:
        """Of each signal the strongest chart in thresholds, shape (signals,), and since when it grows."""
        relative = (self.evidence / threshold).reshape(len(self.evidence), -1)
        best = relative.argmax(1)[:, None]
        since = np.take_along_axis(self.since.reshape(relative.shape), best, 1)
        return np.take_along_axis(relative, best, 1)[:, 0], since[:, 0]


def wagers(harmless: Matrix, allowance: Matrix) -> tuple[Matrix, Matrix]:
    """Bets λ of the charts, and the z that each needs to grow, κ + Δ/2 with κ = max(harmless, b).

    λ = Δ + 2(κ - b) makes the exponential a fair game when the drift is b, the allowance for the baseline's
    error, and a losing one below. It is cut at 2Δ, so that the game is lost up to a drift of κ - Δ/2 too: in
    windows of very many rows that is nearly all that is harmless.

    Parameters
    ----------
    harmless, allowance : shape (signals,).

    Returns
    -------
    Two arrays of shape (signals, 4), by size of drift.
    """
    deltas = np.array(DELTAS)
    beyond = np.maximum(np.nan_to_num(harmless) - allowance, 0.0)[:, None]
    bets = np.minimum(deltas + 2 * beyond, BOLDEST * deltas)
    return bets, allowance[:, None] + beyond + deltas / 2


def number_of_charts(two_sided: npt.NDArray[np.bool_]) -> int:
    """How many charts share the budget."""
    return int((1 + two_sided).sum()) * len(DELTAS)


def allowance(n: int, m: Matrix) -> Matrix:
    """b: how far the baseline's own sampling error may shift every z of windows of n rows.

    Parameters
    ----------
    m : effective training rows, any shape.
    """
    return BASELINE_ERROR * np.sqrt(n / (n + np.maximum(m, 1e-9)))
