"""Windows of recordings: carried like the Lambdas', and a budget that fits any number of them."""

from __future__ import annotations

import numpy as np
import pytest

from drift_core.budget import MONTH_SECONDS, alpha, chart_windows
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span
from scripts.backtest_windows import by_length, by_number, length_of, settings_of_rows

HOUR = 3_600_000


def test_windows_are_carried_until_they_have_enough_rows() -> None:
    """As `drift_consumer.schedule` has it: the range begins with the first carried window."""
    times = np.repeat(np.array([0, 1, 2, 5, 6]) * 60_000, [3, 1, 2, 5, 1])
    cut = by_length(times[::-1].copy(), MonitorSettings(window_seconds=60, min_samples=3))
    assert [(window.start // 60_000, window.end // 60_000) for window in cut.windows] == [
        (0, 1),
        (1, 3),
        (5, 6),
    ]
    assert [len(window.rows) for window in cut.windows] == [3, 3, 5]
    assert [window.number for window in cut.windows] == [0, 1, 2]
    assert cut.left == 1
    assert cut.months == pytest.approx((1 + 2 + 1) * 60 / MONTH_SECONDS)


def test_hours_and_days_hold_all_their_rows_and_come_after_their_windows() -> None:
    times = np.arange(0, 26 * HOUR, 600_000)  # six an hour
    cut = by_length(times, MonitorSettings(window_seconds=1800, min_samples=6))
    spans = {span: [one for one in cut.judged if one.span is span] for span in Span}
    assert [len(spans[span]) for span in Span] == [26, 26, 2]  # half hours are carried into their hour
    assert [len(one.rows) for one in spans[Span.DAY]] == [144, 12]
    assert sorted(np.concatenate([one.rows for one in spans[Span.HOUR]])) == list(range(len(times)))
    order = [(one.end, list(Span).index(one.span)) for one in cut.judged]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("length", "judged"), [(3600, {"window", "day"}), (86_400, {"window"}), (7200, {"window", "day"})]
)
def test_a_span_no_longer_than_the_window_is_not_judged_twice(length: int, judged: set[str]) -> None:
    times = np.arange(0, 72 * HOUR, 600_000)
    cut = by_length(times, MonitorSettings(window_seconds=length, min_samples=2))
    assert {one.span.value for one in cut.judged} == judged


def test_rows_in_file_order_or_in_time_order() -> None:
    plain = by_number(10, 3, None, 1, 8640)
    assert [window.rows.tolist() for window in plain.windows] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert plain.left == 1
    times = np.arange(10)[::-1] * 1000
    timed = by_number(10, 3, times, 1, 8640)
    assert [window.rows.tolist() for window in timed.windows] == [[9, 8, 7], [6, 5, 4], [3, 2, 1]]
    assert (timed.windows[0].start, timed.windows[0].end) == (0, 2001)
    assert timed.a_month == pytest.approx(3 * MONTH_SECONDS / 9)
    assert [len(window.rows) for window in by_number(10, 3, None, 5, 8640).windows] == [6]


@pytest.mark.parametrize("a_month", [45, 100.5, 720, 8640, 1e6, 3e7])
def test_the_budget_fits_any_number_of_windows(a_month: float) -> None:
    """Tests and charts of windows together are allowed 2/3 of the false alarms in that many windows."""
    settings = settings_of_rows(a_month, false_alarms_per_month=0.5, min_samples=30)
    assert a_month * alpha(Span.WINDOW, settings) == pytest.approx(0.5 / 6)
    assert a_month / chart_windows(settings) == pytest.approx(0.5 / 2)


@pytest.mark.parametrize("text", ["7min", "2D", "soon", "0s", "90min", "5h"])
def test_lengths_that_do_not_fit_the_grid(text: str) -> None:
    with pytest.raises(ValueError, match=f"--window is '{text}'"):
        length_of(text)


def test_what_fills_no_window() -> None:
    with pytest.raises(ValueError, match="the live file has 10 rows, too few for one window of 11"):
        by_number(10, 11, None, 1, 8640)
    with pytest.raises(ValueError, match="are too few for 100 false alarms"):
        settings_of_rows(20, false_alarms_per_month=100, min_samples=1)
