"""Challenge: whether a new model is better than the served one, and whether its intervals hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from drift_core.schema import Matrix

BLOCKS = 20
"""Runs of neighbouring predictions whose means are compared. Errors of neighbours resemble each other, so a
test on single predictions would take them for more evidence than they are; means of long blocks are nearly
independent (batch means, Law and Kelton 1984), and 20 leave the t quantile close to the normal one."""

FEWEST_ROWS = 10 * BLOCKS
"""Predictions that can be compared at least, so that a block has ten."""

LEVEL = 0.95
"""Confidence of the bound that must exceed the margin."""

COVERAGE_LEVEL = 0.01
"""Share of challengers with honest intervals that are refused for their coverage. It is small, because
the newest predictions differ a little from those that calibrated even where nothing is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the comparison found; errors are absolute, in the target's unit.

    Attributes
    ----------
    rows : predictions compared.
    champion_mae, challenger_mae : mean absolute errors.
    bound : the mean improvement is at least this, at confidence `LEVEL`.
    needed : what it must exceed: margin × champion_mae.
    coverage, promised : share of labels inside the challenger's intervals, and what it should be.
    coverage_p : chance of so few, if the intervals keep their promise.
    """

    rows: int
    champion_mae: float
    challenger_mae: float
    bound: float
    needed: float
    coverage: float
    promised: float
    coverage_p: float

    @property
    def better(self) -> bool:
        """Whether the challenger's error is smaller by more than the margin."""
        return self.bound > self.needed

    @property
    def covers(self) -> bool:
        """Whether the challenger's intervals may keep their promise."""
        return self.coverage_p >= COVERAGE_LEVEL

    @property
    def won(self) -> bool:
        """Whether the challenger may take over."""
        return self.better and self.covers

    def figures(self) -> dict[str, Any]:
        """For a manifest and for messages."""
        return {
            "rows_compared": self.rows,
            "mae_before": self.champion_mae,
            "mae_after": self.challenger_mae,
            "improvement_at_least": self.bound,
            "improvement_needed": self.needed,
            "interval_coverage": self.coverage,
            "coverage_p_value": self.coverage_p,
        }

    def told(self) -> str:
        """The figures in words."""
        comparison = "exceeds" if self.better else "does not exceed"
        coverage = "is enough" if self.covers else f"is too few (p = {self.coverage_p:.2g})"
        return (
            f"mean absolute error {self.champion_mae:.6g} before, {self.challenger_mae:.6g} after on "
            f"{self.rows:,} predictions; the improvement is at least {self.bound:.6g} with {LEVEL:.0%} "
            f"confidence, which {comparison} the {self.needed:.6g} needed; the new intervals hold "
            f"{self.coverage:.1%} of the labels for {self.promised:.1%}, which {coverage}"
        )


def tried(
    champion: Matrix,
    challenger: Matrix,
    *,
    margin: float,
    covered: int,
    promised: float,
    calibration_rows: int,
) -> Trial:
    """Compare two models on the same predictions.

    The null hypothesis is that the challenger's error is at least (1 - margin) of the champion's: of
    z = (1 - margin) |e| of the champion - |e| of the challenger the mean is 0 at most. z is averaged in
    `BLOCKS` blocks of neighbours, and Student's t of the blocks gives the one-sided lower bound of the mean.
    So the noise of the champion's own error counts too.

    Parameters
    ----------
    champion, challenger : shape (n,), absolute errors, in order of time.
    margin : share of the champion's error by which the challenger must be better.
    covered : labels inside of the challenger's intervals.
    promised : share of labels that should be.
    calibration_rows : held-out rows that calibrated the challenger's intervals.

    Raises
    ------
    ValueError
        If there are fewer than `FEWEST_ROWS`.
    """
    n = len(champion)
    if n < FEWEST_ROWS:
        raise ValueError(f"{n} predictions can be compared; at least {FEWEST_ROWS} are needed")
    z = (1 - margin) * champion - challenger
    means = np.array([block.mean() for block in np.array_split(z, BLOCKS)])
    error = float(means.std(ddof=1)) / BLOCKS**0.5
    before = float(champion.mean())
    lowest = float(z.mean()) - float(stats.t.ppf(LEVEL, BLOCKS - 1)) * error
    return Trial(
        rows=n,
        champion_mae=before,
        challenger_mae=float(challenger.mean()),
        bound=lowest + margin * before,
        needed=margin * before,
        coverage=covered / n,
        promised=promised,
        coverage_p=coverage_p_value(covered, n, promised, calibration_rows),
    )


def coverage_p_value(covered: int, n: int, promised: float, calibration_rows: int) -> float:
    """Chance that at most `covered` of n labels lie inside, if the calibration is honest.

    A split-conformal interval is fixed by the k-th smallest of m calibration scores, k = ceil((m + 1) c), so
    the coverage that it has on new rows is itself random, Beta(k, m + 1 - k), and the count inside is
    beta-binomial (Vovk 2012, "Conditional validity of inductive conformal predictors"). A plain binomial
    test would blame the challenger for the luck of its calibration.

    >>> round(coverage_p_value(90, 100, 0.9, 10**9), 2), round(coverage_p_value(90, 100, 0.9, 99), 2)
    (0.55, 0.51)
    """
    m = calibration_rows
    k = min(int(np.ceil(round((m + 1) * promised, 9))), m)
    return float(stats.betabinom.cdf(covered, n, k, m + 1 - k))
