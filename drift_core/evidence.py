"""Evidence of drift: what a span's counts say against the baseline, signal by signal.

First each signal is measured as if all rows were independent (`Raw`); then the noise between windows is taken
out and each becomes a z that is standard normal without drift (`Evidence`), so that one threshold suits all.
Every function works on many windows at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from drift_core.bins import Column, Counts
from drift_core.schema import Matrix
from drift_core.share import ShareLaw, harmless_share_z, share_z
from drift_core.signals import (
    CATEGORICAL_SHARES,
    CONTRASTS,
    INDICATED_CATEGORIES,
    NUMERIC_SHARES,
    Law,
    Signals,
)
from drift_core.tolerance import HARMLESS_DISTANCE, HARMLESS_SHIFT

FEWEST_VALUES = 30
"""Fewer values of a column have no shape to judge; their shares are judged exactly."""

FEWEST_EXPECTED = 5
"""Rows that a cell of a χ² test should expect in the window (Cochran 1954)."""

FAR_TAIL = -600.0
"""Logarithm of a p-value below which scipy's non-central law underflows; z is 34 there."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Signals before the noise between windows is taken out; arrays of shape (windows, signals).

    Attributes
    ----------
    value : z for `Law.NORMAL`, X² for `Law.CHI2`, the largest |z| for `Law.MAXIMUM`; NaN where it cannot be
        told.
    harmless : what a shift that nobody cares about would give, in the unit of z; for X² its non-centrality.
    freedom : degrees of freedom of X², or how many normals the maximum is over; 1 for the others.
    spread : whose variance (two-sided signals) or mean (others) is 1 without noise: what `Noise` learns from.
    """

    value: Matrix
    harmless: Matrix
    freedom: Matrix
    spread: Matrix

    @classmethod
    def join(cls, parts: list[Raw]) -> Raw:
        """Side by side."""
        names = ("value", "harmless", "freedom", "spread")
        return cls(*(np.concatenate([getattr(part, name) for part in parts], axis=1) for name in names))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signals as standard normals, shape (windows, signals).

    Attributes
    ----------
    z : against no drift at all; NaN where it cannot be told.
    harmless : the part of |z| that a shift which nobody cares about explains.
    """

    z: Matrix
    harmless: Matrix

    @property
    def beyond(self) -> Matrix:
        """Signed z of what lies beyond the harmless part; 0 where it cannot be told."""
        found: Matrix = np.nan_to_num(np.sign(self.z) * np.maximum(np.abs(self.z) - self.harmless, 0.0))
        return found

    def strength(self, two_sided: npt.NDArray[np.bool_]) -> Matrix:
        """What counts beyond the harmless part: both directions of two-sided signals, rises of the others.

        Parameters
        ----------
        two_sided : shape (signals,).
        """
        return np.where(two_sided, np.abs(self.beyond), np.maximum(self.beyond, 0.0))


