"""Shares of rows: missing, unseen, out of range, of one category. Rare things have exact tails."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from drift_core.bins import Counts
from drift_core.schema import Matrix
from drift_core.tolerance import HARMLESS_SHIFT

EXACT_COUNT = 300
"""Shares of up to about this many rows are judged by an exact sum, larger ones by the deviance."""


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
    def counted(cls, rows: float, m: float) -> ShareLaw:
        """Of something that `rows` of m training rows had, with Jeffreys' prior."""
        return cls(rows + 0.5, m - rows + 0.5)

    @classmethod
    def unseen(cls, singletons: int, doubletons: int, m: float) -> ShareLaw:
        """Of categories that m rows never had, from how many they had once and twice.

        Its mean is the share of singletons (Good, 1953, Biometrika 40), its variance that of this estimate,
        about (singletons + 2 doubletons) / m².
        """
        weight = (singletons + 0.5) / (singletons + 2 * doubletons + 0.5)
        return cls(weight * (singletons + 0.5), weight * (max(m - singletons, 0.0) + 0.5))

    @classmethod
    def beyond_extremes(cls, m: float) -> ShareLaw:
        """Of values beyond the smallest and the largest of m: by order statistics, whatever the distribution.

        For columns with ties at their extremes it is conservative.
        """
        return cls(2.0, max(m - 1.0, 0.5))


def share_z(k: Counts, n: Counts, training: ShareLaw) -> Matrix:
    """Signed evidence that a share differs from training's: k of n rows in each window.

    The law of k is beta-binomial, exact for shares that training hardly saw. Large counts use the signed root
    of the binomial deviance, which agrees there.

    Parameters
    ----------
    k, n : shape (windows,).

    Returns
    -------
    shape (windows,): z whose one-sided tail is that of k; 0 where n is 0.
    """
    if len(k) == 1:  # nothing is asked twice
        return np.array([_share_z(int(k[0]), int(n[0]), training)])
    pairs, place = np.unique(np.stack([k, n]), axis=1, return_inverse=True)
    found = [_share_z(int(some), int(rows), training) for some, rows in pairs.T]
    return np.array(found)[place.ravel()]


def harmless_share_z(n: Counts, training: ShareLaw) -> Matrix:
    """The z that a rise of the share by `HARMLESS_SHIFT` of its standard deviation would give.

    Parameters
    ----------
    n : shape (windows,).

    Returns
    -------
    shape (windows,); 0 where such a rise would not bring a single row.
    """
    p = training.mean
    rows = n * min(p + HARMLESS_SHIFT * np.sqrt(p * (1 - p)), 1.0)
    return np.array(
        [_deviance_root(k, float(all_), training) if k >= 1 else 0.0 for k, all_ in zip(rows, n, strict=True)]
    )


def _share_z(k: int, n: int, training: ShareLaw) -> float:
    expected = n * training.mean
    sign = 1.0 if k > expected else -1.0
    if max(k, expected) > EXACT_COUNT and min(n - k, n - expected) > EXACT_COUNT:
        return sign * _deviance_root(k, n, training)
    if n - k < k:  # the rarer side is the one to sum over; the other side has the opposite sign
        return -_share_z(n - k, n, ShareLaw(training.other, training.this))
    a, b = training.this, training.other
    terms = np.arange(k, min(n, k + 4 * EXACT_COUNT) + 1) if sign > 0 else np.arange(k + 1)
    log_mass = (
        special.gammaln(n + 1)
        - special.gammaln(terms + 1)
        - special.gammaln(n - terms + 1)
        + special.betaln(terms + a, n - terms + b)
        - special.betaln(a, b)
    )
    top = float(log_mass.max())
    log_p = top + math.log(float(np.exp(log_mass - top).sum()))
    return sign * float(max(0.0, -special.ndtri_exp(min(log_p, -1e-12))))


def _deviance_root(k: float, n: float, training: ShareLaw) -> float:
    m = training.this + training.other
    pooled = (k + training.this) / (n + m)
    deviance = 2 * sum(
        float(special.rel_entr(share, other)) * rows
        for rows, first in ((n, k / n), (m, training.mean))
        for share, other in ((first, pooled), (1 - first, 1 - pooled))
    )
    return float(np.sqrt(max(deviance, 0.0)))
