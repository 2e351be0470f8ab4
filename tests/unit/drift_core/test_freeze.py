"""Freezing: what training rows tell of season, of noise, and of columns that only some have."""

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from drift_core.baseline import Baseline
from drift_core.freeze import freeze
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.noise import FEWEST_SPANS, Noise
from drift_core.schema import Feature, FeatureSchema, Kind, Matrix
from drift_core.season import DAY_MS, HOUR_MS, Season
from drift_core.span import Span
from tests.unit.drift_core.fixture_house import UNTIMED, WINDOW_MS, quiet, state_of

SCHEMA = FeatureSchema((Feature(name="load", kind=Kind.NUMERIC), Feature(name="steady", kind=Kind.NUMERIC)))
HOURLY = MonitorSettings(window_seconds=3600)
START = 20_004 * DAY_MS  # a Monday


def frozen(matrix: Matrix, times: np.ndarray | None, settings: MonitorSettings | None = None) -> Baseline:
    return freeze(
        model_name="m", model_version="v", schema=SCHEMA, matrix=matrix, times=times, settings=settings
    )


def loads(times: np.ndarray, seed: int) -> Matrix:
    """A load that swings by 1.5 σ over the day, and one that does not."""
    rng = np.random.default_rng(seed)
    swing = 1.5 * np.sin(2 * np.pi * (times % DAY_MS) // HOUR_MS / 24)
    return rng.normal(size=(len(times), 2)) + np.column_stack([swing, np.zeros(len(times))])


def window_factors(baseline: Baseline, n: int) -> tuple[Matrix, Matrix]:
    """φ of a first window of n rows, and its freedom, by signal."""
    monitor = Monitor(baseline=baseline, settings=MonitorSettings())
    noise = monitor.noise(Span.WINDOW, monitor.start())
    phi, freedom = monitor.factors(monitor.reference({0: 1}), np.array([n]), noise)
    return phi[0], freedom


def hour_of(hour: int, rows: int = 120) -> np.ndarray:
    return START + 28 * DAY_MS + hour * HOUR_MS + np.arange(rows)


@cache
def diurnal() -> Baseline:
    times = START + np.arange(28 * 24 * 120) * (HOUR_MS // 120)
    return frozen(loads(times, 1), times, HOURLY)


@cache
def timeless() -> Baseline:
    times = START + np.arange(28 * 24 * 120) * (HOUR_MS // 120)
    return quiet(frozen(loads(times, 1), None), 120)


def alarms(baseline: Baseline, hours: range) -> list[bool]:
    """Whether each hour of a day without drift alarms, with memory."""
    monitor, found = Monitor(baseline=baseline, settings=HOURLY), []
    memory = monitor.start()
    for hour in hours:
        times = hour_of(hour)
        state = state_of(baseline, loads(times, 50 + hour), hour * 120)
        start = int(times[0])
        judged = monitor.judge(state, span=Span.WINDOW, start=start, end=start + HOUR_MS, memory=memory)
        memory = judged.memory
        found.append(judged.verdict.drift)
    return found


def test_a_load_that_swings_with_the_day_does_not_alarm_when_training_had_times() -> None:
    assert diurnal().seasonal.season is Season.WEEK
    assert not any(alarms(diurnal(), range(72)))


def test_without_season_the_same_load_alarms_nearly_always() -> None:
    assert np.mean(alarms(timeless(), range(24))) > 0.7


def test_only_the_column_that_swings_has_a_season() -> None:
    pooling = diurnal().seasonal.pooling
    assert np.isfinite(pooling[0])
    assert pooling[0] < 500
    assert np.isinf(pooling[1])


def test_the_load_of_noon_is_drift_at_midnight() -> None:
    """Beside the silence: what season explains at one hour is found at another."""
    monitor = Monitor(baseline=diurnal(), settings=HOURLY)
    evening, midday = hour_of(18), hour_of(30)
    state = state_of(monitor.baseline, loads(midday, 3))

    def verdict_at(start: int) -> bool:
        judged = monitor.judge(
            state, span=Span.WINDOW, start=start, end=start + HOUR_MS, memory=monitor.start()
        )
        return judged.verdict.drift

    assert verdict_at(int(evening[0]))
    assert not verdict_at(int(midday[0]))


def test_a_day_is_compared_with_the_mix_of_its_hours() -> None:
    """By the rows of each hour: twice the traffic in the morning is no drift of the day."""
    monitor = Monitor(baseline=diurnal(), settings=HOURLY)
    rows = [240 if hour < 12 else 120 for hour in range(24)]
    parts = [loads(hour_of(hour, n), 900 + hour) for hour, n in enumerate(rows)]
    state = state_of(monitor.baseline, np.concatenate(parts))
    cells = {monitor.cell(int(hour_of(hour)[0])): n for hour, n in enumerate(rows)}
    memory, start = monitor.start(), START + 28 * DAY_MS

    def score(cells: dict[int, int]) -> float:
        judged = monitor.judge(
            state, span=Span.DAY, start=start, end=start + DAY_MS, memory=memory, cells=cells
        )
        return judged.verdict.features["load"].score

    assert score(cells) < 1
    assert score(dict.fromkeys(cells, 1)) > 1  # as if every hour had the same traffic
    assert score({monitor.cell(start): sum(rows)}) > 1


def test_independent_rows_show_no_noise_and_how_well_that_is_known() -> None:
    rng, spans, n = np.random.default_rng(5), 100, 400
    times = np.arange(spans * n) * (WINDOW_MS // n)
    baseline = frozen(rng.normal(size=(spans * n, 2)), times)
    noise = baseline.noise[Span.WINDOW]
    phi, freedom = window_factors(baseline, n)
    contrasts = [
        i for i, s in enumerate(baseline.signals.all) if s.name in ("location", "scale", "skew", "tails")
    ]
    assert np.all(phi[contrasts] < stats.chi2.isf(1e-5, spans - 1) / (spans - 1))
    assert np.all(freedom[contrasts] == spans - 1)
    assert np.all(noise.spans[contrasts] == spans)
    assert Span.HOUR not in baseline.noise  # eight hours are too few
    assert baseline.block_noise is None


@cache
def restless() -> Baseline:
    """The load of each window has a shift of its own, by 0.2 σ; the other column has none."""
    rng, spans, n = np.random.default_rng(6), 200, 400
    times = np.arange(spans * n) * (WINDOW_MS // n)
    shifts = np.repeat(rng.normal(0, 0.2, spans), n)
    return frozen(rng.normal(size=(spans * n, 2)) + np.column_stack([shifts, 0 * shifts]), times)


def restless_alarms(baseline: Baseline) -> float:
    rng, monitor = np.random.default_rng(7), Monitor(baseline=baseline, settings=MonitorSettings())
    found = []
    for run in range(60):
        live = rng.normal(size=(400, 2)) + np.array([rng.normal(0, 0.2), 0])
        state = state_of(baseline, live)
        judged = monitor.judge(state, span=Span.WINDOW, start=run, end=run + 1, memory=monitor.start())
        found.append(judged.verdict.drift)
    return float(np.mean(found))


def test_the_noise_between_windows_of_training_is_taken_out_of_traffic() -> None:
    baseline = restless()
    at = {(s.column, s.name): i for i, s in enumerate(baseline.signals.all)}
    phi, _ = window_factors(baseline, 400)
    assert phi[at["load", "location"]] == pytest.approx(1 + 400 * 0.2**2 * 3 / np.pi, rel=0.4)
    assert phi[at["steady", "location"]] < 1.5
    assert restless_alarms(baseline) == 0


def test_without_it_many_windows_would_alarm() -> None:
    assert restless_alarms(quiet(restless(), 400)) > 0.1


def test_training_data_thinner_than_traffic_lend_the_noise_of_their_blocks() -> None:
    rng = np.random.default_rng(8)
    m = 20_000
    drifting = np.repeat(rng.normal(0, 0.5, m // 400), 400)  # a slow swing of the level
    times = np.arange(m) * (DAY_MS // 10)
    baseline = frozen(rng.normal(size=(m, 2)) + np.column_stack([drifting, 0 * drifting]), times)
    assert Span.WINDOW not in baseline.noise
    assert baseline.block_noise is not None
    assert baseline.block_noise.count == 100
    monitor = Monitor(baseline=baseline, settings=MonitorSettings())
    place = baseline.signals.positions["load"].start + 3
    assert monitor.noise(Span.WINDOW, monitor.start()).powers[:, place].tolist() == (
        baseline.block_noise.powers[:, place].tolist()
    )
    assert window_factors(baseline, 200)[0][baseline.signals.positions["load"].start + 3] > 10


def test_a_day_of_calm_windows_does_not_make_a_restless_training_calm() -> None:
    """Live windows that vary less than training's blocks leave the noise as it was; others raise it."""
    rng = np.random.default_rng(8)
    m = 20_000
    drifting = np.repeat(rng.normal(0, 0.5, m // 400), 400)
    times = np.arange(m) * (DAY_MS // 10)
    baseline = frozen(rng.normal(size=(m, 2)) + np.column_stack([drifting, 0 * drifting]), times)
    monitor = Monitor(baseline=baseline, settings=MonitorSettings())
    memory, places = monitor.start(), baseline.signals.positions
    spread = rng.normal(size=(60, len(baseline.signals)))
    restless = places["steady"].start + 3
    spread[:, restless] *= 5
    live = replace(memory, noise={**memory.noise, Span.WINDOW: Noise.of(spread, np.full(60, 500))})
    reference, n = monitor.reference({0: 500}), np.array([500])
    before, after = (
        monitor.factors(reference, n, monitor.noise(Span.WINDOW, one))[0][0] for one in (memory, live)
    )
    location = places["load"].start + 3
    assert after[location] == pytest.approx(before[location], rel=0.3)
    assert after[restless] > 10 > before[restless]


def test_data_without_times_have_no_season_and_no_noise() -> None:
    assert UNTIMED.seasonal.season is Season.NONE
    assert UNTIMED.noise == {}
    assert UNTIMED.block_noise is None
    memory = Monitor(baseline=UNTIMED, settings=MonitorSettings()).start()
    assert memory.noise[Span.WINDOW].count < FEWEST_SPANS


def test_predictions_belong_to_the_rows_they_were_held_out_of() -> None:
    rng = np.random.default_rng(9)
    rows, held_out = rng.normal(size=(3_000, 2)), np.arange(2_000, 3_000)
    baseline = freeze(
        model_name="m",
        model_version="v",
        schema=SCHEMA,
        matrix=rows,
        predictions=rows[held_out, 0] * 2,
        held_out=held_out,
    )
    assert [column.name for column in baseline.columns] == ["load", "steady", "prediction"]
    assert baseline.rows == 3_000
    assert sum(baseline.columns[2].reference) == 1_000  # the others have none, which is not missing
    assert np.allclose(baseline.sample[:, 2], baseline.sample[:, 0] * 2)
    assert baseline.seasonal.reference(baseline.layout, {0: 1}).rows.tolist() == [3_000, 3_000, 1_000]


def test_a_sample_is_a_draw_of_the_rows_that_its_seed_decides() -> None:
    rows = np.random.default_rng(10).normal(size=(5_000, 2))
    first, same, other = (
        freeze(model_name="m", model_version="v", schema=SCHEMA, matrix=rows, seed=seed) for seed in (1, 1, 2)
    )
    assert first.sample.shape == (512, 2)
    assert np.array_equal(first.sample, same.sample)
    assert not np.array_equal(first.sample, other.sample)
    assert set(map(tuple, first.sample)) <= set(map(tuple, rows.astype(np.float32)))


@pytest.mark.parametrize("baseline", [diurnal, restless], ids=["season", "noise"])
def test_json_round_trip_keeps_all_that_is_judged_by(baseline: Callable[[], Baseline]) -> None:
    before = baseline()
    read = Baseline.from_json(before.to_json())
    assert read == before
    assert dataclasses.asdict(read.signals) == dataclasses.asdict(before.signals)
    state = state_of(before, loads(hour_of(3), 4))
    verdicts = [
        Monitor(baseline=b, settings=HOURLY)
        .judge(
            state,
            span=Span.WINDOW,
            start=0,
            end=HOUR_MS,
            memory=Monitor(baseline=b, settings=HOURLY).start(),
        )
        .verdict.to_json()
        for b in (before, read)
    ]
    assert verdicts[0] == verdicts[1]


def test_a_feature_that_is_missing_every_night_is_judged_by_its_share_at_night() -> None:
    """Training has no value of it at these hours; a value there is drift, and its absence is none."""
    rng = np.random.default_rng(21)
    times = np.arange(30 * 24 * 20, dtype=np.int64) * (HOUR_MS // 20)
    night = times % DAY_MS < 6 * HOUR_MS
    values = rng.normal(size=(len(times), 2))
    values[night, 0] = np.nan
    baseline = frozen(values, times)
    monitor = Monitor(baseline=baseline, settings=MonitorSettings())
    start = int(times[-1] // DAY_MS + 1) * DAY_MS
    verdicts = []
    for absent in (True, False):
        rows = rng.normal(size=(500, 2))
        rows[:, 0] = np.nan if absent else rows[:, 0]
        judged = monitor.judge(
            state_of(baseline, rows),
            span=Span.WINDOW,
            start=start,
            end=start + 300_000,
            memory=monitor.start(),
        )
        verdicts.append(judged.verdict.features["load"])
    assert not verdicts[0].drift
    assert (verdicts[1].drift, verdicts[1].top_contrast) == (True, "missing")
