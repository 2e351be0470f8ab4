"""Which windows of labels are new, and which are judged together: without AWS and without a clock."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from drift_consumer.quality_progress import LabelWindow
from drift_core.error_sums import ErrorSums
from queries.joined_rows import ALL, Fates

MOST_TOGETHER = 80
"""Windows judged together at most: a transaction holds 100 items."""

_SAME = 1e-9
"""Sums that differ by less, as a share, are the same: an engine adds in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Windows that follow one another.

    Attributes
    ----------
    complete : whether they have labels enough to be charted.
    """

    windows: tuple[LabelWindow, ...]
    complete: bool

    @property
    def new(self) -> ErrorSums:
        """What no chart has seen, of all of them."""
        return sum((one.new for one in self.windows if one.waits), ErrorSums())

    @property
    def new_by_segment(self) -> dict[str, ErrorSums]:
        """The same of each segment that has charts."""
        found: dict[str, ErrorSums] = {}
        for one in self.windows:
            if one.waits:
                for name, new in one.new_by_segment.items():
                    found[name] = found.get(name, ErrorSums()) + new
        return found


def revised(
    before: LabelWindow,
    sums: Mapping[str, ErrorSums],
    fates: Fates,
    now: int,
    *,
    charted: Collection[str] = (),
) -> LabelWindow | None:
    """A window as it is now; None if it is as it was.

    Parameters
    ----------
    sums : by segment, `ALL` among them. A segment that an answer leaves out is as it was.
    now : UTC milliseconds.
    charted : segments that have charts.
    """
    segments = {**before.segments, **{name: _counted(sums[name]) for name in charted if name in sums}}
    same = fates == before.fates and _same(sums[ALL], before.measured) and segments == before.segments
    if before.revision >= 0 and same:
        return None
    first = before.first_judged if before.revision >= 0 else now
    return replace(
        before,
        measured=sums[ALL],
        segments=segments,
        fates=fates,
        revision=before.revision + 1,
        first_judged=first,
    )


def groups(windows: Sequence[LabelWindow], *, min_labels: int, overdue: Set[int]) -> Iterator[Group]:
    """Cut windows into groups with labels enough; only the last may have too few.

    Parameters
    ----------
    windows : in the order of time.
    overdue : starts of those whose labels should have come long ago: their predictions count as well.

    >>> few = [LabelWindow(start=i, measured=ErrorSums(labelled=60)) for i in range(3)]
    >>> [(len(group.windows), group.complete) for group in groups(few, min_labels=100, overdue=set())]
    [(2, True), (1, False)]
    """
    gathered: list[LabelWindow] = []
    labels = missing = 0
    for window in windows:
        gathered.append(window)
        if window.waits:
            labels += max(0, window.new.labelled)
            missing += max(0, window.new.predictions) if window.start in overdue else 0
        if labels >= min_labels or missing >= min_labels or len(gathered) == MOST_TOGETHER:
            yield Group(windows=tuple(gathered), complete=any(one.waits for one in gathered))
            gathered, labels, missing = [], 0, 0
    if gathered:
        yield Group(windows=tuple(gathered), complete=False)


def _counted(sums: ErrorSums) -> ErrorSums:
    return ErrorSums.of_charted(sums.charted())


def _same(one: ErrorSums, other: ErrorSums) -> bool:
    counts = ("predictions", "labelled", "percentage_rows", "with_interval", "misses", "above", "beyond")
    spread = math.sqrt(other.labelled * max(other.label_squared, 0.0))
    sizes = {"error": other.absolute, "label": spread}
    amounts = ("error", "absolute", "squared", "percentage", "label", "label_squared", "delay_seconds")
    return all(getattr(one, name) == getattr(other, name) for name in counts) and all(
        math.isclose(
            getattr(one, name), getattr(other, name), rel_tol=_SAME, abs_tol=_SAME * sizes.get(name, 0.0)
        )
        for name in amounts
    )
