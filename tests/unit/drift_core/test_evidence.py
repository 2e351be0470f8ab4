"""Evidence of one column: it holds its level, finds what it should, and agrees with exact laws."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from drift_core.bins import Column, Counts
from drift_core.evidence import (
    Evidence,
    column_raw,
    contrast_basis,
    contrast_z,
    normal_of_t,
    shape_chi2,
    standardised,
    t_of_normal,
)
from drift_core.schema import Kind, Matrix
from drift_core.signals import SHAPE, Signals

EVEN = np.ones(16) / 16
LUMPY = np.array([0.5, 0.2, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.005, 0.005])
NORMAL_EDGES = stats.norm.ppf(np.linspace(0, 1, 17))
THREE = stats.norm.sf(3)


def evidence_of(reference: Counts, windows: Counts) -> tuple[Evidence, dict[str, int]]:
    """Evidence of a numeric column from counts of its inner bins, and where each signal stands."""
    column = Column(
        name="x",
        kind=Kind.NUMERIC,
        edges=tuple(np.arange(len(reference) + 1.0)),
        reference=(*reference.tolist(), 0, 0, 0, 0),
    )
    signals = Signals((column,))
    windows = np.pad(np.atleast_2d(windows), ((0, 0), (0, 4)))
    raw = column_raw(column, np.array(column.reference, float), windows)
    ones = np.ones(len(signals))
    found = standardised(raw, signals, ones, np.inf * ones)
    return found, {signal.name: i for i, signal in enumerate(signals.all)}


def shape_z(reference: Counts, window: Counts) -> float:
    found, at = evidence_of(reference, window)
    return float(found.z[0, at[SHAPE]])


def of_normal(shift: float, scale: float = 1.0, n: int = 10_000_000) -> Counts:
    """Counts of n normal values over the bins of the standard normal, without sampling error."""
    return np.rint(np.diff(stats.norm.cdf(NORMAL_EDGES, shift, scale)) * n).astype(np.int64)


@pytest.mark.parametrize("p", [EVEN, LUMPY, np.array([0.7, 0.3])], ids=["even", "lumpy", "two"])
def test_basis_is_orthonormal_and_centred(p: Matrix) -> None:
    basis = contrast_basis(p * 1e6)
    known = basis[: min(4, len(p) - 1)]
    assert np.allclose((known * p) @ known.T, np.eye(len(known)), atol=1e-4)
    assert np.allclose(known @ p, 0, atol=1e-4)
    assert np.all(np.isnan(basis[len(known) :]))
    assert np.all(np.diff(basis[0]) > 0)  # location grows with the value


def test_basis_grows_by_degree() -> None:
    """Location is linear in the midrank, scale quadratic, skew cubic, tails quartic; all rise at the top."""
    p = np.array([0.3, 0.1, 0.05, 0.2, 0.05, 0.1, 0.15, 0.05])
    u, basis = np.cumsum(p) - p / 2, contrast_basis(p * 1e4)
    for degree, row in enumerate(basis, start=1):
        fitted = np.polynomial.Polynomial.fit(u, row, degree)
        assert np.allclose(fitted(u), row)
        assert not np.allclose(np.polynomial.Polynomial.fit(u, row, degree - 1)(u), row)
        assert fitted.convert().coef[-1] > 0


def test_basis_has_values_in_bins_without_training_rows() -> None:
    basis = contrast_basis(np.array([100.0, 0, 100, 0, 100]))
    assert np.all(np.isfinite(basis[:2]))
    assert np.all(np.isnan(basis[2:]))


@pytest.mark.parametrize(("n", "m"), [(100, 20_000), (500, 50_000), (2_000, 2_000)])
@pytest.mark.parametrize("p", [EVEN, LUMPY], ids=["even", "lumpy"])
def test_contrasts_hold_their_level(n: int, m: int, p: Matrix) -> None:
    """Without drift, |z| > 3 comes as often as the normal law says, within its binomial error."""
    rng, baselines, windows = np.random.default_rng(n + m), 1_000, 10
    alarms = np.zeros(4)
    for _ in range(baselines):
        z = contrast_z(rng.multinomial(m, p).astype(float), rng.multinomial(n, p, windows))
        alarms += (np.abs(z) > 3).sum(0)
    expected = baselines * windows * 2 * THREE
    assert np.all(alarms < 1.5 * expected + 4 * np.sqrt(expected))
    assert np.all(alarms > 0.3 * expected - 4 * np.sqrt(0.3 * expected))


@pytest.mark.parametrize("n", [100, 500, 5_000])
@pytest.mark.parametrize("p", [EVEN, LUMPY], ids=["even", "lumpy"])
def test_the_shape_holds_its_level(n: int, p: Matrix) -> None:
    """Against no tolerance at all X² passes χ²'s quantile of 1 % no more often, and not much more seldom."""
    rng, m, baselines, windows = np.random.default_rng(n), 50_000, 400, 10
    alarms = 0
    for _ in range(baselines):
        reference = rng.multinomial(m, p).astype(float)
        statistic, freedom, _ = shape_chi2(reference, rng.multinomial(n, p, windows))
        alarms += int(np.sum(stats.chi2.sf(statistic, freedom) < 0.01))
    runs = baselines * windows
    assert stats.binom.ppf(1e-4, runs, 0.006) <= alarms <= stats.binom.ppf(0.9999, runs, 0.013)


