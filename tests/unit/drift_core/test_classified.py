"""The classifier is one test among the others of an hour, and is not fooled by noise or by season."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from drift_core.adversarial import Separation
from drift_core.baseline import Baseline
from drift_core.budget import alpha
from drift_core.classified import CLASSIFIER, attainable_auc, classified, season_shift, with_classifier
from drift_core.freeze import freeze
from drift_core.monitor import Judgement, Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Feature, FeatureSchema, Kind, Matrix
from drift_core.season import DAY_MS, HOUR_MS
from drift_core.span import Span
from drift_core.tolerance import HARMLESS_DISTANCE
from drift_core.window import WindowState, hash_event_ids
from tests.unit.drift_core.fixture_house import quiet

NAMES = ("a", "b", "c", "d")
SCHEMA = FeatureSchema(tuple(Feature(name=name, kind=Kind.NUMERIC) for name in NAMES))
START = 400 * DAY_MS
UNCORRELATED = 1.538172
"""E[a² sign(|a| - c)] = 0 at this c, for a standard normal a."""

NOISE = 0.6
"""Standard deviation of means between hours, in σ within an hour."""


def independent(n: int, rng: np.random.Generator) -> Matrix:
    return rng.normal(size=(n, len(NAMES)))


def sizes_alike(n: int, rng: np.random.Generator) -> Matrix:
    """Each feature and each correlation as in training; but b is a or -a, so their sizes are the same."""
    rows = independent(n, rng)
    rows[:, 1] = np.where(np.abs(rows[:, 0]) > UNCORRELATED, 1, -1) * rows[:, 0]
    return rows


def baseline(rows: Matrix, times: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None) -> Baseline:
    return freeze(model_name="m", model_version="v1", schema=SCHEMA, matrix=rows, times=times)


def hour(monitor: Monitor, rows: Matrix, start: int = START) -> Judgement:
    """An hour's judgement with the classifier's part."""
    n = len(rows)
    ids = hash_event_ids(np.array([f"{start}-{i}" for i in range(n)], "S36"))
    state = WindowState.of(monitor.baseline.layout, rows, np.full(n, start), ids)
    memory, cells = monitor.start(), {monitor.cell(start): n}
    judgement = monitor.judge(
        state, span=Span.HOUR, start=start, end=start + HOUR_MS, memory=memory, cells=cells
    )
    return classified(monitor, judgement, state, cells=cells, memory=memory)


@pytest.fixture(scope="module")
def monitor() -> Monitor:
    trained = baseline(independent(20_000, np.random.default_rng(1)))
    return Monitor(baseline=quiet(trained), settings=MonitorSettings())


def test_rows_that_go_together_otherwise_are_found_though_no_column_and_no_pair_changed(
    monitor: Monitor,
) -> None:
    judgement = hour(monitor, sizes_alike(3_000, np.random.default_rng(2)))
    verdict, relations = judgement.verdict, judgement.verdict.multivariate
    assert relations is not None
    assert max(column.score for column in verdict.features.values()) < 1
    assert verdict.drift
    assert relations.top_contrast == CLASSIFIER
    assert verdict.drift_score == relations.score > 1
    assert set(verdict.guilty) == {"a", "b"} == set(relations.classifier_features)
    assert relations.classifier_auc is not None
    assert relations.classifier_auc > 0.8
    nothing = monitor.start().to_bytes()
    assert judgement.memory.to_bytes() == nothing, "a span that drifted is not what a healthy one looks like"


def test_a_healthy_hour_has_a_classifier_and_no_alarm(monitor: Monitor) -> None:
    rows = independent(3_000, np.random.default_rng(3))
    judgement = hour(monitor, rows)
    assert judgement.verdict == hour(monitor, rows).verdict
    relations = judgement.verdict.multivariate
    assert relations is not None
    assert relations.classifier_auc == pytest.approx(0.5, abs=0.1)
    assert not judgement.verdict.drift
    assert judgement.memory.noise[Span.HOUR].count == 1


def test_too_few_rows_have_no_classifier(monitor: Monitor) -> None:
    relations = hour(monitor, independent(29, np.random.default_rng(5))).verdict.multivariate
    assert relations is not None
    assert (relations.classifier_auc, relations.classifier_features) == (None, ())


def test_features_that_follow_the_season_are_left_out() -> None:
    """Training rows of all hours tell nothing of an hour at night: half a year, `a` follows the hour."""
    rng = np.random.default_rng(6)
    times = np.sort(rng.integers(START - 180 * DAY_MS, START, 20_000))
    rows = independent(len(times), rng)
    rows[:, 0] += 2 * np.sin(times / DAY_MS * 2 * np.pi)
    seasonal = Monitor(baseline=baseline(rows, times), settings=MonitorSettings())
    start = START + 18 * HOUR_MS
    shift = season_shift(seasonal, {seasonal.cell(start): 2_000})
    assert shift[0] > HARMLESS_DISTANCE**2 > max(shift[1:])
    night = independent(2_000, rng)
    night[:, 0] += 2 * np.sin(0.75 * 2 * np.pi)
    relations = hour(seasonal, night, start).verdict.multivariate
    assert relations is not None
    assert relations.classifier_auc == pytest.approx(0.5, abs=0.1)


def test_noise_between_hours_is_no_drift() -> None:
    """The means of training's hours scatter by 0.6 σ: an hour whose means lie 0.6 σ away is healthy."""
    rng = np.random.default_rng(7)
    hours, each = 288, 200
    times = np.repeat(START - HOUR_MS * np.arange(hours, 0, -1), each)
    means = NOISE * rng.normal(size=(hours, len(NAMES)))
    trained = baseline(independent(len(times), rng) + np.repeat(means, each, axis=0), times)
    monitor = Monitor(baseline=trained, settings=MonitorSettings())
    relations = hour(monitor, independent(2_000, rng) + NOISE * np.array([1, -1, 1, -1])).verdict.multivariate
    assert relations is not None
    assert relations.classifier_p_value is not None
    assert relations.top_contrast != CLASSIFIER or relations.score <= 1
    z = stats.norm.isf(relations.classifier_p_value)
    assert z > monitor.threshold(Span.HOUR), "it shows nothing unless the classifier alone would alarm"


