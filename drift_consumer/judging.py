"""The verdicts of one series of predictions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from drift_consumer.metrics import Publisher, verdict_metrics
from drift_consumer.schedule import (
    Cursor,
    OpenSpan,
    PendingWindow,
    due_windows,
    is_due,
    pending_windows,
)
from drift_consumer.series import NAMELESS, NO_COLUMNS, Series
from drift_consumer.verdict_store import Judged, VerdictStore
from drift_consumer.window_store import StoredWindow, WindowStore
from drift_core.baseline import Baseline
from drift_core.budget import Span
from drift_core.bundle import MonitorSettings
from drift_core.verdict import judge
from drift_core.window import WindowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What has been counted in a span, over all shards.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive.
    fresh : the items that no verdict has seen as they are.
    """

    span: Span
    start: int
    end: int
    state: WindowState
    shards: tuple[str, ...]
    fresh: tuple[StoredWindow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges the windows, hours and days of one series.

    Attributes
    ----------
    settings : the manifest's with the template's overrides, and the series' window length.
    clock : UTC milliseconds now.
    """

    series: Series
    baseline: Baseline
    settings: MonitorSettings
    windows: WindowStore
    verdicts: VerdictStore
    publisher: Publisher
    clock: Callable[[], int]

    @property
    def _length(self) -> int:
        return self.series.window_seconds * 1000

    @property
    def _grace(self) -> int:
        return self.settings.grace_seconds * 1000

    def judge_due(self, enough_time: Callable[[], bool]) -> Counter[str]:
        """Judge what is due, until the time is up; the next run goes on from there.

        Returns
        -------
        How many windows were "judged", "carried" into the next or "left" (late and too few), and how many
        "hour" and "day" verdicts were given.
        """
        done: Counter[str] = Counter()
        cursor = self.verdicts.cursor(self.series)
        pending = pending_windows(self.windows.pending(self.series), self._grace)
        waiting = {window.start for window in pending}
        for window in due_windows(cursor, pending, length=self._length, now=self.clock(), grace=self._grace):
            if window.start not in waiting:
                continue  # judged with an earlier one
            # A backfill passes years: were its hours closed at the end, the cursor would outgrow its item.
            cursor = self._close_due(cursor, waiting, done, enough_time, before=window.start)
            if not enough_time():
                return done
            cursor, settled = self._pass_window(cursor, window, done)
            waiting -= settled
        self._close_due(cursor, waiting, done, enough_time)
        return done

    def _close_due(
        self,
        cursor: Cursor,
        waiting: Set[int],
        done: Counter[str],
        enough_time: Callable[[], bool],
        *,
        before: float = math.inf,
    ) -> Cursor:
        """Close the hours and days that are over and quiet and have no window waiting.

        Parameters
        ----------
        before : leave those that end after this time: windows in them may still have their turn in this run.
        """
        for span in cursor.open:
            if span.end > before:
                break  # they are in the order of their ends
            over = is_due(span.end, span.quiet_since, self.clock(), self._grace)
            if not over or any(start in waiting for start in range(span.start, span.end, self._length)):
                continue
            if not enough_time():
                break
            cursor = self._close(cursor, span, done)
        return cursor

    def _pass_window(
        self, cursor: Cursor, window: PendingWindow, done: Counter[str]
    ) -> tuple[Cursor, set[int]]:
        """Judge a window or carry it into the next; the new cursor, and the starts of the windows settled."""
        start, end, before = self._range(cursor, window)
        gathered = self._gather(Span.WINDOW, start, end)
        if not gathered.fresh:
            return cursor, {window.start}  # the index lags behind: this has been judged
        in_turn = cursor.carries(window.start) or not cursor.passed(window.start)
        carried_from = None if in_turn else cursor.carried_from
        if before or gathered.state.n >= self.settings.min_samples:
            self._decide(gathered, before, late=cursor.passed(window.start))
            done["judged"] += 1
        elif in_turn:
            carried_from = start
            done["carried"] += 1
        else:
            done["left"] += 1  # its rows are in the verdicts of its hour and its day
        settled = pending_windows(
            ((item.key.start, item.first_update, item.last_update) for item in gathered.fresh), self._grace
        )
        cursor = cursor.advanced(settled, carried_from=carried_from)
        self.verdicts.advance(self.series, cursor)
        for item in gathered.fresh:
            self.windows.settle(item)
        return cursor, {one.start for one in settled}

    def _range(self, cursor: Cursor, window: PendingWindow) -> tuple[int, int, Judged | None]:
        """What to judge a window with, and what was judged of it before."""
        if cursor.passed(window.start) and not cursor.carries(window.start):
            before = self.verdicts.judged_around(self.series, window.start)
            if before:
                return before.start, before.end, before
        start, end = cursor.range_of(window.start, self._length)
        return start, end, self.verdicts.judged(self.series, Span.WINDOW, start)

    def _close(self, cursor: Cursor, span: OpenSpan, done: Counter[str]) -> Cursor:
        """Judge an hour or a day as the sum of its windows."""
        gathered = self._gather(span.span, span.start, span.end)
        if gathered.state.n >= self.settings.min_samples:
            self._decide(gathered, self.verdicts.judged(self.series, span.span, span.start), late=False)
            done[span.span] += 1
        cursor = cursor.closed(span)
        self.verdicts.advance(self.series, cursor)
        return cursor

    def _gather(self, span: Span, start: int, end: int) -> Gathered:
        state = WindowState.empty(self.baseline.layout)
        shards, fresh = set(), []
        for item in self.windows.span(self.series, self.baseline.layout, start, end):
            state += item.state
            shards.add(item.key.shard_id)
            if item.pending:
                fresh.append(item)
        return Gathered(
            span=span, start=start, end=end, state=state, shards=tuple(sorted(shards)), fresh=tuple(fresh)
        )

    def _decide(self, gathered: Gathered, before: Judged | None, *, late: bool) -> None:
        """Judge, write, publish, remember: each step may be repeated.

        Records are published as what came since the verdict before, so that sums over time are right. A crash
        between publishing and remembering repeats them: CloudWatch cannot be told a number once only.
        """
        now = self.clock()
        state, judged = gathered.state, _judged(gathered, before, late=late)
        verdict = judge(
            self.baseline,
            state,
            span=gathered.span,
            start=gathered.start,
            end=gathered.end,
            settings=self.settings,
        )
        document = {
            **verdict.to_json(),
            "judged_at": datetime.fromtimestamp(now / 1000, UTC).isoformat(),
            "revision": judged.revision,
            "late_records": judged.n - judged.first_n,
            "window_seconds": self.series.window_seconds,
            "shards": gathered.shards,
            "counts": {
                "archived": state.n,
                "duplicates": state.duplicates,
                "quarantined": self._quarantined(gathered.start, gathered.end),
            },
        }
        self.verdicts.write(self.series, judged, document)
        metrics = verdict_metrics(
            verdict,
            new=judged.n - (before.n if before else 0),
            late=judged.n - (before.n if before else judged.first_n),
            duplicates=judged.duplicates - (before.duplicates if before else 0),
        )
        self.publisher.publish(metrics, now)
        self.verdicts.remember(self.series, judged, now)

    def _quarantined(self, start: int, end: int) -> int:
        """Records, of any model, that arrived in the span and could not be read."""
        return sum(
            item.state.n
            for series in self.windows.series_of(NAMELESS)
            for item in self.windows.span(series, NO_COLUMNS, start, end)
        )


def _judged(gathered: Gathered, before: Judged | None, *, late: bool) -> Judged:
    """What to remember of a verdict; judging the same rows again is no revision."""
    state = gathered.state
    first_n, revision = 0 if late else state.n, 0
    if before:
        changed = (before.n, before.duplicates) != (state.n, state.duplicates)
        first_n, revision = before.first_n, before.revision + changed
    return Judged(
        span=gathered.span,
        start=gathered.start,
        end=gathered.end,
        n=state.n,
        duplicates=state.duplicates,
        first_n=first_n,
        revision=revision,
    )
