"""Windows of recorded traffic: by time on the monitor's grid, or so many rows at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.budget import MONTH_SECONDS
from drift_core.history import by_time
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span

type Rows = npt.NDArray[np.intp]
type Times = npt.NDArray[np.int64]

LENGTHS = tuple(s for s in range(1, 86_401) if 3600 % s == 0 or (s % 3600 == 0 and 86_400 % s == 0))
"""Seconds that a window can last."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """Rows that are judged together.

    Attributes
    ----------
    number : from 0, of the windows; None for hours and days.
    rows : their numbers in the file.
    start, end : UTC milliseconds, the end exclusive; made up where rows have no time.
    """

    span: Span
    number: int | None
    rows: Rows
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A recording in windows.

    Attributes
    ----------
    windows : in the order of time.
    spans : hours and days, where windows are shorter, in the order of their ends.
    left : rows at the end, too few for a window.
    a_month : windows in 30 days, carried ones apart; what the budget is divided by.
    months : of 30 days that the windows cover.
    """

    windows: tuple[Window, ...]
    spans: tuple[Window, ...]
    left: int
    a_month: float
    months: float

    @property
    def judged(self) -> list[Window]:
        """All of them as the monitor comes to them: a window, then the hour and the day that end with it."""
        order = list(Span)
        return sorted((*self.windows, *self.spans), key=lambda one: (one.end, order.index(one.span)))


def length_of(text: str) -> int:
    """Seconds of a window's length as pandas reads it.

    Raises
    ------
    ValueError
        If it is none, or does not fit the grid.

    >>> length_of("5min"), length_of("1D")
    (300, 86400)
    """
    try:
        seconds = pd.Timedelta(text).total_seconds()
    except ValueError:
        raise ValueError(f"--window is {text!r}, which is no length; give 5min, 1h or 1D") from None
    if seconds not in LENGTHS:
        raise ValueError(
            f"--window is {text!r}; give a length that divides an hour, or whole hours that divide a day, "
            f"such as 5min, 1h or 1D"
        )
    return int(seconds)


def by_length(times: Times, settings: MonitorSettings) -> Cut:
    """Windows of the grid, as the Lambdas cut them; one with too few rows is carried into the next.

    Parameters
    ----------
    times : shape (rows,), UTC milliseconds.
    """
    length, fewest = settings.window_seconds * 1000, settings.min_samples
    carried, left = _carried(by_time(times, length, 1), fewest)
    windows = []
    for number, rows in enumerate(carried):
        first, last = int(times[rows].min()) // length, int(times[rows].max()) // length
        windows.append(
            Window(span=Span.WINDOW, number=number, rows=rows, start=first * length, end=(last + 1) * length)
        )
    spans = []
    for span in (span for span in Span if span.seconds(settings) > settings.window_seconds):
        whole = span.seconds(settings) * 1000
        for rows in by_time(times, whole, fewest):
            start = int(times[rows[0]]) // whole * whole
            spans.append(Window(span=span, number=None, rows=rows, start=start, end=start + whole))
    spans.sort(key=lambda one: one.end)
    return Cut(
        windows=tuple(windows),
        spans=tuple(spans),
        left=left,
        a_month=MONTH_SECONDS / settings.window_seconds,
        months=sum(window.end - window.start for window in windows) / (MONTH_SECONDS * 1000),
    )


def by_number(count: int, each: int, times: Times | None, fewest: int, a_month: float) -> Cut:
    """Windows of consecutive rows, in the order of time if there is one, else of the file.

    Parameters
    ----------
    count, each : rows in all and in each window.
    fewest : rows with which a window is judged.
    a_month : windows in 30 days where the times do not tell.

    Raises
    ------
    ValueError
        If the rows do not fill one window.
    """
    order = np.arange(count) if times is None else np.argsort(times, kind="stable")
    groups = [order[i : i + each] for i in range(0, count - each + 1, each)]
    carried, left = _carried(groups, fewest)
    if not carried:
        raise ValueError(f"the live file has {count:,} rows, too few for one window of {max(each, fewest)}")
    if times is not None:
        stretch = (int(times.max()) - int(times.min())) / 1000
        if stretch == 0:
            raise ValueError("all rows of the live file have one time; leave out --time-column")
        a_month = len(groups) * MONTH_SECONDS / stretch
    step = round(MONTH_SECONDS * 1000 / a_month)
    windows = []
    for number, rows in enumerate(carried):
        start, end = number * step, (number + 1) * step
        if times is not None:
            start, end = int(times[rows[0]]), int(times[rows[-1]]) + 1
        windows.append(Window(span=Span.WINDOW, number=number, rows=rows, start=start, end=end))
    months = sum(len(window.rows) for window in windows) / each / a_month
    left += count % each
    return Cut(windows=tuple(windows), spans=(), left=left, a_month=a_month, months=months)


def _carried(groups: Sequence[Rows], fewest: int) -> tuple[list[Rows], int]:
    """Groups of at least so many rows, and the rows that are left at the end."""
    found: list[Rows] = []
    waiting: list[Rows] = []
    for rows in groups:
        waiting.append(rows)
        if sum(map(len, waiting)) >= fewest:
            found.append(np.concatenate(waiting))
            waiting = []
    return found, sum(map(len, waiting))


def settings_of_rows(a_month: float, *, false_alarms_per_month: float, min_samples: int) -> MonitorSettings:
    """Settings whose budget is right for any number of windows in a month.

    A window of the nearest length that the settings know, and the budget times what that is wrong by.

    Raises
    ------
    ValueError
        If windows are so rare that nearly each might alarm.

    >>> settings_of_rows(8640, false_alarms_per_month=1, min_samples=30).window_seconds
    300
    """
    seconds = min(LENGTHS, key=lambda length: abs(math.log(length * a_month / MONTH_SECONDS)))
    budget = false_alarms_per_month * (MONTH_SECONDS / seconds) / a_month
    if not 0 < budget <= 100:
        raise ValueError(
            f"{a_month:.2g} windows in a month are too few for {false_alarms_per_month:g} false alarms; "
            f"lower --false-alarms-per-month or the rows in a window"
        )
    return MonitorSettings(window_seconds=seconds, min_samples=min_samples, false_alarms_per_month=budget)
