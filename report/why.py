"""Why a column drifted, in words: what it was in training, what it is now, and how strong the evidence is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drift_core.bins import Column, Counts
from drift_core.schema import Matrix
from report.numbers import moment, percent, plain

MOVED = 0.5
"""A mean shift of so many standard deviations is what is told, whatever signal found it."""

_CATEGORY = "category:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What a person is told of a drifted column.

    Attributes
    ----------
    text : sentences.
    before, after : of what changed most, in training and now, in the column's unit or in percent.
    affected_share : see `affected`; None without counts.
    """

    text: str
    before: str
    after: str
    affected_share: float | None


def why(
    column: Column,
    measures: Mapping[str, float],
    *,
    signal: str,
    counts: Counts | None = None,
    since: int | None = None,
) -> Why:
    """Describe what a verdict found in a column.

    Parameters
    ----------
    measures : by name of `report.facts.MEASURES`; NaN or absent for none.
    signal : what found it, the verdict's `top_contrast`.
    counts : shape (column.size,), rows by bin; None if the verdict has none.
    since : begin of what charts add up, UTC milliseconds; None if this span alone is the evidence.
    """
    change, before, after = _change(column, measures, signal, counts)
    parts = [change]
    factor = measures.get("unit_factor", math.nan)
    if not math.isnan(factor):
        parts.append(f"The values look multiplied by {plain(factor)}, as after a change of unit.")
    share = None if counts is None else affected(column, counts)
    if share:
        parts.append(f"At least {percent(share)} of the rows are not as in training.")
    score = measures.get("score", math.nan)
    if not math.isnan(score):
        parts.append(f"The evidence is {plain(score, 3)} times its threshold.")
    if since:
        parts.append(f"Charts have seen it grow since {moment(since)} UTC.")
    return Why(text=" ".join(parts), before=before, after=after, affected_share=share)


def affected(column: Column, counts: Counts) -> float:
    """Share of the rows that would have to lie in another bin for the column to look as in training.

    The total variation distance of the two shares, less what chance alone gives it on average, so that small
    windows do not overstate. It is a lower bound of the share of rows that differ.

    Parameters
    ----------
    counts : shape (column.size,), rows by bin.

    Returns
    -------
    In [0, 1].

    >>> from drift_core.schema import Kind
    >>> column = Column(name="x", kind=Kind.NUMERIC, edges=(0, 1, 2), reference=(500, 500, 0, 0, 0, 0))
    >>> round(affected(column, np.array([0, 100_000, 0, 0, 0, 0])), 1)
    0.5
    """
    p, q = shares(counts), shares(np.array(column.reference))
    n, m = max(int(counts.sum()), 1), max(sum(column.reference), 1)
    chance = np.sqrt(2 * q * (1 - q) * (1 / n + 1 / m) / math.pi).sum() / 2
    return float(max(np.abs(p - q).sum() / 2 - chance, 0.0))


def shares(counts: Counts) -> Matrix:
    """Counts as shares, shape (bins,); zeros for none."""
    total = counts.sum()
    return counts / total if total else np.zeros(len(counts))


def quantile(column: Column, counts: Counts, share: float) -> float | None:
    """A quantile of the values within training's range, straight lines between the edges of the bins.

    Parameters
    ----------
    counts : shape (column.size,).

    Returns
    -------
    In the column's unit; None if no value lies within the range.

    >>> from drift_core.schema import Kind
    >>> column = Column(name="x", kind=Kind.NUMERIC, edges=(0.0, 1.0, 2.0), reference=(1, 1, 0, 0, 0, 0))
    >>> quantile(column, np.array([10, 10, 0, 0, 0, 0]), 0.75)
    1.5
    """
    inner = np.array(counts[: column.inner], float)
    if not inner.sum():
        return None
    reached = np.concatenate([[0.0], np.cumsum(inner) / inner.sum()])
    return float(np.interp(share, reached, column.edges))


def _change(
    column: Column, measures: Mapping[str, float], signal: str, counts: Counts | None
) -> tuple[str, str, str]:
    """The sentence of a signal, and what was before and is now."""
    training = shares(np.array(column.reference))
    if signal.startswith(_CATEGORY) or signal == "other" or (signal == "shape" and not column.numeric):
        return _mix(column, signal, training, counts)
    special = {"missing": "missing_share", "unseen": "unseen_share", "out_of_range": "out_of_range_share"}
    if signal in special:
        return _special(column, signal, training, measures.get(special[signal], math.nan))
    if signal == "non_finite":
        at = column.special("non_finite")
        now = math.nan if counts is None else float(shares(counts)[at])
        return _told("Infinite values", float(training[at]), now)
    return _moved(column, measures, signal, counts)


def _special(column: Column, signal: str, training: Matrix, now: float) -> tuple[str, str, str]:
    match signal:
        case "missing":
            return _told("Missing values", float(training[column.special("missing")]), now)
        case "unseen":
            return _told("Categories that training never saw", float(training[column.special("unseen")]), now)
        case _:
            edges = f"{plain(column.edges[0])} to {plain(column.edges[-1])}"
            outside = sum(float(training[column.special(name)]) for name in ("below", "above"))
            return _told(f"Values outside training's range of {edges}", outside, now)


def _told(what: str, before: float, now: float) -> tuple[str, str, str]:
    after = "unknown" if math.isnan(now) else percent(now)
    return f"{what}: {percent(before)} of the rows in training, {after} now.", percent(before), after


def _mix(column: Column, signal: str, training: Matrix, counts: Counts | None) -> tuple[str, str, str]:
    now = None if counts is None else shares(counts)
    named = signal.removeprefix(_CATEGORY)
    if named in column.categories:
        place = column.categories.index(named)
    elif signal == "shape" and now is not None:
        place = int(np.argmax(np.abs(now - training)[: column.inner]))
    else:
        place = column.inner - 1
    name = (*column.categories, "other categories")[place]
    before, after = percent(float(training[place])), "unknown" if now is None else percent(float(now[place]))
    return f"“{name}”: {before} of the rows in training, {after} now.", before, after


def _moved(
    column: Column, measures: Mapping[str, float], signal: str, counts: Counts | None
) -> tuple[str, str, str]:
    shift = measures.get("mean_shift_sigma", math.nan)
    before = plain(column.center)
    if math.isnan(shift):
        return "The distribution changed.", before, "unknown"
    after = plain(column.center + shift * column.scale)
    direction = "higher" if shift > 0 else "lower"
    mean = f"mean {before} → {after}, {plain(abs(shift), 3)} σ {direction}"
    if signal == "location" or abs(shift) >= MOVED or counts is None:
        return f"The values moved: {mean}.", before, after
    reference = np.array(column.reference)
    quartiles = [
        (quantile(column, reference, share), quantile(column, counts, share)) for share in (0.25, 0.75)
    ]
    if any(now is None or then is None for then, now in quartiles):
        return f"The values moved: {mean}.", before, after
    ranges = [
        f"{plain(one[0] or 0.0)} to {plain(one[1] or 0.0)}"
        for one in zip(*((then, now) for then, now in quartiles), strict=True)
    ]
    what = {
        "scale": "The values spread otherwise",
        "skew": "The distribution leans otherwise",
        "tails": "The tails changed",
    }.get(signal, "The shape of the distribution changed")
    return f"{what}: the middle half was {ranges[0]}, now it is {ranges[1]}; {mean}.", ranges[0], ranges[1]
