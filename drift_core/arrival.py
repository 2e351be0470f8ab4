"""Arrival: which share of the predictions gets no label, learned from the first windows.

Training knows no labels' delay. The first windows teach the share that is usual, and how much it differs
between windows; from then on a chart tells when labels stay away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEARNING_WINDOWS = 24
"""Windows with predictions that teach the usual share; none of them alarms."""

HARMLESS_SHARE = 0.05
"""Points of the share that nobody cares about, but no more than half of the labels there are."""

ERRORS = 3.0
"""Standard errors of the learned share that are allowed for."""

WIDENED = 2.0
"""The spread between windows, measured on few, may be this much larger: 24 tell it to a third."""

_CERTAIN = 1 - 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Sums over the learning windows.

    Attributes
    ----------
    windows : learned from.
    predictions, unlabelled : Σn, Σk.
    squares, mixed, bad_squares : Σn², Σnk, Σk².
    delay_seconds, labels : Σ of the delays, and of how many labels.
    """

    windows: int = 0
    predictions: int = 0
    unlabelled: int = 0
    squares: int = 0
    mixed: int = 0
    bad_squares: int = 0
    delay_seconds: int = 0
    labels: int = 0

    @property
    def learned(self) -> bool:
        """Whether the usual share is known."""
        return self.windows >= LEARNING_WINDOWS

    @property
    def usual_delay(self) -> float | None:
        """Seconds from a prediction to its label; None before the first label."""
        return self.delay_seconds / self.labels if self.labels else None

    def taught(self, predictions: int, unlabelled: int, delay_seconds: float) -> Arrival:
        """With one more window.

        Parameters
        ----------
        delay_seconds : Σ over its labels.
        """
        return Arrival(
            windows=self.windows + 1,
            predictions=self.predictions + predictions,
            unlabelled=self.unlabelled + unlabelled,
            squares=self.squares + predictions**2,
            mixed=self.mixed + predictions * unlabelled,
            bad_squares=self.bad_squares + unlabelled**2,
            delay_seconds=self.delay_seconds + round(delay_seconds),
            labels=self.labels + predictions - unlabelled,
        )

    @property
    def share(self) -> float:
        """The usual share without a label, in (0, 1)."""
        return (self.unlabelled + 0.5) / (self.predictions + 1)

    @property
    def clumping(self) -> float:
        """Correlation between the predictions of a window, widened for what few windows cannot tell."""
        u = self.share
        pairs = self.squares - self.predictions
        if pairs <= 0 or self.windows < 2:
            return 0.0
        between = self.bad_squares - 2 * u * self.mixed + u * u * self.squares
        between *= self.windows / (self.windows - 1)
        found = (between / (u * (1 - u)) - self.predictions) / pairs
        return min(max(WIDENED * found, 0.0), 1.0)

    @property
    def limit(self) -> float:
        """The share without a label that is tolerated."""
        u = self.share
        inflated = 1 + (self.squares / max(self.predictions, 1) - 1) * self.clumping
        error = math.sqrt(u * (1 - u) * inflated / max(self.predictions, 1))
        return min(u + min(HARMLESS_SHARE, (1 - u) / 2) + ERRORS * error, _CERTAIN)
