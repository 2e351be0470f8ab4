"""Noise between windows: measured within its sampling error, never mistaken for drift or drift for it."""

import json
import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal, stats

from drift_core.bins import Column
from drift_core.described import Described
from drift_core.evidence import contrast_z, effective_rows, normal_of_t
from drift_core.noise import FEWEST_SPANS, GROSS_SHIFT, Noise
from drift_core.schema import Kind, Matrix

RNG = np.random.default_rng(12)
COLUMN = Column.freeze("x", Kind.NUMERIC, RNG.normal(size=200_000))
REFERENCE = np.array(COLUMN.reference[: COLUMN.inner], float)
TWO_SIDED, ONE_SIDED = np.array([True]), np.array([False])
M = np.array([200_000.0])


def locations(windows: Matrix) -> Matrix:
    """The location signal of each row of values, shape (windows, 1)."""
    inside = np.clip(windows, COLUMN.edges[0], np.nextafter(COLUMN.edges[-1], 0))
    counts = np.array([np.bincount(COLUMN.index(values), minlength=COLUMN.inner) for values in inside])
    return contrast_z(REFERENCE, counts)[:, :1]


def factors(noise: Noise, n: int, effective: Matrix, signed: npt.NDArray[np.bool_]) -> tuple[Matrix, Matrix]:
    """φ of a window of n rows, and the degrees of freedom behind it."""
    phi, tail = noise.measured(signed)
    behind = np.maximum(noise.spans - 1.0, 1.0)
    grown = noise.at(np.array([[n]]), phi, np.atleast_2d(effective), behind)[0]
    return grown, np.where(signed, np.minimum(behind, tail), tail)


def measured(spread: Matrix, n: int, *, rows: int | None = None) -> tuple[float, float]:
    """φ and its freedom for a span of as many rows, after spans of n."""
    noise = Noise.of(spread, np.full(len(spread), n))
    at = n if rows is None else rows
    phi, freedom = factors(noise, at, effective_rows(at, M), TWO_SIDED)
    return float(phi[0]), float(freedom[0])


