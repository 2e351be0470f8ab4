"""The monitor: silent without drift, loud and pointing at the right feature with it, and exact to the bit."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from drift_core.bins import Column
from drift_core.budget import MONTH_SECONDS, alpha
from drift_core.freeze import freeze
from drift_core.memory import Memory
from drift_core.monitor import Charted, Judgement, Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.noise import FEWEST_SPANS, MOST_SPANS, Noise
from drift_core.schema import UNSEEN, Feature, FeatureSchema, Kind, Matrix
from drift_core.span import Span
from drift_core.window import WindowState
from tests.unit.drift_core.fixture_house import (
    BASELINE,
    REFERENCE,
    SETTINGS,
    UNTIMED,
    WINDOW_MS,
    first_verdict,
    of_column,
    quiet,
    rows,
    served,
    single,
    state_of,
    verdict_of,
)


@pytest.mark.parametrize("n", [100, 500, 5_000])
def test_false_alarms_stay_within_the_budget(n: int) -> None:
    """With a budget of 1 % a window, at most 1 % of windows without drift alarm, and their binomial error."""
    share = 0.01
    hours = MONTH_SECONDS / 3600
    settings = MonitorSettings(window_seconds=3600, false_alarms_per_month=share * hours * 6)
    assert alpha(Span.WINDOW, settings) == pytest.approx(share)
    runs = 400
    alarms = sum(verdict_of(rows(n, 1_000 + run), settings).drift for run in range(runs))
    assert alarms <= stats.binom.ppf(0.9999, runs, share)


def long_tail(n: int, seed: int) -> npt.NDArray[np.intp]:
    """A heavy tail: however many categories training saw, the next window brings new ones."""
    return np.random.default_rng(seed).zipf(1.3, n) % 100_000


@pytest.mark.parametrize(("n", "m"), [(500, 2_000), (5_000, 20_000)])
def test_a_long_tail_of_categories_stays_within_the_budget(n: int, m: int) -> None:
    def column_of(values: npt.NDArray[np.intp], known: list[int]) -> Matrix:
        codes = {value: float(i) for i, value in enumerate(known)}
        return np.array([codes.get(value, UNSEEN) for value in values.tolist()])

    alarms, runs = 0, 60
    for run in range(runs):
        seen, counts = np.unique(long_tail(m, run), return_counts=True)
        known = seen[np.argsort(-counts, kind="stable")].tolist()
        column = Column.freeze("id", Kind.CATEGORICAL, column_of(long_tail(m, run), known), known)
        baseline = of_column(column, column_of(long_tail(m, run), known), usual=n)
        live = column_of(long_tail(n, 10_000 + run), known)
        assert (live == UNSEEN).any()
        alarms += first_verdict(baseline, live[:, None]).drift
    assert alarms == 0  # the default budget: one in 26,000 windows


def scaled(features: Matrix) -> None:
    features[:, 0] *= 1_000


def shifted(features: Matrix) -> None:
    features[:, 0] += 0.4 * REFERENCE[:, 0].std()


def lost(features: Matrix) -> None:
    features[:60, 1] = np.nan


def moved(features: Matrix) -> None:
    features[:12, 2] = UNSEEN


def mixed(features: Matrix) -> None:
    features[:120, 2] = 2


def flipped(features: Matrix) -> None:
    features[:, 3] = 1 - features[:, 3]


def broken(features: Matrix) -> None:
    features[:12, 1] = np.inf


@pytest.mark.parametrize(
    ("change", "feature", "tests"),
    [
        (scaled, "size", {"out_of_range", "shape"}),
        (shifted, "size", {"location", "shape"}),
        (lost, "age", {"missing"}),
        (moved, "area", {"unseen", "other"}),
        (mixed, "area", {"category:hills", "category:centre", "shape"}),
        (flipped, "garden", {"category:true", "category:false"}),
        (broken, "age", {"non_finite"}),
    ],
)
def test_drift_is_found_in_its_first_window_and_the_feature_named(
    change: Callable[[Matrix], None], feature: str, tests: set[str]
) -> None:
    live = rows(500, 77)
    assert not verdict_of(live).drift
    change(live)
    verdict = verdict_of(live)
    assert verdict.drift
    assert verdict.drift_score > 1
    caused = {"size", "prediction", "interval_width"} if feature == "size" else {feature}
    assert set(verdict.guilty) == caused
    assert verdict.features[feature].top_contrast in tests


def test_a_few_values_beyond_the_range_of_a_small_training_set_are_no_drift() -> None:
    """The extremes of 200 rows promise little: thirteen of 100 beyond are rare, but within the budget."""
    rng = np.random.default_rng(4)
    baseline = single(Feature(name="x", kind=Kind.NUMERIC), rng.uniform(0, 1, 200))
    live = rng.uniform(0.01, 0.99, 100)
    live[:13] = np.where(np.arange(13) % 2, 1.01, -0.01)
    assert not first_verdict(baseline, live[:, None]).drift
    live[:22] = np.where(np.arange(22) % 2, 1.01, -0.01)
    assert first_verdict(baseline, live[:, None]).drift


def test_rare_categories_that_grow_are_found_together() -> None:
    rng = np.random.default_rng(4)
    names = ("east", "west", "rare", "rarer")
    training = np.array([0.0] * 4_995 + [1.0] * 4_995 + [2.0] * 6 + [3.0] * 4)
    baseline = single(Feature(name="x", kind=Kind.CATEGORICAL, categories=names), training)
    assert baseline.columns[0].categories == ("east", "west")
    live = rng.permutation(np.array([0.0] * 245 + [1.0] * 245 + [2.0] * 5 + [3.0] * 5))
    verdict = first_verdict(baseline, live[:, None])
    assert verdict.drift
    assert verdict.features["x"].top_contrast == "other"


@pytest.mark.parametrize("value", [1e9, -1e9])
def test_values_out_of_range_count_as_the_nearest_that_training_saw(value: float) -> None:
    live = rows(500, 6)
    live[:, 1] = value
    age = verdict_of(live).features["age"]
    assert age.out_of_range_share == 1
    assert age.ks == pytest.approx(15 / 16, abs=0.01)
    assert age.mean_shift_sigma == pytest.approx(np.sign(value) * 100)  # where single values are cut


def test_the_strongest_drift_is_named_first() -> None:
    live = rows(500, 7)
    live[:, 1] += 20
    flipped(live)
    weak, strong = sorted(("age", "garden"), key=lambda name: verdict_of(live).features[name].score)
    assert verdict_of(live).guilty == (strong, weak)
    assert verdict_of(live).features[strong].score == verdict_of(live).drift_score


def test_a_gross_shift_is_one_beyond_the_threshold() -> None:
    live = rows(500, 5)
    live[:, 0] += 2.5 * REFERENCE[:, 0].std()
    verdict = verdict_of(live)
    assert verdict.gross_shift
    assert verdict.mean_shift_sigma == pytest.approx(2.5, abs=0.2)
    assert not verdict_of(live, MonitorSettings(drift_threshold=3)).gross_shift


def test_an_empty_state_is_refused() -> None:
    with pytest.raises(ValueError, match="no rows between 0 and 300000"):
        verdict_of(rows(0, 1))


def test_a_window_of_missing_values_only_is_judged() -> None:
    live = rows(200, 3)
    live[:, :2] = np.nan
    verdict = verdict_of(live)
    assert verdict.features["age"].missing_share == 1
    assert verdict.features["age"].ks is None
    assert verdict.features["age"].mean_shift_sigma is None
    assert verdict.features["age"].top_contrast == "missing"


def test_a_handful_of_values_has_no_shape_but_its_shares_are_judged() -> None:
    live = rows(29, 3)
    live[:, 0] = live[0, 0]  # twenty-nine times the same value
    size = verdict_of(live).features["size"]
    assert size.score == 0 or size.top_contrast in {"missing", "non_finite", "out_of_range"}
    assert not size.drift
    live[:, 0] = np.nan
    assert verdict_of(live).features["size"].drift


SIGNALS = len(BASELINE.signals)
MONITOR = Monitor(baseline=BASELINE, settings=SETTINGS)


def judged(
    state: WindowState,
    memory: Memory,
    i: int = 0,
    *,
    monitor: Monitor = MONITOR,
    charted: Charted | None = None,
    span: Span = Span.WINDOW,
) -> Judgement:
    """Judge the i-th window."""
    start = i * WINDOW_MS
    return monitor.judge(state, span=span, start=start, end=start + WINDOW_MS, memory=memory, charted=charted)


def house(n: int, seed: int, change: Callable[[Matrix], None] = lambda features: None) -> WindowState:
    live = rows(n, seed)
    change(live)
    return state_of(BASELINE, served(live), seed * 10_000)


def delay(change: Callable[[Matrix], None], seed: int, longest: int = 12) -> int:
    """Windows until a drift alarms, after five without one."""
    memory = MONITOR.start()
    for i in range(5):
        first = judged(house(500, 100 * seed + i), memory, i)
        assert not first.verdict.drift
        memory = first.memory
    for i in range(1, longest + 1):
        found = judged(house(500, 100 * seed + 50 + i, change), memory, 4 + i)
        memory = found.memory
        if found.verdict.drift:
            return i
    return longest + 1


def a_tenth_of_sigma(features: Matrix) -> None:
    features[:, 0] += 0.1 * REFERENCE[:, 0].std()


def a_fifth_of_sigma(features: Matrix) -> None:
    features[:, 0] += 0.2 * REFERENCE[:, 0].std()


def wider(features: Matrix) -> None:
    features[:, 1] = 45 + 1.2 * (features[:, 1] - 45)


def two_points_missing(features: Matrix) -> None:
    features[np.random.default_rng(int(features[0, 0] * 1e6)).random(len(features)) < 0.02, 0] = np.nan


def new_category(features: Matrix) -> None:
    features[np.random.default_rng(int(features[0, 0] * 1e6)).random(len(features)) < 0.005, 2] = UNSEEN


def correlated(features: Matrix) -> None:
    """Size and age, independent in training, correlate by about a half; neither changes by itself."""
    noise = np.random.default_rng(int(features[0, 0] * 1e6)).normal(size=len(features))
    rank = stats.rankdata(features[:, 0]) / (len(features) + 1)
    wanted = stats.norm.cdf(0.5 * stats.norm.ppf(rank) + np.sqrt(0.75) * noise)
    known = ~np.isnan(features[:, 1])
    features[known, 1] = 90 * wanted[known]


@pytest.mark.parametrize(
    ("change", "at_most"),
    [
        (a_tenth_of_sigma, 9),
        (a_fifth_of_sigma, 3),
        (wider, 3),
        (two_points_missing, 1),
        (new_category, 2),
        (correlated, 3),
    ],
)
def test_drift_is_found_within_the_windows_that_the_method_promises(
    change: Callable[[Matrix], None], at_most: int
) -> None:
    """The median of twenty streams, each after five quiet windows, at 500 rows and the default budget."""
    delays = [delay(change, seed) for seed in range(20)]
    assert np.median(delays) <= at_most
    assert max(delays) <= 3 * at_most + 3


def test_a_changed_correlation_names_its_pair() -> None:
    memory = MONITOR.start()
    for i in range(3):
        found = judged(house(500, 900 + i, correlated), memory, i)
        memory = found.memory
    relations = found.verdict.multivariate
    assert relations is not None
    assert relations.drift
    assert relations.top_contrast == "correlation"
    assert relations.pair == ("size", "age")
    assert relations.correlation_now == pytest.approx(0.5, abs=0.12)
    assert set(found.verdict.guilty) == {"size", "age"}


def test_streams_without_drift_stay_within_the_whole_budget() -> None:
    """Tests and charts together: with a budget of B alarms in W windows, at most B/W a window."""
    settings = MonitorSettings(false_alarms_per_month=100)
    monitor, streams, windows = Monitor(baseline=BASELINE, settings=settings), 20, 30
    alarms = 0
    for stream in range(streams):
        memory, drifted = monitor.start(), False
        for i in range(windows):
            found = judged(house(500, 20_000 + stream * windows + i), memory, i, monitor=monitor)
            memory, drifted = found.memory, drifted or found.verdict.drift
        alarms += drifted
    promised = windows * 100 / (MONTH_SECONDS / settings.window_seconds)
    assert alarms <= stats.binom.ppf(0.9999, streams, promised)


def test_a_chart_says_since_when_a_slow_drift_lasts_and_falls_silent_after_it() -> None:
    memory, since, silent = MONITOR.start(), None, None
    for i in range(60):
        drifting = 10 <= i < 30
        found = judged(house(500, 3_000 + i, a_fifth_of_sigma if drifting else lambda f: None), memory, i)
        memory = found.memory
        if drifting and since is None and found.verdict.drift:
            since = found.verdict.features["size"].since
        if i >= 30 and silent is None and not found.verdict.drift:
            silent = i
    assert since is not None
    assert 9 <= since / WINDOW_MS <= 12
    assert silent is not None
    assert silent <= 30 + 15


def test_a_change_of_unit_names_the_factor() -> None:
    assert verdict_of(rows(1_000, 8)).features["size"].unit_factor is None
    live = rows(1_000, 8)
    live[:, 0] /= 1_000
    verdict = verdict_of(live)
    assert verdict.features["size"].unit_factor == pytest.approx(1 / 1_000)
    assert verdict.features["age"].unit_factor is None


@pytest.mark.parametrize("shards", [4, 16, 1_000])
def test_any_number_of_shards_in_any_order_gives_the_same_verdict_to_the_bit(shards: int) -> None:
    live = served(rows(4_000, 9))
    memory = judged(house(500, 1), MONITOR.start()).memory
    whole = judged(state_of(BASELINE, live), memory, 1)
    rng = np.random.default_rng(shards)
    cuts = np.sort(rng.choice(np.arange(1, 4_000), shards - 1, replace=False))
    firsts = [0, *cuts.tolist()]
    parts = [
        state_of(BASELINE, part, first) for part, first in zip(np.split(live, cuts), firsts, strict=True)
    ]
    while len(parts) > 1:  # any two that meet are merged
        i, j = sorted(rng.choice(len(parts), 2, replace=False).tolist())
        parts.append(parts.pop(j) + parts.pop(i))
    found = judged(parts[0], memory, 1)
    assert json.dumps(found.verdict.to_json()) == json.dumps(whole.verdict.to_json())
    assert found.memory.to_bytes() == whole.memory.to_bytes()
    assert found.charted == whole.charted


def test_judging_twice_with_the_same_memory_gives_the_same_bytes() -> None:
    """So a crash before the new memory is stored is harmless."""
    memory = judged(house(500, 1), MONITOR.start()).memory
    again = Memory.from_bytes(memory.to_bytes(), SIGNALS)
    before = memory.to_bytes()
    first, second = (judged(house(500, 2, a_fifth_of_sigma), kept, 1) for kept in (memory, again))
    assert first.verdict.to_json() == second.verdict.to_json()
    assert first.memory.to_bytes() == second.memory.to_bytes()
    assert memory.to_bytes() == before  # and nothing was changed in place


def test_a_window_judged_again_with_late_rows_neither_advances_the_charts_nor_is_learned_twice() -> None:
    untimed = Monitor(baseline=UNTIMED, settings=SETTINGS)
    state, late = house(500, 2, shifted), house(40, 3)
    for monitor in (MONITOR, untimed):
        first = judged(
            state, judged(house(500, 1), monitor.start(), monitor=monitor).memory, 1, monitor=monitor
        )
        again = judged(state + late, first.memory, 1, monitor=monitor, charted=first.charted)
        assert again.memory.to_bytes() == first.memory.to_bytes()
        assert again.charted == first.charted
        assert again.verdict.n == 540
    assert first.memory.noise[Span.WINDOW].count == 2


def test_what_the_charts_said_stays_in_the_verdict_of_a_revision() -> None:
    memory = MONITOR.start()
    for i in range(4):
        found = judged(house(500, 700 + i, a_fifth_of_sigma), memory, i)
        before, memory = memory, found.memory
    assert found.verdict.features["size"].since is not None
    quiet_rows = house(500, 99)
    revised = judged(quiet_rows, memory, 3, charted=found.charted).verdict.features["size"]
    assert (revised.score, revised.since) == (
        found.verdict.features["size"].score,
        found.verdict.features["size"].since,
    )
    assert judged(quiet_rows, before, 3).verdict.features["size"].score < revised.score


def test_hours_and_days_do_not_move_the_charts() -> None:
    memory = judged(house(500, 1, a_fifth_of_sigma), MONITOR.start()).memory
    for span in (Span.HOUR, Span.DAY):
        after = judged(house(2_000, 4, a_fifth_of_sigma), memory, span=span)
        assert np.array_equal(after.memory.charts.evidence, memory.charts.evidence)
        assert after.charted == {}
        assert after.verdict.smallest_lasting_sigma is None


def test_without_times_a_monitor_calibrates_itself_on_its_first_windows() -> None:
    monitor = Monitor(baseline=UNTIMED, settings=SETTINGS)
    memory, flags = monitor.start(), []
    for i in range(FEWEST_SPANS + 2):
        found = judged(house(500, 60 + i), memory, i, monitor=monitor)
        assert not found.verdict.drift
        memory = found.memory
        flags.append(found.verdict.calibrating)
    assert flags == [True] * FEWEST_SPANS + [False] * 2
    small, gross = (house(500, 5, change) for change in (shifted, scaled))
    assert not judged(small, monitor.start(), monitor=monitor).verdict.drift  # 0.4 σ may be noise
    assert judged(gross, monitor.start(), monitor=monitor).verdict.drift
    assert judged(small, memory, 99, monitor=monitor).verdict.drift  # now it is known not to be
    assert not judged(house(500, 5), MONITOR.start()).verdict.calibrating


def test_windows_with_an_alarm_are_not_learned_and_learning_ends() -> None:
    monitor = Monitor(baseline=UNTIMED, settings=SETTINGS)
    start = monitor.start()
    assert judged(house(500, 5, scaled), start, monitor=monitor).memory.noise[Span.WINDOW].count == 0
    spread = np.random.default_rng(1).normal(size=(MOST_SPANS - 1, SIGNALS))
    learned = Noise.of(np.where(BASELINE.signals.two_sided, spread, 1.0), np.full(MOST_SPANS - 1, 500))
    memory = Memory(start.charts, {**start.noise, Span.WINDOW: learned})
    counts = []
    for i in range(3):
        memory = judged(house(500, 70 + i), memory, i, monitor=monitor).memory
        counts.append(memory.noise[Span.WINDOW].count)
    assert counts == [MOST_SPANS] * 3


def many(state: WindowState, times: int) -> WindowState:
    """The same rows, over and over."""
    return replace(
        state,
        n=times * state.n,
        counts=times * state.counts,
        moments=times * state.moments,
        comoments=times * state.comoments,
    )


@pytest.mark.parametrize(("shift", "alarms"), [(0.0, False), (0.02, False), (0.2, True)])
def test_ten_million_rows_do_not_turn_a_harmless_shift_into_drift(shift: float, alarms: bool) -> None:
    """Training's own rows two hundred times, moved: no sampling error, only the shift; for fifty windows."""
    live = REFERENCE.copy()
    live[:, 0] += shift * REFERENCE[:, 0].std()
    state = many(state_of(BASELINE, served(live)), 200)
    memory, found = MONITOR.start(), []
    for i in range(50 if not alarms else 1):
        verdict = judged(state, memory, i)
        memory = verdict.memory
        found.append(verdict.verdict.drift)
    assert set(found) == {alarms}


