"""Errors in training: measured as numpy measures them, written, read, and refused where they cannot be."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from drift_core.bundle import ERRORS_FILE, EXPECTED_ERROR_FILE, LARGEST
from drift_core.errors import LEVELS, ErrorBaseline
from drift_core.expected_error import ExpectedErrorBaseline
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor
from drift_core.segment_errors import SegmentErrors

RNG = np.random.default_rng(0)
LABELS = RNG.normal(100, 10, 3_000)
PREDICTIONS = LABELS + RNG.standard_t(4, 3_000) + 0.1
MISSED = np.abs(PREDICTIONS - LABELS) > 2
HOURS = np.arange(3_000) // 20
EXPECTED = ExpectedErrorBaseline.of(RNG.gamma(2, 1, 3_000), LEVELS, HOURS)
GROUP: npt.NDArray[np.int64] = np.random.default_rng(9).choice(np.arange(3), 3_000, p=[0.3, 0.68, 0.02])
SEGMENTS: dict[str, npt.NDArray[np.bool_]] = {
    name: np.isin(GROUP, [i]) for i, name in enumerate(("kind=a", "kind=b", "kind=few"))
}
BASELINE = ErrorBaseline.of(
    PREDICTIONS,
    LABELS,
    MISSED,
    calibration_rows=1_500,
    windows=HOURS,
    expected=EXPECTED,
    segments=SEGMENTS,
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


def test_a_segment_with_rows_enough_is_measured_against_the_quantiles_of_all() -> None:
    assert set(BASELINE.segments) == {"kind=a", "kind=b"}
    size = np.abs(PREDICTIONS - LABELS)
    for name, one in BASELINE.segments.items():
        of = SEGMENTS[name]
        assert one.rows == of.sum()
        assert one.missed == pytest.approx(MISSED[of].mean())
        assert one.above == pytest.approx((PREDICTIONS > LABELS)[of].mean())
        assert one.beyond == pytest.approx([(size[of] > quantile).mean() for quantile in BASELINE.quantiles])
        _, each = np.unique(HOURS[of], return_counts=True)
        assert one.window_rows == pytest.approx((each**2).sum() / each.sum())


def test_a_segment_that_errs_together_has_clumps_of_its_own() -> None:
    errors = np.random.default_rng(4).normal(size=3_000)
    together = np.repeat(np.random.default_rng(5).gamma(1, 1, 150), 20)
    errors = np.where(SEGMENTS["kind=a"], errors * together, errors)
    found = ErrorBaseline.of(
        errors, np.zeros(3_000), np.abs(errors) > 2, calibration_rows=9, windows=HOURS, segments=SEGMENTS
    ).segments
    assert found["kind=a"].missed_clumping > 0.05
    assert found["kind=b"].missed_clumping < 0.03
    alone = ErrorBaseline.of(
        errors, np.zeros(3_000), MISSED, calibration_rows=9, windows=None, segments=SEGMENTS
    ).segments["kind=a"]
    assert (alone.window_rows, alone.missed_clumping, *alone.beyond_clumping) == (1, 0, 0, 0, 0, 0)


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
    assert "segments" not in json.loads(without.to_json())  # as before there were any
    assert ErrorBaseline.from_json(without.to_json()).segments == {}
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
    "segments": ([], "segments is a list of 0; write an object"),
    "segments.kind=a": (None, "segments.kind=a is null; write an object"),
    "segments.kind=a.rows": (3_001, "segments.kind=a.rows is 3001; write a whole number from 1 to 3000"),
    "segments.kind=a.missed": (-0.1, "segments.kind=a.missed is -0.1; write a share from 0 to 1"),
    "segments.kind=a.beyond": ([0.5], "segments.kind=a.beyond is a list of 1; write 4 numbers"),
    "segments.kind=a.above": ("1", "segments.kind=a.above is '1'; write a finite number"),
    "segments.kind=a.window_rows": (0, "segments.kind=a.window_rows is 0; write a number above 0"),
    "segments.kind=a.beyond_clumping": (
        [0, 0, 0, 2],
        "segments.kind=a.beyond_clumping is a list of 4; write shares",
    ),
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


def test_more_segments_than_a_model_can_have_are_refused() -> None:
    described = json.loads(BASELINE.to_json())
    one = described["segments"]["kind=a"]
    described["segments"] = {f"kind={i}": one for i in range(37)}
    with pytest.raises(ValueError, match=r"^segments is an object; write at most 36 segments"):
        ErrorBaseline.from_json(json.dumps(described))
    del described["segments"]["kind=0"]
    assert len(ErrorBaseline.from_json(json.dumps(described)).segments) == 36


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_extreme_baselines_can_be_judged_with(share: float) -> None:
    few = SegmentErrors(
        rows=1,
        missed=share,
        beyond=(share,) * 4,
        above=share,
        window_rows=1.0,
        missed_clumping=1.0,
        beyond_clumping=(1.0,) * 4,
        above_clumping=1.0,
    )
    odd = ErrorBaseline(
        rows=1,
        calibration_rows=1,
        mae=0.0,
        quantiles=(0.0,) * 4,
        above=share,
        centre=0.0,
        window_rows=1.0,
        segments={"a=b": few},
    )
    monitor = QualityMonitor(odd, 0.999, QualityPolicy(), 100.0)
    of_segment = [limit.tolist() for limit in monitor.bounds["a=b"].limits.values()]
    for limits in (*monitor.limits.values(), *of_segment):
        assert all(0 < limit < 1 for limit in limits)
