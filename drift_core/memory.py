"""Memory: what a monitor carries from one window to the next."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from drift_core.charts import DELTAS, Charts
from drift_core.inflate import inflated, with_later
from drift_core.noise import Noise
from drift_core.span import Span

_MAGIC = b"DLM1"
_MORE = int.from_bytes(b"DLM+") << 32
"""Plus the number of signals: the word behind which later versions add what this one does not know."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """The charts, and the noise learned from live spans.

    Attributes
    ----------
    charts : after the last window judged in its turn.
    noise : by span, of live spans without an alarm.
    """

    charts: Charts
    noise: Mapping[Span, Noise]

    @classmethod
    def start(cls, signals: int) -> Self:
        """Before the first window."""
        return cls(Charts.start(signals), {span: Noise.none(signals) for span in Span})

    def to_bytes(self) -> bytes:
        """A canonical, compact form: equal memories give equal bytes."""
        parts = [self.charts.evidence.astype("<f8"), self.charts.since.astype("<i8")]
        for span in Span:
            noise = self.noise[span]
            parts += [noise.spans.astype("<i8"), noise.rows.astype("<f8"), noise.powers.astype("<f8")]
        return _MAGIC + zlib.compress(b"".join(part.tobytes() for part in parts), 6)

    @classmethod
    def from_bytes(cls, data: bytes, signals: int) -> Self:
        """Read what `to_bytes` wrote, here or in a later version.

        Raises
        ------
        ValueError
            If the bytes are of another format, of another number of signals or damaged.
        """
        if data[:4] != _MAGIC:
            raise ValueError(f"a monitor's memory begins with {_MAGIC!r}, this one with {data[:4]!r}")
        charts, sums = signals * 2 * len(DELTAS), 6 * signals
        size = 8 * (2 * charts + len(Span) * sums)
        other = f"this memory is not one of {signals} signals; it belongs to another baseline"
        try:
            content = inflated(data[4:], with_later(size))
        except ValueError as error:
            raise ValueError(f"{other} or is damaged: {error}") from None
        words = np.frombuffer(content[: len(content) // 8 * 8], "<i8")
        ours = size // 8
        if len(words) < ours or (len(words) > ours and words[ours] != _MORE + signals):
            raise ValueError(other)
        shape = (signals, 2, len(DELTAS))
        evidence = words[:charts].view("<f8").astype(float).reshape(shape)
        since = words[charts : 2 * charts].astype(np.int64).reshape(shape)
        noise = {}
        for i, span in enumerate(Span):
            own = words[2 * charts + i * sums :][:sums].reshape(6, signals)
            sizes = own[1:].view("<f8").astype(float)
            noise[span] = Noise(spans=own[0].astype(np.int64), rows=sizes[0], powers=sizes[1:])
        return cls(Charts(evidence, since), noise)
