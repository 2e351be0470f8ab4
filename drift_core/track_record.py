"""Track record: how near the estimated errors came to the real ones, once labels were there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from drift_core.described import Described

MOST_WINDOWS = 720
"""Windows that are remembered, the latest: a month of hours."""

NEAR = 0.2
"""An estimate within this share of the real error is called near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """Windows whose error was estimated and whose labels came.

    Attributes
    ----------
    pairs : by start of the window (UTC milliseconds) the estimated and the real mean absolute error.
    """

    pairs: Mapping[int, tuple[float, float]] = field(default_factory=dict)

    def with_window(self, start: int, *, estimated: float, real: float) -> TrackRecord:
        """With one window more, or with its real error corrected; the oldest beyond `MOST_WINDOWS` go.

        >>> record = TrackRecord().with_window(0, estimated=11.0, real=10.0)
        >>> record.with_window(3_600_000, estimated=9.0, real=18.0).summary()
        {'windows': 2, 'median_ratio': 0.8, 'near_share': 0.5}
        """
        pairs = {**self.pairs, start: (estimated, real)}
        return TrackRecord(pairs={key: pairs[key] for key in sorted(pairs)[-MOST_WINDOWS:]})

    def summary(self) -> dict[str, Any]:
        """What is told of it.

        Returns
        -------
        windows : with both errors, the real one above 0.
        median_ratio : of estimated ÷ real; None without windows.
        near_share : of the windows, those with an estimate within `NEAR` of the real error; None without.
        """
        ratios = [estimated / real for estimated, real in self.pairs.values() if real > 0]
        near = sum(abs(ratio - 1) <= NEAR for ratio in ratios)
        return {
            "windows": len(ratios),
            "median_ratio": median(ratios) if ratios else None,
            "near_share": near / len(ratios) if ratios else None,
        }

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `read` is its inverse."""
        return {"windows": [[start, *pair] for start, pair in self.pairs.items()]}

    @classmethod
    def read(cls, read: Described) -> TrackRecord:
        """From a JSON object; a ValueError names the field that is not what it must be."""
        rows = read.matrix("windows", len(read.list_of("windows", most=MOST_WINDOWS)), 3)
        return cls(pairs={int(start): (estimated, real) for start, estimated, real in rows.tolist()})
