"""Squeezing: like variances learn from each other, and those that differ keep their own."""

import numpy as np
import pytest
from scipy import special, stats

from drift_core.schema import Matrix
from drift_core.squeeze import FEWEST_ALIKE, squeezed

FREEDOM = 99.0


def measured(truth: Matrix, rng: np.random.Generator) -> Matrix:
    """Variances as 100 windows show them."""
    return truth * rng.chisquare(FREEDOM, len(truth)) / FREEDOM


def loss(found: Matrix, truth: Matrix) -> float:
    return float(((np.log(found) - np.log(truth)) ** 2).mean())


def test_equal_variances_are_pooled_and_worth_all_their_windows() -> None:
    rng = np.random.default_rng(1)
    raw: list[float] = []
    better: list[float] = []
    worth: list[float] = []
    for _ in range(40):
        truth = np.full(30, 1.8)
        phi = measured(truth, rng)
        found, freedom = squeezed(phi, FREEDOM, 30.0)
        raw.append(loss(phi, truth))
        better.append(loss(found, truth))
        worth.append(freedom)
    assert np.mean(better) < 0.25 * np.mean(raw)
    assert np.median(worth) > 4 * FREEDOM


@pytest.mark.parametrize("prior", [10.0, 50.0, 300.0])
def test_drawing_towards_each_other_never_costs_and_the_prior_is_found(prior: float) -> None:
    """Variances from a scaled inverse χ², the law of Smyth's model: nearer to the truth on average."""
    rng = np.random.default_rng(int(prior))
    raw: list[float] = []
    better: list[float] = []
    worth: list[float] = []
    for _ in range(60):
        truth = 2.0 * prior / rng.chisquare(prior, 40)
        phi = measured(truth, rng)
        found, freedom = squeezed(phi, FREEDOM, 1e9)
        raw.append(loss(phi, truth))
        better.append(loss(found, truth))
        worth.append(freedom - FREEDOM)
    error = np.std(np.subtract(better, raw)) / np.sqrt(len(raw))
    assert np.mean(better) < np.mean(raw) - 2 * error
    assert prior / 2.5 < np.median(worth) < 2.5 * prior


def test_one_noisy_signal_among_quiet_ones_keeps_nearly_all_its_noise() -> None:
    phi = measured(np.array([1.0] * 9 + [20.0]), np.random.default_rng(3))
    found, _ = squeezed(phi, FREEDOM, 10.0)
    assert found[-1] > 0.9 * phi[-1]
    assert np.all(np.abs(np.log(found[:-1] / phi[:-1])) < 0.3)


def test_signals_that_say_the_same_are_not_counted_twice() -> None:
    phi = np.full(10, 1.5) * np.linspace(0.99, 1.01, 10)
    assert squeezed(phi, FREEDOM, 1.0)[1] == FREEDOM
    assert squeezed(phi, FREEDOM, 3.0)[1] == 3 * FREEDOM


@pytest.mark.parametrize("beyond", [0.0, 1e-7, 1e-9])
def test_a_spread_that_chance_explains_almost_to_the_bit_has_an_answer(beyond: float) -> None:
    logs = np.linspace(-1, 1, 8)
    logs *= np.sqrt((special.polygamma(1, FREEDOM / 2) + beyond) / logs.var(ddof=1))
    found, freedom = squeezed(np.exp(logs), FREEDOM, 8.0)
    assert np.allclose(found, found[0], rtol=1e-3)
    assert freedom == 8 * FREEDOM


def test_few_signals_are_left_as_they_are() -> None:
    phi = np.linspace(1, 2, FEWEST_ALIKE - 1)
    found, freedom = squeezed(phi, FREEDOM, 4.0)
    assert np.array_equal(found, phi)
    assert freedom == FREEDOM


def test_a_z_over_squeezed_noise_holds_its_level() -> None:
    """Student's t of the freedom that is told: no more alarms beyond its 1e-3 quantile than that."""
    rng, runs, alarms, k = np.random.default_rng(5), 400, 0, 30
    for _ in range(runs):
        found, freedom = squeezed(measured(np.full(k, 1.5), rng), FREEDOM, float(k))
        t = rng.normal(0, np.sqrt(1.5), (20, k)) / np.sqrt(found)
        alarms += int((np.abs(t) > stats.t.isf(5e-4, freedom)).sum())
    assert alarms <= stats.binom.ppf(0.9999, runs * 20 * k, 1.1e-3)
    assert alarms >= stats.binom.ppf(1e-4, runs * 20 * k, 0.7e-3)
