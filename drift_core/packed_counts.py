"""Counts in few bytes: as many for each as the largest needs, packed, and read with a bound."""

from __future__ import annotations

import zlib

import numpy as np

from drift_core.bins import Counts
from drift_core.inflate import inflated

_WIDTHS = (1, 2, 4, 8)


def pack(counts: Counts) -> bytes:
    """Counts as bytes, without their shape; equal counts give equal bytes.

    Parameters
    ----------
    counts : any shape, none negative.
    """
    width = next(one for one in _WIDTHS if int(counts.max(initial=0)) < 2 ** (8 * one))
    # All low bytes, then all next ones: the higher ones are mostly 0, and pack to nothing.
    planes = counts.astype(f"<u{width}").reshape(-1, 1).view(np.uint8).T
    return bytes([width]) + zlib.compress(planes.tobytes(), 6)


def unpack(data: bytes, *shape: int) -> Counts:
    """What `pack` made of counts of this shape.

    Raises
    ------
    ValueError
        If it is damaged or of another shape; nothing larger is ever made of it.

    >>> unpack(pack(np.array([[1, 300]])), 1, 2)
    array([[  1, 300]])
    """
    width = data[0] if data else 0
    if width not in _WIDTHS:
        raise ValueError(f"packed counts have {width} bytes each; they have 1, 2, 4 or 8")
    size = int(np.prod(shape)) * width
    found = inflated(data[1:], size)
    if len(found) != size:
        raise ValueError(f"packed counts are {len(found)} bytes, {' × '.join(map(str, shape))} need {size}")
    planes = np.frombuffer(found, np.uint8).reshape(width, -1).T
    counts = np.ascontiguousarray(planes).view(f"<u{width}").astype(np.int64).reshape(shape)
    if (counts < 0).any():
        raise ValueError("packed counts hold one beyond 2**63")
    return counts
