"""Segments: as quiet as the budget promises, and a change in one of them is found there and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from drift_core.baseline import Baseline
from drift_core.budget import MONTH_SECONDS, alpha
from drift_core.freeze import freeze
from drift_core.monitor import Judgement, Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import UNSEEN, Feature, FeatureSchema, Kind, Matrix
from drift_core.season import DAY_MS, HOUR_MS
from drift_core.segment_cells import NoRoomError
from drift_core.segments import Segmentation
from drift_core.signals import sides_of
from drift_core.span import Span
from drift_core.verdict import Verdict
from drift_core.window import WindowState
from tests.unit.drift_core.fixture_house import (
    BASELINE,
    REFERENCE,
    SCHEMA,
    SETTINGS,
    quiet,
    rows,
    served,
    state_of,
)

SEGMENTS = (
    Segmentation(column="area", values=("centre", "coast", "hills")),
    Segmentation(column="garden", values=("false", "true")),
)


def frozen(m: int, seed: int = 1) -> Baseline:
    """Houses with segments, of m rows."""
    matrix = REFERENCE[:m] if seed == 1 else rows(m, seed)
    held_out = served(matrix[: m // 2])
    return quiet(
        freeze(
            model_name="m",
            model_version="v",
            schema=SCHEMA,
            matrix=matrix,
            predictions=held_out[:, -2],
            interval_widths=held_out[:, -1],
            segments=SEGMENTS,
        )
    )


HOUSES = frozen(20_000)


def judged(
    features: Matrix,
    baseline: Baseline = HOUSES,
    settings: MonitorSettings = SETTINGS,
    span: Span = Span.WINDOW,
) -> Verdict:
    monitor = Monitor(baseline=baseline, settings=settings)
    state = state_of(baseline, served(features))
    return monitor.judge(state, span=span, start=0, end=1, memory=monitor.start()).verdict


def in_hills(features: Matrix) -> npt.NDArray[np.bool_]:
    """A fifth of the rows."""
    found: npt.NDArray[np.bool_] = features[:, 2] == 2
    return found


@pytest.mark.parametrize(("m", "n"), [(1_000, 600), (20_000, 3_000)])
def test_false_alarms_stay_within_the_budget_that_segments_share(m: int, n: int) -> None:
    """With a budget of 2 % a window, whole and segments together; segments may have sixty rows only."""
    hours, share, runs = MONTH_SECONDS / 3600, 0.02, 80
    settings = MonitorSettings(window_seconds=3600, min_samples=60, false_alarms_per_month=share * hours * 6)
    assert alpha(Span.WINDOW, settings) == pytest.approx(share)
    baselines = [frozen(m, 2_000 + i) for i in range(6)] if m < 20_000 else [HOUSES]
    verdicts = [
        judged(rows(n, 90_000 + run), baselines[run % len(baselines)], settings) for run in range(runs)
    ]
    assert all(len(verdict.segments or ()) == 5 for verdict in verdicts)
    assert sum(verdict.drift for verdict in verdicts) <= stats.binom.ppf(0.9999, runs, share)


def test_the_budget_of_a_span_is_divided_among_all_its_tests_and_those_of_each_segment() -> None:
    plain = Monitor(baseline=replace(HOUSES, segments=None), settings=SETTINGS)
    monitor = Monitor(baseline=HOUSES, settings=SETTINGS)
    for span in Span:
        both = [float(stats.norm.sf(one.threshold(span))) for one in (plain, monitor)]
        tests = [alpha(span, SETTINGS) / p for p in both]
        assert tests[1] - tests[0] == pytest.approx(7 * sides_of(HOUSES.columns))


def larger(features: Matrix) -> None:
    features[in_hills(features), 0] += 0.5 * REFERENCE[:, 0].std()


def missing(features: Matrix) -> None:
    here = np.flatnonzero(in_hills(features))
    features[here[: len(here) // 7], 1] = np.nan


def unequal(features: Matrix) -> None:
    """Gardens become rarer in the hills and more frequent by the coast: as many as ever in all."""
    rng = np.random.default_rng(1)
    features[in_hills(features), 3] = (rng.random(in_hills(features).sum()) < 0.1).astype(float)
    coast = features[:, 2] == 1
    features[coast, 3] = (rng.random(coast.sum()) < 0.6).astype(float)


@pytest.mark.parametrize("span", [Span.WINDOW, Span.HOUR, Span.DAY])
@pytest.mark.parametrize(
    ("change", "column", "tests"),
    [
        (larger, "size", {"location", "shape"}),
        (missing, "age", {"missing"}),
        (unequal, "garden", {"category:true", "category:false", "shape"}),
    ],
)
def test_a_change_in_one_segment_that_the_whole_does_not_see_is_found_and_named(
    change: Callable[[Matrix], None], column: str, tests: set[str], span: Span
) -> None:
    """In a fifth of the traffic; without segments a window shows nothing, an hour or a day less."""
    plain = replace(HOUSES, segments=None)
    found = 0
    for seed in range(6):
        live = rows(1_000, 400 + seed)
        assert not judged(live, span=span).drift
        change(live)
        verdict = judged(live, span=span)
        assert verdict.segments is not None
        hills = verdict.segments["area=hills"]
        alone = judged(live, plain, span=span)
        assert hills.score > alone.drift_score
        found += hills.drift and not (span is Span.WINDOW and alone.drift)
        if not hills.drift:
            continue
        assert verdict.drift
        assert verdict.drift_score >= hills.score > 1
        assert (hills.column, hills.guilty[0]) == (column, column) or column == "size"
        assert hills.top_contrast in tests
        assert column in verdict.guilty
        assert not verdict.segments["area=centre"].drift
        assert hills.n == int(in_hills(live).sum())
    assert found >= 5, "and a detector that never alarms would be as quiet"


def test_what_all_rows_show_is_named_first_and_what_only_a_segment_shows_after_it() -> None:
    live = rows(2_000, 7)
    live[:, 1] += 12
    missing(live)
    live[in_hills(live), 3] = 1.0
    verdict = judged(live)
    alone = judged(live, replace(HOUSES, segments=None))
    assert alone.guilty
    assert verdict.guilty[: len(alone.guilty)] == alone.guilty
    assert verdict.segments is not None
    assert set(verdict.guilty) == set(alone.guilty).union(*(one.guilty for one in verdict.segments.values()))


def test_a_model_without_segments_is_judged_as_it_ever_was() -> None:
    """To the bit; and one with segments has the same scores but for its higher threshold."""
    live = rows(500, 5)
    assert "segments" not in judged(live, BASELINE).to_json()
    plain = replace(HOUSES, segments=None)
    before, after = judged(live, plain), judged(live)
    thresholds = [Monitor(baseline=one, settings=SETTINGS).threshold(Span.WINDOW) for one in (plain, HOUSES)]
    for name, column in before.features.items():
        if column.since is None and after.features[name].since is None:
            assert after.features[name].score * thresholds[1] == pytest.approx(column.score * thresholds[0])
    told = after.to_json()["segments"]
    assert json.loads(json.dumps(told)) == told
    assert set(told) == {"area=centre", "area=coast", "garden=false", "garden=true"}, (
        "99 rows are in the hills"
    )


def test_segments_with_too_few_rows_in_the_span_or_in_training_are_not_judged() -> None:
    live = rows(3_000, 8)
    live[:300, 2] = UNSEEN  # training has no such row, so there is nothing to compare with
    verdict = judged(live)
    assert verdict.segments is not None
    assert "area=(rest)" not in verdict.segments
    few = judged(rows(3_000, 8)[:120], settings=replace(SETTINGS, min_samples=50)).segments
    assert few is not None
    assert sorted(few) == ["area=centre", "garden=false"] or "area=hills" not in few


def test_segments_are_unknown_when_an_older_version_counted_some_rows() -> None:
    live, monitor = rows(1_000, 9), Monitor(baseline=HOUSES, settings=SETTINGS)
    larger(live)
    state = state_of(HOUSES, served(live))
    older = WindowState.from_bytes(
        HOUSES.layout, state_of(replace(HOUSES, segments=None), served(rows(200, 3)), 5_000).to_bytes()
    )

    def judge(state: WindowState) -> Judgement:
        return monitor.judge(state, span=Span.WINDOW, start=0, end=1, memory=monitor.start())

    assert judge(state).verdict.drift
    assert judge(state + older).verdict.segments is None
    assert not judge(state + older).verdict.drift


# ---- season and noise ----

HOURS = FeatureSchema(
    (
        Feature(name="load", kind=Kind.NUMERIC),
        Feature(name="site", kind=Kind.CATEGORICAL, categories=("a", "b", "c")),
    )
)
SITES = (Segmentation(column="site", values=("a", "b", "c")),)
START = 19_000 * DAY_MS


def by_hour(days: int, seed: int, *, swing: float, apart: float) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Rows and their times: loads swing with the day, and in each hour each site is off by its own noise.

    Parameters
    ----------
    swing, apart : in the standard deviation of a load at one site and hour.
    """
    rng = np.random.default_rng(seed)
    hours = np.repeat(np.arange(24 * days), 150)
    site = rng.integers(0, 3, len(hours))
    each = rng.normal(0, apart, (24 * days, 3))
    off = (each - each.mean(1, keepdims=True))[hours, site]  # all rows together show little of it
    load = swing * np.sin(hours / 24 * 2 * np.pi) + off + rng.normal(size=len(hours)) + site
    times = START + hours * HOUR_MS + rng.integers(0, HOUR_MS, len(hours))
    return np.column_stack([load, site.astype(float)]), times


