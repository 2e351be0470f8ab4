"""Joint signals against textbooks: Hotelling's T², a linear classifier's AUC, Fisher's z."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import mahalanobis

from drift_core.bins import SCORE_ONE, Column, Layout
from drift_core.described import Described
from drift_core.evidence import Raw
from drift_core.history import History, Windows
from drift_core.joint import RIDGE, auc_equivalent, changed_pair, relations_raw
from drift_core.reference import Reference, Seasonal
from drift_core.relations import Relations
from drift_core.schema import Kind, Matrix
from drift_core.season import Season

N, M = 500, 40_000


class World:
    """Training rows, and the joint signals of windows against them."""

    def __init__(self, training: Matrix) -> None:
        width = training.shape[1]
        self.layout = Layout(
            tuple(Column.freeze(f"x{i}", Kind.NUMERIC, training[:, i]) for i in range(width))
        )
        history, cells = History.of(self.layout, training), np.zeros(len(training), np.int64)
        self.relations = Relations.of(history.scores, cells, seed=0)
        self.reference: Reference = Seasonal.of(self.layout, Season.NONE, history.flat, cells).reference(
            self.layout, {0: 1}
        )

    def windows(self, rows: Matrix, n: int = N) -> Windows:
        history = History.of(self.layout, rows)
        return history.windows(list(np.arange(len(rows)).reshape(-1, n)))

    def raw(self, rows: Matrix, n: int = N, *, phi: float = 1.0, one_cell: bool = True) -> Raw:
        """Columns 0 and 1 of each part: the joint shift, the correlation."""
        windows = self.windows(rows, n)
        return relations_raw(
            self.relations,
            self.layout,
            self.reference,
            windows.counts,
            windows.comoments,
            phi=np.full((len(windows.n), len(self.layout.columns)), phi),
            one_cell=one_cell,
        )


def correlated(rng: np.random.Generator, n: int, rho: float, width: int = 4) -> Matrix:
    rows: Matrix = np.sqrt(1 - rho) * rng.normal(size=(n, width))
    rows += np.sqrt(rho) * rng.normal(size=(n, 1))
    return rows


def covariance(rho: float, width: int = 4) -> Matrix:
    return np.where(np.eye(width, dtype=bool), 1.0, rho)


RNG = np.random.default_rng(21)
WORLD = World(correlated(RNG, M, 0.5))
INDEPENDENT = World(RNG.normal(size=(M, 6)))
TWINS = np.repeat(RNG.normal(size=(M, 2)), 2, axis=1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(22)


@pytest.mark.parametrize("shift", [(0.0, 0, 0, 0), (0.2, 0, 0, 0), (0.1, -0.1, 0.1, -0.1)])
def test_the_joint_shift_is_hotellings_on_normal_scores(
    shift: tuple[float, ...], rng: np.random.Generator
) -> None:
    """T² = n_h d̄ᵀR⁻¹d̄, the squared Mahalanobis distance of the mean scores, with the ridge on R."""
    rows = correlated(rng, N, 0.5) + shift
    raw = WORLD.raw(rows)
    history, layout = History.of(WORLD.layout, rows), WORLD.layout
    weighted = WORLD.reference.shares * layout.scores / SCORE_ONE
    expected = [weighted[layout.slice(i)].sum() for i in range(4)]
    d = (history.scores.mean(0) - expected) / WORLD.relations.deviation
    inverse = np.linalg.inv(WORLD.relations.correlation + RIDGE * np.eye(4))
    textbook = N * M / (N + M) * mahalanobis(d, np.zeros(4), inverse) ** 2
    eigenvalues = np.linalg.eigvalsh(WORLD.relations.correlation)
    weights = eigenvalues / (eigenvalues + RIDGE)
    scale = (weights**2).sum() / weights.sum()  # Satterthwaite: scale · χ² of this many degrees of freedom
    assert raw.value[0, 0] == pytest.approx(textbook / scale)
    assert raw.freedom[0, 0] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_the_joint_shift_is_near_hotellings_on_the_raw_values(rng: np.random.Generator) -> None:
    rows = correlated(rng, N, 0.5) + np.array([0.3, 0, -0.3, 0])
    d = rows.mean(0)
    exact = N * M / (N + M) * float(d @ np.linalg.solve(covariance(0.5), d))
    assert WORLD.raw(rows).value[0, 0] == pytest.approx(exact, rel=0.15)


def test_the_null_law_of_the_joint_shift_is_chi2(rng: np.random.Generator) -> None:
    raw = WORLD.raw(correlated(rng, 600 * N, 0.5))
    p_values = np.asarray(stats.chi2.sf(raw.value[:, 0], raw.freedom[:, 0]))
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4
    assert raw.spread[:, 0].mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 4 / 600))


def test_a_shift_against_the_correlation_counts_for_more_than_one_along_it(rng: np.random.Generator) -> None:
    rows = correlated(rng, 20 * N, 0.5)
    along, against = (WORLD.raw(rows + step).value[:, 0].mean() for step in ([0.2] * 4, [0.2, -0.2] * 2))
    assert against > 3 * along  # 1/(1 - ρ) against 1/(1 + 3ρ): five times without the sampling error
    assert along > 2 * 4


def test_twin_columns_do_not_blow_up_the_joint_shift() -> None:
    """Without the ridge R is singular, and rounding would decide."""
    world = World(TWINS)
    rng = np.random.default_rng(3)
    raw = world.raw(np.repeat(rng.normal(size=(200 * N, 2)), 2, axis=1))
    assert np.all(np.isfinite(raw.value[:, 0]))
    assert 2 < raw.freedom[0, 0] < 3.5  # as if correlated by 0.995
    p_values = np.asarray(stats.chi2.sf(raw.value[:, 0], raw.freedom[:, 0]))
    for level in (0.3, 0.05, 0.01):  # conservative, for twins never differ at all
        assert int(np.sum(p_values < level)) <= stats.binom.ppf(0.9999, 200, level)
    shifted = world.raw(np.repeat(rng.normal(0.3, 1, size=(20 * N, 2)), 2, axis=1))
    assert np.all(stats.chi2.sf(shifted.value[:, 0], shifted.freedom[:, 0]) < 1e-4)


def test_noise_of_the_means_is_taken_out_of_the_joint_shift(rng: np.random.Generator) -> None:
    rows = correlated(rng, N, 0.5)
    assert WORLD.raw(rows, phi=4.0).value[0, 0] == pytest.approx(WORLD.raw(rows).value[0, 0] / 4)


@pytest.mark.parametrize("shift", [(0.2, 0, 0, 0), (0.3, -0.3, 0.3, -0.3), (1.0, 1.0, 0, 0)])
def test_auc_equivalent_is_that_of_the_best_linear_classifier(shift: tuple[float, ...]) -> None:
    """Φ(Δ/√2) for normal columns, and what Fisher's discriminant really reaches on raw rows."""
    rng, n = np.random.default_rng(5), 20_000
    rows, d = correlated(rng, n, 0.5) + shift, np.array(shift)
    direction = np.linalg.solve(covariance(0.5), d)
    exact = stats.norm.cdf(np.sqrt(d @ direction / 2))
    training = correlated(rng, n, 0.5)
    u = stats.mannwhitneyu(rows @ direction, training @ direction).statistic / n**2
    found = auc_equivalent(WORLD.relations, WORLD.layout, WORLD.reference, WORLD.windows(rows, n).counts[0])
    assert u == pytest.approx(exact, abs=0.01)
    assert found == pytest.approx(exact, abs=0.02)


