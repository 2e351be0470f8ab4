"""Errors in training: measured as numpy measures them, written, read, and refused where they cannot be."""

import json
from typing import Any

import numpy as np
import pytest

from drift_core.bundle import ERRORS_FILE, EXPECTED_ERROR_FILE, LARGEST
from drift_core.errors import LEVELS, ErrorBaseline
from drift_core.expected_error import ExpectedErrorBaseline
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor

RNG = np.random.default_rng(0)
LABELS = RNG.normal(100, 10, 3_000)
PREDICTIONS = LABELS + RNG.standard_t(4, 3_000) + 0.1
MISSED = np.abs(PREDICTIONS - LABELS) > 2
HOURS = np.arange(3_000) // 20
EXPECTED = ExpectedErrorBaseline.of(RNG.gamma(2, 1, 3_000), LEVELS, HOURS)
BASELINE = ErrorBaseline.of(
    PREDICTIONS, LABELS, MISSED, calibration_rows=1_500, windows=HOURS, expected=EXPECTED
)


def test_the_figures_are_those_of_the_held_out_rows() -> None:
    errors = PREDICTIONS - LABELS
    assert BASELINE.mae == pytest.approx(np.abs(errors).mean())
    assert BASELINE.above == pytest.approx((errors > 0).mean())
    assert BASELINE.centre == pytest.approx(LABELS.mean())
    assert BASELINE.window_rows == 20
    for level, quantile in zip(LEVELS, BASELINE.quantiles, strict=True):
        beyond = (np.abs(errors) > quantile).mean()
        assert 1 - level - 1 / 3_000 - 1e-12 <= beyond <= 1 - level


def test_windows_that_err_together_have_clumps_and_others_none() -> None:
    scale = np.repeat(np.random.default_rng(1).gamma(1, 1, 150), 20)
    errors = np.random.default_rng(2).normal(size=3_000) * scale
    together, apart = (
        ErrorBaseline.of(one, np.zeros(3_000), np.abs(one) > 2, calibration_rows=1_500, windows=HOURS)
        for one in (errors, np.random.default_rng(3).permutation(errors))
    )
    assert min(together.beyond_clumping) > 0.02
    assert together.missed_clumping > 0.05
    assert max(apart.beyond_clumping) < 0.02
    alone = ErrorBaseline.of(errors, np.zeros(3_000), MISSED, calibration_rows=1_500, windows=None)
    assert (alone.window_rows, *alone.beyond_clumping, alone.above_clumping) == (1, 0, 0, 0, 0, 0)


def test_what_is_written_is_read() -> None:
    assert ErrorBaseline.from_json(BASELINE.to_json()) == BASELINE
    later = {**json.loads(BASELINE.to_json()), "format": 2, "of_a_later_version": [1]}
    assert ErrorBaseline.from_json(json.dumps(later)) == BASELINE
    without = ErrorBaseline.of(PREDICTIONS, LABELS, MISSED, calibration_rows=1_500, windows=None)
    assert ErrorBaseline.from_json(without.to_json()).expected is None
    assert len(BASELINE.to_json()) < LARGEST[ERRORS_FILE]
    assert EXPECTED_ERROR_FILE in LARGEST


HOSTILE: dict[str, tuple[Any, str]] = {
    "format": (0, "format is 0; write a whole number from 1"),
    "rows": (0, "rows is 0; write a whole number from 1"),
    "calibration_rows": (3_001, "calibration_rows is 3001; write a whole number from 1 to 3000"),
    "mae": (-1.0, "mae is -1.0; write a number from 0"),
    "levels": ([0.5, 0.75, 0.9, 0.99], "levels is a list of 4; write"),
    "quantiles": ([1.0, 2.0, 1.5, 3.0], "quantiles is a list of 4; write numbers in order"),
    "above": (1.5, "above is 1.5; write a share from 0 to 1"),
    "centre": ("100", "centre is '100'; write a finite number"),
    "window_rows": (0, "window_rows is 0; write a number above 0"),
    "missed_clumping": (-0.1, "missed_clumping is -0.1; write a share from 0 to 1"),
    "beyond_clumping": ([0, 0, 0, 2], "beyond_clumping is a list of 4; write shares from 0 to 1"),
    "above_clumping": (None, "above_clumping is null; write a finite number"),
    "expected": ([], "expected is a list of 0; write an object"),
    "expected.levels": ([], "expected.levels is a list of 0; write increasing shares"),
    "expected.quantiles": ([1, 0, 2, 3], "expected.quantiles is a list of 4; write numbers in order"),
    "expected.clumping": ([1, 0, 2, 3], "expected.clumping is a list of 4; write shares from 0 to 1"),
    "expected.mean": (1e300, "expected.mean is 1e\\+300; write a finite number"),
    "expected.rows": (-1, "expected.rows is -1; write a whole number from 1"),
}


@pytest.mark.parametrize("field", HOSTILE)
def test_a_field_that_cannot_be_is_refused_by_name(field: str) -> None:
    value, told = HOSTILE[field]
    described = json.loads(BASELINE.to_json())
    part = described
    *outer, name = field.split(".")
    for one in outer:
        part = part[one]
    part[name] = value
    with pytest.raises(ValueError, match=f"^{told}"):
        ErrorBaseline.from_json(json.dumps(described))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_extreme_baselines_can_be_judged_with(share: float) -> None:
    odd = ErrorBaseline(
        rows=1, calibration_rows=1, mae=0.0, quantiles=(0.0,) * 4, above=share, centre=0.0, window_rows=1.0
    )
    for limits in QualityMonitor(odd, 0.999, QualityPolicy(), 100.0).limits.values():
        assert all(0 < limit < 1 for limit in limits)