HOURLY = MonitorSettings(window_seconds=3600, min_samples=30, false_alarms_per_month=100)


@dataclass(frozen=True)
class Sites:
    """A model of three sites and its traffic."""

    swing: float
    apart: float
    baseline: Baseline


@pytest.fixture(scope="module", params=[(35, 2.0, 0.0), (12, 0.0, 0.7)], ids=["season", "noise"])
def sites(request: pytest.FixtureRequest) -> Sites:
    """Five weeks that tell a season, or twelve days whose hours differ for each site."""
    days, swing, apart = request.param
    matrix, times = by_hour(days, 1, swing=swing, apart=apart)
    frozen = freeze(
        model_name="m",
        model_version="v",
        schema=HOURS,
        matrix=matrix,
        times=times,
        segments=SITES,
        settings=HOURLY,
    )
    return Sites(swing, apart, frozen)


def test_season_and_the_noise_of_each_segment_are_no_drift(sites: Sites) -> None:
    """In later hours no more alarms than the budget allows, while a shift of one site is found and named."""
    monitor = Monitor(baseline=sites.baseline, settings=HOURLY)
    matrix, times = by_hour(3, 2, swing=sites.swing, apart=sites.apart)
    alarms = found = 0
    for hour in range(72):
        here = (times - START) // HOUR_MS == hour
        start = START + hour * HOUR_MS
        for shift in (0.0, 3.5):
            live = matrix[here].copy()
            live[live[:, 1] == 2, 0] += shift
            verdict = monitor.judge(
                state_of(sites.baseline, live),
                span=Span.WINDOW,
                start=start,
                end=start + HOUR_MS,
                memory=monitor.start(),
            ).verdict
            assert verdict.segments is not None
            drifted = {name for name, one in verdict.segments.items() if one.drift}
            alarms += bool(drifted) and not shift
            found += bool(shift) and drifted == {"site=c"}
    assert alarms <= stats.binom.ppf(0.9999, 72, alpha(Span.WINDOW, HOURLY))
    assert found > 60