def column_raw(column: Column, reference: Matrix, counts: Counts, phi: Matrix | None = None) -> Raw:
    """The signals of one column in the order of `drift_core.signals.column_signals`.

    Noise between windows moves a few contrasts much more than the rest, and a χ² with one such part has a far
    heavier tail than a stretched χ². So their noise is taken out of X² part by part: X² - Σ z_k² (1 - 1/φ_k).

    Parameters
    ----------
    reference : shape (column.size,), expected shares times the effective training rows.
    counts : shape (windows, column.size).
    phi : shape (windows, signals of the column), noise of each; 1 by default.
    """
    old, new = values_of(column, reference), values_of(column, counts)
    shares = _shares(column, reference, counts, old, new)
    z = np.stack([share_z(k, n, law) for k, n, law in shares], axis=1)
    # Fewer rows of what training never saw are no drift: a column with ties at its extremes never has any.
    strange = NUMERIC_SHARES.index("out_of_range") if column.numeric else CATEGORICAL_SHARES.index("unseen")
    z[:, strange] = np.maximum(z[:, strange], 0.0)
    harmless = np.stack([harmless_share_z(n, law) for _, n, law in shares], axis=1)
    # Training may have no value at these hours at all; then only the shares can be judged.
    unknown = not old.sum()
    old = np.ones_like(old) if unknown else old
    if column.numeric:
        contrasts = contrast_z(old, new)
        z = np.concatenate([z, contrasts], axis=1)
        shift = HARMLESS_SHIFT * np.sqrt(effective_rows(new.sum(1), old.sum()))
        harmless = np.concatenate([harmless, np.broadcast_to(shift[:, None], contrasts.shape)], axis=1)
    statistic, freedom, centre = shape_chi2(old, new)
    first = len(NUMERIC_SHARES if column.numeric else CATEGORICAL_SHARES)
    if phi is not None:
        parts = z[:, first:] ** 2 * (
            1.0 if column.numeric else 1 - _indicated(column, old) / max(old.sum(), 1.0)
        )
        statistic = np.maximum(statistic - np.nansum(parts * (1 - 1 / phi[:, first:-1]), axis=1), 0.0)
    few = (new.sum(1) < FEWEST_VALUES) | unknown
    z[few, first:] = np.nan
    statistic = np.where(few | (freedom < 1), np.nan, statistic)
    z[counts.sum(1) == 0] = np.nan
    signed = Raw(z, harmless, np.ones_like(z), z)
    shape = Raw(*(part[:, None] for part in (statistic, centre, freedom, statistic / np.maximum(freedom, 1))))
    return Raw.join([signed, shape])


def standardised(raw: Raw, signals: Signals, phi: Matrix, freedom: Matrix) -> Evidence:
    """Take the noise between windows out.

    Parameters
    ----------
    phi, freedom : shape (windows, signals) or (signals,), from `Monitor.factors`. For X² they are its mean
        and the degrees of freedom of a χ² that scatters as much (Satterthwaite 1946).
    """
    phi = np.broadcast_to(phi, raw.value.shape)
    freedom = np.broadcast_to(freedom, raw.value.shape)
    root = np.sqrt(phi)
    z, harmless = normal_of_t(raw.value / root, freedom), raw.harmless / root
    at = signals.where(Law.CHI2)
    fewer = np.minimum(raw.freedom[:, at], freedom[:, at])
    ratio = fewer / np.maximum(raw.freedom[:, at], 1) / phi[:, at]
    z[:, at] = _chi2_z(raw.value[:, at] * ratio, fewer, raw.harmless[:, at] * ratio)
    harmless[:, at] = 0.0  # the non-central law has it already
    at = signals.where(Law.MAXIMUM)
    beyond = np.maximum(raw.value[:, at] / root[:, at] - harmless[:, at], 0.0)
    z[:, at] = _maximum_z(beyond, raw.freedom[:, at])
    harmless[:, at] = 0.0
    return Evidence(z, harmless)


def effective_rows(n: npt.ArrayLike, m: float | Matrix) -> Matrix:
    """n_h = n m / (n + m), what two samples are worth in a comparison.

    >>> float(effective_rows(100, 100))
    50.0
    """
    rows = np.asarray(n, float)
    return rows * m / np.maximum(rows + m, 1e-300)


def contrast_basis(reference: Matrix) -> Matrix:
    """Polynomials in the midrank, orthonormal under the reference distribution.

    Parameters
    ----------
    reference : shape (bins,), training rows per inner bin.

    Returns
    -------
    shape (4, bins), Σ p ψ_j = 0, Σ p ψ_i ψ_j = δ_ij; NaN in the last rows when fewer than five bins hold
    rows.

    >>> basis = contrast_basis(np.full(16, 100.0))
    >>> np.allclose(basis @ basis.T / 16, np.eye(4))
    True
    """
    p = reference / reference.sum()
    degree = min(len(CONTRASTS), int((p > 0).sum()) - 1)
    midranks = np.cumsum(p) - p / 2
    powers = np.vander(2 * midranks - 1, degree + 1, increasing=True)
    # The triangle alone gives the values in every bin; the orthonormal factor is silent where p is 0.
    triangle = np.linalg.qr(np.sqrt(p)[:, None] * powers, mode="r")
    basis = np.full((len(CONTRASTS), len(p)), np.nan)
    signs = np.sign(np.diag(triangle))[1:, None]
    basis[:degree] = np.linalg.solve(triangle.T, powers.T)[1:] * signs
    return basis


