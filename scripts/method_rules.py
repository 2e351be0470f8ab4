"""Fixed rules on traffic of known law: how often each says drift, by the number of rows in a window."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import stats

from drift_core.bins import Column, Counts
from drift_core.budget import threshold_z
from drift_core.detectors import chi2, psi
from drift_core.evidence import column_raw, standardised, values_of
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Kind, Matrix
from drift_core.signals import Signals, sides_of
from drift_core.span import Span

FEATURES, REFERENCE = 20, 50_000

MODELS, WINDOWS = 20, 10
"""Training sets, and windows judged by each."""

ROWS = (100, 300, 1_000, 10_000, 100_000, 1_000_000)

RULES = ("PSI > 0.1", "PSI > 0.2", "χ² test, p < 0.05", "Driftline")

QUIET, TRIVIAL, REAL = "no drift", "all means move by 0.02 σ", "one mean moves by 0.3 σ"

SHIFTS: dict[str, Matrix] = {
    QUIET: np.zeros(FEATURES),
    TRIVIAL: np.full(FEATURES, 0.02),
    REAL: np.eye(FEATURES)[0] * 0.3,
}
"""By name: how far each feature's mean lies from training, in σ."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """Of each kind of traffic the share of windows in which a rule says drift for any feature.

    Attributes
    ----------
    share : shape (number of `SHIFTS`, number of `RULES`, number of `ROWS`).
    """

    share: Matrix

    def of(self, traffic: str, rule: str) -> Matrix:
        """By rows in a window, shape (number of `ROWS`,)."""
        found: Matrix = self.share[list(SHIFTS).index(traffic), RULES.index(rule)]
        return found

    def at(self, traffic: str, rows: int) -> list[float]:
        """By rule, at one number of rows."""
        return [float(self.of(traffic, rule)[ROWS.index(rows)]) for rule in RULES]


def flagged(seed: int = 1) -> Flagged:
    """Judge windows of independent normal features by every rule, each with the same training rows."""
    rng = np.random.default_rng(seed)
    said = np.zeros((len(SHIFTS), len(RULES), len(ROWS), MODELS, WINDOWS), bool)
    for model, feature in np.ndindex(MODELS, FEATURES):
        column = Column.freeze("x", Kind.NUMERIC, rng.standard_normal(REFERENCE))
        for (k, shifts), (i, n) in product(enumerate(SHIFTS.values()), enumerate(ROWS)):
            windows = rng.multinomial(n, bin_shares(column, float(shifts[feature])), WINDOWS)
            said[k, :, i, model] |= _judged(column, windows)
    return Flagged(said.mean((3, 4)))


def bin_shares(column: Column, shift: float) -> Matrix:
    """Chance that a normal value with this mean falls into each bin, shape (column.size,)."""
    passed = stats.norm.cdf(np.array(column.edges) - shift)
    shares = np.zeros(column.size)
    shares[: column.inner] = np.diff(passed)
    shares[column.special("below")], shares[column.special("above")] = passed[0], 1 - passed[-1]
    return shares


def _judged(column: Column, windows: Counts) -> Matrix:
    """What each rule says of windows of one column, shape (rules, windows)."""
    reference = np.array(column.reference)
    old, new = values_of(column, reference), values_of(column, windows)
    stability = np.array([psi(old, one).statistic for one in new])
    p_values = np.array([chi2(old, one).p_value for one in new], float)
    signals = Signals((column,))
    # The rows are independent, which is noise of 1, known for sure.
    alone, sure = np.ones(len(signals)), np.full(len(signals), np.inf)
    evidence = standardised(column_raw(column, reference, windows), signals, alone, sure)
    upwards = evidence.strength(signals.two_sided).max(1)
    threshold = threshold_z(Span.WINDOW, MonitorSettings(), FEATURES * sides_of([column]))
    return np.stack([stability > 0.1, stability > 0.2, p_values < 0.05, upwards > threshold])
