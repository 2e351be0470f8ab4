"""Arrival: the usual share of labels is learned, and what stays away from then on is told."""

import numpy as np
import pytest

from drift_core.arrival import LEARNING_WINDOWS, Arrival
from drift_core.error_sums import ErrorSums
from drift_core.errors import ErrorBaseline
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor

HOUR = 3_600_000
MONITOR = QualityMonitor(
    ErrorBaseline(
        rows=8_000, calibration_rows=4_000, mae=1.0, quantiles=(1.0, 2.0, 3.0, 4.0), above=0.5, centre=0.0
    ),
    0.9,
    QualityPolicy(),
    1.0,
)


def scores(predictions: list[int], labelled: list[int]) -> list[float]:
    memory = MONITOR.start()
    found = []
    for i, (n, k) in enumerate(zip(predictions, labelled, strict=True)):
        new = ErrorSums(predictions=n, labelled=k, above=k // 2)
        judged = MONITOR.judge(new, memory, start=i * HOUR, end=(i + 1) * HOUR)
        memory = judged.memory
        found.append(judged.verdict.charts["arrival"])
        assert judged.verdict.learning == (i + 1 < LEARNING_WINDOWS)
        assert judged.verdict.score == max(
            judged.verdict.charts[name] for name in ("coverage", "error", "above", "below")
        )
    return found


@pytest.mark.parametrize(("usual", "rho"), [(1.0, 0.0), (0.6, 0.0), (0.6, 0.05), (0.02, 0.0)])
def test_the_usual_share_is_quiet_and_its_end_is_told(usual: float, rho: float) -> None:
    rng = np.random.default_rng(round(1_000 * usual + 100 * rho))
    alarms, missed = 0, 0
    runs, hours = 15, 100
    for _ in range(runs):
        chances = np.full(hours, usual)
        if rho:
            chances = rng.beta(usual * (1 / rho - 1), (1 - usual) * (1 / rho - 1), hours)
        labelled = rng.binomial(1_000, chances).tolist()
        found = scores([1_000] * (hours + 24), labelled + [0] * 24)
        assert max(found[:LEARNING_WINDOWS]) == 0
        alarms += max(found[:hours]) > 1
        missed += max(found[hours:]) <= 1
    assert alarms <= 1  # by the budget one in 144 runs
    assert missed == 0


def test_a_label_feed_that_halves_is_told_within_a_day() -> None:
    rng = np.random.default_rng(1)
    labelled = [*rng.binomial(200, 0.8, 40).tolist(), *rng.binomial(200, 0.4, 24).tolist()]
    assert max(scores([200] * 64, labelled)[40:]) > 1


def test_windows_without_predictions_teach_nothing() -> None:
    memory = MONITOR.start()
    judged = MONITOR.judge(ErrorSums(labelled=5), memory, start=0, end=HOUR)
    assert judged.memory.arrival == Arrival()


def test_the_usual_delay_is_a_mean_over_labels() -> None:
    learned = Arrival().taught(10, 4, 600.0).taught(10, 10, 0.0)
    assert learned.usual_delay == 100
    assert Arrival().usual_delay is None
    assert learned.share == pytest.approx(14.5 / 21)
