"""Sentences on a column of a span: what its signals mean, with the numbers in training and now."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from drift_core.bins import Column, Counts
from report.numbers import percent, plain
from report.shares import most_changed, quantile, shares

QUARTILES = (0.25, 0.75)
TAILS = (0.05, 0.95)

WORTH_SIGMA = 0.1
WORTH_SHARE = 0.005
"""Changes that are told although another signal found the drift: of the mean, and of a share of the rows."""

OTHERS = "categories without a bin of their own"

TOGETHER = {
    "joint_shift": "Features moved together as training's do not, each by too little to be found alone.",
    "correlation": "Two features go together otherwise than they did in training.",
    "classifier": "A classifier tells these rows from training's.",
}
"""What signals of several columns mean."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One, and the change in short, in training and now; empty where it cannot be told."""

    text: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Sentences:
    """What can be said of a column of a span.

    Attributes
    ----------
    counts : shape (column.size,), with rows; None if they are not known.
    measures : by name of `report.facts.MEASURES`; NaN or absent for none.
    """

    column: Column
    counts: Counts | None
    measures: Mapping[str, float]

    def measure(self, name: str) -> float | None:
        """A number of the verdict; None for none."""
        value = self.measures.get(name, math.nan)
        return None if math.isnan(value) else value

    def of(self, signal: str) -> Sentence:
        """The sentence of the signal that found the drift."""
        kind, _, category = signal.partition(":")
        if kind == "category" and category in self.column.categories:
            return self._bins(f"Category “{category}”", [self.column.categories.index(category)])
        if kind in _SENTENCES:
            return _SENTENCES[kind](self)
        return Sentence(TOGETHER.get(signal, "The distribution changed."))

    def further(self, signal: str) -> list[str]:
        """What is worth telling beside the signal's own sentence, each with the sentence of its signal."""
        told = []
        factor, shift = self.measure("unit_factor"), self.measure("mean_shift_sigma")
        if factor is not None:
            told.append(f"The values look multiplied by {plain(factor)}, as after a change of unit.")
        if signal != "location" and shift is not None and abs(shift) >= WORTH_SIGMA:
            told.append(self._mean().text)
        if signal == "location":
            told.append(self._middle().text)
        for name, bins in self._specials().items():
            now = self._now(bins, f"{name}_share")
            if name != signal and now is not None and abs(now - self._before(bins)) >= WORTH_SHARE:
                told.append(self.of(name).text)
        return [one for one in told if one]

    def _specials(self) -> dict[str, tuple[str, ...]]:
        if self.column.numeric:
            return {"missing": ("missing",), "out_of_range": ("below", "above")}
        return {"missing": ("missing",), "unseen": ("unseen",)}

    def _mean(self) -> Sentence:
        shift = self.measure("mean_shift_sigma")
        if shift is None:
            return Sentence("The values lie elsewhere on the whole.")
        center, scale = self.column.center, self.column.scale
        now = center + shift * scale
        before, after = plain(center), plain(now)
        text = (
            f"The mean moved from {before} to {after}, {plain(abs(shift), 3)} σ "
            f"{'higher' if shift >= 0 else 'lower'} (σ in training: {plain(scale)})."
        )
        return Sentence(text, before, after)

    def _middle(self) -> Sentence:
        return self._range("The middle half", QUARTILES)

    def _tails(self) -> Sentence:
        return self._range("All but the lowest and the highest twentieth", TAILS)

    def _range(self, what: str, levels: tuple[float, float]) -> Sentence:
        before = self._between(np.array(self.column.reference), levels)
        after = None if self.counts is None else self._between(self.counts, levels)
        if before is None or after is None:
            return Sentence("The spread of the values changed.", before or "")
        text = f"{what} was {before}, now it is {after}."
        return Sentence(text, before, after)

    def _between(self, counts: Counts, levels: tuple[float, float]) -> str | None:
        found = [quantile(self.column, counts, level) for level in levels]
        told = (self._at(value) for value in found if value is not None)
        return " to ".join(dict.fromkeys(told)) or None

    def _at(self, value: float) -> str:
        if math.isinf(value):
            edges = self.column.edges
            return f"above {plain(edges[-1])}" if value > 0 else f"below {plain(edges[0])}"
        return plain(value)

    def _missing(self) -> Sentence:
        return self._special("Missing values", ("missing",), "missing_share")

    def _infinite(self) -> Sentence:
        return self._special("Infinite values", ("non_finite",), None)

    def _outside(self) -> Sentence:
        first, last = (plain(edge) for edge in (self.column.edges[0], self.column.edges[-1]))
        what = f"Values outside training's range of {first} to {last}"
        return self._special(what, ("below", "above"), "out_of_range_share")

    def _unseen(self) -> Sentence:
        return self._special("Categories that training never saw", ("unseen",), "unseen_share")

    def _special(self, what: str, bins: tuple[str, ...], measure: str | None) -> Sentence:
        now = self._now(bins, measure)
        return _changed(what, self._before(bins), now)

    def _before(self, bins: tuple[str, ...]) -> float:
        reference = np.array(self.column.reference)
        return float(sum(shares(reference)[self.column.special(name)] for name in bins))

    def _now(self, bins: tuple[str, ...], measure: str | None) -> float | None:
        if self.counts is not None:
            return float(sum(shares(self.counts)[self.column.special(name)] for name in bins))
        return None if measure is None else self.measure(measure)

    def _others(self) -> Sentence:
        return self._bins(OTHERS.capitalize(), [self.column.inner - 1, self.column.special("unseen")])

    def _bins(self, what: str, bins: list[int]) -> Sentence:
        before = float(shares(np.array(self.column.reference))[bins].sum())
        now = None if self.counts is None else float(shares(self.counts)[bins].sum())
        return _changed(what, before, now)

    def _shape(self) -> Sentence:
        if self.counts is None:
            return Sentence("The values are distributed otherwise.")
        most = most_changed(self.column, self.counts)
        if not self.column.numeric:
            names = (*self.column.categories, OTHERS)
            return self._bins(f"Most changed “{names[most]}”", [most])
        first, last = (plain(edge) for edge in self.column.edges[most : most + 2])
        return self._bins(f"Most changed the values from {first} to {last}", [most])


def _changed(what: str, before: float, now: float | None) -> Sentence:
    if now is None:
        return Sentence(f"{what}: {percent(before)} of the rows in training.", percent(before))
    text = f"{what}: {percent(before)} of the rows in training, {percent(now)} now."
    return Sentence(text, percent(before), percent(now))


_SENTENCES: dict[str, Callable[[Sentences], Sentence]] = {
    "location": Sentences._mean,
    "scale": Sentences._middle,
    "skew": Sentences._tails,
    "tails": Sentences._tails,
    "shape": Sentences._shape,
    "missing": Sentences._missing,
    "non_finite": Sentences._infinite,
    "out_of_range": Sentences._outside,
    "unseen": Sentences._unseen,
    "other": Sentences._others,
}
"""By signal; those of single categories have a sentence too."""
