"""Charts: a fair game without drift, deaf to harmless drift, and quick to add up any other."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift_core.charts import BASELINE_ERROR, CEILING, DELTAS, NEVER, Charts, allowance, number_of_charts
from drift_core.evidence import contrast_z
from drift_core.schema import Matrix
from drift_core.thresholds import conservative

UP, DOWN = 0, 1
MINUTES = 300_000


def played(
    z: Matrix, harmless: float = 0.0, b: float = 0.0, *, charts: Charts | None = None, two_sided: bool = True
) -> Charts:
    """The charts of as many signals as z has columns, after all its rows."""
    width = z.shape[1]
    charts = charts or Charts.start(width)
    sides = np.full(width, two_sided)
    for i, row in enumerate(z):
        harmless_, b_ = np.full(width, harmless), np.full(width, b)
        charts = charts.advanced(row, harmless_, b_, two_sided=sides, start=i * MINUTES)
    return charts


def by_hand(z: list[float], delta: float, harmless: float, b: float) -> float:
    kappa, evidence = max(harmless, b), 0.0
    bet = min(delta + 2 * (kappa - b), 2 * delta)
    for value in z:
        evidence = max(0.0, evidence + bet * (value - kappa - delta / 2))
    return evidence


@given(
    st.lists(st.floats(-6, 6), min_size=1, max_size=12),
    st.floats(0, 2),
    st.floats(0, 2),
)
def test_the_recursion_is_the_one_of_the_method(z: list[float], harmless: float, b: float) -> None:
    charts = played(np.array(z)[:, None], harmless, b)
    for i, delta in enumerate(DELTAS):
        assert charts.evidence[0, UP, i] == pytest.approx(by_hand(z, delta, harmless, b))
        mirrored = [-value for value in z]
        assert charts.evidence[0, DOWN, i] == pytest.approx(by_hand(mirrored, delta, harmless, b))


@pytest.mark.parametrize(("harmless", "b"), [(0.0, 0.0), (0.2, 0.35), (0.67, 0.35), (2.0, 0.5)])
def test_a_chart_is_a_fair_game_when_the_drift_is_the_allowance(harmless: float, b: float) -> None:
    """E exp(gain) is 1 at drift b and less below: the integral over the normal law, not a simulation.

    A bet that was cut is fair at κ - Δ/2 instead, which is more.
    """
    kappa, deltas = max(harmless, b), np.array(DELTAS)
    fair_at = np.maximum(b, np.where(2 * (kappa - b) > deltas, kappa - deltas / 2, b))
    z = np.linspace(-14, 14, 20_001)
    before = Charts(np.full((len(z), 2, 4), 500.0), np.zeros((len(z), 2, 4), np.int64))
    gain = played(z[None], harmless, b, charts=before).evidence - 500
    for side, sign in ((UP, 1), (DOWN, -1)):
        for i, fair in enumerate(fair_at.tolist()):
            for drift, expected in ((fair, 1.0), (fair - 0.1, None), (min(b, fair) - 0.5, None)):
                weight = stats.norm.pdf(z, sign * drift) * (z[1] - z[0])
                found = float((np.exp(gain[:, side, i]) * weight).sum())
                assert found < 1 if expected is None else found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("error", [0.0, 1.0], ids=["exact baseline", "largest error allowed for"])
def test_a_bank_alarms_within_its_budget_even_if_the_baseline_is_wrong(error: float) -> None:
    """P(an alarm in T windows) <= T / A at h = ln(A N) (e-detector), under dependence between signals too."""
    rng, streams, windows, signals, b = np.random.default_rng(7), 150, 100, 5, 0.35
    h = conservative(4 * windows, number_of_charts(np.full(signals, True)))
    alarms = 0
    for _ in range(streams):
        common = rng.normal(size=(windows, 1))
        z = math.sqrt(0.5) * (common + rng.normal(size=(windows, signals))) + error * b
        charts, highest = Charts.start(signals), 0.0
        for row in z:
            charts = played(row[None], 0.67, b, charts=charts)
            highest = max(highest, float((charts.evidence / h).max()))
        alarms += highest > 1
    assert alarms <= stats.binom.ppf(0.9999, streams, 0.25)


def test_without_an_allowance_the_error_of_the_baseline_becomes_alarms() -> None:
    """Three standard errors of a baseline of 5,000 rows: a shift of every z by 0.9 that never ends."""
    rng, b = np.random.default_rng(8), float(allowance(500, np.array(5_000.0)))
    z = rng.normal(b * 3 / BASELINE_ERROR, 1, (400, 1))
    h = conservative(17_280, 400)
    assert (played(z, 0.0, 0.0).evidence / h).max() > 1
    assert (played(z, 0.0, b).evidence / h).max() < 1


def test_harmless_drift_never_adds_up() -> None:
    """At a drift of exactly κ every chart falls on average, by λΔ/2 a window; at κ + Δ/2 it stands still."""
    harmless, b = 0.67, 0.35
    steady = played(np.full((3_000, 1), harmless), harmless, b)
    assert np.all(steady.evidence == 0)
    rng = np.random.default_rng(9)
    noisy = rng.normal(0.9 * harmless, 1, (2_000, 40))
    early, late = (played(noisy[:end], harmless, b).evidence[:, UP] for end in (400, 2_000))
    assert late.mean() < early.mean() + 4 * early.std() / math.sqrt(early.size)
    assert late.max() < conservative(17_280, 400)[0]


def test_nearly_all_that_is_harmless_stays_so_in_windows_of_very_many_rows() -> None:
    """100,000 rows against a million: κ is 9 and the bet is cut, or 0.9 κ would alarm in every stream."""
    harmless, b = 9.0, float(allowance(100_000, np.array(1e6)))
    z = np.random.default_rng(10).normal(0.9 * harmless, 1, (400, 40))
    assert played(z, harmless, b).evidence[:, UP].max() < conservative(17_280, 400)[0]


def test_without_the_tolerance_harmless_drift_adds_up_for_ever() -> None:
    rng = np.random.default_rng(9)
    z = rng.normal(0.67, 1, (2_000, 1))
    assert played(z, 0.0, 0.35).evidence[0, UP].max() > conservative(17_280, 400)[0]
    assert played(z, 0.67, 0.35).evidence[0, UP].max() < conservative(17_280, 400)[0]


@pytest.mark.parametrize("i", range(4))
def test_the_gain_changes_its_sign_at_half_a_delta_beyond_the_tolerance(i: int) -> None:
    harmless, b = 0.67, 0.35
    edge = harmless + DELTAS[i] / 2
    assert played(np.full((50, 1), edge - 0.01), harmless, b).evidence[0, UP, i] == 0
    assert played(np.full((50, 1), edge + 0.01), harmless, b).evidence[0, UP, i] > 0


@pytest.mark.parametrize(("drift", "windows"), [(1.0, 40), (2.0, 12), (4.0, 5)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_drift_beyond_the_tolerance_is_found_soon(drift: float, windows: int, sign: int) -> None:
    """Beside every bound on false alarms: a bank of 400 charts finds a lasting drift on its side."""
    rng, h = np.random.default_rng(10), conservative(17_280, 400)
    found = 0
    for _ in range(40):
        z = sign * rng.normal(0.35 + drift, 1, (windows, 1))
        evidence = played(z, 0.35, 0.35).evidence[0]
        found += bool((evidence[UP if sign > 0 else DOWN] > h).any())
        assert not (evidence[DOWN if sign > 0 else UP] > h).any()
    assert found >= stats.binom.ppf(1e-4, 40, 0.7)


def test_a_chart_that_was_capped_comes_down_soon_after_the_drift() -> None:
    h = conservative(17_280, 400)
    charts = Charts.start(1)
    for _ in range(1_000):
        charts = played(np.full((1, 1), 6.0), 0.3, 0.35, charts=charts).capped(h)
    assert np.all(charts.evidence[0, UP] == CEILING * h)
    fall = [(CEILING - 1) * h[i] / (delta * 0.35 + delta**2 / 2) for i, delta in enumerate(DELTAS)]
    windows = math.ceil(max(fall)) + 1
    assert windows <= 15
    after = played(np.zeros((windows, 1)), 0.3, 0.35, charts=charts)
    assert np.all(after.evidence[0, UP] < h)


def test_a_chart_tells_since_when_it_grows() -> None:
    z = np.array([[-1.0]] * 10 + [[3.0]] * 5)
    charts = played(z)
    score, since = charts.scores(np.full(4, 10.0))
    assert since[0] == 10 * MINUTES
    assert score[0] == charts.evidence.max() / 10
    assert np.all(charts.since[0, DOWN] == NEVER)
    assert np.all(played(np.full((60, 1), -1.0), charts=charts).since[0, UP] == NEVER)


def test_a_window_without_the_signal_leaves_its_charts_alone() -> None:
    charts = played(np.array([[3.0, 3.0], [3.0, 3.0]]))
    after = played(np.array([[np.nan, -9.0]]), charts=charts)
    assert np.array_equal(after.evidence[0], charts.evidence[0])
    assert np.array_equal(after.since[0], charts.since[0])
    assert not np.array_equal(after.evidence[1], charts.evidence[1])


def test_signals_of_one_side_have_no_charts_downwards() -> None:
    charts = played(np.full((5, 1), -4.0), two_sided=False)
    assert np.all(charts.evidence == 0)
    assert np.all(charts.since == NEVER)
    assert played(np.full((5, 1), 4.0), two_sided=False).evidence[0, UP].min() > 0
    assert number_of_charts(np.array([True, False, True])) == 5 * len(DELTAS)


@pytest.mark.parametrize(("n", "m"), [(500, 5_000), (2_000, 2_000)])
def test_the_allowance_is_in_standard_errors_of_the_baseline(n: int, m: int) -> None:
    """What a baseline's own sampling adds to z: its deviation over many baselines, by χ² bounds."""
    rng, runs, p = np.random.default_rng(m), 2_000, np.full(16, 1 / 16)
    exact = np.rint(np.full((1, 16), n / 16)).astype(np.int64)
    z = np.array([contrast_z(rng.multinomial(m, p).astype(float), exact)[0, :2] for _ in range(runs)])
    error = float(allowance(n, np.array(float(m)))) / BASELINE_ERROR
    low, high = (stats.chi2.ppf(level, runs - 1) / (runs - 1) for level in (1e-4, 1 - 1e-4))
    ratio: npt.NDArray[np.float64] = z.var(0, ddof=1) / error**2
    assert np.all((0.97 * low < ratio) & (ratio < 1.03 * high))
