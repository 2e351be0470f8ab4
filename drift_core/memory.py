"""Memory: what a monitor carries from one window to the next."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from drift_core.charts import DELTAS, Charts
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
            If the bytes are of another format or of another number of signals.
        """
        if data[:4] != _MAGIC:
            raise ValueError(f"a monitor's memory begins with {_MAGIC!r}, this one with {data[:4]!r}")
        words = np.frombuffer(zlib.decompress(data[4:]), "<i8")
        charts, sums = signals * 2 * len(DELTAS), 6 * signals
        size = 2 * charts + len(Span) * sums
        if len(words) < size or (len(words) > size and words[size] != _MORE + signals):
            raise ValueError(f"this memory is not one of {signals} signals; it belongs to another baseline")
        shape = (signals, 2, len(DELTAS))
        evidence = words[:charts].view("<f8").astype(float).reshape(shape)
        since = words[charts : 2 * charts].astype(np.int64).reshape(shape)
        noise = {}
        for i, span in enumerate(Span):
            own = words[2 * charts + i * sums :][:sums].reshape(6, signals)
            sizes = own[1:].view("<f8").astype(float)
            noise[span] = Noise(spans=own[0].astype(np.int64), rows=sizes[0], powers=sizes[1:])
        return cls(Charts(evidence, since), noise)