def contrast_z(reference: Matrix, windows: Counts) -> Matrix:
    """Signed evidence that location, scale, skew or tails differ from the baseline's.

    z_k = √n_h Σ (q - p) ψ_k with n_h = nm/(n + m), freed of its skewness by Hall's monotone cubic (1992,
    JRSS B 54), so that the far tail is right at small n.

    Parameters
    ----------
    reference : shape (bins,), inner bins only, not empty.
    windows : shape (windows, bins).

    Returns
    -------
    shape (windows, 4), in the order of `CONTRASTS`; NaN where a window is empty or the bins are too few.
    """
    m, n = reference.sum(), windows.sum(1).astype(float)[:, None]
    p, q = reference / m, windows / np.maximum(n, 1)
    basis = contrast_basis(reference)
    effective = effective_rows(n, m)
    z = np.sqrt(effective) * ((q - p) @ basis.T)
    inverse = 1 / np.maximum(n, 1)
    skewness = (basis**3 @ p) * (inverse**2 - 1 / m**2) * effective**1.5
    normal = z - skewness / 6 * (z**2 - 1) + skewness**2 / 108 * z**3
    return np.where(n > 0, normal, np.nan)


def shape_chi2(reference: Matrix, windows: Counts) -> tuple[Matrix, Matrix, Matrix]:
    """X² between shapes, its degrees of freedom, and the non-centrality of a harmless distance.

    X² = n_h Σ (q - p)² / p̄; in each window the sparsest cells are joined until every cell expects
    `FEWEST_EXPECTED` rows.

    Parameters
    ----------
    reference : shape (bins,), inner bins only, not empty.
    windows : shape (windows, bins).

    Returns
    -------
    Three arrays of shape (windows,); the freedom is 0 where fewer than two cells remain.
    """
    m, n = reference.sum(), np.maximum(windows.sum(1).astype(float), 1e-9)[:, None]
    effective = effective_rows(n, m)
    pooled = (windows + reference) / (n + m)
    apart = windows / n - reference / m
    order = np.argsort(pooled, axis=1, kind="stable")
    pooled, apart = np.take_along_axis(pooled, order, 1), np.take_along_axis(apart, order, 1)
    expected = n * pooled
    sparse = (expected < FEWEST_EXPECTED).sum(1)
    enough = 1 + (np.cumsum(expected, axis=1) < FEWEST_EXPECTED).sum(1)
    joined = np.where(sparse > 0, np.minimum(np.maximum(sparse, enough), pooled.shape[1]), 0)
    inside = np.arange(pooled.shape[1]) < joined[:, None]
    alone = np.where(inside, 0.0, apart**2 / np.maximum(pooled, 1e-300)).sum(1)
    rest = np.where(inside, apart, 0.0).sum(1) ** 2 / np.maximum(np.where(inside, pooled, 0.0).sum(1), 1e-300)
    freedom = pooled.shape[1] - joined + (joined > 0) - 1
    whole = effective[:, 0]
    return whole * (alone + rest), freedom.astype(float), whole * HARMLESS_DISTANCE**2


def normal_of_t(t: Matrix, freedom: Matrix) -> Matrix:
    """The standard normal with the tail of Student's t: what a z is worth when its variance was estimated.

    Wallace's closed form (1959, Annals of Mathematical Statistics 30), within 0.02 from 20 degrees of
    freedom.

    >>> bool(abs(normal_of_t(np.array([2.086]), np.array([20.0]))[0] - 1.96) < 0.02)
    True
    """
    finite = np.isfinite(freedom)
    v = np.where(finite, freedom, 1.0)
    bent = (8 * v + 1) / (8 * v + 3) * np.sqrt(v * np.log1p(t**2 / v)) * np.sign(t)
    return np.where(finite, bent, t)


