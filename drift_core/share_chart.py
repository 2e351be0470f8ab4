"""A chart of shares: bets on every row that something is more frequent than it may be.

For a share that is a at most, a window with k of n rows e = (1 + λ(1 - a))^k (1 - λa)^(n-k) is a fair game at
worst, whatever the rows have to do with each other, as long as each one's chance, given those before it, is a
at most. A Shiryaev-Roberts detector M ← (M + 1)e then grows by 1 a window on average, and so does the mean of
several: alarming at M >= A it alarms once in A windows at most (e-detector: Shin, Ramdas, Rinaldo 2022, arXiv
2203.03532; bets: Podkopaev, Ramdas 2021, arXiv 2110.06177). Only whether a row counts is used, never how far
off it is, so heavy tails do no harm.

Rows of one window that have their chance in common break the condition. Where training shows that they do, a
window counts as fewer rows (`drift_core.clumping`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from drift_core.charts import CEILING, NEVER, Times
from drift_core.clumping import inflation
from drift_core.schema import Matrix
from drift_core.tolerance import HARMLESS_SHIFT

BETS = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
"""λa: sizes of the bets, from timid ones for small changes to bold ones; below 1, where a row loses all."""

BASELINE_ERRORS = 3.0
"""Standard errors of a share in training that are allowed for: one share in 740 has a larger one."""

MOST_SHARE = 1 - 1e-6
"""Shares that may be this large cannot be exceeded, so that nothing is won by betting on it."""


@dataclass(frozen=True, slots=True, eq=False)
class ShareChart:
    """The detectors of some shares and all bets, which are judged by their mean; arrays of shape (shares, 6).

    Attributes
    ----------
    logs : ln M.
    evidence : what a detector has won since it last had nothing, a logarithm >= 0.
    since : start of the window with which the evidence left 0, UTC milliseconds: the most likely begin.
    latest : start of the latest window in the chart, UTC milliseconds; -1 before the first.
    """

    logs: Matrix
    evidence: Matrix
    since: Times
    latest: int = NEVER

    @classmethod
    def start(cls, shares: int) -> Self:
        """Before the first window."""
        shape = (shares, len(BETS))
        return cls(np.full(shape, -np.inf), np.zeros(shape), np.full(shape, NEVER, np.int64))

    def advanced(
        self,
        bad: npt.NDArray[np.int64],
        rows: int,
        limit: Matrix,
        clumping: Matrix,
        *,
        start: int,
    ) -> ShareChart:
        """The chart after some rows of a window.

        Rows of a window no later than the latest go on with the bets of before: so A counts windows, however
        many parts they come in.

        Parameters
        ----------
        bad : shape (shares,), rows that count; what exceeds [0, rows] after corrections is cut.
        rows : 0 or fewer change nothing.
        limit : shape (shares,), a of (0, 1).
        clumping : shape (shares,), as `drift_core.clumping` measures it.
        start : of the window, UTC milliseconds.
        """
        if rows <= 0:
            return self
        a = limit[:, None]
        bets = np.array(BETS) / a
        k = np.clip(bad, 0, rows)[:, None]
        all_rows = k * np.log1p(bets * (1 - a)) + (rows - k) * np.log1p(-bets * a)
        won = all_rows / inflation(clumping, rows)[:, None]
        logs = (np.logaddexp(self.logs, 0.0) if start > self.latest else self.logs) + won
        evidence = np.maximum(self.evidence + won, 0.0)
        since = np.where(evidence == 0, NEVER, np.where(self.since == NEVER, start, self.since))
        return ShareChart(logs, evidence, since, max(start, self.latest))

    def capped(self, windows: float) -> ShareChart:
        """The chart, no higher than its ceiling, so that it comes down soon after recovery.

        Parameters
        ----------
        windows : A.
        """
        most = CEILING * np.log(windows)
        surplus = max(self._log_mean() - most, 0.0)
        return replace(
            self,
            logs=self.logs - surplus,
            evidence=np.minimum(self.evidence, most + np.log(self.logs.size)),
        )

    def score(self, windows: float) -> float:
        """The logarithm of M ÷ that of A, at least 0: above 1 is an alarm.

        Parameters
        ----------
        windows : A, windows between two false alarms; more than 1.
        """
        return max(self._log_mean(), 0.0) / float(np.log(windows))

    @property
    def begin(self) -> int | None:
        """Since when the strongest evidence grows, UTC milliseconds."""
        since = int(self.since.flat[self.evidence.argmax()])
        return None if since == NEVER else since

    def _log_mean(self) -> float:
        return float(np.logaddexp.reduce(self.logs, axis=None) - np.log(self.logs.size))


def tolerated(share: Matrix, rows: float, clumping: Matrix, window_rows: float) -> Matrix:
    """The most that a share may be: what training shows, its own error, and what nobody cares about.

    Parameters
    ----------
    share : any shape, in training.
    rows : of training that it was measured on.
    clumping : of the same shape.
    window_rows : training rows that a row of training shares its window with, itself included, on average.

    Returns
    -------
    Shares of (0, 1), of the same shape.

    >>> tolerated(np.array([0.1]), 4_000, np.zeros(1), 1.0).round(4).tolist()
    [0.1233]
    """
    expected = (np.asarray(share) * rows + 0.5) / (rows + 1)
    sigma = np.sqrt(expected * (1 - expected))
    error = np.sqrt(inflation(clumping, window_rows) / rows)
    return np.minimum(expected + sigma * (HARMLESS_SHIFT + BASELINE_ERRORS * error), MOST_SHARE)