def test_a_chart_that_cannot_go_on_alarms_no_more() -> None:
    """Windows of too few values for a contrast keep its charts, but they are no verdict on these windows."""
    monitor, memory = Monitor(baseline=quiet(BASELINE), settings=SETTINGS), None
    for window in range(12):
        n = 500 if window < 10 else 25
        features = rows(n, 700 + window)
        if window < 10:
            features[:, 0] *= 1.4
        judged = judge_with(monitor, features, memory)
        memory = judged.memory
        assert judged.verdict.features["size"].drift == (window < 10) or window == 0
    assert memory is not None
    assert memory.charts.evidence.max() > 5


def test_a_shift_that_only_all_columns_together_show_names_the_strongest() -> None:
    schema = FeatureSchema(tuple(Feature(name=f"f{i}", kind=Kind.NUMERIC) for i in range(30)))
    rng = np.random.default_rng(5)
    baseline = freeze(model_name="m", model_version="v", schema=schema, matrix=rng.normal(size=(50_000, 30)))
    monitor = Monitor(baseline=quiet(baseline), settings=SETTINGS)
    judged = judge_with(monitor, rng.normal(size=(500, 30)) + 0.15, None)
    assert judged.verdict.multivariate is not None
    assert judged.verdict.multivariate.top_contrast == "joint_shift"
    assert not any(column.drift for column in judged.verdict.features.values())
    assert judged.verdict.drift
    assert len(judged.verdict.guilty) == 1


def judge_with(monitor: Monitor, features: Matrix, memory: Memory | None) -> Judgement:
    columns = len(monitor.baseline.columns)
    matrix = served(features) if columns > features.shape[1] else features
    ids = np.arange(len(matrix), dtype=np.uint64)
    state = WindowState.of(monitor.baseline.layout, matrix, np.zeros(len(matrix), np.int64), ids)
    return monitor.judge(
        state, span=Span.WINDOW, start=0, end=300_000, memory=monitor.start() if memory is None else memory
    )
