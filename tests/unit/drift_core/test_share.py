"""Shares: exact tails of rare things, and what training says of what it never saw."""

import numpy as np
import pytest
from scipy import stats

from drift_core.share import ShareLaw, harmless_share_z, share_z


def z_of(k: int, n: int, law: ShareLaw) -> float:
    return float(share_z(np.array([k]), np.array([n]), law)[0])


@pytest.mark.parametrize(
    ("k", "n", "reference", "m"), [(3, 500, 0, 50_000), (9, 100, 40, 1_000), (40, 200, 300, 9_000)]
)
def test_rare_shares_follow_the_beta_binomial_law(k: int, n: int, reference: int, m: int) -> None:
    """Against a sum of scipy's probabilities; its own tail function loses digits there."""
    law = stats.betabinom(n, reference + 0.5, m - reference + 0.5)
    tail = law.pmf(np.arange(k, n + 1)).sum()
    expected = stats.norm.isf(min(1.0, 2 * tail) / 2)
    assert z_of(k, n, ShareLaw.counted(reference, m)) == pytest.approx(expected, rel=1e-6)


def test_a_share_that_falls_has_the_opposite_sign_and_the_lower_tail() -> None:
    law = stats.betabinom(500, 500.5, 49_500.5)
    assert z_of(0, 500, ShareLaw.counted(500, 50_000)) == pytest.approx(-stats.norm.isf(law.pmf(0)))


def test_a_share_and_its_complement_are_the_same_evidence() -> None:
    assert z_of(490, 500, ShareLaw.counted(49_900, 50_000)) == pytest.approx(
        -z_of(10, 500, ShareLaw.counted(100, 50_000))
    )


def test_large_shares_agree_with_the_exact_law_where_both_can_be_had() -> None:
    k, n, reference, m = 380, 20_000, 700, 50_000
    law = stats.betabinom(n, reference + 0.5, m - reference + 0.5)
    tail = law.pmf(np.arange(k, n + 1)).sum()
    assert z_of(k, n, ShareLaw.counted(reference, m)) == pytest.approx(stats.norm.isf(tail), rel=0.02)


def test_evidence_stays_finite_and_ordered_at_the_extremes() -> None:
    huge = [z_of(k, 10_000_000, ShareLaw.counted(10, 50_000)) for k in (10_000, 100_000, 10_000_000)]
    assert huge == sorted(huge)
    assert np.all(np.isfinite(huge))


def test_an_unseen_category_at_half_a_percent_is_beyond_a_monthly_budget() -> None:
    assert z_of(5, 1_000, ShareLaw.counted(0, 50_000)) > 5.3


def test_many_windows_at_once_are_judged_as_one_by_one() -> None:
    rng, law = np.random.default_rng(3), ShareLaw.counted(500, 50_000)
    n = rng.integers(0, 3_000, 60)
    k = rng.binomial(n, 0.02)
    assert share_z(k, n, law).tolist() == [z_of(*pair, law) for pair in zip(k, n, strict=True)]
    assert z_of(0, 0, law) == 0


@pytest.mark.parametrize("n", [100, 500, 5_000])
@pytest.mark.parametrize("share", [0.001, 0.03, 0.5])
def test_a_share_holds_its_level_on_each_side(n: int, share: float) -> None:
    rng, m, baselines, windows = np.random.default_rng(n), 20_000, 300, 100
    rises = falls = 0
    for rows in rng.binomial(m, share, baselines):
        z = share_z(rng.binomial(n, share, windows), np.full(windows, n), ShareLaw.counted(int(rows), m))
        rises, falls = rises + int((z > 2.5).sum()), falls + int((z < -2.5).sum())
    at_most = stats.binom.ppf(0.9999, baselines * windows, 1.15 * stats.norm.sf(2.5))
    assert max(rises, falls) <= at_most
    assert z_of(round(n * share + 5 * np.sqrt(n * share)), n, ShareLaw.counted(round(m * share), m)) > 2.5


@pytest.mark.parametrize(("n", "m"), [(100, 200), (5_000, 5_000), (500, 20_000)])
def test_values_beyond_the_extremes_of_training_hold_their_level(n: int, m: int) -> None:
    """The count of new values beyond the smallest and largest of m, for any continuous distribution."""
    rng, runs, level = np.random.default_rng(n), 4_000, 0.01
    law, threshold = ShareLaw.beyond_extremes(m), stats.norm.isf(level / 2)
    ends = np.sort(rng.beta([1, m - 1], [m, 2], (runs, 2)), axis=1)  # order statistics of m uniform values
    low = ends[:, 0]
    high = 1 - (1 - low) * (1 - rng.beta(m - 1, 1, runs))  # the largest, given the smallest
    outside = rng.binomial(n, low + 1 - high)
    alarms = int((np.abs(share_z(outside, np.full(runs, n), law)) > threshold).sum())
    assert alarms <= stats.binom.ppf(0.9999, runs, level)
    assert z_of(n // 2, n, law) > 5


def test_the_law_of_unseen_categories_has_the_moments_of_good_and_turing() -> None:
    m, once, twice = 50_000, 400, 150
    law = ShareLaw.unseen(once, twice, m)
    spread = stats.beta(law.this, law.other).std()
    assert law.mean == pytest.approx(once / m, rel=0.01)
    assert spread == pytest.approx(np.sqrt(once + 2 * twice) / m, rel=0.02)
    assert ShareLaw.unseen(0, 0, m) == ShareLaw.counted(0, m)


def test_a_harmless_rise_is_worth_its_own_evidence_and_little_at_usual_sizes() -> None:
    """A rise by 0.03 standard deviations: √n · 0.03 for a share of a half, nothing where it brings no row."""
    law = ShareLaw.counted(5e11, 1e12)
    found = harmless_share_z(np.array([500, 10_000_000]), law)
    assert found == pytest.approx(0.03 * np.sqrt([500, 10_000_000]), rel=0.01)
    assert harmless_share_z(np.array([500]), ShareLaw.counted(0, 50_000)).tolist() == [0.0]
    n = 10_000_000
    rows = round(n * (0.02 + 0.02 * np.sqrt(0.02 * 0.98)))
    training = ShareLaw.counted(2e8, 1e10)
    assert z_of(rows, n, training) > 30
    assert z_of(rows, n, training) < harmless_share_z(np.array([n]), training)[0]


@pytest.mark.parametrize("m", [1_000, 1_248, 50_000])
def test_a_harmless_rise_of_what_all_rows_have_ends_at_all_rows(m: int) -> None:
    """A rise beyond all n rows has no deviance, and was infinite: it silenced the chart of that share."""
    found = harmless_share_z(np.array([24, 100, 500]), ShareLaw.counted(m, m))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found < 1).all()
