"""The estimated error: a rise is told within the budget, noise is not, and the memory keeps."""

import numpy as np
import pytest
from scipy import stats

from drift_core.errors import LEVELS
from drift_core.expected_error import EstimateMemory, ExpectedErrorBaseline, judge_estimate
from drift_core.quality_budget import quality_windows
from drift_core.schema import Matrix

HOUR = 3_600_000
A = quality_windows(1.0, 1)
BASELINE = ExpectedErrorBaseline.of(np.random.default_rng(0).gamma(4, 1, 4_000), LEVELS, None)


def alarm(windows: list[Matrix], baseline: ExpectedErrorBaseline = BASELINE, a: float = A) -> int:
    """The window that alarms; as many as there are if none does."""
    memory = EstimateMemory.start(baseline)
    for i, values in enumerate(windows):
        verdict, memory = judge_estimate(values, baseline, memory, a, start=i * HOUR)
        assert EstimateMemory.from_bytes(memory.to_bytes(), baseline).to_bytes() == memory.to_bytes()
        if verdict.score > 1:
            return i
    return len(windows)


def test_the_estimate_is_the_mean_over_the_sample() -> None:
    verdict, memory = judge_estimate(
        np.array([1.0, 3.0]), BASELINE, EstimateMemory.start(BASELINE), A, start=0
    )
    assert (verdict.mae, verdict.rows) == (2.0, 2)
    nothing, after = judge_estimate(np.array([]), BASELINE, memory, A, start=HOUR)
    assert (nothing.mae, nothing.rows) == (None, 0)
    assert after.to_bytes() == memory.to_bytes()


def test_false_alarms_are_within_a_large_budget() -> None:
    runs, windows, a = 100, 50, 500.0
    false = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        baseline = ExpectedErrorBaseline.of(rng.gamma(4, 1, 1_000), LEVELS, None)
        false += alarm([rng.gamma(4, 1, 256) for _ in range(windows)], baseline, a) < windows
    assert false <= stats.binom.ppf(1 - 1e-6, runs, windows / a)


def test_a_rise_of_a_fifth_is_found_and_a_fall_is_none() -> None:
    delays = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        delays.append(alarm([1.2 * rng.gamma(4, 1, 256) for _ in range(60)]) + 1)
    assert np.mean(delays) < 8
    rng = np.random.default_rng(99)
    assert alarm([0.5 * rng.gamma(4, 1, 256) for _ in range(60)]) == 60


def test_a_rise_that_comes_and_goes_with_the_hour_was_so_in_training_too() -> None:
    rng = np.random.default_rng(1)
    day = 1 + 0.5 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    hours = np.arange(24 * 60)
    trained = ExpectedErrorBaseline.of(
        (rng.gamma(4, 1, (len(hours), 20)) * day[hours % 24, None]).ravel(), LEVELS, hours.repeat(20)
    )
    live = [rng.gamma(4, 1, 256) * day[i % 24] for i in range(24 * 7)]
    assert alarm(live, trained) == len(live)
    unaware = ExpectedErrorBaseline.of(rng.gamma(4, 1, 20_000), LEVELS, None)
    assert alarm(live, unaware) < len(live)
    assert alarm([3 * rng.gamma(4, 1, 256) * day[i % 24] for i in range(48)], trained) < 48


def test_a_memory_of_another_baseline_is_refused() -> None:
    memory = EstimateMemory.start(BASELINE)
    other = ExpectedErrorBaseline.of(np.arange(100.0), (0.5, 0.9), None)
    with pytest.raises(ValueError, match="this memory is not one of 1 charts of 2 shares"):
        EstimateMemory.from_bytes(memory.to_bytes(), other)
    with pytest.raises(ValueError, match="this memory begins with b'DLE1'"):
        EstimateMemory.from_bytes(b"DLQ1" + memory.to_bytes()[4:], BASELINE)
