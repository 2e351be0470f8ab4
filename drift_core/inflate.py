"""Inflate: zlib with a bound, since a few stored bytes can become a thousand times as many."""

from __future__ import annotations

import zlib

_ROOM = 4_096


def with_later(size: int) -> int:
    """Bytes that something of this size may have, for later versions may add as much again and a little."""
    return 2 * size + _ROOM


def inflated(packed: bytes, most: int) -> bytes:
    """What zlib compressed, if it is whole and no larger than it may be.

    Parameters
    ----------
    most : bytes.

    Raises
    ------
    ValueError
        If it is larger, cut off, followed by something or no zlib data. No more than `most` bytes and one are
        ever made of it.

    >>> inflated(zlib.compress(b"abc"), 3)
    b'abc'
    """
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(packed, most + 1)
    except zlib.error as error:
        raise ValueError(f"{len(packed)} packed bytes are damaged ({error})") from None
    if len(content) > most:
        raise ValueError(f"{len(packed)} packed bytes hold more than the {most} bytes that fit here")
    if not stream.eof or stream.unused_data:
        raise ValueError(f"{len(packed)} packed bytes are cut off, or followed by others")
    return content
