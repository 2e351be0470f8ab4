"""Distances between two samples, computed from their counts over the same frozen bins.

These are the numbers that people know by name; each is reported, none decides. What decides is evidence
that knows its sample sizes: see `drift_core.evidence`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from drift_core.bins import Column, Counts
from drift_core.schema import Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftDistance:
    """How far one window lies from the baseline.

    Attributes
    ----------
    statistic : in the test's own unit; larger is further.
    p_value : chance of a distance at least as large without drift; None for those without a known law.
    n_window : values compared.
    """

    statistic: float
    p_value: float | None
    n_window: int


def ks(baseline: Counts | Matrix, window: Counts) -> DriftDistance:
    """Kolmogorov-Smirnov distance between two binned samples.

    Parameters
    ----------
    baseline, window : shape (bins,), counts over the same frozen bins.

    Returns
    -------
    DriftDistance
        `statistic` is max |F - G| over bin edges, in [0, 1]: a lower bound of the unbinned distance, short
        of it by at most the largest bin's mass. `p_value` by Kolmogorov's asymptotic law, conservative here.

    Raises
    ------
    ValueError
        If either sample is empty: missingness is a separate signal.

    >>> ks(np.array([1, 1, 0]), np.array([0, 1, 1])).statistic
    0.5
    """
    p, q, m, n = _shares(baseline, window)
    statistic = float(np.abs(np.cumsum(p - q)).max())
    return DriftDistance(
        statistic=statistic,
        p_value=float(special.kolmogorov(np.sqrt(n * m / (n + m)) * statistic)),
        n_window=n,
    )


def psi(baseline: Counts | Matrix, window: Counts) -> DriftDistance:
    """Population stability index, Σ (q - p) ln(q / p), with half a row added to every bin.

    Without drift it is about (1/n + 1/m) χ² with bins - 1 degrees of freedom (Yurdakul & Naranjo 2020), which
    gives the p-value; so the folk rule "0.1 is a warning" means something else at every sample size.

    >>> round(psi(np.array([50, 50]), np.array([50, 50])).statistic, 6)
    0.0
    """
    _, _, m, n = _shares(baseline, window)
    p = (baseline + 0.5) / (m + 0.5 * len(baseline))
    q = (window + 0.5) / (n + 0.5 * len(window))
    statistic = float(((q - p) * np.log(q / p)).sum())
    freedom = len(baseline) - 1
    tail = float(special.chdtrc(freedom, statistic / (1 / n + 1 / m))) if freedom else 1.0
    return DriftDistance(statistic=statistic, p_value=tail, n_window=n)


def jensen_shannon(baseline: Counts | Matrix, window: Counts) -> DriftDistance:
    """Jensen-Shannon distance with base-2 logarithms, in [0, 1]: the square root of the divergence.

    >>> jensen_shannon(np.array([1, 0]), np.array([0, 1])).statistic
    1.0
    """
    p, q, _, n = _shares(baseline, window)
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum() / 2 / np.log(2)
    return DriftDistance(statistic=float(np.sqrt(max(divergence, 0.0))), p_value=None, n_window=n)


def wasserstein(baseline: Counts | Matrix, window: Counts, edges: Matrix, scale: float) -> DriftDistance:
    """Wasserstein-1 distance in baseline standard deviations, mass spread evenly within each bin.

    It differs from the unbinned distance by at most half a bin's width for each sample's share in the bin.

    Parameters
    ----------
    baseline, window : shape (bins,).
    edges : shape (bins + 1,), in the column's unit.
    scale : standard deviation in training, same unit.

    >>> edges = np.array([0.0, 1.0, 2.0])
    >>> wasserstein(np.array([9, 0]), np.array([0, 9]), edges, scale=1.0).statistic
    1.0
    """
    p, q, _, n = _shares(baseline, window)
    gap = np.concatenate([[0.0], np.cumsum(p - q)])
    left, right = gap[:-1], gap[1:]
    # |F - G| runs straight from left to right within a bin; where it changes sign it is two triangles.
    area = np.abs(left + right) / 2
    crossing = left * right < 0
    area[crossing] = (left**2 + right**2)[crossing] / (2 * (np.abs(left) + np.abs(right)))[crossing]
    return DriftDistance(statistic=float((area * np.diff(edges)).sum() / scale), p_value=None, n_window=n)


def chi2(baseline: Counts | Matrix, window: Counts) -> DriftDistance:
    """Pearson's χ² of homogeneity of the two samples, over bins that hold a row of either.

    >>> round(chi2(np.array([10, 20]), np.array([20, 10])).statistic, 3)
    6.667
    """
    p, q, m, n = _shares(baseline, window)
    pooled = (n * q + m * p) / (n + m)
    held = pooled > 0
    statistic = n * m / (n + m) * float(((q - p)[held] ** 2 / pooled[held]).sum())
    freedom = int(held.sum()) - 1
    tail = float(special.chdtrc(freedom, statistic)) if freedom else 1.0
    return DriftDistance(statistic=statistic, p_value=tail, n_window=n)


def distances(column: Column, reference: Matrix, window: Counts) -> dict[str, float | None]:
    """All distances of one column by name, in the fields of a column's verdict; none for an empty window.

    Parameters
    ----------
    reference, window : shape (column.inner,).
    """
    if not window.sum() or not reference.sum():
        return {}
    found: dict[str, float | None] = {
        "psi": psi(reference, window).statistic,
        "js": jensen_shannon(reference, window).statistic,
        "chi2": chi2(reference, window).statistic,
    }
    if column.numeric:
        found["ks"] = ks(reference, window).statistic
        found["wasserstein_sigma"] = wasserstein(
            reference, window, np.array(column.edges), column.scale
        ).statistic
    return found


def _shares(baseline: Counts | Matrix, window: Counts) -> tuple[Matrix, Matrix, float, int]:
    """Shares per bin and the two sample sizes."""
    m, n = float(baseline.sum()), int(window.sum())
    if not m or not n:
        raise ValueError(
            f"{m:g} baseline and {n} window values to compare; an empty sample has no distance, "
            "judge its share of missing values instead"
        )
    return baseline / m, window / n, m, n
