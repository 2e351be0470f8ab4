"""Shapley values against their definition: all orders of a few features, the laws, and the stated error."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import factorial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_core import shapley as module
from drift_core.schema import Matrix
from drift_core.shapley import Predict, shapley

type Rows = npt.NDArray[np.float32]


def enumerated(predict: Predict, row: Rows, background: Rows) -> Matrix:
    """The values by Shapley's formula: every feature joins every subset of the others."""
    features = len(row)

    def answer(subset: tuple[int, ...]) -> float:
        mixed = background.copy()
        mixed[:, list(subset)] = row[list(subset)]
        return float(predict(mixed).mean())

    values = np.zeros(features)
    for j in range(features):
        others = [i for i in range(features) if i != j]
        for size in range(features):
            weight = factorial(size) * factorial(features - size - 1) / factorial(features)
            for subset in combinations(others, size):
                values[j] += weight * (answer((*subset, j)) - answer(subset))
    return values


def tangled(features: int, seed: int) -> Predict:
    """A model whose features act in threes, with a threshold."""
    weights = np.random.default_rng(seed).normal(size=(features, features, features))

    def predict(rows: Rows) -> Matrix:
        x = rows.astype(float)
        cubic = np.einsum("ni,nj,nk,ijk->n", x, x, x, weights)
        return np.asarray(cubic + 3 * (x.sum(1) > 0))

    return predict


def normal(rows: int, features: int, seed: int) -> Rows:
    return np.random.default_rng(seed).normal(size=(rows, features)).astype(np.float32)


@given(features=st.integers(1, 6), seed=st.integers(0, 10_000))
def test_values_are_those_of_all_orders_within_the_stated_error(features: int, seed: int) -> None:
    """Of the largest deviation in standard errors, over all values: 6 is one case in 500 million."""
    predict, background = tangled(features, seed), normal(4, features, seed + 1)
    rows = normal(3, features, seed + 2)
    found = shapley(predict, rows, background, permutations=4_000, seed=seed)
    exact = np.array([enumerated(predict, row, background) for row in rows])
    scale = 1e-6 * np.abs(exact).max()
    assert (np.abs(found.values - exact) <= 6 * found.standard_error + scale).all()


@given(features=st.integers(1, 8), seed=st.integers(0, 10_000), halves=st.integers(1, 3))
def test_values_add_up_to_the_answer(features: int, seed: int, halves: int) -> None:
    predict, background = tangled(features, seed), normal(5, features, seed + 1)
    rows = normal(4, features, seed + 2)
    found = shapley(predict, rows, background, permutations=20 * halves, seed=seed)
    assert found.expected == pytest.approx(predict(background).mean())
    assert found.values.sum(1) + found.expected == pytest.approx(predict(rows), rel=1e-9, abs=1e-9)


@given(seed=st.integers(0, 10_000))
def test_a_feature_that_the_model_ignores_gets_nothing(seed: int) -> None:
    inner = tangled(3, seed)
    found = shapley(
        lambda rows: inner(rows[:, [0, 2, 3]]),
        normal(4, 4, seed),
        normal(2, 4, seed + 1),
        permutations=8,
        seed=seed,
    )
    assert not found.values[:, 1].any()
    assert not found.standard_error[:, 1].any()
    assert found.values[:, [0, 2, 3]].all()


def test_features_of_the_same_role_get_the_same() -> None:
    """Both directions of a product: what one gets at first, the other gets in the reverse permutation."""
    row, background = np.full((1, 3), 2, np.float32), np.zeros((1, 3), np.float32)
    found = shapley(lambda x: (x[:, 0] * x[:, 1]).astype(float), row, background, permutations=4, seed=3)
    assert found.values.tolist() == [[2.0, 2.0, 0.0]]
    assert found.standard_error.tolist() == [[0.0, 0.0, 0.0]]


@given(seed=st.integers(0, 10_000))
def test_a_sum_of_effects_needs_no_sampling(seed: int) -> None:
    weights = np.random.default_rng(seed).normal(size=5)
    rows, background = normal(6, 5, seed), normal(3, 5, seed + 1)
    found = shapley(lambda x: x @ weights, rows, background, permutations=12, seed=seed)
    assert found.values == pytest.approx(weights * (rows - background.mean(0)), abs=1e-5)
    assert (found.standard_error < 1e-6).all()


def test_values_of_a_sum_are_the_sum_of_the_values() -> None:
    one, other = tangled(4, 1), tangled(4, 2)
    rows, background = normal(5, 4, 3), normal(2, 4, 4)

    def values(predict: Callable[[Rows], Matrix]) -> Matrix:
        return shapley(predict, rows, background, permutations=16, seed=9).values

    both = values(lambda x: 2 * one(x) - other(x))
    assert both == pytest.approx(2 * values(one) - values(other))


def test_the_stated_error_is_that_of_repetitions() -> None:
    """Its square is the variance over seeds, on average; 300 seeds of 40 values know it to about 5 %."""
    predict, rows, background = tangled(5, 1), normal(8, 5, 2), normal(3, 5, 3)
    found = [shapley(predict, rows, background, permutations=24, seed=seed) for seed in range(300)]
    seen = np.var([one.values for one in found], axis=0, ddof=1).mean()
    stated = np.mean([one.standard_error**2 for one in found])
    assert 0.85 < stated / seen < 1.15


def test_the_same_values_whatever_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    predict, rows, background = tangled(5, 1), normal(9, 5, 2), normal(3, 5, 3)
    whole = shapley(predict, rows, background, permutations=12, seed=1)
    monkeypatch.setattr(module, "BATCH_ROWS", 1)
    assert (shapley(predict, rows, background, permutations=12, seed=1).values == whole.values).all()
    assert (shapley(predict, rows, background, permutations=12, seed=2).values != whole.values).any()


@pytest.mark.parametrize("permutations", [0, 4, 6, 18])
def test_permutations_serve_each_background_row_alike(permutations: int) -> None:
    with pytest.raises(ValueError, match=f"{permutations} permutations for 3 background rows; .* of 12"):
        shapley(tangled(2, 1), normal(1, 2, 1), normal(3, 2, 2), permutations=permutations, seed=0)


def test_answers_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        shapley(lambda x: np.full(len(x), np.nan), normal(1, 2, 1), normal(1, 2, 2), permutations=4, seed=0)
