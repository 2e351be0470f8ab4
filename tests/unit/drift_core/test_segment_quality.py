"""Quality by segment: trouble of one is found and named, luck of many wakes nobody, and the memory keeps."""

from collections import Counter
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from drift_core.error_sums import ErrorSums
from drift_core.errors import ErrorBaseline
from drift_core.label_charts import LABEL_CHARTS
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMemory, QualityMonitor, QualityVerdict
from drift_core.schema import Matrix
from drift_core.segment_errors import FEWEST_ROWS, SegmentErrors
from drift_core.segment_quality import SegmentCharts, tolerated_of_few

HOUR = 3_600_000
AREAS = ("area=harbour", "area=hills", "area=centre")
SHARES = (0.1, 0.3, 0.6)
POLICY = QualityPolicy()


def areas(rng: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
    return rng.choice(3, n, p=SHARES).astype(np.int64)


def held_out(rng: np.random.Generator, n: int = 8_000) -> ErrorBaseline:
    """Standard normal errors, twice as large in the hills; intervals of one width."""
    area = areas(rng, n)
    errors = rng.normal(size=n) * np.where(area == 1, 2, 1)
    return ErrorBaseline.of(
        errors,
        np.zeros(n),
        np.abs(errors) > 2.3,
        calibration_rows=n // 2,
        windows=None,
        segments={name: area == i for i, name in enumerate(AREAS)},
    )


BASELINE = held_out(np.random.default_rng(0))
COVERAGE = 0.9
MONITOR = QualityMonitor(BASELINE, COVERAGE, POLICY, 1.0)
ALONE = QualityMonitor(replace(BASELINE, segments={}), COVERAGE, POLICY, 1.0)


def sums(errors: Matrix) -> ErrorSums:
    size = np.abs(errors)
    return ErrorSums(
        predictions=len(errors),
        labelled=len(errors),
        absolute=float(size.sum()),
        with_interval=len(errors),
        misses=int((size > 2.3).sum()),
        above=int((errors > 0).sum()),
        beyond=tuple(int((size > quantile).sum()) for quantile in BASELINE.quantiles),
    )


def window(
    rng: np.random.Generator, n: int, *, harbour: float = 1.0
) -> tuple[ErrorSums, dict[str, ErrorSums]]:
    """Labels of one window, all and by area; errors of the harbour are so many times those of training."""
    area = areas(rng, n)
    errors = rng.normal(size=n) * np.array([harbour, 2, 1])[area]
    return sums(errors), {name: sums(errors[area == i]) for i, name in enumerate(AREAS)}


def judged(
    windows: list[tuple[ErrorSums, dict[str, ErrorSums]]], monitor: QualityMonitor
) -> tuple[list[QualityVerdict], QualityMemory]:
    """Verdicts of windows one after the other; the segments' charts go through their bytes each time."""
    memory, verdicts = monitor.start(), []
    for i, (whole, apart) in enumerate(windows):
        one = monitor.judge(whole, memory, start=i * HOUR, end=(i + 1) * HOUR, segments=apart)
        data = one.memory.segments.to_bytes()
        segments = SegmentCharts.from_bytes(data, monitor.segments)
        assert segments.to_bytes() == data
        memory = replace(QualityMemory.from_bytes(one.memory.to_bytes()), segments=segments)
        verdicts.append(one.verdict)
    return verdicts, memory


def test_errors_that_grow_in_one_segment_alone_are_found_and_it_is_named() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        windows = [window(rng, 200) for _ in range(20)]
        windows += [window(rng, 200, harbour=1.6) for _ in range(40)]
        verdicts, _ = judged(windows, MONITOR)
        assert not any(one.degraded for one in verdicts[:20])
        last = verdicts[-1]
        assert max(score for chart, score in last.charts.items()) < 1, "the whole has seen it too"
        assert (last.degraded, last.guilty_segments) == (True, ("area=harbour",))
        assert last.score == last.segments["area=harbour"].score > 1
        assert last.since == last.segments["area=harbour"].since
        assert 15 * HOUR <= (last.since or 0) < 30 * HOUR
        assert not any(last.segments[name].degraded for name in AREAS[1:])


def test_a_segment_is_compared_with_itself() -> None:
    """The hills err twice as much as the others; where the others begin to err like them, they are named."""
    rng = np.random.default_rng(1)
    quiet, _ = judged([window(rng, 400) for _ in range(60)], MONITOR)
    assert not any(one.degraded for one in quiet)
    like_hills, _ = judged([window(rng, 400, harbour=2.0) for _ in range(30)], MONITOR)
    assert like_hills[-1].guilty_segments == ("area=harbour",)


def test_a_bias_of_one_segment_is_found_by_its_own_chart() -> None:
    rng = np.random.default_rng(2)
    windows = []
    for _ in range(40):
        whole, apart = window(rng, 300)
        high = replace(apart["area=harbour"], above=int(0.9 * apart["area=harbour"].labelled))
        windows.append((whole, {**apart, "area=harbour": high}))
    told = judged(windows, MONITOR)[0][-1].segments["area=harbour"]
    assert max(told.charts, key=lambda name: told.charts[name]) == "above"
    assert told.degraded


def at_the_limit(rng: np.random.Generator, monitor: QualityMonitor, rows: int) -> dict[str, ErrorSums]:
    """New labels whose shares are the largest that are tolerated: the worst that is no trouble."""
    found = {}
    for name, bounds in monitor.bounds.items():
        draw = {chart: rng.binomial(rows, limit) for chart, limit in bounds.limits.items()}
        found[name] = ErrorSums(
            labelled=rows,
            with_interval=rows,
            misses=int(draw["coverage"][0]),
            above=int(draw["above"][0]),
            beyond=tuple(draw["error"].tolist()),
        )
    return found


def test_false_alarms_stay_within_the_budget_however_many_segments_there_are() -> None:
    """At the very limit of what is tolerated, where the bets are fair and nothing is left to spare."""
    rng = np.random.default_rng(3)
    one = SegmentErrors(
        rows=400,
        missed=0.1,
        beyond=(0.5, 0.25, 0.1, 0.025),
        above=0.5,
        window_rows=1.0,
        missed_clumping=0.0,
        beyond_clumping=(0.0,) * 4,
        above_clumping=0.0,
    )
    baseline = replace(BASELINE, segments={f"a={i}": one for i in range(36)})
    budget, hours, runs = 100.0, 60, 12
    monitor = QualityMonitor(baseline, COVERAGE, POLICY, budget)
    alarms: Counter[str] = Counter()
    for _ in range(runs):
        memory, woken = monitor.start(), set[tuple[str, str]]()
        for i in range(hours):
            apart = at_the_limit(rng, monitor, 20)
            judgement = monitor.judge(ErrorSums(), memory, start=i * HOUR, end=(i + 1) * HOUR, segments=apart)
            memory = judgement.memory
            for name, told in judgement.verdict.segments.items():
                woken |= {(name, chart) for chart, score in told.charts.items() if score > 1}
        alarms.update(chart for _, chart in woken)
    # A quarter of the budget, two parts of five of it, and of these what the whole does not have.
    expected = runs * budget * hours / 720 / 4 * 2 / 5 * 36 / 37
    assert 0 < alarms.total() <= expected + 3 * expected**0.5, (alarms, expected)


@pytest.mark.parametrize("rows", [FEWEST_ROWS, 300, 2_000])
@pytest.mark.parametrize("allowed", [3.0, 3.9])
def test_a_limit_is_too_low_as_seldom_as_its_standard_errors_say(rows: int, allowed: float) -> None:
    """Exactly, for shares from rare to usual: where the normal law would fail by a factor of ten."""
    limits = tolerated_of_few(np.arange(rows + 1) / rows, rows, np.zeros(1), 1.0, allowed)
    for share in (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5):
        wrong = stats.binom.pmf(np.arange(rows + 1)[limits < share], rows, share).sum()
        assert wrong <= stats.norm.sf(allowed), share


def test_what_clumps_in_the_whole_clumps_in_its_segments() -> None:
    clumped = replace(BASELINE, missed_clumping=0.2, beyond_clumping=(0.2,) * 4, above_clumping=0.2)
    wary = QualityMonitor(clumped, COVERAGE, POLICY, 1.0)
    rng = np.random.default_rng(4)
    new = [window(rng, 400, harbour=1.6) for _ in range(10)]
    scores = [judged(new, one)[0][-1].segments["area=harbour"].score for one in (MONITOR, wary)]
    assert scores[1] < 0.5 * scores[0]


def test_without_segments_nothing_is_different_and_with_them_only_thresholds_are() -> None:
    rng = np.random.default_rng(5)
    windows = [window(rng, 200, harbour=1.2) for _ in range(12)]
    alone, memory = judged(windows, ALONE)
    assert (alone[-1].segments, alone[-1].guilty_segments, memory.segments.charts) == ({}, (), {})
    beside, same = judged(windows, MONITOR)
    assert same.to_bytes() == memory.to_bytes()
    assert MONITOR.limits == ALONE.limits
    part = 720 * 4 * 5
    for chart in LABEL_CHARTS:
        a = part * (1 if chart == "coverage" else 3)
        assert beside[-1].charts[chart] == pytest.approx(alone[-1].charts[chart] * np.log(a) / np.log(4 * a))
    assert any(alone[-1].charts[chart] > 0 for chart in LABEL_CHARTS)
    assert beside[-1].charts["arrival"] == alone[-1].charts["arrival"]


def test_a_segment_without_new_labels_stays_as_it_is() -> None:
    rng = np.random.default_rng(6)
    _, memory = judged([window(rng, 200, harbour=2.0) for _ in range(3)], MONITOR)
    for segments in (
        None,
        {"area=harbour": ErrorSums(labelled=-3, misses=5)},
        {"area=moon": ErrorSums(labelled=9)},
    ):
        after = MONITOR.judge(sums(np.zeros(50)), memory, start=9 * HOUR, end=10 * HOUR, segments=segments)
        assert after.memory.segments.to_bytes() == memory.segments.to_bytes()


def test_charts_of_other_segments_are_refused() -> None:
    rng = np.random.default_rng(7)
    _, memory = judged([window(rng, 200)], MONITOR)
    data = memory.segments.to_bytes()
    for wrong in (data[:-3], b"XXXX" + data[4:], b""):
        with pytest.raises(ValueError, match="this memory"):
            SegmentCharts.from_bytes(wrong, AREAS)
    with pytest.raises(ValueError, match="not one of 8 charts"):
        SegmentCharts.from_bytes(data, AREAS[:2])


def test_a_verdict_names_them_in_its_document() -> None:
    rng = np.random.default_rng(8)
    told = judged([window(rng, 400, harbour=3.0) for _ in range(9)], MONITOR)[0][-1].to_json()
    assert told["guilty_segments"] == ["area=harbour"]
    assert told["segments"]["area=harbour"]["since"] == "1970-01-01T00:00:00+00:00"
    assert told["segments"]["area=hills"]["degraded"] is False
