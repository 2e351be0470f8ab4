"""The section of a window's state that holds the counts of its segments; a state without is as it ever was.

It stands behind all that the first version wrote, packed for itself, so that a reader that does not know it
has room to skip it.
"""

from __future__ import annotations

import hashlib
import json
import struct

from drift_core.bins import Counts, Layout
from drift_core.packed_counts import pack, unpack

_HEADER = struct.Struct("<4s4sQ")
_MAGIC = b"DLSC"


def most_bytes(layout: Layout) -> int:
    """Of the section of this layout's states: what does not pack, in the widest numbers."""
    plain = 8 * layout.cells * layout.offsets[-1]
    return _HEADER.size + plain + plain // 1_000 + 64 if layout.cells else 0


def section(layout: Layout, counts: Counts) -> bytes:
    """The section; equal counts give equal bytes.

    Parameters
    ----------
    counts : shape (cells, bins), none negative.
    """
    content = pack(counts)
    return _HEADER.pack(_MAGIC, _tag(layout), len(content)) + content


def read_section(layout: Layout, data: bytes) -> Counts | None:
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
    magic, tag, length = _HEADER.unpack_from(data)
    if magic != _MAGIC or tag != _tag(layout):
        return None
    return unpack(data[_HEADER.size : _HEADER.size + length], layout.cells, layout.offsets[-1])


def _tag(layout: Layout) -> bytes:
    described = json.dumps([[one.position, one.codes, one.names] for one in layout.segments])
    return hashlib.sha256(described.encode()).digest()[:4]
