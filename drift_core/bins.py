"""Frozen bins: how a column of values becomes counts that add.

Every column has `inner` bins for the values that training saw and a few special bins for those it did not
(below, above, unseen), for missing values and for infinities. The layout is frozen with the baseline, so
counts of any two windows, shards or days have the same meaning.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from drift_core.described import Described
from drift_core.schema import MAX_CATEGORIES, Feature, Kind, Matrix, kind_in
from drift_core.segment_cells import SegmentCells

type Counts = npt.NDArray[np.int64]

QUANTILE_BINS = 16
"""Inner bins of a numeric column; a value holding at least 1/16 of the rows gets one for itself."""

MOST_EDGES = 1_000
"""Edges of a numeric column in a file, at most; `quantile_edges` makes 50."""

WIDEST = 1e9
"""Largest range of a column in standard deviations: of m values it is √(2m) at most."""

KEPT_CATEGORIES = 30
"""Categories with a bin of their own, at most; rarer ones share OTHER."""

KEPT_SHARE = 0.01
"""Share of the rows that earns a category its bin: the largest of many rare ones are so by chance, and their
training counts flatter them."""

NUMERIC_SPECIALS = ("below", "above", "missing", "non_finite")
CATEGORICAL_SPECIALS = ("unseen", "missing")

SCORE_ONE = 1024
"""Fixed point of a normal score: 1.0 is 1024, so that sums are exact integers."""

SCORE_LIMIT = 3.0
"""Normal scores are cut here, in standard deviations."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One monitored column: a feature, the prediction or the width of its interval.

    Attributes
    ----------
    edges : numeric only; bin b holds edges[b] <= x < edges[b + 1], the last edge lies just above the maximum.
    categories : with a bin of their own, the most frequent first.
    known : number of categories that training saw; codes from `len(categories)` up share OTHER.
    singletons, doubletons : how many of them it saw once and twice; they tell how many rows to expect of
        categories that it never saw.
    center, scale : mean and standard deviation in training, in the column's unit; `scale` > 0.
    log_center, log_scale : the same of log2|x| over finite values but 0; `log_scale` > 0.
    reference : shape (size,), training rows per bin.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    known: int = 0
    singletons: int = 0
    doubletons: int = 0
    center: float = 0.0
    scale: float = 1.0
    log_center: float = 0.0
    log_scale: float = 1.0
    reference: tuple[int, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether the values are ordered numbers."""
        return self.kind is Kind.NUMERIC

    @property
    def inner(self) -> int:
        """Number of bins for values that training saw."""
        return len(self.edges) - 1 if self.numeric else len(self.categories) + 1

    @property
    def specials(self) -> tuple[str, ...]:
        """Names of the bins behind the inner ones."""
        return NUMERIC_SPECIALS if self.numeric else CATEGORICAL_SPECIALS

    @property
    def size(self) -> int:
        """Number of bins."""
        return self.inner + len(self.specials)

    def special(self, name: str) -> int:
        """Index of a special bin."""
        return self.inner + self.specials.index(name)

    def index(self, values: Matrix) -> npt.NDArray[np.intp]:
        """Bin of each value, shape (n,): numbers as they are, categories as `Feature.code` gives them.

        >>> column = Column(name="x", kind=Kind.NUMERIC, edges=(0.0, 1.0, 2.0), reference=(1, 1, 0, 0, 0, 0))
        >>> column.index(np.array([0.5, 1.0, -3, 2, np.nan, np.inf])).tolist()
        [0, 1, 2, 3, 4, 5]
        """
        if self.numeric:
            # As searchsorted(side="right") - 1, but for so few edges several times as fast; 16 bits hold
            # MOST_EDGES, and narrow sums are quicker.
            reached = (np.ascontiguousarray(values) >= np.array(self.edges)[:, None]).sum(0, np.int16)
            found = reached.astype(np.intp) - 1
            found[found < 0] = self.special("below")
            found[values >= self.edges[-1]] = self.special("above")
            found[np.isinf(values)] = self.special("non_finite")
        else:
            codes = np.where(np.isfinite(values), values, 0).astype(np.intp)
            found = np.where(codes < self.known, np.minimum(codes, len(self.categories)), -1)
            found[found < 0] = self.special("unseen")
        found[np.isnan(values)] = self.special("missing")
        return found

    def scores(self) -> npt.NDArray[np.int64]:
        """Normal score of each bin in 1/1024, shape (size,): the normal quantile of the bin's midrank.

        Inner bins of categories are ranked by frequency; missing, unseen and infinite values score 0.
        """
        counts = np.array(self.reference[: self.inner], float)
        total = counts.sum()
        midranks = (np.cumsum(counts) - counts / 2) / total if total else np.full(self.inner, 0.5)
        lowest, highest = NormalDist().cdf(-SCORE_LIMIT), NormalDist().cdf(SCORE_LIMIT)
        quantile = NormalDist().inv_cdf
        inner = [quantile(min(max(float(u), lowest), highest)) for u in midranks]
        outer = {"below": -SCORE_LIMIT, "above": SCORE_LIMIT}
        values = inner + [outer.get(name, 0.0) for name in self.specials]
        return np.rint(np.array(values) * SCORE_ONE).astype(np.int64)

    @classmethod
    def freeze(cls, name: str, kind: Kind, values: Matrix, categories: Sequence[str] = ()) -> Column:
        """Bins, moments and reference counts of one column of training data.

        Parameters
        ----------
        values : shape (m,), coded by `Feature.code`; NaN is missing.
        categories : all that training saw, the most frequent first; for categories and booleans.
        """
        column = replace(cls(name=name, kind=kind), **_layout(kind, values, categories))
        counts = np.bincount(column.index(values), minlength=column.size)
        return replace(column, reference=tuple(counts.tolist()))

    @classmethod
    def of_feature(cls, feature: Feature, values: Matrix) -> Column:
        """Freeze a feature's column."""
        return cls.freeze(feature.name, feature.kind, values, feature.categories)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse, to the bit."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}

    @classmethod
    def from_json(cls, read: Described) -> Self:
        """Read what `to_json` wrote; a ValueError names the field that is not what it must be."""
        kind = kind_in(read)
        edges = read.matrix("edges", len(read.list_of("edges", most=MOST_EDGES)))
        if (kind is Kind.NUMERIC) != (len(edges) > 1) or (np.diff(edges) <= 0).any():
            read.refuse("edges", "increasing numbers, two or more for a numeric column and none for another")
        categories = read.texts("categories", most=0 if kind is Kind.NUMERIC else KEPT_CATEGORIES)
        column = cls(
            name=read.text("name"),
            kind=kind,
            edges=tuple(edges.tolist()),
            categories=categories,
            known=read.whole("known", least=len(categories), most=MAX_CATEGORIES),
            singletons=read.whole("singletons"),
            doubletons=read.whole("doubletons"),
            center=read.number("center"),
            scale=read.number("scale", above=0),
            log_center=read.number("log_center"),
            log_scale=read.number("log_scale", above=0),
        )
        if len(edges) and np.ptp(edges) > WIDEST * column.scale:
            read.refuse("scale", "the standard deviation of the values between the edges")
        reference = read.counts("reference", column.size)
        if not reference.any():
            read.refuse("reference", "training rows, at least one")
        return replace(column, reference=tuple(reference.tolist()))


def _layout(kind: Kind, values: Matrix, categories: Sequence[str]) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    if kind is not Kind.NUMERIC:
        # Accepted traffic may hold categories that the model never saw, and in another order of frequency.
        rows = np.bincount(finite[finite >= 0].astype(np.intp), minlength=len(categories))
        often = np.flatnonzero(rows[:KEPT_CATEGORIES] >= KEPT_SHARE * len(finite))
        kept = int(often.max(initial=-1)) + 1
        return {
            "categories": tuple(categories[:kept]),
            "known": len(categories),
            "singletons": int((rows == 1).sum()),
            "doubletons": int((rows == 2).sum()),
        }
    if not len(finite):
        raise ValueError("no finite value to freeze bins on; drop this column")
    center, scale = _moments(finite)
    log_center, log_scale = _moments(np.log2(np.abs(finite[finite != 0])))
    return {
        "edges": quantile_edges(finite),
        "center": center,
        "scale": scale,
        "log_center": log_center,
        "log_scale": log_scale,
    }


def _moments(values: Matrix) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    if np.ptp(values) == 0:  # the computed deviation may be rounding noise
        return float(values[0]), 1.0
    # Squares of the smallest numbers vanish, and with them their deviation.
    return float(np.mean(values)), float(np.std(values)) or 1.0


def quantile_edges(values: Matrix, bins: int = QUANTILE_BINS) -> tuple[float, ...]:
    """Edges of about `bins` bins of equal mass; a value with at least 1/bins of the mass is alone in its bin.

    Parameters
    ----------
    values : shape (m,), finite.

    Returns
    -------
    Strictly increasing edges from the minimum to just above the maximum.

    >>> quantile_edges(np.array([0.0] * 9 + [1, 2, 3]), bins=4)[:2] == (0.0, 5e-324)
    True
    """
    edges = set(np.quantile(values, np.linspace(0, 1, bins + 1), method="inverted_cdf")[:-1].tolist())
    distinct, counts = np.unique(values, return_counts=True)
    for heavy in distinct[counts * bins >= len(values)].tolist():
        edges |= {heavy, math.nextafter(heavy, math.inf)}
    return tuple(sorted(edges | {math.nextafter(float(distinct[-1]), math.inf)}))


@dataclass(frozen=True)
class Layout:
    """The columns of a model's windows, in matrix order, and the segments that are counted apart.

    Attributes
    ----------
    segments : by column; they are no part of the fingerprint, for a version that does not know of segments
        counts into the same windows.
    """

    columns: tuple[Column, ...]
    segments: tuple[SegmentCells, ...] = ()

    @property
    def cells(self) -> int:
        """Segments, over all columns that make some."""
        return sum(len(one.names) for one in self.segments)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each column's counts begin in the flat vector; the last entry is its length."""
        return tuple(np.cumsum([0] + [column.size for column in self.columns]).tolist())

    @cached_property
    def scores(self) -> Matrix:
        """Normal scores by flat bin, shape (offsets[-1],); whole numbers as floats: exact products."""
        by_column = [column.scores().astype(float) for column in self.columns]
        return np.concatenate([*by_column, np.zeros(0)])

    @cached_property
    def fingerprint(self) -> bytes:
        """Eight bytes that differ between layouts, so that their counts are never added."""
        described = json.dumps([column.to_json() for column in self.columns], sort_keys=True)
        return hashlib.sha256(described.encode()).digest()[:8]

    @property
    def sample_size(self) -> int:
        """Rows kept in a window's sample: 256, fewer for wide models so that a state stays below 64 kB."""
        return min(256, 10_000 // max(1, len(self.columns)))

    def slice(self, position: int) -> slice:
        """The part of the flat vector that belongs to one column."""
        return slice(self.offsets[position], self.offsets[position + 1])
