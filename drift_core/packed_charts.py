"""Charts of shares as bytes: what the judges of quality and of the estimated error carry between runs."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from drift_core.inflate import inflated, with_later
from drift_core.share_chart import BETS, ShareChart

_MORE = int.from_bytes(b"DLC+") << 32
"""Plus the number of words before it: the word behind which later versions add what this does not know."""


def packed(magic: bytes, charts: Sequence[ShareChart], numbers: Sequence[int]) -> bytes:
    """A canonical, compact form: equal charts and numbers give equal bytes.

    Parameters
    ----------
    magic : four bytes that name the format.
    """
    parts = [np.array([*numbers, *(chart.latest for chart in charts)], "<i8")]
    for chart in charts:
        parts += [chart.logs.astype("<f8"), chart.evidence.astype("<f8"), chart.since.astype("<i8")]
    return magic + zlib.compress(b"".join(part.tobytes() for part in parts), 6)


def unpacked(
    magic: bytes, data: bytes, shares: Sequence[int], numbers: int
) -> tuple[list[ShareChart], list[int]]:
    """Read what `packed` wrote, here or in a later version.

    Parameters
    ----------
    shares : of each chart.
    numbers : how many.

    Raises
    ------
    ValueError
        If the bytes are of another format, of charts of other sizes, or damaged.
    """
    if data[:4] != magic:
        raise ValueError(f"this memory begins with {magic!r}, the one given with {data[:4]!r}")
    begin = numbers + len(shares)
    ours = begin + 3 * len(BETS) * sum(shares)
    other = f"this memory is not one of {len(shares)} charts of {sum(shares)} shares"
    try:
        content = inflated(data[4:], with_later(8 * ours))
    except ValueError as error:
        raise ValueError(f"{other} or is damaged: {error}") from None
    words = np.frombuffer(content[: len(content) // 8 * 8], "<i8")
    if len(words) < ours or (len(words) > ours and words[ours] != _MORE + ours):
        raise ValueError(other)
    charts, at = [], begin
    for count, latest in zip(shares, words[numbers:begin].tolist(), strict=True):
        logs, evidence, since = words[at : at + 3 * len(BETS) * count].reshape(3, count, len(BETS))
        real = (logs.view("<f8").astype(float), evidence.view("<f8").astype(float))
        if np.isnan(real).any() or np.max(real) == np.inf:
            raise ValueError(f"{other} or is damaged: it holds what is no number")
        charts.append(ShareChart(*real, since.astype(np.int64), latest))
        at += 3 * len(BETS) * count
    return charts, words[:numbers].tolist()
