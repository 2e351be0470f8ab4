"""The section of a window's state that holds the counts of its segments; a state without is as it ever was.

It stands behind all that the first version wrote. The counts are packed for themselves, in as few bytes each
as the largest needs, so that a reader that does not know them has room to skip them.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib

import numpy as np

from drift_core.bins import Counts, Layout
from drift_core.inflate import inflated

_HEADER = struct.Struct("<4s4sII")
_MAGIC = b"DLSC"
_WIDTHS = (1, 2, 4, 8)


def most_bytes(layout: Layout) -> int:
    """Of the section of this layout's states: what does not pack, in the widest numbers."""
    packed = 8 * layout.cells * layout.offsets[-1]
    return _HEADER.size + packed + packed // 1_000 + 64 if layout.cells else 0


def packed(layout: Layout, counts: Counts) -> bytes:
    """The section; equal counts give equal bytes.

    Parameters
    ----------
    counts : shape (cells, bins), none negative.
    """
    width = next(one for one in _WIDTHS if int(counts.max(initial=0)) < 2 ** (8 * one - 1))
    content = zlib.compress(counts.astype(f"<i{width}").tobytes(), 1)
    return _HEADER.pack(_MAGIC, _tag(layout), width, len(content)) + content


def unpacked(layout: Layout, data: bytes) -> Counts | None:
    """The counts, shape (cells, bins); None if the section is not there, or is of other segments.

    Parameters
    ----------
    data : what stands behind the parts that each state has.

    Raises
    ------
    ValueError
        If the section is damaged.
    """
    if len(data) < _HEADER.size:
        return None
    magic, tag, width, length = _HEADER.unpack_from(data)
    if magic != _MAGIC or tag != _tag(layout):
        return None
    shape = (layout.cells, layout.offsets[-1])
    size = shape[0] * shape[1] * width
    content = data[_HEADER.size : _HEADER.size + length]
    if width not in _WIDTHS or len(content) != length:
        raise ValueError(f"segments of a window state have {len(content)} of {length} bytes, {width} a count")
    found = inflated(content, size)
    if len(found) != size:
        raise ValueError(f"segments of a window state hold {len(found)} bytes, the layout's {size}")
    return np.frombuffer(found, f"<i{width}").astype(np.int64).reshape(shape)


def _tag(layout: Layout) -> bytes:
    described = json.dumps([[one.position, one.codes, one.names] for one in layout.segments])
    return hashlib.sha256(described.encode()).digest()[:4]
