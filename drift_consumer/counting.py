"""The counts of one series without columns: labels, and what was quarantined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import batched

from drift_consumer.metrics import Metric, Publisher
from drift_consumer.progress import Judged, ProgressStore
from drift_consumer.schedule import is_due, pending_windows
from drift_consumer.series import NO_COLUMNS, QUARANTINE, Series
from drift_consumer.window_store import StoredWindow, WindowStore
from drift_core.event import LABEL
from drift_core.span import Span

METRICS = {LABEL: "LabelRecords", QUARANTINE: "QuarantinedRecords"}

TOGETHER = 50
"""Windows counted for one metric: labels may come for thousands of windows at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A window's items and what is remembered of them."""

    items: list[StoredWindow]
    judged: Judged
    new: int


def count_due(
    series: Series,
    *,
    windows: WindowStore,
    progress: ProgressStore,
    publisher: Publisher,
    grace: int,
    clock: Callable[[], int],
    enough_time: Callable[[], bool],
) -> int:
    """Publish how many records came since they were counted last.

    Parameters
    ----------
    grace : milliseconds.

    Returns
    -------
    How many records those were.
    """
    length = series.window_seconds * 1000
    due = [
        window.start
        for window in pending_windows(windows.pending(series), grace)
        if is_due(window.start + length, window.quiet_since, clock(), grace)
    ]
    total = 0
    for starts in batched(due, TOGETHER):  # noqa: B911 - the last batch may be shorter
        if not enough_time():
            break
        counted = [_count(series, start, start + length, windows, progress) for start in starts]
        new = sum(window.new for window in counted)
        now = clock()
        publisher.publish([Metric(name=METRICS[series.kind], value=new, unit="Count")], now)
        for window in counted:
            progress.remember(series, window.judged, now)
            for item in window.items:
                windows.settle(item)
        total += new
    return total


def _count(series: Series, start: int, end: int, windows: WindowStore, progress: ProgressStore) -> Counted:
    items = list(windows.span(series, NO_COLUMNS, start, end))
    n = sum(item.state.n for item in items)
    before = progress.judged(series, Span.WINDOW, start)
    judged = Judged(
        span=Span.WINDOW,
        start=start,
        end=end,
        n=n,
        duplicates=sum(item.state.duplicates for item in items),
        first_n=before.first_n if before else n,
        revision=before.revision + 1 if before else 0,
    )
    fresh = [item for item in items if item.pending]
    return Counted(items=fresh, judged=judged, new=max(0, n - before.n) if before else n)
