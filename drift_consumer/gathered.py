"""What has been counted in a span, summed over shards and windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from drift_consumer.schedule import PendingWindow, pending_windows
from drift_consumer.series import NAMELESS, NO_COLUMNS, Series
from drift_consumer.window_store import StoredWindow, WindowStore
from drift_core.monitor import Monitor
from drift_core.span import Span
from drift_core.window import WindowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What has been counted in a span, over all shards.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive.
    cells : rows by the season's cell of their window.
    fresh : the items that no verdict has seen as they are.
    """

    span: Span
    start: int
    end: int
    state: WindowState
    cells: Mapping[int, int]
    shards: tuple[str, ...]
    fresh: tuple[StoredWindow, ...]

    def settled(self, grace: int) -> list[PendingWindow]:
        """The windows that a verdict on this settles, in the order of time.

        Parameters
        ----------
        grace : milliseconds.
        """
        updates = ((item.key.start, item.first_update, item.last_update) for item in self.fresh)
        return pending_windows(updates, grace)


def gather(
    windows: WindowStore, series: Series, monitor: Monitor, *, span: Span, start: int, end: int
) -> Gathered:
    """Sum up the windows of a series that begin in [start, end), UTC milliseconds."""
    layout = monitor.baseline.layout
    items = list(windows.span(series, layout, start, end))
    cells: Counter[int] = Counter()
    for item in items:
        cells[monitor.cell(item.key.start)] += item.state.n
    return Gathered(
        span=span,
        start=start,
        end=end,
        state=WindowState.sum(layout, (item.state for item in items)),
        cells=cells,
        shards=tuple(sorted({item.key.shard_id for item in items})),
        fresh=tuple(item for item in items if item.pending),
    )


def quarantined(windows: WindowStore, start: int, end: int) -> int:
    """Records, of any model, that arrived in [start, end) and could not be read."""
    return sum(
        item.state.n
        for series in windows.series_of(NAMELESS)
        for item in windows.span(series, NO_COLUMNS, start, end)
    )