def t_of_normal(z: float, freedom: float) -> float:
    """The inverse of `normal_of_t`, for z >= 0.

    >>> round(t_of_normal(1.96, 20.0), 1), t_of_normal(3.0, np.inf)
    (2.1, 3.0)
    """
    if np.isinf(freedom):
        return z
    straight = z * (8 * freedom + 3) / (8 * freedom + 1)
    return float(np.sqrt(freedom * np.expm1(straight**2 / freedom)))


def _chi2_z(statistic: Matrix, freedom: Matrix, centre: Matrix) -> Matrix:
    """The normal with the upper tail of a non-central χ²."""
    log_p = stats.ncx2.logsf(statistic, np.maximum(freedom, 1), centre)
    # Where the law underflows, the distance to its centre leads.
    far = np.maximum(np.sqrt(statistic) - np.sqrt(freedom + centre), -special.ndtri_exp(FAR_TAIL))
    z = np.where(log_p < FAR_TAIL, far, -special.ndtri_exp(np.clip(log_p, FAR_TAIL, -1e-12)))
    return np.where(np.isnan(statistic), np.nan, z)


def _maximum_z(value: Matrix, normals: Matrix) -> Matrix:
    """The normal with the upper tail of the largest of |normals|, independent or not (Šidák 1967)."""
    log_p_one = special.log_ndtr(-value) + np.log(2)
    # 1 - (1 - p)^k, without cancellation for small p.
    log_p = np.log(-np.expm1(normals * np.log1p(-np.minimum(np.exp(log_p_one), 1 - 1e-15))))
    tiny = log_p_one < -30.0
    log_p = np.where(tiny, log_p_one + np.log(normals), log_p)
    return np.where(np.isnan(value), np.nan, -special.ndtri_exp(np.minimum(log_p, -1e-12)))


def _shares(
    column: Column, reference: Matrix, counts: Counts, old: Matrix, new: Counts
) -> list[tuple[Counts, Counts, ShareLaw]]:
    """Rows of something, rows in all, and what training says of that share."""
    n, m = counts.sum(1), float(reference.sum())
    values, known = new.sum(1), float(old.sum())
    # What training never saw is a matter of all its rows, whatever the season.
    seen = float(sum(column.reference))

    def rows[Number: (np.int64, np.float64)](of: npt.NDArray[Number], *names: str) -> npt.NDArray[Number]:
        found: npt.NDArray[Number] = np.sum([of[..., column.special(name)] for name in names], axis=0)
        return found

    missing = (rows(counts, "missing"), n, ShareLaw.counted(float(rows(reference, "missing")), m))
    if column.numeric:
        law = ShareLaw.counted(float(rows(reference, "non_finite")), m)
        outside = rows(counts, "below", "above")
        return [
            missing,
            (rows(counts, "non_finite"), n, law),
            (outside, n, ShareLaw.beyond_extremes(float(sum(column.reference[: column.inner])))),
        ]
    if column.reference[column.special("unseen")]:  # accepted with categories that the model does not know
        unseen = ShareLaw.counted(float(rows(reference, "unseen")), m)
    else:
        unseen = ShareLaw.unseen(column.singletons, column.doubletons, seen)
    return [missing, (rows(counts, "unseen"), n, unseen)] + [
        (of, values, ShareLaw.counted(trained, known))
        for of, trained in zip(_indicated(column, new).T, _indicated(column, old).tolist(), strict=True)
    ]


def _indicated[Number: (np.int64, np.float64)](
    column: Column, values: npt.NDArray[Number]
) -> npt.NDArray[Number]:
    """Of counts of inner bins those of the categories with a signal of their own."""
    largest = np.arange(min(INDICATED_CATEGORIES, len(column.categories)))
    return values[..., np.append(largest, len(column.categories))]


def values_of[Number: (np.int64, np.float64)](
    column: Column, counts: npt.NDArray[Number]
) -> npt.NDArray[Number]:
    """Counts of the inner bins; what training never saw joins the nearest bin, OTHER for a category."""
    inner = counts[..., : column.inner].copy()
    if column.numeric:
        inner[..., 0] += counts[..., column.special("below")]
        inner[..., -1] += counts[..., column.special("above")]
    else:
        inner[..., -1] += counts[..., column.special("unseen")]
    return inner
