"""Naming: the guilty within their rate of false names, and units that changed."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift_core.bins import Column, Layout
from drift_core.naming import e_bh, log_e_of_chart, log_e_of_z, unit_factor
from drift_core.schema import Feature, Kind, Matrix
from drift_core.window import WindowState

RNG = np.random.default_rng(31)
PRICES = Column.freeze("price", Kind.NUMERIC, RNG.gamma(5, 20, 50_000))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(32)


@given(st.lists(st.floats(-3, 9), min_size=1, max_size=7), st.sampled_from([0.05, 0.1, 0.3]))
def test_e_bh_names_the_largest_set_whose_members_all_suffice(log_e: list[float], level: float) -> None:
    """By trying every set: each of its e-values must reach K / (level · size of the set)."""
    names = {f"x{i}": value for i, value in enumerate(log_e)}
    enough = [
        set(chosen)
        for size in range(len(names) + 1)
        for chosen in itertools.combinations(names, size)
        if all(names[name] >= math.log(len(names) / (level * size)) for name in chosen)
    ]
    found = e_bh(names, level)
    assert found in enough
    assert len(found) == max(map(len, enough))
    if found:
        assert min(names[name] for name in found) >= max(
            (value for name, value in names.items() if name not in found), default=-math.inf
        )


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_share_of_false_names_is_within_its_level(correlation: float) -> None:
    """Ten of twenty columns drift; e-values are likelihood ratios, so their means are 1 for the others."""
    rng, runs, level, drift = np.random.default_rng(2), 3_000, 0.1, 3.0
    shares, found = [], 0
    for _ in range(runs):
        common = rng.normal()
        z = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * rng.normal(size=20)
        z[:10] += drift
        named = e_bh({f"{i}": drift * value - drift**2 / 2 for i, value in enumerate(z)}, level)
        false = sum(int(name) >= 10 for name in named)
        shares.append(false / max(len(named), 1))
        found += len(named) - false
    error = np.std(shares) / math.sqrt(runs)
    assert np.mean(shares) < level + 4 * error
    assert found / (10 * runs) > 0.5  # and they are found


@pytest.mark.parametrize("tests", [1, 7])
def test_evidence_of_a_span_becomes_an_e_value(tests: int) -> None:
    """The mean of 1 / (2√p) is 1 for one uniform p, and not above for Bonferroni's of several."""
    p = (np.arange(2_000_000) + 0.5) / 2_000_000
    largest = stats.norm.isf(1 - (1 - p[::20]) ** (1 / tests))  # of `tests` independent normals
    mean = np.mean([math.exp(log_e_of_z(float(z), tests)) for z in largest])
    assert mean < 1.01
    if tests == 1:
        assert mean > 0.97


def test_a_chart_at_its_conservative_threshold_is_an_e_value_of_one() -> None:
    assert log_e_of_chart(math.log(17_280 * 64), 17_280, 64) == pytest.approx(0)
    assert log_e_of_chart(20.0, 17_280, 64) == pytest.approx(20 - math.log(17_280 * 64))


def factor_of(values: Matrix, column: Column = PRICES) -> float | None:
    layout = Layout((column,))
    n = len(values)
    state = WindowState.of(layout, values[:, None], np.arange(n), np.arange(n, dtype=np.uint64))
    return unit_factor(column, state.moments[0])


@pytest.mark.parametrize("factor", [1_000.0, 1e-3, 25.4, 1 / 25.4, 2.54, 60, 1 / 60, 1.609344, 1e6])
@pytest.mark.parametrize("n", [600, 20_000])
def test_a_change_of_unit_is_named(factor: float, n: int, rng: np.random.Generator) -> None:
    assert factor_of(factor * rng.gamma(5, 20, n)) == pytest.approx(factor)


def test_kilobytes_of_two_kinds_are_told_apart_by_many_rows(rng: np.random.Generator) -> None:
    """1,000 and 1,024 differ by 0.034 in log2; 20,000 rows tell the mean to 0.005."""
    assert [factor_of(factor * rng.gamma(5, 20, 20_000)) for factor in (1_000, 1_024)] == [1_000, 1_024]


def test_a_unit_is_found_although_the_training_mean_is_itself_uncertain() -> None:
    """Three standard errors of both samples: in nearly all worlds, with 2,000 training rows."""
    found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        column = Column.freeze("price", Kind.NUMERIC, rng.gamma(5, 20, 2_000))
        found += factor_of(60 * rng.gamma(5, 20, 30_000), column) == 60
    assert found >= stats.binom.ppf(1e-4, 60, 0.997)


@pytest.mark.parametrize("drift", [1.0, 0.8, 1.25, 1.4, 5.0, 40.0])
def test_natural_drift_is_not_taken_for_a_unit(drift: float, rng: np.random.Generator) -> None:
    assert factor_of(drift * rng.gamma(5, 20, 2_000)) is None


def test_a_shift_of_the_mean_is_not_taken_for_a_unit(rng: np.random.Generator) -> None:
    assert factor_of(rng.gamma(5, 20, 2_000) + 40) is None


def test_few_rows_and_columns_without_numbers_name_no_unit(rng: np.random.Generator) -> None:
    assert factor_of(1_000 * rng.gamma(5, 20, 30)) is None  # 30 rows tell the mean of log2|x| to ± 0.4
    assert factor_of(np.zeros(600)) is None
    assert factor_of(np.full(600, np.nan)) is None
    area = Column.of_feature(Feature(name="a", kind=Kind.BOOLEAN), rng.integers(0, 2, 100).astype(float))
    assert factor_of(np.ones(600), area) is None
