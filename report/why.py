"""Why a column drifted, in words: what it was in training, what it is now, and how strong the evidence is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drift_core.bins import Column, Counts
from report.numbers import moment, percent, plain
from report.sentences import Sentences
from report.shares import affected

MOVED = 0.5
"""A mean shift of so many standard deviations is told first where the shape is the strongest signal: a mere
shift changes the shape as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What a person is told of a drifted column: aggregates, and no row.

    Attributes
    ----------
    text : sentences.
    before, after : of what the signal is about, in training and now, in the column's unit or in percent;
        empty where it cannot be told.
    affected_share : see `report.shares.affected`; None without counts.
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

    >>> import numpy as np
    >>> from drift_core.schema import Kind
    >>> size = Column(name="size", kind=Kind.NUMERIC, edges=(0, 50, 100, 200), center=84.2, scale=31.2,
    ...               reference=(300, 400, 300, 0, 0, 0, 0))
    >>> told = why(size, {"score": 7.5, "mean_shift_sigma": 1.5}, signal="location",
    ...            counts=np.array([0, 400, 600, 0, 0, 0, 0]))
    >>> print(told.text)  # doctest: +NORMALIZE_WHITESPACE
    The mean moved from 84.2 to 131, 1.5 σ higher (σ in training: 31.2). The middle half was 41.67 to 116.7,
    now it is 81.25 to 158.3. At least 27.5 % of the rows are not as in training. Strongest signal: location.
    The evidence is 7.5 times its threshold.
    """
    known = counts if counts is not None and counts.min() >= 0 and counts.any() else None
    told = Sentences(column, known, measures)
    shift = told.measure("mean_shift_sigma")
    moved = signal == "shape" and shift is not None and abs(shift) >= MOVED
    first = "location" if moved else signal
    lead = told.of(first)
    parts = [lead.text, *told.further(first)]
    share = None if known is None else affected(column, known)
    if share:
        parts.append(f"At least {percent(share)} of the rows are not as in training.")
    if signal:
        parts.append(f"Strongest signal: {signal.replace('_', ' ')}.")
    score = told.measure("score")
    if score is not None:
        parts.append(f"The evidence is {plain(score, 3)} times its threshold.")
    if since:
        parts.append(f"Charts have seen it grow since {moment(since)} UTC.")
    return Why(
        text=" ".join(part for part in parts if part),
        before=lead.before,
        after=lead.after,
        affected_share=share,
    )