def test_a_segment_is_compared_with_its_own_rows_of_the_same_hours(sites: Sites) -> None:
    """What its mix of hours was in training counts, not that of all rows."""
    training, layout, seasonal = sites.baseline.segments, sites.baseline.layout, sites.baseline.seasonal
    assert training is not None
    assert np.array_equal(np.sum([one.counts for one in training.seasonal], axis=0), seasonal.counts)
    if not sites.swing:
        return
    everywhere = seasonal.counts[:, layout.slice(0)].sum(1)
    assert training.mix(layout, 2, everywhere, {5: 700}) == {5: 1.0}
    own = training.rows(layout, 2)
    mix = training.mix(layout, 2, everywhere, {5: 100, 6: 300})
    assert mix[6] / mix[5] == pytest.approx(3 * (own[6] / everywhere[6]) / (own[5] / everywhere[5]))
    high, low = (training.seasonal[2].reference(layout, {hour: 1}) for hour in (6, 18))
    assert high.counts(layout, 0)[8:16].sum() > 5 * low.counts(layout, 0)[8:16].sum()


# ---- the baseline ----


def test_training_counts_each_segment_over_the_bins_of_all_rows() -> None:
    training = HOUSES.segments
    assert training is not None
    matrix = REFERENCE[:20_000]
    for cell, code in enumerate((0, 1, 2)):
        own = served(matrix[matrix[:, 2] == code])
        for i, column in enumerate(HOUSES.columns[:4]):
            expected = np.bincount(column.index(own[:, i]), minlength=column.size)
            assert np.array_equal(training.seasonal[cell].counts[0, HOUSES.layout.slice(i)], expected)
        held_out = served(matrix[:10_000][matrix[:10_000, 2] == code])[:, -2]
        expected = np.bincount(HOUSES.columns[4].index(held_out), minlength=HOUSES.columns[4].size)
        assert np.array_equal(training.seasonal[cell].counts[0, HOUSES.layout.slice(4)], expected)