@pytest.mark.parametrize("n", [100, 500, 5_000])
def test_no_signal_of_a_column_alarms_more_often_than_it_should(n: int) -> None:
    rng, baselines, windows = np.random.default_rng(n), 500, 20
    alarms = np.zeros(8)
    for _ in range(baselines):
        found, _ = evidence_of(rng.multinomial(20_000, EVEN), rng.multinomial(n, EVEN, windows))
        alarms += (np.nan_to_num(found.z) > 2.5).sum(0)
    assert np.all(alarms <= stats.binom.ppf(0.9999, baselines * windows, 1.1 * stats.norm.sf(2.5)))


def test_skewed_columns_hold_their_level_on_each_side() -> None:
    """Nine rows in ten in one bin: without the correction, z > 3 comes twice as often as it should."""
    rng, runs, p = np.random.default_rng(1), 30_000, np.array([0.9, 0.06, 0.03, 0.01])
    z = contrast_z(p * 10_000_000, rng.multinomial(200, p, runs))[:, :3]
    expected = runs * THREE
    for alarms in (z > 3).sum(0), (z < -3).sum(0):
        assert np.all(np.abs(alarms - expected) < 4 * np.sqrt(expected))


def test_location_finds_a_shift_with_its_sign() -> None:
    rng = np.random.default_rng(5)
    reference = np.histogram(rng.normal(size=50_000), NORMAL_EDGES)[0].astype(float)
    for shift in (-0.3, 0.3):
        z = contrast_z(reference, np.histogram(rng.normal(shift, 1, 500), NORMAL_EDGES)[0][None])[0]
        assert np.sign(z[0]) == np.sign(shift)
        assert abs(z[0]) > 4
    wider = contrast_z(reference, np.histogram(rng.normal(0, 1.5, 500), NORMAL_EDGES)[0][None])[0]
    assert wider[1] > 4


@pytest.mark.parametrize(
    ("p", "contrast"),
    [
        (stats.norm.cdf(NORMAL_EDGES, 0.15, 1), "location"),
        (stats.norm.cdf(NORMAL_EDGES, 0, 1.15), "scale"),
        (stats.norm.cdf(NORMAL_EDGES, 0, 1 / 1.15), "scale"),
    ],
    ids=["shifted", "wider", "narrower"],
)
def test_a_contrast_grows_with_the_root_of_the_rows_and_keeps_its_sign(p: Matrix, contrast: str) -> None:
    """Without sampling error z = √n_h times one number of the two distributions, at any n."""
    z = {}
    for n in (2_000, 200_000):
        found, at = evidence_of(np.full(16, 10**9), np.rint(np.diff(p) * n).astype(np.int64))
        z[n] = found.z[0, at[contrast]]
    assert z[200_000] / z[2_000] == pytest.approx(10, rel=0.05)
    assert (z[2_000] > 0) == (contrast == "location" or bool(p[1] > 1 / 16))  # wider: more in the end bins