def test_a_perfect_classifier_reaches_what_is_attainable() -> None:
    """Noise of one feature: three standard deviations above its mean square."""
    rng = np.random.default_rng(8)
    noise = np.array([0.05, 0.02, 0.0])
    shifts = rng.normal(size=(20_000, 3)) * np.sqrt(noise)
    best = stats.norm.cdf(np.sqrt((shifts**2).sum(1) / 2))
    assert 0.95 < (best <= attainable_auc(noise)).mean() < 1


def test_one_side_more_is_counted_for_hours_and_days_only(monitor: Monitor) -> None:
    """Bonferroni: all tests of a span share its budget, the classifier's too."""
    sides = monitor.baseline.signals.sides
    for span, more in ((Span.WINDOW, 0), (Span.HOUR, 1), (Span.DAY, 1)):
        one = stats.norm.sf(monitor.threshold(span))
        assert one * (sides + more) == pytest.approx(alpha(span, monitor.settings))
    alone = FeatureSchema((Feature(name="a", kind=Kind.NUMERIC),))
    trained = freeze(model_name="m", model_version="v1", schema=alone, matrix=np.arange(500.0)[:, None])
    single = Monitor(baseline=trained, settings=MonitorSettings())
    one = stats.norm.sf(single.threshold(Span.HOUR))
    assert one * single.baseline.signals.sides == pytest.approx(alpha(Span.HOUR, single.settings))


def separation(z: float, auc: float = 0.7) -> Separation:
    return Separation(auc=auc, p_value=float(stats.norm.sf(z)), z=z, features=("b", "a"))


@pytest.mark.parametrize(("z", "drift"), [(4.9, False), (5.1, True)])
def test_the_score_is_z_over_the_threshold(monitor: Monitor, z: float, drift: bool) -> None:
    healthy = hour(monitor, independent(29, np.random.default_rng(9))).verdict
    told = with_classifier(healthy, separation(z), threshold=5.0, attainable=0.5)
    assert told.drift_score == pytest.approx(max(z / 5, healthy.drift_score))
    assert told.drift is drift
    assert told.guilty == (("b", "a") if drift else ())


def test_noise_takes_its_part_of_the_auc(monitor: Monitor) -> None:
    healthy = hour(monitor, independent(29, np.random.default_rng(9))).verdict
    told = with_classifier(healthy, separation(12.0), threshold=5.0, attainable=0.6)
    assert told.drift_score == pytest.approx(12 / 5 / 2)
    quiet_enough = with_classifier(healthy, separation(12.0), threshold=5.0, attainable=0.71)
    assert quiet_enough.drift_score == healthy.drift_score
    assert not quiet_enough.drift


def test_columns_that_are_guilty_by_themselves_stay_the_ones_named(monitor: Monitor) -> None:
    verdict = hour(monitor, independent(29, np.random.default_rng(9))).verdict
    guilty = replace(verdict, drift=True, drift_score=3.0, guilty=("d",))
    told = with_classifier(guilty, separation(10.0), threshold=5.0, attainable=0.5)
    assert (told.guilty, told.drift_score) == (("d",), 3.0)
    assert told.multivariate is not None
    assert told.multivariate.classifier_features == ("b", "a")
