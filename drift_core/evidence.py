"""Evidence of drift in one column: tests that know both sample sizes, all on one scale.

Every test returns an equivalent normal quantile z >= 0: its two-sided p-value is 2 (1 - Φ(z)). So a test
alarms when z exceeds one threshold, and z divided by that threshold is its drift score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from drift_core.bins import Counts
from drift_core.schema import Matrix

CONTRASTS = ("location", "scale", "skew", "tails")

HARMLESS_SHIFT = 0.03
"""Standardised difference of a contrast that nobody cares about (δ₀ of the method)."""

HARMLESS_DISTANCE = 0.1
"""ε of the shape test: a χ² distance √(Σ(q-p)²/p) of 0.1, about a shift by 0.1 standard deviations."""

FAR_TAIL = -600.0
"""Logarithm of a p-value below which scipy's non-central law underflows; z is 34 there."""

FEWEST_EXPECTED = 5
"""Rows that a cell of a χ² test should expect in the window (Cochran 1954)."""

EXACT_COUNT = 300
"""Shares of up to about this many rows are judged by an exact sum, larger ones by the deviance."""


def contrast_basis(reference: Counts) -> Matrix:
    """Polynomials in the midrank, orthonormal under the reference distribution.

    Parameters
    ----------
    reference : shape (bins,), training rows per inner bin.

    Returns
    -------
    shape (k, bins), k = up to four and fewer than the bins that hold rows; Σ p ψ_j = 0, Σ p ψ_i ψ_j = δ_ij.

    >>> basis = contrast_basis(np.full(16, 100))
    >>> np.allclose(basis @ basis.T / 16, np.eye(4))
    True
    """
    p = reference / reference.sum()
    degree = min(len(CONTRASTS), int((p > 0).sum()) - 1)
    midranks = np.cumsum(p) - p / 2
    powers = np.vander(2 * midranks - 1, degree + 1, increasing=True)
    # The triangle alone gives the values in every bin; the orthonormal factor is silent where p is 0.
    triangle = np.linalg.qr(np.sqrt(p)[:, None] * powers, mode="r")
    basis: Matrix = np.linalg.solve(triangle.T, powers.T)[1:]
    return basis * np.sign(np.diag(triangle))[1:, None]


def contrast_z(reference: Counts, window: Counts) -> Matrix:
    """Signed evidence that the window's location, scale, skew or tails differ from the baseline's.

    z_k = √n_h Σ (q - p) ψ_k with n_h = nm/(n + m), freed of its skewness by Hall's monotone cubic (1992,
    JRSS B 54), so that the far tail is right at small n, then moved towards 0 by the harmless shift.

    Parameters
    ----------
    reference, window : shape (bins,), inner bins only, neither empty.

    Returns
    -------
    shape (k,), in the order of `CONTRASTS`.
    """
    m, n = reference.sum(), window.sum()
    p, q = reference / m, window / n
    basis = contrast_basis(reference)
    effective = n * m / (n + m)
    z = np.sqrt(effective) * (basis @ (q - p))
    skewness = (basis**3 @ p) * (1 / n**2 - 1 / m**2) * effective**1.5
    normal = z - skewness / 6 * (z**2 - 1) + skewness**2 / 108 * z**3
    harmless = np.sqrt(effective) * HARMLESS_SHIFT
    evidence: Matrix = np.sign(normal) * np.maximum(np.abs(normal) - harmless, 0.0)
    return evidence


def shape_z(reference: Counts, window: Counts) -> float:
    """Evidence that the window's shape differs from the baseline's by more than a harmless distance.

    X² = n_h Σ (q - p)² / p̄ with sparse cells pooled, judged by the non-central χ² whose centre is the
    harmless distance: so a harmless shift stays harmless at ten million rows.

    Parameters
    ----------
    reference, window : shape (bins,), inner bins only, neither empty.
    """
    m, n = reference.sum(), window.sum()
    c, r = _pooled(window, reference)
    if len(c) < 2:
        return 0.0
    effective = n * m / (n + m)
    pooled = (c + r) / (n + m)
    statistic = effective * float(((c / n - r / m) ** 2 / pooled).sum())
    freedom, centre = len(c) - 1, effective * HARMLESS_DISTANCE**2
    log_p = float(stats.ncx2.logsf(statistic, freedom, centre))
    if log_p < FAR_TAIL:  # where the law underflows, the distance to its centre leads
        return float(max(np.sqrt(statistic) - np.sqrt(freedom + centre), -special.ndtri_exp(FAR_TAIL)))
    return _two_sided_z(log_p)


