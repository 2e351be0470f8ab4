"""Ranges of sequence numbers, packed: a window counts many batches, and DynamoDB's items end at 400 KB.

Kinesis' numbers have 56 decimal digits, but written in base 16 the step from one to the next is mostly zeros.
As such steps, compressed, a range takes about 6 bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise

from drift_core.inflate import inflated

PACKED_LIMIT = 200_000
"""Bytes that the ranges of an item may take, about 33,000 batches; the state needs the rest of the 400 KB."""

STEPS_LIMIT = 8 << 20
"""Bytes that the steps may take before they are compressed: an item is read for every batch."""


def pack(ranges: Sequence[str]) -> bytes:
    """Ranges as bytes; too many for the limit lose the boundaries of the older half.

    One range over all of that half takes its place. No newer batch can begin below its end, so nothing is
    counted twice and no listed object is taken for a stray one. But two things can no longer be told of so
    old a batch: which of the archive's objects below that end are listed, and whether a record between two
    batches was counted. It is taken for counted, so redrive a failed batch before another 16,000 come.

    Parameters
    ----------
    ranges : "first-last", increasing and disjoint.
    """
    steps = _steps(ranges)
    packed = zlib.compress(steps)
    while len(packed) > PACKED_LIMIT or len(steps) > STEPS_LIMIT:
        ranges = _coalesced(ranges)
        steps = _steps(ranges)
        packed = zlib.compress(steps)
    return packed


def unpack(packed: bytes) -> tuple[str, ...]:
    """The ranges of `pack`.

    Raises
    ------
    ValueError
        If it did not make these bytes.

    >>> unpack(pack(["7-9", "12-12"]))
    ('7-9', '12-12')
    """
    end, ends = 0, []
    for step in inflated(packed, STEPS_LIMIT).split():
        end += int(step, 16)
        ends.append(end)
    return tuple(f"{first}-{last}" for first, last in zip(ends[::2], ends[1::2], strict=True))


def _steps(ranges: Sequence[str]) -> bytes:
    ends = [0, *(int(end) for counted in ranges for end in counted.split("-"))]
    return " ".join(f"{end - before:x}" for before, end in pairwise(ends)).encode()


def _coalesced(ranges: Sequence[str]) -> Sequence[str]:
    half = (len(ranges) + 1) // 2
    first, last = ranges[0].partition("-")[0], ranges[half - 1].partition("-")[2]
    return [f"{first}-{last}", *ranges[half:]]