def test_auc_equivalent_is_a_half_without_drift_on_average(rng: np.random.Generator) -> None:
    """The expected part of T² is taken off, so about half of the windows say exactly a half."""
    windows = WORLD.windows(correlated(rng, 200 * N, 0.5))
    found = [
        auc_equivalent(WORLD.relations, WORLD.layout, WORLD.reference, counts) for counts in windows.counts
    ]
    halves = np.mean(np.array(found) == 0.5)
    assert 0.4 < halves < 0.75
    assert max(found) < 0.6


def test_a_new_correlation_is_found_and_its_pair_named() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        rows = rng.normal(size=(N, 6))
        rows[:, 4] = 0.5 * rows[:, 1] + np.sqrt(0.75) * rows[:, 4]
        raw = INDEPENDENT.raw(rows)
        assert raw.value[0, 1] - raw.harmless[0, 1] > 5.5
        assert raw.value[0, 0] < stats.chi2.isf(1e-6, 6)  # the means tell nothing
        windows = INDEPENDENT.windows(rows)
        pair = changed_pair(
            INDEPENDENT.relations, INDEPENDENT.layout, windows.counts[0], windows.comoments[0]
        )
        assert pair is not None
        assert (pair.first, pair.second) == ("x1", "x4")
        assert pair.before == pytest.approx(0, abs=0.03)
        assert pair.now == pytest.approx(np.corrcoef(rows[:, 1], rows[:, 4])[0, 1], abs=0.05)


