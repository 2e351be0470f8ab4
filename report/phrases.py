"""Numbers, times and verdicts in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from report.facts import Facts, Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The verdict of a whole report.

    Attributes
    ----------
    state : "drift" (the last window drifts), "drifted" (an earlier one did), "quiet", or "none" judged.
    title : in a few words.
    text : a sentence or two.
    """

    state: str
    title: str
    text: str


def headline(facts: Facts) -> Headline:
    """What a report says first."""
    windows = facts.windows
    total = len(windows)
    if not total:
        return Headline(
            state="none",
            title="Nothing was judged",
            text="No window of this version with enough rows ended in this time, or its verdict is to come.",
        )
    found = np.flatnonzero(windows.drift)
    if not len(found):
        longer = [
            f"{int(timeline.drift.sum())} of {plural(len(timeline), word)} drifted"
            for timeline, word in ((facts.hours, "hour"), (facts.days, "day"))
            if timeline.drift.any()
        ]
        told = _least_found(windows)
        return Headline(
            state="drifted" if longer else "quiet",
            title=f"No drift in {plural(total, 'window')}",
            text=" ".join(
                [f"But {' and '.join(longer)}: see the map by hours." if longer else "", told]
            ).strip(),
        )
    now = bool(windows.drift[-1])
    last = int(found[-1])
    names = _guilty(windows, found)
    begin = _begin(facts, last)
    share = f"{grouped(len(found))} of {plural(total, 'window')}"
    what = _and_more(names) or "how the features go together"
    title = f"Drift: {what} since {time(begin)}" if now else f"Drift found, and over: {what}"
    over = "" if now else f" The last that drifted ended {time(int(windows.end[last]))}."
    return Headline(
        state="drift" if now else "drifted",
        title=title,
        text=" ".join([f"{share} drifted.{over}", _strongest(facts), _probably(facts, found)]).strip(),
    )


def _begin(facts: Facts, last: int) -> int:
    """When the drift of a window began: what its charts say, else where its run of windows begins."""
    windows = facts.windows
    first = last
    while first and windows.drift[first - 1]:
        first -= 1
    charted = windows.since[last][(windows.measures["score"][last] > 1) & (windows.since[last] > 0)]
    return int(min([windows.start[first], *charted.tolist()]))


def _guilty(windows: Timeline, found: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.intp]]) -> list[str]:
    """Columns that drifted, those with most windows first, the earlier guilty first among equals."""
    counted: dict[str, float] = {}
    for span in found:
        for rank, name in enumerate(windows.guilty[int(span)]):
            counted[name] = counted.get(name, 0.0) + 1 - rank * 1e-6
    return sorted(counted, key=lambda name: -counted[name])


def _and_more(names: Sequence[str]) -> str:
    if len(names) < 3:
        return " and ".join(names)
    return f"{names[0]} and {len(names) - 1} more"


def _strongest(facts: Facts) -> str:
    score = np.nan_to_num(facts.windows.measures["score"], nan=-1.0)
    if not score.size or score.max() <= 1:
        return ""
    span, column = np.unravel_index(int(score.argmax()), score.shape)
    place = int(facts.windows.signal[span, column])
    signal = f" ({facts.windows.signals[place].replace('_', ' ')})" if place >= 0 else ""
    times = number(float(score[span, column]))
    return (
        f"The strongest is {facts.columns[int(column)].name}{signal}: {times} times its threshold "
        f"at {time(int(facts.windows.start[span]))}."
    )


def _probably(facts: Facts, found: np.ndarray[tuple[int], np.dtype[np.intp]]) -> str:
    factors = facts.windows.measures["unit_factor"][found]
    for position, column in enumerate(facts.columns):
        known = factors[:, position][np.isfinite(factors[:, position])]
        if len(known):
            return (
                f"The values of {column.name} are probably multiplied by {number(float(known[-1]))}, "
                f"as after a change of unit."
            )
    return ""


def _least_found(windows: Timeline) -> str:
    lasting = windows.lasting[np.isfinite(windows.lasting)]
    if not len(lasting):
        return "What could have been found is not known yet."
    return f"The smallest lasting shift that would have been found is {number(float(lasting[-1]))} σ."


def time(at: float) -> str:
    """A time in UTC, to the minute.

    >>> time(0)
    '1970-01-01 00:00'
    """
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"


def moment(text: str | None) -> str:
    """A time of a document, ISO 8601, as `time` writes it; a dash for none.

    >>> moment("2026-01-02T03:04:05+00:00"), moment(None)
    ('2026-01-02 03:04', '–')
    """
    return "–" if text is None else time(datetime.fromisoformat(text).timestamp() * 1000)


def number(value: float | None, digits: int = 3) -> str:
    """A number with some significant digits; a dash for none.

    >>> number(0.123456), number(123456.0), number(None), number(0.00001234), number(-2.0)
    ('0.123', '123,456', '–', '1.23e-05', '−2')
    """
    if value is None or not math.isfinite(value):
        return "–"
    told = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
    return f"−{told[1:]}" if told.startswith("-") else told


def percent(share: float | None) -> str:
    """A share in percent; small ones keep their digits.

    >>> percent(0.5), percent(0.00123), percent(0.0), percent(None)
    ('50 %', '0.12 %', '0 %', '–')
    """
    if share is None or not math.isfinite(share):
        return "–"
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.2g} %"


def grouped(count: float) -> str:
    """A count with separators.

    >>> grouped(1234567)
    '1,234,567'
    """
    return f"{int(count):,}"


def plural(count: int, word: str) -> str:
    """A count and its noun.

    >>> plural(1, "window"), plural(2000, "window")
    ('1 window', '2,000 windows')
    """
    return f"{grouped(count)} {word}{'' if count == 1 else 's'}"
