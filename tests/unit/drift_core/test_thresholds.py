"""Thresholds: conservative ones by theory, calibrated ones that spend exactly the budget."""

import json
import math

import numpy as np
import pytest

from drift_core.described import Described
from drift_core.thresholds import Calibration, conservative

CALIBRATION = Calibration(
    rows=(100, 500, 2_500),
    intercept=np.array([[1.0, 0.5, 0.0, -1.0], [1.2, 0.6, 0.1, -0.9], [1.3, 0.7, 0.2, -0.8]]),
    slope=np.array([[0.9, 0.95, 1.0, 1.1], [0.85, 0.95, 1.0, 1.05], [0.8, 0.9, 1.0, 1.0]]),
    windows=162_000,
)


@pytest.mark.parametrize("charts", [1, 400])
def test_a_conservative_threshold_is_the_logarithm_of_windows_times_charts(charts: int) -> None:
    assert np.exp(conservative(17_280, charts)) == pytest.approx(17_280 * charts)


@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize("windows", [500.0, 17_280.0])
def test_all_sizes_of_drift_together_pass_calibrated_thresholds_once_in_a_windows(
    i: int, windows: float
) -> None:
    h = CALIBRATION.threshold(CALIBRATION.rows[i], windows)
    rates = np.exp(CALIBRATION.intercept[i] - CALIBRATION.slope[i] * h)
    assert rates.sum() == pytest.approx(1 / windows)
    assert np.allclose(rates, rates[0])  # and each as often as the others


def test_between_simulated_numbers_of_rows_thresholds_are_between_and_beyond_they_stay() -> None:
    at = {n: CALIBRATION.threshold(n, 17_280) for n in (1, 100, 223, 500, 2_500, 10_000_000)}
    middle = math.sqrt(100 * 500)
    assert CALIBRATION.threshold(round(middle), 17_280) == pytest.approx((at[100] + at[500]) / 2, rel=1e-2)
    assert np.array_equal(at[1], at[100])
    assert np.array_equal(at[10_000_000], at[2_500])


def test_json_round_trip_keeps_thresholds_to_the_bit() -> None:
    read = Calibration.from_json(Described(json.loads(json.dumps(CALIBRATION.to_json()))))
    assert read.windows == CALIBRATION.windows
    assert np.array_equal(read.threshold(777, 17_280), CALIBRATION.threshold(777, 17_280))


@pytest.mark.parametrize("windows", [1.0, 60.0, 17_280.0])
def test_a_line_that_is_no_tail_gives_no_threshold(windows: float) -> None:
    """Lines as daily windows gave them: thresholds were negative, and every chart above them for ever."""
    found = Calibration(
        rows=(30, 150),
        intercept=np.array([[0.4, -7.46, 0.0, -30.0], [0.4, -7.46, 0.0, -30.0]]),
        slope=np.array([[0.06, 0.007, 0.0, 1.0], [0.06, 0.007, 0.0, 1.0]]),
        windows=162_000,
    ).threshold(50, windows)
    assert (found[:3] > conservative(17_280, 1_000)[:3]).all()
    assert found[3] == 1.0  # and a steep line none below all evidence
