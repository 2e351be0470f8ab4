"""The paired test: it promotes few that are no better, and finds those that are; intervals must hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from drift_core.schema import Matrix
from training.challenge import COVERAGE_LEVEL, FEWEST_ROWS, LEVEL, Trial, coverage_p_value, tried
from training.fit import conformal_offset

RUNS = 2_000
MARGIN = 0.02


def errors(rng: np.random.Generator, n: int, kind: str) -> tuple[Matrix, Matrix]:
    """Absolute errors of two models whose means are equal, of n predictions in order of time."""
    match kind:
        case "independent":
            return np.abs(rng.normal(size=n)), np.abs(rng.normal(size=n))
        case "paired":  # both err on the same rows, as models of the same data do
            shared = rng.normal(size=n)
            return np.abs(shared + 0.3 * rng.normal(size=n)), np.abs(shared + 0.3 * rng.normal(size=n))
        case "heavy":
            return np.abs(rng.standard_t(3, n)), np.abs(rng.standard_t(3, n))
        case _:  # the level of the difference wanders: neighbours resemble each other
            drift = np.zeros(n)
            noise = rng.normal(size=n)
            for i in range(1, n):
                drift[i] = 0.8 * drift[i - 1] + noise[i]
            base = np.abs(rng.normal(size=n)) + 5
            return base + 0.3 * drift, base - 0.3 * drift


def compared(champion: Matrix, challenger: Matrix, margin: float = MARGIN) -> Trial:
    n = len(champion)
    return tried(champion, challenger, margin=margin, covered=n, promised=0.9, calibration_rows=n)


def most(share: float, runs: int) -> float:
    """So many of the runs at most, if each happens with this chance: the binomial's 99.9 % quantile."""
    return float(stats.binom.ppf(0.999, runs, share)) / runs


@pytest.mark.parametrize(
    ("kind", "n"), [("independent", 400), ("paired", 400), ("heavy", 400), ("dependent", 1_000)]
)
def test_a_challenger_at_the_margin_is_promoted_no_more_often_than_the_level_says(kind: str, n: int) -> None:
    rng = np.random.default_rng(1)
    promoted = 0
    for _ in range(RUNS if kind != "dependent" else 600):
        champion, challenger = errors(rng, n, kind)
        promoted += compared(champion, (1 - MARGIN) * challenger).better
    runs = RUNS if kind != "dependent" else 600
    assert promoted / runs <= most(1 - LEVEL, runs)


def test_single_predictions_would_be_taken_for_too_much_evidence() -> None:
    """Why blocks: on the same dependent errors, a t test of rows promotes many times too often."""
    rng = np.random.default_rng(2)
    promoted = 0
    for _ in range(300):
        champion, challenger = errors(rng, 1_000, "dependent")
        z = (1 - MARGIN) * champion - (1 - MARGIN) * challenger
        promoted += z.mean() - 1.645 * z.std(ddof=1) / 1_000**0.5 > 0
    assert promoted / 300 > 3 * (1 - LEVEL)


@pytest.mark.parametrize("kind", ["independent", "paired", "heavy"])
def test_a_challenger_that_is_clearly_better_wins(kind: str) -> None:
    rng = np.random.default_rng(3)
    won = sum(
        compared(champion, 0.7 * challenger).better
        for champion, challenger in (errors(rng, 600, kind) for _ in range(300))
    )
    assert won / 300 >= 0.9


def test_the_bound_is_that_of_the_textbook() -> None:
    """With no margin it is the one-sided bound of a t test of the blocks' means."""
    rng = np.random.default_rng(4)
    champion, challenger = errors(rng, 400, "independent")
    means = (champion - challenger).reshape(20, 20).mean(1)
    expected = stats.ttest_1samp(means, 0, alternative="greater").confidence_interval(0.95).low
    trial = compared(champion, challenger, margin=0.0)
    assert trial.bound == pytest.approx(expected)
    assert trial.needed == 0


def test_a_larger_margin_asks_for_more() -> None:
    champion = np.full(400, 10.0) + np.tile([-1.0, 1.0], 200)
    trial = compared(champion, champion - 0.5, margin=0.04)
    assert (trial.champion_mae, trial.challenger_mae, trial.needed) == (10.0, 9.5, 0.4)
    assert trial.better
    assert not compared(champion, champion - 0.5, margin=0.06).better


def test_too_few_predictions_are_refused() -> None:
    few = np.ones(FEWEST_ROWS - 1)
    with pytest.raises(ValueError, match=r"^199 predictions can be compared; at least 200 are needed$"):
        compared(few, few)


def covered_by(rng: np.random.Generator, m: int, n: int, *, shift: float = 0.0) -> int:
    """Labels of n new rows inside an interval that m rows calibrated, as training does it."""
    zeros = np.zeros(m)
    offset = conformal_offset(zeros, zeros, rng.normal(size=m), 0.9)
    return int((np.abs(rng.normal(shift, 1, n)) <= offset).sum())


def test_honest_intervals_are_refused_as_seldom_as_the_level_says() -> None:
    rng = np.random.default_rng(5)
    refused = np.mean(
        [coverage_p_value(covered_by(rng, 200, 200), 200, 0.9, 200) < COVERAGE_LEVEL for _ in range(RUNS)]
    )
    assert refused <= most(COVERAGE_LEVEL, RUNS)
    # a binomial test that forgets the calibration's luck would refuse several times as many
    plain = np.mean(
        [stats.binom.cdf(covered_by(rng, 200, 200), 200, 0.9) < COVERAGE_LEVEL for _ in range(RUNS)]
    )
    assert plain > 2 * COVERAGE_LEVEL


def test_intervals_that_do_not_hold_are_refused() -> None:
    rng = np.random.default_rng(6)
    refused = [
        coverage_p_value(covered_by(rng, 500, 500, shift=1.0), 500, 0.9, 500) < COVERAGE_LEVEL
        for _ in range(200)
    ]
    assert np.mean(refused) >= 0.95


def test_a_better_challenger_whose_intervals_do_not_hold_does_not_win() -> None:
    champion = np.full(400, 10.0)
    trial = tried(champion, champion / 2, margin=0.02, covered=200, promised=0.9, calibration_rows=400)
    assert trial.better
    assert not trial.won
    assert "hold 50.0% of the labels for 90.0%, which is too few" in trial.told()
