"""Names of windows: which series they belong to, and how the tables order them."""

from __future__ import annotations

from dataclasses import dataclass

from drift_core.bins import Layout
from drift_core.event import PREDICTION, SHADOW

QUARANTINE = "quarantine"
"""The kind of what breaks the contract, beside `drift_core.event.PREDICTION`, `LABEL` and
`SHADOW`."""

NAMELESS = "-"
"""Stands for a model or version where there is none: a label belongs to whichever version predicted, and of a
record that cannot be read nothing is known."""

NO_COLUMNS = Layout(())
"""Of the windows of labels and of the quarantine, which only count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The windows of one kind, model version and length.

    Attributes
    ----------
    kind : "prediction", "shadow", "label" or "quarantine".
    model_name, model_version : NAMELESS where there is none.
    """

    kind: str
    model_name: str
    model_version: str
    window_seconds: int

    @property
    def key(self) -> str:
        """The partition key; names hold no '#'."""
        return f"{self.kind}#{self.model_name}#{self.model_version}#{self.window_seconds}"

    @property
    def is_judged(self) -> bool:
        """Whether its windows have columns that the monitor judges; the others only count."""
        return self.kind in (PREDICTION, SHADOW)

    @property
    def is_shadow(self) -> bool:
        """Whether these predictions were served to nobody."""
        return self.kind == SHADOW

    @classmethod
    def from_key(cls, key: str) -> Series:
        """Read a partition key.

        >>> Series.from_key("label#house-prices#-#300").window_seconds
        300
        """
        kind, model_name, model_version, seconds = key.split("#")
        return cls(kind=kind, model_name=model_name, model_version=model_version, window_seconds=int(seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowKey:
    """One shard's part of one window; `start` in UTC milliseconds."""

    series: Series
    start: int
    shard_id: str

    @property
    def sort_key(self) -> str:
        """The sort key: windows in the order of time."""
        return f"{self.start:013d}#{self.shard_id}"
