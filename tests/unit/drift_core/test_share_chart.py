"""Charts of shares: a fair game at the limit, within the budget over many runs, and quick to find more.

A chart of many shares stands for as many runs: each share is a run of its own, judged by its own mean.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift_core.charts import CEILING
from drift_core.clumping import clumping
from drift_core.share_chart import BETS, ShareChart, tolerated

RUNS = 10_000
ROWS = 100
MONTH = 720
"""Windows of an hour."""

A = 14_400.0
"""One false alarm in twenty months."""

ALPHA, CALIBRATION = 0.1, 4_000
LIMIT = float(tolerated(np.array([ALPHA]), CALIBRATION, np.zeros(1), 1.0)[0])

type Draw = Callable[[], npt.NDArray[np.int64]]


def alarms(draw: Draw, *, windows: int, limit: float = LIMIT, clump: float = 0.0) -> npt.NDArray[np.int64]:
    """Windows until the alarm of each run; `windows` + 1 where there is none."""
    chart = ShareChart.start(RUNS)
    limits, clumps = np.array([limit]), np.array([clump])  # the same for all
    when = np.full(RUNS, windows + 1)
    for window in range(windows):
        chart = chart.advanced(draw(), ROWS, limits, clumps, start=window)
        logs = np.logaddexp.reduce(chart.logs, axis=1) - np.log(len(BETS))
        when = np.where((logs >= np.log(A)) & (when > windows), window + 1, when)
    return when


def most(chance: float) -> float:
    """Runs that alarm at most, if each does with this chance: but for one test in a million."""
    return float(stats.binom.ppf(1 - 1e-6, RUNS, chance))


@pytest.mark.parametrize("a", [0.01, 0.12, 0.53, 0.9])
@pytest.mark.parametrize("rows", [1, 30])
def test_each_bet_is_a_fair_game_at_the_limit_and_a_losing_one_below(a: float, rows: int) -> None:
    def mean(share: float) -> npt.NDArray[np.float64]:
        played = [
            ShareChart.start(1).advanced(np.array([k]), rows, np.array([a]), np.zeros(1), start=0).logs[0]
            for k in range(rows + 1)
        ]
        return np.asarray(np.exp(played).T @ stats.binom.pmf(np.arange(rows + 1), rows, share))

    assert mean(a) == pytest.approx(np.ones(len(BETS)))  # the detector is 0 before, so M = e
    assert (mean(0.9 * a) < 1).all()
    assert (mean(a + 0.05) > 1).all()


def test_at_nominal_coverage_a_month_is_quiet_whatever_the_calibration_got_wrong() -> None:
    rng = np.random.default_rng(1)
    real = ALPHA + rng.normal(0, np.sqrt(ALPHA * (1 - ALPHA) / CALIBRATION), RUNS)
    when = alarms(lambda: rng.binomial(ROWS, real), windows=MONTH)
    assert (when <= MONTH).sum() <= most(MONTH / A)


def test_at_the_limit_itself_the_budget_holds_and_is_used() -> None:
    rng = np.random.default_rng(2)
    when = alarms(lambda: rng.binomial(ROWS, LIMIT, RUNS), windows=MONTH)
    false = (when <= MONTH).sum()
    assert false <= most(MONTH / A)
    assert false >= RUNS * MONTH / A / 20  # a detector that gives all of it away is no use


def test_80_percent_for_90_is_found_in_five_windows_of_a_hundred_labels() -> None:
    rng = np.random.default_rng(3)
    when = alarms(lambda: rng.binomial(ROWS, 0.2, RUNS), windows=60)
    assert 5 <= when.mean() <= 5.7
    assert np.percentile(when, 95) <= 9


def test_rows_that_depend_on_those_before_keep_the_budget_as_long_as_each_chance_does() -> None:
    rng = np.random.default_rng(4)

    def drawn() -> npt.NDArray[np.int64]:
        """A row may miss only after one that did not: misses repel, and each chance is the limit at most."""
        missed, before = np.zeros(RUNS, np.int64), np.zeros(RUNS, bool)
        for _ in range(ROWS):
            before = (rng.random(RUNS) < LIMIT) & ~before
            missed += before
        return missed

    assert (alarms(drawn, windows=60) <= 60).sum() <= most(60 / A)


@pytest.mark.parametrize("rho", [0.02, 0.1])
def test_rows_that_share_their_windows_chance_need_the_clumping_that_training_measured(rho: float) -> None:
    rng = np.random.default_rng(5)

    def drawn(share: float) -> Draw:
        ones, zeros = share * (1 / rho - 1), (1 - share) * (1 / rho - 1)
        return lambda: rng.binomial(ROWS, rng.beta(ones, zeros, RUNS))

    windows = 100
    as_if_independent = alarms(drawn(ALPHA), windows=windows) <= windows
    assert as_if_independent.mean() > 0.1
    counts = drawn(ALPHA)()[:400]
    rows = (np.arange(ROWS) < counts[:, None]).ravel()
    measured = clumping(rows, np.arange(400).repeat(ROWS))
    assert measured == pytest.approx(rho, rel=0.3)
    limit = float(tolerated(np.array([ALPHA]), 400 * ROWS, np.array([measured]), ROWS)[0])
    false = alarms(drawn(ALPHA), windows=windows, limit=limit, clump=measured) <= windows
    assert false.sum() <= most(windows / A)
    found = alarms(drawn(0.3), windows=windows, limit=limit, clump=measured) <= windows
    assert found.mean() > 0.95


def test_later_parts_of_a_window_do_not_start_it_again() -> None:
    # Bets of nothing: M counts the windows, however many parts they come in.
    limit, none = np.array([0.1]), np.zeros(1)
    chart = ShareChart.start(1)
    for start in (0, 0, 0, 10, 5, 10):
        chart = chart.advanced(np.array([0]), 1, np.array([1e-9]), none, start=start)
    assert np.exp(chart.logs[0]) == pytest.approx(np.full(len(BETS), 2.0), rel=1)
    whole = ShareChart.start(1).advanced(np.array([5]), 20, limit, none, start=0)
    parts = ShareChart.start(1)
    for bad, rows in ((2, 8), (3, 12)):
        parts = parts.advanced(np.array([bad]), rows, limit, none, start=0)
    assert parts.logs == pytest.approx(whole.logs)


@given(st.integers(-50, 200), st.integers(-5, 100))
def test_corrected_counts_never_count_for_more_than_the_rows_there_are(bad: int, rows: int) -> None:
    limit, none = np.array([0.1]), np.zeros(1)
    chart = ShareChart.start(1).advanced(np.array([3]), 20, limit, none, start=0)
    after = chart.advanced(np.array([bad]), rows, limit, none, start=1)
    if rows <= 0:
        assert after is chart
    else:
        worst = chart.advanced(np.array([rows]), rows, limit, none, start=1)
        best = chart.advanced(np.array([0]), rows, limit, none, start=1)
        assert (best.logs <= after.logs).all()
        assert (after.logs <= worst.logs).all()


def test_a_chart_comes_down_after_recovery_however_long_it_was_up() -> None:
    limit, none = np.array([LIMIT]), np.zeros(1)
    chart = ShareChart.start(1)
    scores = []
    for window in range(220):
        bad = 40 if window < 200 else 10
        chart = chart.advanced(np.array([bad]), ROWS, limit, none, start=window).capped(A)
        scores.append(chart.score(A))
        if window == 150:
            assert chart.begin == 0
    assert max(scores) == pytest.approx(CEILING)
    assert min(scores[3:200]) > 1
    assert max(scores[205:]) < 1


def test_the_begin_is_that_of_the_change() -> None:
    rng = np.random.default_rng(6)
    limit, none = np.array([LIMIT]), np.zeros(1)
    chart = ShareChart.start(1)
    for window in range(70):
        share = ALPHA if window < 60 else 0.25
        chart = chart.advanced(np.array([rng.binomial(ROWS, share)]), ROWS, limit, none, start=window)
    assert chart.begin in range(58, 63)


def test_tolerance_grows_with_clumps_and_falls_with_rows() -> None:
    share = np.array([0.1])
    few, many = (tolerated(share, rows, np.zeros(1), 1.0)[0] for rows in (100, 1_000_000))
    clumped = tolerated(share, 1_000_000, np.array([0.5]), 1_000.0)[0]
    assert 0.1 < many < clumped < few < 0.3
    assert 0 < tolerated(np.array([0.0]), 100, np.zeros(1), 1.0)[0] < 0.05
    assert tolerated(np.array([1.0]), 100, np.zeros(1), 1.0)[0] < 1