def test_a_harmless_shift_stays_harmless_at_ten_million_rows() -> None:
    reference = np.full(16, 10_000_000 // 16)
    harmless, _ = evidence_of(reference, of_normal(0.02))
    assert np.all(harmless.beyond <= 0)
    assert np.all(evidence_of(reference, of_normal(0, 1.015))[0].beyond <= 0)
    harmful, at = evidence_of(reference, of_normal(0.2))
    assert harmful.beyond[0, at[SHAPE]] > 30
    assert harmful.beyond[0, at["location"]] > 30


def test_without_the_tolerance_the_same_shift_would_alarm() -> None:
    found, at = evidence_of(np.full(16, 10_000_000 // 16), of_normal(0.02))
    assert found.z[0, at["location"]] > 30


def test_shape_is_the_noncentral_chi2_of_its_statistic() -> None:
    reference, window = np.array([400, 300, 200, 100]), np.array([60, 30, 20, 90])
    n, m = window.sum(), reference.sum()
    statistic = stats.chi2_contingency(np.array([reference, window])).statistic
    tail = stats.ncx2.sf(statistic, 3, n * m / (n + m) * 0.1**2)
    assert shape_z(reference, window) == pytest.approx(stats.norm.isf(tail))


@pytest.mark.parametrize("seed", range(5))
def test_the_statistic_without_sparse_cells_is_scipys_contingency_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bins = int(rng.integers(2, 17))
    reference, window = rng.integers(50, 900, bins), rng.integers(10, 90, bins)
    statistic, freedom, _ = shape_chi2(reference.astype(float), window[None])
    exact = stats.chi2_contingency(np.array([reference, window]), correction=False)
    assert (statistic[0], freedom[0]) == (pytest.approx(exact.statistic), exact.dof)


def test_the_statistic_against_a_known_law_is_pearsons() -> None:
    p, window = np.array([0.1, 0.2, 0.3, 0.4]), np.array([30, 30, 60, 80])
    statistic, freedom, _ = shape_chi2(p * 1e12, window[None])
    assert statistic[0] == pytest.approx(stats.chisquare(window, p * 200).statistic)
    assert freedom[0] == 3


def test_shape_pools_cells_that_expect_fewer_than_five() -> None:
    reference, window = np.array([9_000, 500, 3, 2, 1]), np.array([88, 10, 1, 1, 0])
    pooled = shape_z(np.array([9_000, 500, 6]), np.array([88, 10, 2]))
    assert shape_z(reference, window) == pytest.approx(pooled)
    assert np.isnan(shape_z(np.array([50, 0]), np.array([30, 0])))  # one cell has no shape


def test_sparse_cells_that_stay_sparse_together_join_the_next() -> None:
    """Three rows where 0.05 are expected say much about that cell, but no χ² law holds for it."""
    reference, window = np.array([60_000, 40_000, 10]), np.array([290, 200, 3])
    assert shape_z(reference, window) == pytest.approx(
        shape_z(np.array([60_000, 40_010]), np.array([290, 203]))
    )


def test_the_shape_stays_finite_at_the_extremes() -> None:
    reference = np.full(16, 3_000)
    far = [shape_z(reference, np.array([10**k] + [0] * 15)) for k in (3, 5, 7)]
    assert np.all(np.isfinite(far))
    assert far == sorted(far)
    assert far[-1] > 100


@pytest.mark.parametrize("freedom", [19.0, 30.0, 199.0])
@pytest.mark.parametrize("t", [-2.0, 0.5, 3.0, 6.0, 10.0])
def test_a_t_is_worth_the_normal_with_its_tail(t: float, freedom: float) -> None:
    exact = np.sign(t) * stats.norm.isf(stats.t.sf(abs(t), freedom))
    found = normal_of_t(np.array([t]), np.array([freedom]))[0]
    assert found == pytest.approx(exact, abs=0.02)
    assert t_of_normal(abs(found), freedom) == pytest.approx(abs(t))


def test_noise_of_one_contrast_does_not_alarm_the_shape() -> None:
    """X² with one part of variance φ is no stretched χ²: over its mean it passes 1e-3 ten times too often."""
    rng, runs, n, phi = np.random.default_rng(17), 20_000, 500, 5.0
    column = Column(
        name="x", kind=Kind.NUMERIC, edges=tuple(np.arange(17.0)), reference=(10**8,) * 16 + (0,) * 4
    )
    location = contrast_basis(np.ones(16))[0]
    shifts = rng.normal(0, np.sqrt((phi - 1) / n), (runs, 1))
    shares = np.maximum(EVEN * (1 + shifts * location), 0)
    windows = np.pad(rng.multinomial(n, shares / shares.sum(1, keepdims=True)), ((0, 0), (0, 4)))
    noise = np.ones((runs, 8))
    noise[:, 3] = phi
    naive = column_raw(column, np.array(column.reference, float), windows).value[:, 7] / ((phi + 14) / 15)
    clean = column_raw(column, np.array(column.reference, float), windows, noise).value[:, 7]
    limit = stats.chi2.isf(1e-3, 15)
    assert int(np.sum(clean > limit)) <= stats.binom.ppf(0.9999, runs, 2e-3)
    assert int(np.sum(clean > stats.chi2.isf(0.1, 15))) >= stats.binom.ppf(1e-4, runs, 0.06)
    assert int(np.sum(naive > limit)) > 5e-3 * runs


@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.2), (0.6, 0.4)], ids=["three", "two"])
def test_noise_of_categories_is_taken_out_of_their_shape(shares: tuple[float, ...]) -> None:
    """X² of categories is Σ z_i² (1 - p_i): with the same φ everywhere the shape shrinks by φ."""
    names = tuple("abc"[: len(shares)])
    trained = tuple(round(share * 10**9) for share in shares)
    column = Column(name="x", kind=Kind.CATEGORICAL, categories=names, known=3, reference=(*trained, 0, 0, 0))
    n = 100_000
    rows = np.rint(np.array(shares) * n + np.array([900, -500, -400][: len(shares)])).astype(np.int64)
    window = np.array([[*rows, 0, 0, 0]])
    reference = np.array(column.reference, float)
    signals = 2 + len(shares) + 2
    plain = column_raw(column, reference, window).value[0, -1]
    quarter = column_raw(column, reference, window, np.full((1, signals), 4.0)).value[0, -1]
    assert quarter == pytest.approx(plain / 4, rel=0.02)


def test_noise_is_taken_out_of_every_kind_of_signal() -> None:
    """With φ = 4 a contrast is worth half; χ² is judged as a quarter of itself."""
    column = Column(name="x", kind=Kind.NUMERIC, edges=(0.0, 1, 2, 3, 4), reference=(500,) * 4 + (0,) * 4)
    signals = Signals((column,))
    window = np.array([[200, 150, 100, 50, 0, 0, 0, 0]])
    raw = column_raw(column, np.array(column.reference, float), window)
    infinite = np.full(len(signals), np.inf)
    plain = standardised(raw, signals, np.ones(8), infinite)
    noisy = standardised(raw, signals, np.full(8, 4.0), infinite)
    contrasts: npt.NDArray[np.intp] = np.arange(3, 6)
    assert np.allclose(noisy.z[0, contrasts], plain.z[0, contrasts] / 2)
    assert np.allclose(noisy.harmless[0, contrasts], plain.harmless[0, contrasts] / 2)
    tail = stats.ncx2.sf(raw.value[0, 7] / 4, 3, 400 * 0.01 / 4)  # n_h = 500 · 2000 / 2500
    assert noisy.z[0, 7] == pytest.approx(stats.norm.isf(tail))
