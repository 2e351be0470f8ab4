"""Order and patience of the evaluator, as laws."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drift_consumer.schedule import (
    PATIENCE,
    Cursor,
    OpenSpan,
    PendingWindow,
    due_windows,
    is_due,
    pending_windows,
)
from drift_core.span import Span

LENGTH, GRACE = 300_000, 60_000
HOUR = 3_600_000

starts = st.integers(0, 30).map(lambda number: number * LENGTH)
updates = st.lists(
    st.tuples(starts, st.integers(0, 10_000_000), st.integers(0, 3_000_000)).map(
        lambda update: (update[0], update[1], update[1] + update[2])
    ),
    max_size=20,
)
cursors = st.builds(Cursor, last_window=st.none() | starts)
times = st.integers(0, 20_000_000)


@given(cursors, updates, times)
def test_windows_have_their_turn_in_the_order_of_time(
    cursor: Cursor, items: list[tuple[int, int, int]], now: int
) -> None:
    pending = pending_windows(items, GRACE)
    due = due_windows(cursor, pending, length=LENGTH, now=now, grace=GRACE)
    assert [window.start for window in due] == sorted({window.start for window in due})
    in_turn = [window for window in pending if not cursor.passed(window.start)]
    chosen = [window for window in due if not cursor.passed(window.start)]
    assert chosen == in_turn[: len(chosen)]


@given(cursors, updates, times)
def test_only_quiet_windows_are_judged_and_late_ones_wait_for_nobody(
    cursor: Cursor, items: list[tuple[int, int, int]], now: int
) -> None:
    pending = pending_windows(items, GRACE)
    due = due_windows(cursor, pending, length=LENGTH, now=now, grace=GRACE)
    for window in pending:
        ready = now >= max(window.start + LENGTH, window.quiet_since) + GRACE
        assert ready or window not in due
        assert window in due or not (ready and cursor.passed(window.start))


@given(cursors, updates)
def test_no_window_waits_for_ever(cursor: Cursor, items: list[tuple[int, int, int]]) -> None:
    """However long records trickle in, all have their turn ten grace times after the last window began."""
    pending = pending_windows(items, GRACE)
    latest = max((max(start + LENGTH, first + PATIENCE * GRACE) for start, first, _ in items), default=0)
    assert due_windows(cursor, pending, length=LENGTH, now=latest + GRACE, grace=GRACE) == pending


def test_a_window_is_quiet_when_all_its_shards_are() -> None:
    assert pending_windows([(0, 10, 20), (LENGTH, 0, 0), (0, 10, 90)], GRACE) == [
        PendingWindow(start=0, quiet_since=90),
        PendingWindow(start=LENGTH, quiet_since=0),
    ]


def test_a_window_is_judged_with_those_carried_into_it() -> None:
    cursor = Cursor(last_window=LENGTH, carried_from=0)
    assert cursor.range_of(3 * LENGTH, LENGTH) == (0, 4 * LENGTH)
    assert cursor.range_of(0, LENGTH) == (0, 2 * LENGTH)
    assert Cursor(last_window=LENGTH).range_of(3 * LENGTH, LENGTH) == (3 * LENGTH, 4 * LENGTH)
    assert Cursor().range_of(LENGTH, LENGTH) == (LENGTH, 2 * LENGTH)


@given(st.lists(st.tuples(starts, times), min_size=1, max_size=10))
def test_every_window_passed_opens_its_hour_and_its_day(passed: list[tuple[int, int]]) -> None:
    cursor = Cursor()
    for start, quiet in passed:
        window = PendingWindow(start=start, quiet_since=quiet)
        cursor = cursor.advanced([window], length=LENGTH, carried_from=None)
    assert cursor.last_window == max(start for start, _ in passed)
    assert cursor.version == len(passed)
    hours = {one.start: one for one in cursor.open if one.span is Span.HOUR}
    for start, _ in passed:
        hour = hours[start // HOUR * HOUR]
        assert hour.quiet_since == max(q for s, q in passed if hour.start <= s < hour.end)
    assert cursor.closed(cursor.open[0]).open == cursor.open[1:]


@given(st.sampled_from([HOUR // 2, HOUR, 24 * HOUR, 48 * HOUR]), starts)
def test_a_span_no_longer_than_the_window_is_not_judged_twice(length: int, number: int) -> None:
    window = PendingWindow(start=number * length, quiet_since=0)
    cursor = Cursor().advanced([window], length=length, carried_from=None)
    assert all(one.end - one.start > length for one in cursor.open)
    assert len(cursor.open) == sum(whole > length for whole in (HOUR, 24 * HOUR))


@given(cursors, starts)
def test_a_window_has_its_turn_once(cursor: Cursor, start: int) -> None:
    window = PendingWindow(start=start, quiet_since=0)
    assert not cursor.advanced([window], length=LENGTH, carried_from=None).awaits(start)
    assert cursor.advanced([window], length=LENGTH, carried_from=start).awaits(start)


def test_a_day_ends_after_a_day() -> None:
    day = OpenSpan(span=Span.DAY, start=0, quiet_since=0)
    assert day.end == 24 * HOUR
    assert not is_due(day.end, day.quiet_since, 24 * HOUR + GRACE - 1, GRACE)
    assert is_due(day.end, day.quiet_since, 24 * HOUR + GRACE, GRACE)
