"""The judge of labels: each chart finds its own trouble, none is woken by luck, and the memory keeps."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from drift_core.error_sums import ErrorSums
from drift_core.errors import ErrorBaseline
from drift_core.policy import QualityPolicy
from drift_core.quality import CHARTS, QualityMemory, QualityMonitor, QualityVerdict
from drift_core.quality_budget import quality_windows
from drift_core.schema import Matrix

HOUR = 3_600_000


def held_out(rng: np.random.Generator, n: int = 8_000) -> ErrorBaseline:
    """Errors of a model whose labels have a standard normal error and whose intervals hold 90 %."""
    errors = rng.normal(size=n)
    return ErrorBaseline.of(
        errors, np.zeros(n), np.abs(errors) > 1.645, calibration_rows=n // 2, windows=None
    )


BASELINE = held_out(np.random.default_rng(0))
MONITOR = QualityMonitor(BASELINE, 0.9, QualityPolicy(), 1.0)


def sums(errors: Matrix, width: float = 1.645, baseline: ErrorBaseline = BASELINE) -> ErrorSums:
    size = np.abs(errors)
    return ErrorSums(
        predictions=len(errors),
        labelled=len(errors),
        error=float(errors.sum()),
        absolute=float(size.sum()),
        squared=float((errors**2).sum()),
        with_interval=len(errors),
        misses=int((size > width).sum()),
        above=int((errors > 0).sum()),
        beyond=tuple(int((size > quantile).sum()) for quantile in baseline.quantiles),
    )


def judged(
    windows: list[ErrorSums], memory: QualityMemory | None = None, monitor: QualityMonitor = MONITOR
) -> tuple[list[QualityVerdict], QualityMemory]:
    """Verdicts of windows one after the other; the memory goes through its bytes each time."""
    memory = memory or monitor.start()
    verdicts = []
    for i, new in enumerate(windows):
        one = monitor.judge(new, memory, start=i * HOUR, end=(i + 1) * HOUR)
        memory = QualityMemory.from_bytes(one.memory.to_bytes())
        assert memory.to_bytes() == one.memory.to_bytes()
        verdicts.append(one.verdict)
    return verdicts, memory


def first(verdicts: list[QualityVerdict], chart: str) -> int:
    """The window in which a chart alarms."""
    return next((i for i, one in enumerate(verdicts) if one.charts[chart] > 1), len(verdicts))


def test_a_month_without_change_is_quiet_for_each_of_many_baselines() -> None:
    alarms = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        baseline = held_out(rng, 2_000)
        monitor = QualityMonitor(baseline, 0.9, QualityPolicy(), 100.0)  # a hundred times the usual budget
        windows = [sums(rng.normal(size=200), baseline=baseline) for _ in range(150)]
        alarms += sum(verdict.degraded for verdict in judged(windows, monitor=monitor)[0])
    # By the budget 2/5 of a quarter of a hundred a month are coverage's and error's: 2 in these 150 hours.
    assert alarms <= 5 * 2


CHANGES: dict[str, tuple[str, Callable[[np.random.Generator], ErrorSums], int]] = {
    "wider": ("error", lambda rng: sums(rng.normal(scale=1.3, size=200), width=99.0), 6),
    "heavier tails": ("error", lambda rng: sums(rng.standard_t(2, size=200), width=99.0), 4),
    "too high": ("above", lambda rng: sums(rng.normal(0.3, 1, size=200), width=99.0), 12),
    "too low": ("below", lambda rng: sums(rng.normal(-0.3, 1, size=200), width=99.0), 12),
    "intervals too narrow": ("coverage", lambda rng: sums(rng.normal(size=200), width=1.2816), 6),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_trouble_is_found_by_its_chart_soon_and_never_before(change: str) -> None:
    chart, draw, soon = CHANGES[change]
    delays = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        before = [sums(rng.normal(size=200)) for _ in range(20)]
        verdicts, _ = judged(before + [draw(rng) for _ in range(40)])
        assert not any(verdict.degraded for verdict in verdicts[:20])
        delays.append(first(verdicts, chart) - 19)
        at = first(verdicts, chart)
        if verdicts[at].charts[chart] == verdicts[at].score:
            assert (verdicts[at].since or 0) >= 15 * HOUR
    assert np.mean(delays) <= soon, f"{np.mean(delays):.1f} windows"


def test_an_error_that_is_wild_in_few_rows_does_not_alarm() -> None:
    rng = np.random.default_rng(1)
    errors = rng.normal(size=(50, 200))
    errors[:, 0] = 1e12
    assert not any(verdict.degraded for verdict in judged([sums(row) for row in errors])[0])


def test_quality_recovers_and_the_verdict_says_so() -> None:
    rng = np.random.default_rng(2)
    scales = [1.0] * 10 + [2.0] * 50 + [1.0] * 20
    verdicts, _ = judged([sums(rng.normal(scale=scale, size=200)) for scale in scales])
    assert all(verdict.degraded for verdict in verdicts[12:60])
    assert verdicts[40].since == 10 * HOUR
    assert not any(verdict.degraded for verdict in verdicts[65:])
    assert verdicts[79].since is None


def test_corrections_are_no_news_and_take_nothing_from_the_charts() -> None:
    rng = np.random.default_rng(3)
    _, memory = judged([sums(rng.normal(scale=1.1, size=200)) for _ in range(5)])
    worse = sums(np.full(300, 9.0)) - sums(np.zeros(300))  # 300 labels corrected, all for the worse
    assert (worse.labelled, worse.misses) == (0, 300)
    for change in (worse, sums(np.zeros(300)) - sums(np.full(300, 9.0))):
        after = MONITOR.judge(change, memory, start=5 * HOUR, end=6 * HOUR)
        assert after.memory.to_bytes() == memory.to_bytes()
    mixed = MONITOR.judge(worse + sums(np.zeros(100)), memory, start=5 * HOUR, end=6 * HOUR)
    assert np.isfinite(mixed.memory.charts["coverage"].logs).all()
    fewer = MONITOR.judge(sums(np.zeros(1)) - sums(np.zeros(5)), memory, start=5 * HOUR, end=6 * HOUR)
    assert fewer.memory.to_bytes() == memory.to_bytes()


def test_labels_that_come_in_parts_are_judged_as_if_at_once() -> None:
    rng = np.random.default_rng(4)
    part, rest = (sums(rng.normal(scale=1.5, size=size)) for size in (120, 180))
    whole = part + rest
    once = MONITOR.judge(whole, MONITOR.start(), start=0, end=HOUR).memory
    early = MONITOR.judge(part, MONITOR.start(), start=0, end=HOUR).memory
    twice = MONITOR.judge(replace(rest, predictions=0), early, start=0, end=HOUR).memory
    for name in ("coverage", "error", "above", "below"):
        assert twice.charts[name].logs == pytest.approx(once.charts[name].logs)


def test_a_window_whose_labels_come_late_still_starts_the_charts() -> None:
    unlabelled = ErrorSums(predictions=200)
    after = MONITOR.judge(unlabelled, MONITOR.start(), start=0, end=HOUR)
    assert after.verdict.score == 0
    assert after.verdict.measures["mae"] is None
    labels = replace(sums(np.full(200, 5.0)), predictions=0)
    assert MONITOR.judge(labels, after.memory, start=0, end=HOUR).verdict.degraded


def test_shares_of_the_budget_are_thresholds() -> None:
    a = quality_windows(1.0, 1)
    assert a == pytest.approx(720 * 4 * 5)
    # A share at which the chart's mean is just A alarms just so: ln A is the threshold of coverage.
    bad = sums(np.repeat([1.7, 0.1], [8, 12]))
    once = MONITOR.judge(bad, MONITOR.start(), start=0, end=HOUR)
    assert 0.2 < once.verdict.score < 1.2
    chart = once.memory.charts["coverage"]
    mean = np.logaddexp.reduce(chart.logs, axis=None) - np.log(chart.logs.size)
    assert once.verdict.charts["coverage"] == pytest.approx(max(mean, 0) / np.log(a))
    chart = once.memory.charts["above"]
    mean = np.logaddexp.reduce(chart.logs, axis=None) - np.log(chart.logs.size)
    assert once.verdict.charts["above"] == pytest.approx(max(mean, 0) / np.log(3 * a))
    daily = QualityMonitor(BASELINE, 0.9, QualityPolicy(window_hours=24), 1.0)
    assert daily.judge(bad, daily.start(), start=0, end=HOUR).verdict.score > once.verdict.score


def test_a_verdict_is_a_document() -> None:
    verdict = MONITOR.judge(sums(np.full(200, 5.0)), MONITOR.start(), start=0, end=HOUR).verdict
    told = verdict.to_json()
    assert told["start"] == "1970-01-01T00:00:00+00:00"
    assert told["since"] == "1970-01-01T00:00:00+00:00"
    assert told["degraded"] is True
    assert set(told["charts"]) == set(CHARTS)
    assert told["measures"]["mae"] == 5


def test_a_memory_of_a_later_version_is_read_and_any_other_refused() -> None:
    rng = np.random.default_rng(5)
    _, memory = judged([sums(rng.normal(size=200)) for _ in range(30)])
    data = memory.to_bytes()
    content = zlib.decompress(data[4:])
    marker = (int.from_bytes(b"DLC+") << 32) + len(content) // 8
    later = data[:4] + zlib.compress(content + marker.to_bytes(8, "little") + b"more of it")
    assert QualityMemory.from_bytes(later).to_bytes() == data
    assert QualityMemory.from_bytes(data).arrival.windows == 24
    hostile = {
        "another format": b"XXXX" + data[4:],
        "cut": data[:-3],
        "short": data[:4] + zlib.compress(content[:-8]),
        "other words": data[:4] + zlib.compress(content + bytes(8)),
        "a bomb": data[:4] + zlib.compress(bytes(10_000_000)),
        "no number": data[:4] + zlib.compress(content[:104] + b"\xff" * (len(content) - 104)),
        "nothing": b"",
    }
    for what, wrong in hostile.items():
        with pytest.raises(ValueError, match="this memory"):
            QualityMemory.from_bytes(wrong)
            pytest.fail(what)


def test_every_memory_that_was_stored_is_small() -> None:
    rng = np.random.default_rng(6)
    memory = MONITOR.start()
    for i in count():
        memory = MONITOR.judge(sums(rng.normal(size=50)), memory, start=i * HOUR, end=(i + 1) * HOUR).memory
        if i == 100:
            break
    assert len(memory.to_bytes()) < 2_000