@dataclass(frozen=True, slots=True)
class ShareLaw:
    """What training says of a share: Beta(this, other), in rows.

    >>> ShareLaw.counted(30, 1_000).mean < ShareLaw.beyond_extremes(50).mean
    True
    """

    this: float
    other: float

    @property
    def mean(self) -> float:
        """The expected share."""
        return self.this / (self.this + self.other)

    @classmethod
    def counted(cls, rows: int, m: int) -> ShareLaw:
        """Of something that `rows` of m training rows had, with Jeffreys' prior."""
        return cls(rows + 0.5, m - rows + 0.5)

    @classmethod
    def unseen(cls, singletons: int, doubletons: int, m: int) -> ShareLaw:
        """Of categories that m rows never had, from how many they had once and twice.

        Its mean is the share of singletons (Good, 1953, Biometrika 40), its variance that of this estimate,
        about (singletons + 2 doubletons) / m².
        """
        weight = (singletons + 0.5) / (singletons + 2 * doubletons + 0.5)
        return cls(weight * (singletons + 0.5), weight * (m - singletons + 0.5))

    @classmethod
    def beyond_extremes(cls, m: int) -> ShareLaw:
        """Of values beyond the smallest and the largest of m: by order statistics, whatever the distribution.

        For columns with ties at their extremes it is conservative.
        """
        return cls(2.0, max(m - 1.0, 0.5))


def share_z(k: int, n: int, training: ShareLaw) -> float:
    """Signed evidence that a share differs from training's: k of n rows in the window.

    The law of k is beta-binomial, exact for shares that training hardly saw. Large counts use the signed root
    of the binomial deviance, which agrees there.
    """
    expected = n * training.mean
    sign = 1.0 if k > expected else -1.0
    if max(k, expected) > EXACT_COUNT and min(n - k, n - expected) > EXACT_COUNT:
        return sign * _deviance_root(k, n, training)
    if n - k < k:  # the rarer side is the one to sum over; the other side has the opposite sign
        return -share_z(n - k, n, ShareLaw(training.other, training.this))
    a, b = training.this, training.other
    terms = np.arange(k, min(n, k + 4 * EXACT_COUNT) + 1) if sign > 0 else np.arange(k + 1)
    log_mass = (
        special.gammaln(n + 1)
        - special.gammaln(terms + 1)
        - special.gammaln(n - terms + 1)
        + special.betaln(terms + a, n - terms + b)
        - special.betaln(a, b)
    )
    return sign * _two_sided_z(min(0.0, float(special.logsumexp(log_mass)) + np.log(2)))


def _deviance_root(k: int, n: int, training: ShareLaw) -> float:
    m = training.this + training.other
    pooled = (k + training.this) / (n + m)
    deviance = 2 * sum(
        float(special.rel_entr(share, other)) * rows
        for rows, first in ((n, k / n), (m, training.mean))
        for share, other in ((first, pooled), (1 - first, 1 - pooled))
    )
    return float(np.sqrt(max(deviance, 0.0)))


def _two_sided_z(log_p: float) -> float:
    """The z >= 0 whose two-sided p-value has this logarithm."""
    if log_p >= 0:
        return 0.0
    return float(-special.ndtri_exp(log_p - np.log(2)))


def _pooled(window: Counts, reference: Counts) -> tuple[Counts, Counts]:
    """Both samples with cells joined, the sparsest first, until every cell expects `FEWEST_EXPECTED` rows."""
    expected = window.sum() * (window + reference) / (window.sum() + reference.sum())
    order = np.argsort(expected, kind="stable")
    expected, window, reference = expected[order], window[order], reference[order]
    sparse = int((expected < FEWEST_EXPECTED).sum())
    while 0 < sparse < len(expected) and expected[:sparse].sum() < FEWEST_EXPECTED:
        sparse += 1
    if not sparse:
        return window, reference
    return (
        np.append(window[sparse:], window[:sparse].sum()),
        np.append(reference[sparse:], reference[:sparse].sum()),
    )
