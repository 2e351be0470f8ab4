"""Clumping: the correlation of rows in one window, measured as it was made, and none where there is none."""

import numpy as np
import pytest

from drift_core.clumping import clumping, inflation, window_rows


def beta_binomial(rho: float, rows: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chances = (
        rng.beta(0.2 * (1 / rho - 1), 0.8 * (1 / rho - 1), len(rows)) if rho else np.full(len(rows), 0.2)
    )
    windows = np.repeat(np.arange(len(rows)), rows)
    return rng.random(len(windows)) < chances[windows], windows


@pytest.mark.parametrize("rho", [0.02, 0.1, 0.5])
def test_it_is_the_correlation_that_the_rows_were_made_with(rho: float) -> None:
    found = [clumping(*beta_binomial(rho, [5, 50, 500] * 100, seed)) for seed in range(20)]
    assert np.mean(found) == pytest.approx(rho, rel=0.1)


def test_independent_rows_have_none_in_nineteen_of_twenty_samples() -> None:
    found = [clumping(*beta_binomial(0.0, [3, 30] * 60, seed)) for seed in range(200)]
    assert np.count_nonzero(found) <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05)


def test_windows_of_single_rows_and_shares_without_spread_tell_nothing() -> None:
    rng = np.random.default_rng(0)
    assert clumping(rng.random(100) < 0.3, np.arange(100)) == 0
    assert clumping(np.ones(100, bool), np.arange(100) // 10) == 0


def test_inflation_is_the_variance_of_a_share_over_that_of_independent_rows() -> None:
    rho, rows = 0.1, 40
    counts, windows = beta_binomial(rho, [rows] * 20_000, 1)
    shares = np.bincount(windows, counts) / rows
    assert shares.var() / (0.2 * 0.8 / rows) == pytest.approx(float(inflation(np.array(rho), rows)), rel=0.05)


def test_rows_that_a_row_shares_its_window_with() -> None:
    assert window_rows(np.arange(7)) == 1
    assert window_rows(np.array([1] * 9 + [2])) == pytest.approx((81 + 1) / 10)
