"""Every distance on counts against scipy on the raw data."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from drift_core import detectors
from drift_core.bins import Column
from drift_core.schema import Kind

RNG = np.random.default_rng(20)
REFERENCE = RNG.gamma(4.0, 2.0, 20_000)
WINDOWS = {
    "same": RNG.gamma(4.0, 2.0, 1_000),
    "shifted": RNG.gamma(4.0, 2.0, 1_000) + 1.0,
    "wider": RNG.gamma(4.0, 3.0, 300),
    "tiny": RNG.gamma(4.0, 2.0, 40),
}
COLUMN = Column.freeze("x", Kind.NUMERIC, REFERENCE)
EDGES = np.array(COLUMN.edges)
OLD = np.array(COLUMN.reference[: COLUMN.inner])


def counts(values: np.ndarray) -> np.ndarray:
    """Raw values over the frozen bins, what lies outside joined to the end bins."""
    inside = np.clip(values, EDGES[0], np.nextafter(EDGES[-1], -np.inf))
    return np.bincount(COLUMN.index(inside), minlength=COLUMN.inner)


@pytest.fixture(params=WINDOWS)
def window(request: pytest.FixtureRequest) -> np.ndarray:
    return WINDOWS[request.param]


def test_ks_is_a_lower_bound_of_scipys_and_short_by_less_than_a_bin(window: np.ndarray) -> None:
    ours, exact = detectors.ks(OLD, counts(window)), stats.ks_2samp(REFERENCE, window)
    largest_bin = (OLD / OLD.sum()).max() + (counts(window) / len(window)).max()
    assert exact.statistic - largest_bin <= ours.statistic <= exact.statistic + 1e-12
    assert ours.p_value is not None
    assert ours.n_window == len(window)


def test_ks_equals_scipys_when_every_value_has_its_own_bin() -> None:
    old, new = RNG.integers(0, 8, 500), RNG.integers(0, 9, 200)
    ours = detectors.ks(np.bincount(old, minlength=9), np.bincount(new, minlength=9))
    exact = stats.ks_2samp(old, new, method="asymp")
    assert ours.statistic == pytest.approx(exact.statistic)
    assert ours.p_value == pytest.approx(stats.kstwobign.sf(np.sqrt(500 * 200 / 700) * exact.statistic))


def test_chi2_is_scipys_contingency_test(window: np.ndarray) -> None:
    ours = detectors.chi2(OLD, counts(window))
    exact = stats.chi2_contingency(np.array([OLD, counts(window)]))
    assert ours.statistic == pytest.approx(exact.statistic)
    assert ours.p_value == pytest.approx(exact.pvalue)


def test_jensen_shannon_is_scipys_with_base_two(window: np.ndarray) -> None:
    ours = detectors.jensen_shannon(OLD, counts(window)).statistic
    assert ours == pytest.approx(jensenshannon(OLD, counts(window), base=2))


def test_psi_is_its_formula_and_its_null_is_chi2() -> None:
    p = np.full(16, 1 / 16)
    old = RNG.multinomial(100_000, p)
    p_values = [detectors.psi(old, RNG.multinomial(2_000, p)).p_value or 0.0 for _ in range(2_000)]
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4
    new, other = counts(WINDOWS["shifted"]), counts(WINDOWS["tiny"])
    q, r = (new + 0.5) / (new + 0.5).sum(), (other + 0.5) / (other + 0.5).sum()
    kl = stats.entropy(q, r) + stats.entropy(r, q)  # the index is the symmetric Kullback-Leibler divergence
    assert detectors.psi(other, new).statistic == pytest.approx(kl)


def test_wasserstein_is_near_scipys_on_the_raw_values(window: np.ndarray) -> None:
    scale = REFERENCE.std()
    ours = detectors.wasserstein(OLD, counts(window), EDGES, scale).statistic
    inside = np.clip(window, EDGES[0], EDGES[-1])
    exact = stats.wasserstein_distance(REFERENCE, inside) / scale
    # Mass is spread evenly within a bin: wrong by at most half the bin's width for each sample's share.
    shares = OLD / OLD.sum() + counts(window) / len(window)
    assert ours == pytest.approx(exact, abs=float((shares * np.diff(EDGES)).sum() / 2 / scale))


def test_wasserstein_of_many_narrow_bins_is_scipys() -> None:
    old, new = RNG.normal(0, 1, 5_000), RNG.normal(0.4, 1.3, 900)
    edges = np.linspace(-8, 8, 4_001)
    ours = detectors.wasserstein(np.histogram(old, edges)[0], np.histogram(new, edges)[0], edges, 1.0)
    assert ours.statistic == pytest.approx(stats.wasserstein_distance(old, new), abs=1e-3)


def test_wasserstein_of_a_shift_is_the_shift() -> None:
    uniform = np.full(10, 100)
    moved = np.concatenate([np.zeros(2, int), np.full(10, 100)])
    edges = np.arange(13.0)
    ours = detectors.wasserstein(np.concatenate([uniform, [0, 0]]), moved, edges, scale=2.0)
    assert ours.statistic == pytest.approx(1.0)


def test_wasserstein_within_a_bin_where_the_distributions_cross() -> None:
    """F - G runs 0, 3/8, -1/4, 0: a triangle, two triangles within the middle bin, a triangle."""
    old, new, edges = np.array([4, 0, 4]), np.array([1, 5, 2]), np.arange(4.0)
    middle = (3 / 8) ** 2 / (5 / 8) / 2 + (1 / 4) ** 2 / (5 / 8) / 2
    distance = detectors.wasserstein(old, new, edges, 1.0).statistic
    assert distance == pytest.approx(3 / 16 + middle + 1 / 8)


@pytest.mark.parametrize("empty", ["baseline", "window"])
def test_an_empty_sample_is_refused(empty: str) -> None:
    samples = {"baseline": np.array([1, 2]), "window": np.array([1, 2]), empty: np.array([0, 0])}
    with pytest.raises(ValueError, match="an empty sample has no distance"):
        detectors.ks(**samples)
