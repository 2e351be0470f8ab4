"""The verdict of a report, in words: what a person reads first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drift_core.bins import Counts
from report.facts import Facts
from report.numbers import moment, percent, plain
from report.timeline import milliseconds
from report.why import Why, why

ALL = "(all)"
"""Stands in documents for all rows, or all features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a report says in short.

    Attributes
    ----------
    state : "drift", "over" (there was drift), "degraded" (by labels alone), "quiet" or "unjudged".
    headline : one sentence.
    sentences : what follows it, the most important first.
    """

    state: str
    headline: str
    sentences: tuple[str, ...]


def words(facts: Facts) -> Words:
    """The verdict of a report."""
    windows = facts.windows
    if not len(windows):
        return Words(
            state="unjudged",
            headline="No window was judged in this time.",
            sentences=("Send traffic, or choose an earlier begin.",),
        )
    drifted = np.flatnonzero(windows.drift)
    last = latest_quality(facts)
    degraded = last is not None and bool(last.get("degraded"))
    state = "drift" if windows.drift[-1] else "over" if len(drifted) else "degraded" if degraded else "quiet"
    sentences = [*_of_drift(facts, drifted), *_of_quality(last), *_of_limits(facts)]
    return Words(state=state, headline=_headline(facts, drifted, state), sentences=tuple(sentences))


def latest_quality(facts: Facts) -> dict[str, Any] | None:
    """The newest row on all rows that labels tell of; None if there is none."""
    rows = [row for row in facts.quality if row["segment"] == ALL and row["labelled"]]
    return dict(rows[-1]) if rows else None


def of_cell(facts: Facts, window: int, column: int) -> Why:
    """Why a column drifted in a window, by their positions."""
    windows = facts.windows
    starts = np.cumsum([0, *(one.size for one in facts.columns)])
    counts: Counts = windows.counts[window, starts[column] : starts[column + 1]]
    signal = int(windows.signal[window, column])
    return why(
        facts.columns[column],
        {name: float(values[window, column]) for name, values in windows.measures.items()},
        signal=windows.signals[signal] if signal >= 0 else "",
        counts=counts if counts[0] >= 0 else None,
        since=int(windows.since[window, column]) or None,
    )


def strongest(facts: Facts) -> list[tuple[int, int]]:
    """Of each column that drifted its strongest window: positions (window, column), the strongest first."""
    score = np.nan_to_num(facts.windows.measures["score"])
    if not len(score):
        return []
    best = score.argmax(0)
    pairs = [(int(best[j]), j) for j in range(score.shape[1]) if score[best[j], j] > 1]
    return sorted(pairs, key=lambda pair: -score[pair])


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    shown, rest = list(names[:most]), len(names) - most
    if rest > 0:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def _headline(facts: Facts, drifted: Counts, state: str) -> str:
    windows = facts.windows
    match state:
        case "drift":
            run = len(windows) - 1
            while run and windows.drift[run - 1]:
                run -= 1
            names = list(dict.fromkeys(name for guilty in windows.guilty[run:] for name in guilty))
            begun = moment(int(windows.start[run]))
            return f"Drift since {begun} UTC: {listed(names) or 'how the features go together'}."
        case "over":
            names = list(dict.fromkeys(name for at in drifted for name in windows.guilty[at]))
            ended = moment(int(windows.end[drifted[-1]]))
            return f"There was drift until {ended} UTC: {listed(names) or 'how the features go together'}."
        case "degraded":
            return "Inputs are as in training, but labels show that the model errs more."
        case _:
            return f"No drift in {len(windows):,} windows."


def _of_drift(facts: Facts, drifted: Counts) -> list[str]:
    windows = facts.windows
    if not len(drifted):
        return []
    first = moment(int(windows.start[drifted[0]]))
    told = [f"{len(drifted):,} of {len(windows):,} windows drifted, the first at {first} UTC."]
    told += [
        f"{facts.columns[column].name}: {of_cell(facts, window, column).text}"
        for window, column in strongest(facts)[:2]
    ]
    return told


def _of_quality(last: dict[str, Any] | None) -> list[str]:
    if last is None:
        return ["No labels have come for these predictions, so nobody knows yet how wrong they are."]
    told = f"On {last['labelled']:,} labels the mean absolute error is {plain(last['mae'])}"
    if last.get("training_mae"):
        told += f"; in training it was {plain(last['training_mae'])}"
    if last.get("interval_coverage") is not None:
        told += f". {percent(last['interval_coverage'])} of the labels lie in their intervals"
    since = f", since {moment(milliseconds(last['since']))} UTC" if last.get("since") else ""
    verdict = (
        f" That is worse than the budget of false alarms explains{since}." if last.get("degraded") else ""
    )
    return [f"{told}.{verdict}"]


def _of_limits(facts: Facts) -> list[str]:
    lasting = facts.windows.lasting[~np.isnan(facts.windows.lasting)]
    if not len(lasting):
        return []
    return [
        f"A lasting shift of a feature by {plain(float(np.median(lasting)), 2)} standard deviations would be "
        f"found; a window alone shows {plain(float(np.median(facts.windows.detectable)), 2)}."
    ]
