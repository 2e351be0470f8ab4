"""Signals: all that is tested and charted for one model, in a fixed order.

A signal is one number that each span of traffic gives: how far its location lies, how many values are
missing, whether its columns go together as they did. Each has a test in every span and charts across windows;
all of a model's signals stand in one vector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from drift_core.bins import Column

CONTRASTS = ("location", "scale", "skew", "tails")

NUMERIC_SHARES = ("missing", "non_finite", "out_of_range")
CATEGORICAL_SHARES = ("missing", "unseen")

SHAPE = "shape"

OTHER = "other"
"""The share of all categories without a bin of their own, seen or not."""

INDICATED_CATEGORIES = 4
"""The largest categories, each with a signal of its own share; the shape sees the others."""

RELATIONS = "*"
"""Stands for a column's name in signals of several columns at once."""

JOINT_SHIFT, CORRELATION = "joint_shift", "correlation"


class Law(StrEnum):
    """How a signal is distributed without drift; it says how noise between windows is taken out of it."""

    NORMAL = "normal"
    CHI2 = "chi2"
    MAXIMUM = "maximum of normals"


@dataclass(frozen=True, slots=True)
class Signal:
    """One number that each span gives."""

    column: str
    name: str
    law: Law = Law.NORMAL

    @property
    def sides(self) -> int:
        """Directions in which it can drift."""
        return 2 if self.law is Law.NORMAL else 1


def column_signals(column: Column) -> tuple[Signal, ...]:
    """The signals of one column, in order.

    >>> from drift_core.schema import Kind
    >>> [signal.name for signal in column_signals(Column(name="x", kind=Kind.NUMERIC))]
    ['missing', 'non_finite', 'out_of_range', 'location', 'scale', 'skew', 'tails', 'shape']
    """
    if column.numeric:
        names: tuple[str, ...] = (*NUMERIC_SHARES, *CONTRASTS)
    else:
        largest = column.categories[:INDICATED_CATEGORIES]
        names = (*CATEGORICAL_SHARES, *(f"category:{name}" for name in largest), OTHER)
    return (*(Signal(column.name, name) for name in names), Signal(column.name, SHAPE, Law.CHI2))


@dataclass(frozen=True)
class Signals:
    """The signals of a model.

    Attributes
    ----------
    columns : the watched columns.
    related : names of those whose relations are watched; relations need two.
    """

    columns: tuple[Column, ...]
    related: tuple[str, ...] = ()

    @cached_property
    def all(self) -> tuple[Signal, ...]:
        """Column by column, then the relations."""
        found = [signal for column in self.columns for signal in column_signals(column)]
        if len(self.related) > 1:
            found += [Signal(RELATIONS, JOINT_SHIFT, Law.CHI2), Signal(RELATIONS, CORRELATION, Law.MAXIMUM)]
        return tuple(found)

    def __len__(self) -> int:
        return len(self.all)

    @cached_property
    def positions(self) -> dict[str, slice]:
        """Where each column's signals stand, and those of `RELATIONS`."""
        places: dict[str, slice] = {}
        for i, signal in enumerate(self.all):
            first = places[signal.column].start if signal.column in places else i
            places[signal.column] = slice(first, i + 1)
        return places

    @cached_property
    def two_sided(self) -> npt.NDArray[np.bool_]:
        """Shape (signals,)."""
        return np.array([signal.sides == 2 for signal in self.all], bool)

    @cached_property
    def alike(self) -> tuple[npt.NDArray[np.intp], ...]:
        """Positions of the contrasts of the same name in different columns: their noise is much alike."""
        names = [signal.name for signal in self.all]
        return tuple(np.flatnonzero([found == name for found in names]) for name in CONTRASTS)

    @property
    def sides(self) -> int:
        """Tests that share a span's budget."""
        return len(self.all) + int(self.two_sided.sum())

    def where(self, law: Law) -> npt.NDArray[np.intp]:
        """Positions of the signals of one law."""
        return np.array([i for i, signal in enumerate(self.all) if signal.law is law], np.intp)


def sides_of(columns: Iterable[Column]) -> int:
    """Tests of columns without their relations."""
    return sum(signal.sides for column in columns for signal in column_signals(column))
