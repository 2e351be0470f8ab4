"""The verdicts of one series of predictions.

A window is judged in its turn once, with the memory that stands beside the cursor, in four steps:

1. Write the verdict.
2. Publish its metrics.
3. Put the cursor behind the window, the memory after it and what was judged, in one transaction, on condition
   that nobody else moved the cursor.
4. Take the window's items off the pending ones.

What a crash leaves:

- before 1: nothing. The next run does it all.
- between 1 and 3: a verdict that nobody remembers. The next run judges the window again with the same memory:
  the same rows give the same verdict; with rows that came in between, it is the first verdict on more rows.
  The metrics may be published twice, because CloudWatch cannot be told a number once only.
- between 3 and 4, or amid 4: items that are pending though a verdict has seen them. The next run sees that
  the cursor has passed them and that no row is new, and takes step 4.

An item that is counted into after it was read stays pending through step 4. The window is then judged again:
a revision, which leaves the memory as it is and tells of the charts what they said when the window had its
turn. A window that is carried takes steps 3 and 4: it is not judged, so the memory stays.

Of two evaluators at once, which reserved concurrency prevents, one fails in step 3. It has changed nothing
but the verdict's object, if it was the last to write it: that has the rows it saw, until the next revision.

Hours and days take steps 1 to 3. They have no charts, but the monitor learns from their first verdicts how
much healthy ones vary.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass, replace

from drift_consumer.document import document
from drift_consumer.gathered import Gathered, gather, quarantined
from drift_consumer.metrics import Publisher, shadow_metrics, verdict_metrics
from drift_consumer.progress import Judged, Progress, ProgressStore
from drift_consumer.schedule import OpenSpan, PendingWindow, due_windows, is_due, pending_windows
from drift_consumer.series import Series
from drift_consumer.verdict_store import VerdictStore
from drift_consumer.window_store import WindowStore
from drift_core.classified import classified
from drift_core.memory import Memory
from drift_core.monitor import Charted, Monitor
from drift_core.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges the windows, hours and days of one series.

    Attributes
    ----------
    monitor : with the manifest's settings, the template's overrides and the series' window length.
    clock : UTC milliseconds now.
    """

    series: Series
    monitor: Monitor
    windows: WindowStore
    progress: ProgressStore
    verdicts: VerdictStore
    publisher: Publisher
    clock: Callable[[], int]

    @property
    def _length(self) -> int:
        return self.series.window_seconds * 1000

    @property
    def _grace(self) -> int:
        return self.monitor.settings.grace_seconds * 1000

    def judge_due(self, enough_time: Callable[[], bool]) -> Counter[str]:
        """Judge what is due, until the time is up; the next run goes on from there.

        Returns
        -------
        How many windows were "judged", "carried" into the next or "left" (late and too few), and how many
        "hour" and "day" verdicts were given.
        """
        done: Counter[str] = Counter()
        progress = self.progress.read(self.series, self.monitor.start())
        pending = pending_windows(self.windows.pending(self.series), self._grace)
        waiting = {window.start for window in pending}
        for window in due_windows(
            progress.cursor, pending, length=self._length, now=self.clock(), grace=self._grace
        ):
            if window.start not in waiting:
                continue  # judged with an earlier one
            # A backfill passes years: were its hours closed at the end, the cursor would outgrow its item.
            progress = self._close_due(progress, waiting, done, enough_time, before=window.start)
            if not enough_time():
                return done
            progress, settled = self._pass_window(progress, window, done)
            waiting -= settled
        self._close_due(progress, waiting, done, enough_time)
        return done

    def _close_due(
        self,
        progress: Progress,
        waiting: Set[int],
        done: Counter[str],
        enough_time: Callable[[], bool],
        *,
        before: float = math.inf,
    ) -> Progress:
        """Close the hours and days that are over and quiet and have no window waiting.

        Parameters
        ----------
        before : leave those that end after this time: windows in them may still have their turn in this run.
        """
        for span in progress.cursor.open:
            if span.end > before:
                break  # they are in the order of their ends
            over = is_due(span.end, span.quiet_since, self.clock(), self._grace)
            if not over or any(start in waiting for start in range(span.start, span.end, self._length)):
                continue
            if not enough_time():
                break
            progress = self._close(progress, span, done)
        return progress

    def _pass_window(
        self, progress: Progress, window: PendingWindow, done: Counter[str]
    ) -> tuple[Progress, set[int]]:
        """Judge a window or carry it into the next; the progress, and the starts of the windows settled."""
        cursor, memory = progress.cursor, progress.memory
        in_turn = cursor.awaits(window.start)
        start, end, before = self._range(progress, window)
        gathered = self._gather(Span.WINDOW, start, end)
        if not gathered.fresh:
            return progress, {window.start}  # the index lags behind: this has been judged
        settled = gathered.settled(self._grace)
        judged, carried_from = None, None if in_turn else cursor.carried_from
        if in_turn or not _knows(before, gathered):
            if before or gathered.state.n >= self.monitor.settings.min_samples:
                judged, memory = self._decide(gathered, before, memory, in_turn=in_turn)
                done["judged"] += 1
            elif in_turn:
                carried_from = start
                done["carried"] += 1
            else:
                done["left"] += 1  # its rows are in the verdicts of its hour and its day
            cursor = cursor.advanced(settled, length=self._length, carried_from=carried_from)
            progress = Progress(cursor=cursor, memory=memory)
            self.progress.advance(self.series, progress, judged, self.clock())
        for item in gathered.fresh:
            self.windows.settle(item)
        return progress, {one.start for one in settled}

    def _range(self, progress: Progress, window: PendingWindow) -> tuple[int, int, Judged | None]:
        """What to judge a window with, and what was judged of it before."""
        cursor = progress.cursor
        if not cursor.awaits(window.start):
            before = self.progress.judged_around(self.series, window.start)
            if before:
                return before.start, before.end, before
        start, end = cursor.range_of(window.start, self._length)
        return start, end, self.progress.judged(self.series, Span.WINDOW, start)

    def _close(self, progress: Progress, span: OpenSpan, done: Counter[str]) -> Progress:
        """Judge an hour or a day as the sum of its windows."""
        gathered = self._gather(span.span, span.start, span.end)
        before = self.progress.judged(self.series, span.span, span.start)
        judged, memory = None, progress.memory
        if gathered.state.n >= self.monitor.settings.min_samples and not _knows(before, gathered):
            judged, memory = self._decide(gathered, before, memory, in_turn=before is None)
            done[span.span] += 1
        progress = Progress(cursor=progress.cursor.closed(span), memory=memory)
        self.progress.advance(self.series, progress, judged, self.clock())
        return progress

    def _gather(self, span: Span, start: int, end: int) -> Gathered:
        return gather(self.windows, self.series, self.monitor, span=span, start=start, end=end)

    def _decide(
        self, gathered: Gathered, before: Judged | None, memory: Memory, *, in_turn: bool
    ) -> tuple[Judged, Memory]:
        """Judge, write, publish: each step may be repeated.

        Records are published as what came since the verdict before, so that sums over time are right.

        Parameters
        ----------
        in_turn : whether the span has not been judged in its turn yet; otherwise the memory stays as it is.

        Returns
        -------
        What to remember of the verdict, and the memory after it.
        """
        now = self.clock()
        state, judged = gathered.state, _judged(gathered, before, late=not in_turn)
        charted: Charted | None = None if in_turn else before.charted if before else {}
        judgement = self.monitor.judge(
            state,
            span=gathered.span,
            start=gathered.start,
            end=gathered.end,
            memory=memory,
            cells=gathered.cells,
            charted=charted,
        )
        if gathered.span is not Span.WINDOW:
            judgement = classified(self.monitor, judgement, state, cells=gathered.cells, memory=memory)
        told = document(
            judgement.verdict,
            judged,
            gathered,
            series=self.series,
            quarantined=quarantined(self.windows, gathered.start, gathered.end),
            now=now,
        )
        self.verdicts.write(self.series, judged.span, judged.start, told)
        metrics = verdict_metrics(
            judgement.verdict,
            new=judged.n - (before.n if before else 0),
            late=judged.n - (before.n if before else judged.first_n),
            duplicates=judged.duplicates - (before.duplicates if before else 0),
        )
        self.publisher.publish(shadow_metrics(judgement.verdict) if self.series.is_shadow else metrics, now)
        return replace(judged, charted=judgement.charted), judgement.memory


def _knows(before: Judged | None, gathered: Gathered) -> bool:
    """Whether the verdict before was on these very rows: counts only grow."""
    state = gathered.state
    return before is not None and (before.n, before.duplicates) == (state.n, state.duplicates)


def _judged(gathered: Gathered, before: Judged | None, *, late: bool) -> Judged:
    """What to remember of a verdict, but for the charts."""
    state = gathered.state
    return Judged(
        span=gathered.span,
        start=gathered.start,
        end=gathered.end,
        n=state.n,
        duplicates=state.duplicates,
        first_n=before.first_n if before else 0 if late else state.n,
        revision=before.revision + 1 if before else 0,
    )