def test_json_keeps_segments_and_their_noise_to_the_bit(sites: Sites) -> None:
    for baseline in (HOUSES, sites.baseline):
        read = Baseline.from_json(baseline.to_json())
        assert read == baseline
        assert read.layout == baseline.layout
        assert read.segments is not None
    assert sites.baseline.segments is not None
    assert sites.baseline.segments.noise.keys() == sites.baseline.noise.keys() >= {Span.WINDOW, Span.HOUR}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            [{"column": "size", "values": ["1"]}],
            "segments by 'size', which is a number; give one of area, garden",
        ),
        ([{"column": "nope", "values": ["1"]}], "segments by 'nope', which is no feature"),
        ([{"column": "area", "values": ["moon"]}], "name the value 'moon', none of its 3 categories"),
        ([{"column": "garden", "values": ["yes"]}], "name the value 'yes', none of its true and false"),
        ([{"column": "area", "values": ["(rest)"]}], "the name of all others; rename it"),
        ([{"column": "area", "values": []}], "are given twice or have no values"),
        ([{"column": "area", "values": ["coast"]}] * 2, "are given twice or have no values"),
        (
            [{"column": "area", "values": ["coast"]}],
            "seasonal is a list of 7; write a list of 2, one a segment",
        ),
        ([{"column": "area", "values": ["coast"]}] * 5, "a list of at most 4"),
    ],
)
def test_a_baseline_with_segments_that_cannot_be_is_refused(columns: object, message: str) -> None:
    described = json.loads(HOUSES.to_json())
    described["segments"]["columns"] = columns
    with pytest.raises(ValueError, match=message):
        Baseline.from_json(json.dumps(described))


def test_more_segments_than_a_state_has_room_for_are_refused() -> None:
    names = tuple("abcdefgh")
    schema = FeatureSchema(
        (
            *(Feature(name=f"f{i}", kind=Kind.NUMERIC) for i in range(199)),
            Feature(name="c", kind=Kind.CATEGORICAL, categories=names),
        )
    )
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.normal(size=(300, 199)), rng.integers(0, 8, 300)]).astype(float)
    with pytest.raises(
        NoRoomError, match=r"9 cells, each with the 3,\d{3} bins of 200 columns: 3\d,\d{3} counts"
    ):
        freeze(
            model_name="m",
            model_version="v",
            schema=schema,
            matrix=matrix,
            segments=(Segmentation(column="c", values=names),),
        )
