"""When a window is judged and with what: the evaluator's rules, without AWS and without a clock.

All times are UTC milliseconds. "Quiet" is a window that nothing has been counted into for the grace time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from drift_core.span import Span

PATIENCE = 10
"""Grace times after its first record at which a window is taken for quiet though records trickle in."""

_LENGTHS = {Span.HOUR: 3_600_000, Span.DAY: 86_400_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingWindow:
    """A window with records that no verdict has seen; `quiet_since` over its shards."""

    start: int
    quiet_since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSpan:
    """An hour or a day whose windows have changed since it was judged."""

    span: Span
    start: int
    quiet_since: int

    @property
    def end(self) -> int:
        """Exclusive."""
        return self.start + _LENGTHS[self.span]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a series has been judged.

    Attributes
    ----------
    version : counts the changes; the condition of the next.
    last_window : start of the last window passed, that is judged or carried; None before the first.
    carried_from : start of the first window that had too few rows and waits for the next; None if none waits.
    open : hours and days to judge when they are over and quiet.
    """

    version: int = 0
    last_window: int | None = None
    carried_from: int | None = None
    open: tuple[OpenSpan, ...] = ()

    def passed(self, start: int) -> bool:
        """Whether a window comes too late to be judged in its turn."""
        return self.last_window is not None and start <= self.last_window

    def carries(self, start: int) -> bool:
        """Whether a window belongs to those that wait for the next."""
        return self.carried_from is not None and start >= self.carried_from

    def awaits(self, start: int) -> bool:
        """Whether a window has not had its turn: what remembers across windows advances with these only."""
        return self.carries(start) or not self.passed(start)

    def range_of(self, start: int, length: int) -> tuple[int, int]:
        """What a window is judged with, [start, end): the windows carried into it, or itself alone."""
        if not self.carries(start):
            return start, start + length
        last = start if self.last_window is None else max(start, self.last_window)
        return self.carried_from if self.carried_from is not None else start, last + length

    def advanced(self, windows: Iterable[PendingWindow], *, length: int, carried_from: int | None) -> Cursor:
        """The cursor after windows were judged or carried: their hours and days are open.

        Parameters
        ----------
        length : of a window; an hour that is no longer has been judged with its window.
        """
        spans = {(one.span, one.start): one for one in self.open}
        last = self.last_window
        for window in windows:
            last = window.start if last is None else max(last, window.start)
            for span, whole in _LENGTHS.items():
                if whole <= length:
                    continue
                key = (span, window.start // whole * whole)
                before = spans[key].quiet_since if key in spans else 0
                quiet = max(before, window.quiet_since)
                spans[key] = OpenSpan(span=span, start=key[1], quiet_since=quiet)
        ordered = tuple(sorted(spans.values(), key=lambda one: (one.end, one.start)))
        return replace(
            self, version=self.version + 1, last_window=last, carried_from=carried_from, open=ordered
        )

    def closed(self, judged: OpenSpan) -> Cursor:
        """The cursor after an hour or a day was judged."""
        return replace(self, version=self.version + 1, open=tuple(one for one in self.open if one != judged))


def quiet_since(first_update: int, last_update: int, grace: int) -> int:
    """When a window's item was last changed; a trickle of records counts only for a while.

    >>> quiet_since(0, 5_000, 1_000), quiet_since(0, 50_000, 1_000)
    (5000, 10000)
    """
    return min(last_update, first_update + PATIENCE * grace)


def pending_windows(updates: Iterable[tuple[int, int, int]], grace: int) -> list[PendingWindow]:
    """Windows over all shards, in the order of time.

    Parameters
    ----------
    updates : of each shard's item its window's start, its first and its last update.

    >>> [window.quiet_since for window in pending_windows([(0, 5, 7), (0, 6, 9)], grace=60)]
    [9]
    """
    quiet: dict[int, int] = {}
    for start, first_update, last_update in updates:
        quiet[start] = max(quiet.get(start, 0), quiet_since(first_update, last_update, grace))
    return [PendingWindow(start=start, quiet_since=quiet[start]) for start in sorted(quiet)]


def is_due(end: int, quiet: int, now: int, grace: int) -> bool:
    """Whether a span is over and has been quiet for the grace time.

    >>> is_due(end=300, quiet=340, now=399, grace=60), is_due(end=300, quiet=340, now=400, grace=60)
    (False, True)
    """
    return now - max(end, quiet) >= grace


def due_windows(
    cursor: Cursor, pending: Iterable[PendingWindow], *, length: int, now: int, grace: int
) -> list[PendingWindow]:
    """The windows to judge now, in the order of time.

    A window that has not had its turn waits for all before it; one that is judged again waits for nobody.

    Parameters
    ----------
    pending : in the order of time.
    length, grace : of a window and of its quiet time.
    """
    chosen = []
    for window in pending:
        if is_due(window.start + length, window.quiet_since, now, grace):
            chosen.append(window)
        elif not cursor.passed(window.start):
            break
    return chosen