def test_a_correlation_that_is_lost_is_found_too() -> None:
    raw = WORLD.raw(np.random.default_rng(7).normal(size=(10 * N, 4)))
    assert np.all(raw.value[:, 1] - raw.harmless[:, 1] > 5.5)


@pytest.mark.parametrize("world", [INDEPENDENT, WORLD], ids=["independent", "correlated"])
def test_the_null_law_of_the_largest_change_is_that_of_the_largest_normal(world: World) -> None:
    """Exact for independent pairs, from above for correlated ones (Šidák)."""
    rng, runs = np.random.default_rng(8), 1_000
    independent = world is INDEPENDENT
    raw = world.raw(rng.normal(size=(runs * N, 6)) if independent else correlated(rng, runs * N, 0.5))
    width = len(world.layout.columns)
    assert np.all(raw.freedom[:, 1] == width * (width - 1) / 2)
    p_values = 1 - (2 * stats.norm.cdf(raw.value[:, 1]) - 1) ** raw.freedom[:, 1]
    for level in (0.05, 0.01):
        alarms = int((p_values < level).sum())
        assert alarms <= stats.binom.ppf(0.9999, runs, 1.3 * level)
        if independent:
            assert alarms >= stats.binom.ppf(1e-4, runs, 0.6 * level)


def test_columns_that_are_uncorrelated_but_not_independent_make_no_false_alarms() -> None:
    """y = ±x: the variance of their Fisher z is E x⁴, for normal scores 2.4; with 1, |z| > 3 comes in 5 %."""
    rng, runs = np.random.default_rng(9), 1_000

    def tied(n: int) -> Matrix:
        x = rng.normal(size=n)
        return np.column_stack([x, x * rng.choice([-1.0, 1.0], n)])

    world = World(tied(M))
    scores = History.of(world.layout, tied(M)).scores[:, 0]
    assert world.relations.fisher_variance[0, 1] == pytest.approx(stats.kurtosis(scores) + 3, rel=0.05)
    raw = world.raw(tied(runs * N))
    assert int((raw.value[:, 1] > 3).sum()) <= stats.binom.ppf(0.9999, runs, 1.5 * 2 * stats.norm.sf(3))


def test_over_several_hours_of_a_season_correlations_are_not_judged(rng: np.random.Generator) -> None:
    rows = correlated(rng, N, 0.5)
    assert np.isnan(WORLD.raw(rows, one_cell=False).value[0, 1])
    assert np.isfinite(WORLD.raw(rows, one_cell=False).value[0, 0])
    assert np.isnan(WORLD.raw(rows[:99], 99).value[0, 1])  # nor are those of a handful of rows


def test_what_season_explains_is_no_relation() -> None:
    rng = np.random.default_rng(10)
    cells = np.repeat(np.arange(24), 500)
    rows = rng.normal(size=(len(cells), 2)) + 3 * np.sin(cells * 2 * np.pi / 24)[:, None]
    assert abs(Relations.of(rows, cells, seed=0).correlation[0, 1]) < 0.05
    assert Relations.of(rows, np.zeros_like(cells), seed=0).correlation[0, 1] > 0.7


def test_columns_that_never_vary_have_no_relations() -> None:
    rng = np.random.default_rng(11)
    world = World(np.column_stack([rng.normal(size=(M, 2)), np.full(M, 5.0)]))
    raw = world.raw(np.column_stack([rng.normal(size=(N, 2)), np.full(N, 5.0)]))
    assert np.all(np.isfinite(raw.value))
    assert raw.freedom[0].tolist() == [pytest.approx(2, abs=0.01), 1]


def test_json_round_trip_of_relations_is_exact() -> None:
    read = Relations.from_json(
        Described(json.loads(json.dumps(WORLD.relations.to_json()))), len(WORLD.relations.deviation)
    )
    for name in ("deviation", "correlation", "fisher_variance"):
        assert np.array_equal(getattr(read, name), getattr(WORLD.relations, name))
