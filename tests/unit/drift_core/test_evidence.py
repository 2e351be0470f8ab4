"""Evidence holds its level without drift, finds what it should, and agrees with exact laws."""

import numpy as np
import pytest
from scipy import stats

from drift_core import evidence
from drift_core.evidence import ShareLaw, contrast_basis, contrast_z, shape_z, share_z

EVEN = np.ones(16) / 16
LUMPY = np.array([0.5, 0.2, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.005, 0.005])


@pytest.mark.parametrize("p", [EVEN, LUMPY, np.array([0.7, 0.3])], ids=["even", "lumpy", "two"])
def test_basis_is_orthonormal_and_centred(p: np.ndarray) -> None:
    basis = contrast_basis((p * 1e6).astype(int))
    assert np.allclose((basis * p) @ basis.T, np.eye(len(basis)), atol=1e-4)
    assert np.allclose(basis @ p, 0, atol=1e-4)
    assert len(basis) == min(4, len(p) - 1)
    assert np.all(np.diff(basis[0]) > 0)  # location grows with the value


def test_basis_has_values_in_bins_without_training_rows() -> None:
    basis = contrast_basis(np.array([100, 0, 100, 0, 100]))
    assert basis.shape == (2, 5)
    assert np.all(np.isfinite(basis))


@pytest.mark.parametrize(("n", "m"), [(100, 20_000), (500, 50_000), (2_000, 2_000)])
@pytest.mark.parametrize("p", [EVEN, LUMPY], ids=["even", "lumpy"])
def test_contrasts_hold_their_level(n: int, m: int, p: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without drift, |z| > 3 comes as often as the normal law says, within its binomial error."""
    monkeypatch.setattr(evidence, "HARMLESS_SHIFT", 0.0)
    rng, runs = np.random.default_rng(n + m), 10_000
    alarms = np.zeros(4)
    for run in range(runs):
        if run % 10 == 0:
            reference = rng.multinomial(m, p)
        alarms += np.abs(contrast_z(reference, rng.multinomial(n, p))) > 3
    expected = runs * 2 * stats.norm.sf(3)
    assert np.all(alarms < 1.5 * expected + 4 * np.sqrt(expected))
    assert np.all(alarms > 0.3 * expected - 4 * np.sqrt(0.3 * expected))


def test_skewed_columns_hold_their_level_on_each_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine rows in ten in one bin: without the correction, z > 3 comes twice as often as it should."""
    monkeypatch.setattr(evidence, "HARMLESS_SHIFT", 0.0)
    rng, runs, p = np.random.default_rng(1), 30_000, np.array([0.9, 0.06, 0.03, 0.01])
    reference = (p * 10_000_000).astype(int)
    z = np.array([contrast_z(reference, window) for window in rng.multinomial(200, p, runs)])
    expected = runs * stats.norm.sf(3)
    for alarms in (z > 3).sum(0), (z < -3).sum(0):
        assert np.all(np.abs(alarms - expected) < 4 * np.sqrt(expected))


def test_location_finds_a_shift_with_its_sign() -> None:
    rng = np.random.default_rng(5)
    values, edges = rng.normal(size=50_000), stats.norm.ppf(np.linspace(0, 1, 17))
    reference = np.histogram(values, edges)[0]
    for shift in (-0.3, 0.3):
        z = contrast_z(reference, np.histogram(rng.normal(shift, 1, 500), edges)[0])
        assert np.sign(z[0]) == np.sign(shift)
        assert abs(z[0]) > 4
    wider = contrast_z(reference, np.histogram(rng.normal(0, 1.5, 500), edges)[0])
    assert wider[1] > 4


def test_a_harmless_shift_stays_harmless_at_ten_million_rows() -> None:
    edges = stats.norm.ppf(np.linspace(0, 1, 17))
    reference = np.full(16, 10_000_000 // 16)
    harmless, harmful = (
        (np.diff(stats.norm.cdf(edges, shift)) * 10_000_000).astype(int) for shift in (0.02, 0.2)
    )
    assert shape_z(reference, harmless) == 0
    assert np.all(contrast_z(reference, harmless) == 0)
    assert shape_z(reference, harmful) > 30
    assert contrast_z(reference, harmful)[0] > 30


def test_shape_is_the_noncentral_chi2_of_its_statistic() -> None:
    reference, window = np.array([400, 300, 200, 100]), np.array([60, 30, 20, 90])
    n, m = window.sum(), reference.sum()
    statistic = stats.chi2_contingency(np.array([reference, window])).statistic
    tail = stats.ncx2.sf(statistic, 3, n * m / (n + m) * 0.1**2)
    assert shape_z(reference, window) == pytest.approx(stats.norm.isf(tail / 2))


def test_shape_pools_cells_that_expect_fewer_than_five() -> None:
    reference, window = np.array([9_000, 500, 3, 2, 1]), np.array([88, 10, 1, 1, 0])
    pooled = shape_z(np.array([9_000, 500, 6]), np.array([88, 10, 2]))
    assert shape_z(reference, window) == pytest.approx(pooled)
    assert shape_z(np.array([5, 0]), np.array([3, 0])) == 0  # one cell has no shape


def test_sparse_cells_that_stay_sparse_together_join_the_next() -> None:
    """Three rows where 0.05 are expected say much about that cell, but no χ² law holds for it."""
    reference, window = np.array([60_000, 40_000, 10]), np.array([290, 200, 3])
    assert shape_z(reference, window) == pytest.approx(
        shape_z(np.array([60_000, 40_010]), np.array([290, 203]))
    )


@pytest.mark.parametrize(
    ("k", "n", "reference", "m"), [(3, 500, 0, 50_000), (9, 100, 40, 1_000), (40, 200, 300, 9_000)]
)
def test_rare_shares_follow_the_beta_binomial_law(k: int, n: int, reference: int, m: int) -> None:
    """Against a sum of scipy's probabilities; its own tail function loses digits there."""
    law = stats.betabinom(n, reference + 0.5, m - reference + 0.5)
    tail = law.pmf(np.arange(k, n + 1)).sum()
    assert share_z(k, n, ShareLaw.counted(reference, m)) == pytest.approx(
        stats.norm.isf(min(1.0, 2 * tail) / 2), rel=1e-6
    )


def test_a_share_that_falls_has_the_opposite_sign_and_the_lower_tail() -> None:
    law = stats.betabinom(500, 500.5, 49_500.5)
    assert share_z(0, 500, ShareLaw.counted(500, 50_000)) == pytest.approx(-stats.norm.isf(law.pmf(0)))


def test_a_share_and_its_complement_are_the_same_evidence() -> None:
    assert share_z(490, 500, ShareLaw.counted(49_900, 50_000)) == pytest.approx(
        -share_z(10, 500, ShareLaw.counted(100, 50_000))
    )


def test_large_shares_agree_with_the_exact_law_where_both_can_be_had() -> None:
    k, n, reference, m = 380, 20_000, 700, 50_000
    law = stats.betabinom(n, reference + 0.5, m - reference + 0.5)
    tail = law.pmf(np.arange(k, n + 1)).sum()
    assert share_z(k, n, ShareLaw.counted(reference, m)) == pytest.approx(stats.norm.isf(tail), rel=0.02)


def test_evidence_stays_finite_and_ordered_at_the_extremes() -> None:
    huge = [share_z(k, 10_000_000, ShareLaw.counted(10, 50_000)) for k in (10_000, 100_000, 10_000_000)]
    assert huge == sorted(huge)
    assert np.all(np.isfinite(huge))
    far = shape_z(np.full(16, 3_000), np.array([10_000_000] + [0] * 15))
    assert np.isfinite(far)
    assert far > 100


def test_an_unseen_category_at_half_a_percent_is_beyond_a_monthly_budget() -> None:
    assert share_z(5, 1_000, ShareLaw.counted(0, 50_000)) > 5.3


@pytest.mark.parametrize(("n", "m"), [(100, 200), (5_000, 5_000), (500, 20_000)])
def test_values_beyond_the_extremes_of_training_hold_their_level(n: int, m: int) -> None:
    """The count of new values beyond the smallest and largest of m, for any continuous distribution."""
    rng, runs, level = np.random.default_rng(n), 4_000, 0.01
    law, threshold = ShareLaw.beyond_extremes(m), stats.norm.isf(level / 2)
    alarms = 0
    for _ in range(runs):
        ends = np.sort(rng.beta([1, m - 1], [m, 2])[:2])  # order statistics of m uniform values
        low = ends[0]
        high = 1 - (1 - low) * (1 - rng.beta(m - 1, 1))  # the largest, given the smallest
        outside = int(rng.binomial(n, low + 1 - high))
        alarms += abs(share_z(outside, n, law)) > threshold
    assert alarms <= stats.binom.ppf(0.9999, runs, level)
    assert share_z(n // 2, n, law) > 5


def test_the_law_of_unseen_categories_has_the_moments_of_good_and_turing() -> None:
    m, once, twice = 50_000, 400, 150
    law = ShareLaw.unseen(once, twice, m)
    spread = stats.beta(law.this, law.other).std()
    assert law.mean == pytest.approx(once / m, rel=0.01)
    assert spread == pytest.approx(np.sqrt(once + 2 * twice) / m, rel=0.02)
    assert ShareLaw.unseen(0, 0, m) == ShareLaw.counted(0, m)
