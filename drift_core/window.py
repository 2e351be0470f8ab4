"""WindowState: what is remembered of one window of traffic. States add; that is the whole design.

Everything in a state is an integer count, an integer sum in fixed point, an extremum or a bottom-k sample, so
`+` is associative and commutative to the bit: shards, hours and days merge in any order and grouping.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from drift_core.bins import Column, Counts, Layout
from drift_core.inflate import inflated, with_later
from drift_core.schema import Matrix
from drift_core.segment_cells import counted_by_cell
from drift_core.segment_section import most_bytes, read_section, section

type Hashes = npt.NDArray[np.uint64]

Z_ONE = 1 << 20
"""Fixed point of a standardised value."""

Z_SQUARE_ONE = 1 << 16
"""Fixed point of its square: with values cut at `Z_LIMIT`, 14 billion rows fit an int64."""

LOG_ONE = 1 << 16
"""Fixed point of log2|x|."""

Z_LIMIT = 100.0
"""Standardised values are cut here, in σ: one wild value in 100 rows shifts a mean by 1 σ at most."""

_HEADER = struct.Struct("<4s8sqqqqI")
_MAGIC = b"DLW1"
_NEVER = (2**62, -1)  # first and last event time of no rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowState:
    """Counts, moments and a sample of one window's rows; fixed size, whatever the traffic.

    Attributes
    ----------
    layout : the frozen bins that give the counts their meaning.
    n : rows.
    duplicates : further deliveries of the same event, not counted in `n`.
    first_event, last_event : UTC milliseconds, of the rows.
    counts : shape (layout.offsets[-1],), rows per bin, all columns one behind the other.
    moments : shape (columns, 4): Σz, Σz², Σlog2|x| in fixed point over finite values, and how many of them
        are not 0 (those that have a logarithm).
    comoments : shape (columns, columns), Σ of products of normal scores, in 1/1024².
    sample_ids, sample : the k rows with the smallest hash of their event id, shapes (k,) and (k, columns).
    segments : shape (layout.cells, layout.offsets[-1]), `counts` by segment; None if some of the rows were
        counted by a version that knows of none.
    """

    layout: Layout
    n: int
    duplicates: int
    first_event: int
    last_event: int
    counts: Counts
    moments: Counts
    comoments: Counts
    sample_ids: Hashes
    sample: npt.NDArray[np.float32]
    segments: Counts | None

    MOMENTS: ClassVar[int] = 4

    @classmethod
    def empty(cls, layout: Layout) -> Self:
        """The state of no rows: the neutral element of `+`."""
        width = len(layout.columns)
        return cls(
            layout=layout,
            n=0,
            duplicates=0,
            first_event=_NEVER[0],
            last_event=_NEVER[1],
            counts=np.zeros(layout.offsets[-1], np.int64),
            moments=np.zeros((width, cls.MOMENTS), np.int64),
            comoments=np.zeros((width, width), np.int64),
            sample_ids=np.zeros(0, np.uint64),
            sample=np.zeros((0, width), np.float32),
            segments=np.zeros((layout.cells, layout.offsets[-1]), np.int64),
        )

    @classmethod
    def of(
        cls, layout: Layout, rows: Matrix, event_times: Counts, ids: Hashes, *, duplicates: int = 0
    ) -> Self:
        """Count rows.

        Parameters
        ----------
        rows : shape (n, columns), coded by the schema; see `drift_core.baseline.served_matrix`.
        event_times : shape (n,), UTC milliseconds.
        ids : shape (n,), from `hash_event_ids`; distinct.
        duplicates : deliveries that the caller left out of `rows`.
        """
        if not len(rows):
            return replace(cls.empty(layout), duplicates=duplicates)
        bins = [column.index(rows[:, i]) + layout.offsets[i] for i, column in enumerate(layout.columns)]
        flat = np.array(bins, np.intp).reshape(len(layout.columns), len(rows))
        scores = layout.scores[flat]
        sample_ids, sample = _smallest(ids, rows, layout.sample_size)
        moments = [_moments(column, rows[:, i]) for i, column in enumerate(layout.columns)]
        segments = counted_by_cell(layout, rows, flat)
        return cls(
            layout=layout,
            n=len(rows),
            duplicates=duplicates,
            first_event=int(event_times.min()),
            last_event=int(event_times.max()),
            counts=segments[: len(layout.segments[0].names)].sum(0)
            if layout.segments
            else np.bincount(flat.ravel(), minlength=layout.offsets[-1]).astype(np.int64),
            moments=np.array(moments, np.int64).reshape(len(layout.columns), cls.MOMENTS),
            # Whole numbers below 2**24, so the float product is exact up to 2**29 rows, and BLAS does it.
            comoments=(scores @ scores.T).astype(np.int64),
            sample_ids=sample_ids,
            sample=sample,
            segments=segments,
        )

    def __add__(self, other: WindowState) -> WindowState:
        if self.layout.fingerprint != other.layout.fingerprint:
            raise ValueError("windows counted with different baselines cannot be added; keep versions apart")
        if self.layout.segments != other.layout.segments:
            raise ValueError("windows counted with different segments cannot be added; keep versions apart")
        mine, others = self.segments, other.segments
        ids = np.concatenate([self.sample_ids, other.sample_ids])
        rows = np.concatenate([self.sample, other.sample])
        sample_ids, sample = _smallest(ids, rows, self.layout.sample_size)
        return WindowState(
            layout=self.layout,
            n=self.n + other.n,
            duplicates=self.duplicates + other.duplicates,
            first_event=min(self.first_event, other.first_event),
            last_event=max(self.last_event, other.last_event),
            counts=self.counts + other.counts,
            moments=self.moments + other.moments,
            comoments=self.comoments + other.comoments,
            sample_ids=sample_ids,
            sample=sample,
            segments=None if mine is None or others is None else mine + others,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WindowState) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    @classmethod
    def sum(cls, layout: Layout, states: Iterable[WindowState]) -> WindowState:
        """Merge states of the same layout."""
        return reduce(add, states, cls.empty(layout))

    def column(self, position: int) -> Counts:
        """Counts of one column, shape (column.size,)."""
        return self.counts[self.layout.slice(position)]

    def mean_shift(self, position: int) -> float:
        """Mean of the finite values minus the baseline's, in standard deviations of the baseline.

        NaN without finite values.
        """
        column = self.layout.columns[position]
        counts = self.column(position)
        finite = int(counts.sum() - counts[column.special("missing")])
        if column.numeric:
            finite -= int(counts[column.special("non_finite")])
        return float(self.moments[position, 0]) / Z_ONE / finite if finite else float("nan")

    def to_bytes(self) -> bytes:
        """A canonical, compact form: equal states give equal bytes."""
        width = len(self.layout.columns)
        header = _HEADER.pack(
            _MAGIC,
            self.layout.fingerprint,
            self.n,
            self.duplicates,
            self.first_event,
            self.last_event,
            len(self.sample_ids),
        )
        parts = (
            self.counts.astype("<i8"),
            self.moments.astype("<i8"),
            self.comoments[np.tril_indices(width)].astype("<i8"),
            self.sample_ids.astype("<u8"),
            self.sample.astype("<f4"),
        )
        content = b"".join(part.tobytes() for part in parts)
        if self.layout.segments and self.n and self.segments is not None:
            content += section(self.layout, self.segments)
        return header + zlib.compress(content, 1)

    @classmethod
    def from_bytes(cls, layout: Layout, data: bytes) -> Self:
        """Read what `to_bytes` wrote, here or in a later version, whose sections stand behind ours.

        Raises
        ------
        ValueError
            If the bytes are of another format, were counted with another baseline or are damaged; a state of
            this layout is never larger than it says, so nothing larger is made of the bytes.
        """
        if len(data) < _HEADER.size:
            raise ValueError(f"a window state has at least {_HEADER.size} bytes, this one {len(data)}")
        magic, fingerprint, n, duplicates, first, last, kept = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise ValueError(f"a window state begins with {_MAGIC!r}, this one with {magic!r}")
        if fingerprint != layout.fingerprint:
            raise ValueError("this window state was counted with another baseline")
        width = len(layout.columns)
        if kept > layout.sample_size:
            raise ValueError(f"this window state keeps {kept} rows, its layout {layout.sample_size} at most")
        words = layout.offsets[-1] + width * cls.MOMENTS + width * (width + 1) // 2 + kept
        size = 8 * words + 4 * kept * width
        rest = inflated(data[_HEADER.size :], with_later(size + most_bytes(layout)))
        if len(rest) < size:
            raise ValueError(f"this window state holds {len(rest)} bytes, its layout {size}")
        take = _Taker(rest)
        counts = take("<i8", layout.offsets[-1])
        moments = take("<i8", width * cls.MOMENTS)
        lower = take("<i8", width * (width + 1) // 2)
        comoments = np.zeros((width, width), np.int64)
        comoments[np.tril_indices(width)] = lower
        comoments = comoments + np.tril(comoments, -1).T
        segments: Counts | None = np.zeros((layout.cells, layout.offsets[-1]), np.int64)
        if layout.segments and n:
            segments = read_section(layout, rest[size:])
        return cls(
            layout=layout,
            n=n,
            duplicates=duplicates,
            first_event=first,
            last_event=last,
            counts=counts.astype(np.int64),
            moments=moments.astype(np.int64).reshape(width, cls.MOMENTS),
            comoments=comoments,
            sample_ids=take("<u8", kept).astype(np.uint64),
            sample=take("<f4", kept * width).astype(np.float32).reshape(kept, width),
            segments=segments,
        )


def counted(data: bytes) -> tuple[int, int]:
    """Rows and duplicates of a state, without the layout that the rest needs.

    Parameters
    ----------
    data : from `WindowState.to_bytes`.

    Raises
    ------
    ValueError
        If the bytes are of another format.
    """
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise ValueError(f"a window state begins with {_MAGIC!r}, this one with {data[:4]!r}")
    _, _, n, duplicates, *_ = _HEADER.unpack_from(data)
    return n, duplicates


class _Taker:
    """Reads arrays one behind the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def __call__(self, dtype: str, count: int) -> npt.NDArray[np.generic]:
        taken = np.frombuffer(self.data, dtype, count, self.position)
        self.position += taken.nbytes
        return taken


