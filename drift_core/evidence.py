"""Evidence of drift in one column: tests that know both sample sizes, all on one scale.

Every test returns an equivalent normal quantile z >= 0: its two-sided p-value is 2 (1 - Φ(z)). So a test
alarms when z exceeds one threshold, and z divided by that threshold is its drift score.
"""

from __future__ import annotations

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
    expected = n * (reference + window) / (n + m)
    sparse = expected < 5
    c, r = _pool(window, sparse), _pool(reference, sparse)
    c, r = c[c + r > 0], r[c + r > 0]
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


def share_z(k: int, n: int, reference: int, m: int) -> float:
    """Signed evidence that a share differs: k of n rows in the window, `reference` of m in training.

    The law of k given the training count is beta-binomial with Jeffreys' prior, which is right for shares
    that training never saw. Large counts use the signed root of the binomial deviance, which agrees there.
    """
    expected = n * reference / m
    sign = 1.0 if k * m > n * reference else -1.0
    if max(k, expected) > EXACT_COUNT and min(n - k, n - expected) > EXACT_COUNT:
        pooled = (k + reference) / (n + m)
        deviance = 2 * sum(
            float(special.rel_entr(share, other)) * rows
            for rows, first in ((n, k / n), (m, reference / m))
            for share, other in ((first, pooled), (1 - first, 1 - pooled))
        )
        return sign * float(np.sqrt(max(deviance, 0.0)))
    if n - k < k:  # the rarer side is the one to sum over; the other side has the opposite sign
        return -share_z(n - k, n, m - reference, m)
    terms = np.arange(k, min(n, k + 4 * EXACT_COUNT) + 1) if sign > 0 else np.arange(k + 1)
    a, b = reference + 0.5, m - reference + 0.5
    log_mass = (
        special.gammaln(n + 1)
        - special.gammaln(terms + 1)
        - special.gammaln(n - terms + 1)
        + special.betaln(terms + a, n - terms + b)
        - special.betaln(a, b)
    )
    return sign * _two_sided_z(min(0.0, float(special.logsumexp(log_mass)) + np.log(2)))


def _two_sided_z(log_p: float) -> float:
    """The z >= 0 whose two-sided p-value has this logarithm."""
    if log_p >= 0:
        return 0.0
    return float(-special.ndtri_exp(log_p - np.log(2)))


def _pool(counts: Counts, sparse: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Counts:
    """The counts with all sparse cells as one."""
    return np.append(counts[~sparse], counts[sparse].sum())