def chi2_bounds(spans: int) -> tuple[float, float]:
    return stats.chi2.ppf(1e-4, spans - 1) / (spans - 1), stats.chi2.isf(1e-4, spans - 1) / (spans - 1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(13)


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_a_shift_common_to_the_rows_of_a_window_is_measured(spread: float, rng: np.random.Generator) -> None:
    """φ = (1 + n τ² 3/π): the midrank's correlation with a normal value is √(3/π)."""
    n, spans = 400, 300
    shifts = rng.normal(0, spread, (spans, 1))
    phi, freedom = measured(locations(rng.normal(size=(spans, n)) + shifts), n)
    low, high = chi2_bounds(spans)
    truth = 1 + n * spread**2 * 3 / math.pi
    assert 0.95 * low * truth < phi < 1.05 * high * truth
    assert freedom == spans - 1


def test_autocorrelated_rows_are_measured(rng: np.random.Generator) -> None:
    """AR(0.3): φ is 1 + 2 Σ (6/π) arcsin(0.3^k / 2), since midranks correlate as Spearman's rho does."""
    n, spans = 400, 300
    rows = signal.lfilter([math.sqrt(1 - 0.09)], [1, -0.3], rng.normal(size=n * spans)).reshape(spans, n)
    phi, _ = measured(locations(rows), n)
    truth = 1 + 2 * sum(6 / math.pi * math.asin(0.3**k / 2) for k in range(1, 30))
    low, high = chi2_bounds(spans)
    assert 0.95 * low * truth < phi < 1.05 * high * truth


def test_independent_rows_have_no_noise(rng: np.random.Generator) -> None:
    n, spans = 400, 300
    phi, _ = measured(locations(rng.normal(size=(spans, n))), n)
    assert 1 <= phi < chi2_bounds(spans)[1]


def test_a_shift_that_was_there_from_the_start_is_not_noise(rng: np.random.Generator) -> None:
    spread = rng.normal(size=(100, 1))
    assert measured(spread + 7, 500) == pytest.approx(measured(spread, 500))


def test_a_noise_of_few_spans_needs_more_evidence(rng: np.random.Generator) -> None:
    """z over an estimated deviation follows Student's t; judged as it is, |z| > 3.5 comes often."""
    runs, spans, phi = 40_000, FEWEST_SPANS, 9.0
    values = math.sqrt(phi) * rng.normal(size=(spans, runs))
    noise = Noise.of(values, np.full(spans, 500))
    found, freedom = factors(noise, 500, np.full(runs, 500.0), np.full(runs, True))
    raw = math.sqrt(phi) * rng.normal(size=runs) / np.sqrt(found)
    expected = 2 * stats.norm.sf(3.5)
    assert int((np.abs(normal_of_t(raw, freedom)) > 3.5).sum()) <= stats.binom.ppf(
        0.9999, runs, 1.2 * expected
    )
    assert int((np.abs(raw) > 3.5).sum()) > 4 * runs * expected


def test_unknown_noise_is_taken_as_gross_so_that_only_gross_shifts_alarm(rng: np.random.Generator) -> None:
    for noise in (
        Noise.none(1),
        Noise.of(rng.normal(size=(FEWEST_SPANS - 1, 1)), np.full(FEWEST_SPANS - 1, 500)),
    ):
        phi, _ = factors(noise, 500, np.array([500.0]), TWO_SIDED)
        assert phi[0] == 1 + 500 * GROSS_SHIFT**2
    phi, _ = factors(Noise.none(1), 10_000_000, np.array([10_000_000.0]), TWO_SIDED)
    assert math.sqrt(10_000_000 / phi[0]) * 0.6 > 5.5  # 0.6 σ alarms at any n
    assert math.sqrt(10_000_000 / phi[0]) * 0.5 < 5.5


def test_one_sided_signals_take_their_mean() -> None:
    noise = Noise.of(np.full((50, 1), 2.5), np.full(50, 500))
    assert factors(noise, 500, np.array([500.0]), ONE_SIDED)[0][0] == 2.5


def test_noise_grows_with_the_rows_up_to_the_usual_and_beyond_by_what_is_certain(
    rng: np.random.Generator,
) -> None:
    """φ = 1 + (n - 1) ρ for a shift common to a window; a chance excess must not grow twentyfold."""
    usual, spans, common = 500, 400, 0.1
    z = rng.normal(size=(spans, 1)) * math.sqrt(1 + usual * common**2)
    at = {n: measured(z, usual, rows=n)[0] for n in (50, 100, 500, 10_000)}
    rho = (at[500] - 1) / (usual - 1)
    assert at[50] == pytest.approx(1 + 49 * rho)
    assert at[100] == pytest.approx(1 + 99 * rho)
    truth = 1 + 10_000 * common**2
    assert 0.6 * truth < at[10_000] < 1.3 * truth
    chance = np.sqrt((spans - 1) / spans * 1.08) * np.tile([1.0, -1.0], spans // 2)[:, None]
    assert measured(chance, usual)[0] == pytest.approx(1.08, abs=0.001)
    assert measured(chance, usual, rows=10_000)[0] == pytest.approx(1.08, abs=0.001)


def test_spans_add_in_any_grouping_and_those_without_the_signal_count_for_nothing(
    rng: np.random.Generator,
) -> None:
    spread, n = rng.normal(size=(60, 3)), rng.integers(100, 900, 60)
    spread[::4, 1] = np.nan
    whole = Noise.of(spread, n)
    parts = [Noise.of(spread[i::3], n[i::3]) for i in range(3)]
    merged = parts[2] + (parts[0] + parts[1]) + Noise.none(3)
    for name in ("spans", "rows", "powers"):
        assert np.allclose(getattr(merged, name), getattr(whole, name))
    assert whole.spans.tolist() == [60, 45, 60]
    assert whole.count == 60
    kept = ~np.isnan(spread[:, 1])
    alone = Noise.of(spread[kept, 1:2], n[kept])
    assert whole.rows[1] == alone.rows[0]
    assert whole.powers[:, 1] == pytest.approx(alone.powers[:, 0])


def test_signals_that_training_cannot_tell_take_the_noise_of_traffic(rng: np.random.Generator) -> None:
    training = Noise.of(np.where([True, False], rng.normal(size=(50, 2)), np.nan), np.full(50, 500))
    live = Noise.of(rng.normal(size=(30, 2)), np.full(30, 200))
    both = training.or_else(live)
    assert both.spans.tolist() == [50, 30]
    assert both.powers[1].tolist() == [training.powers[1, 0], live.powers[1, 1]]


def test_json_round_trip_is_exact(rng: np.random.Generator) -> None:
    noise = Noise.of(rng.normal(size=(60, 3)), np.full(60, 321))
    read = Noise.from_json(Described(json.loads(json.dumps(noise.to_json()))), len(noise.spans))
    for name in ("spans", "rows", "powers"):
        assert np.array_equal(getattr(read, name), getattr(noise, name))