def _moments(column: Column, values: Matrix) -> tuple[int, int, int, int]:
    if not column.numeric:
        return (0, 0, 0, 0)
    finite = values[np.isfinite(values)]
    with np.errstate(over="ignore"):  # an infinite quotient is cut like any other
        z = np.clip((finite - column.center) / column.scale, -Z_LIMIT, Z_LIMIT)
    logs = np.log2(np.abs(finite[finite != 0]))
    return (
        _fixed(z, Z_ONE),
        _fixed(z * z, Z_SQUARE_ONE),
        _fixed(logs, LOG_ONE),
        len(logs),
    )


def _fixed(values: Matrix, one: int) -> int:
    """Sum in fixed point: each value is rounded for itself, so no grouping of rows can change the sum."""
    return int(np.rint(values * one).astype(np.int64).sum())


def _smallest(
    ids: Hashes, rows: npt.NDArray[np.floating[Any]], k: int
) -> tuple[Hashes, npt.NDArray[np.float32]]:
    """The rows with the k smallest distinct ids, in order: a set, so merging twice changes nothing."""
    if len(ids) > 4 * k:
        near = np.argpartition(ids, 2 * k)[: 2 * k]
        ids, rows = ids[near], rows[near]
    with np.errstate(over="ignore"):  # beyond float32 is infinity, for the sample as for the model
        narrow = rows.astype(np.float32)
    order = np.argsort(ids, kind="stable")
    if np.any(ids[order[1:]] == ids[order[:-1]]):  # the same event twice: a rule that knows no order
        order = np.array(sorted(order.tolist(), key=lambda i: (ids[i], narrow[i].tobytes())))
        order = order[np.unique(ids[order], return_index=True)[1]]
    return ids[order[:k]], narrow[order[:k]]


def hash_event_ids(ids: npt.NDArray[np.bytes_]) -> Hashes:
    """Evenly spread 64-bit hashes of event ids.

    Parameters
    ----------
    ids : shape (n,), ASCII of up to 40 characters (dtype S).
    """
    words = np.ascontiguousarray(ids.astype("S40")).view("<u8").reshape(len(ids), 5)
    mixed = np.zeros(len(ids), np.uint64)
    for word in words.T:
        mixed = _splitmix(mixed ^ word)
    return mixed


def _splitmix(x: Hashes) -> Hashes:
    """One step of SplitMix64 (Steele, Lea, Flood 2014); arithmetic modulo 2**64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
