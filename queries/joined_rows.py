"""What the rows of the join of labels with predictions mean; see `queries.joined`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from drift_core.error_sums import ErrorSums
from queries.athena import Answer

ALL = "(all)"
"""The segment of all predictions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What became of the label records of an hour; those of disjoint predictions add.

    Attributes
    ----------
    used : the latest labels of predictions, which `ErrorSums` counts as labelled.
    corrected : labels that a later one of the same prediction replaced.
    unmatched : labels without a prediction.
    classes : class labels, which have no error.
    repeated : copies of events that were counted.
    late : those used that came more than `queries.joined.LATE_DAYS` days after their prediction.
    """

    used: int = 0
    corrected: int = 0
    unmatched: int = 0
    classes: int = 0
    repeated: int = 0
    late: int = 0

    def __add__(self, other: Fates) -> Fates:
        return Fates(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    @property
    def records(self) -> int:
        """All label records in the files."""
        return self.used + self.corrected + self.unmatched + self.classes + self.repeated

    @classmethod
    def from_json(cls, described: Mapping[str, int]) -> Fates:
        """Read its fields, written here or in a later version."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in described.items() if name in known})


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The sums of one hour, version and segment.

    Attributes
    ----------
    hour : UTC milliseconds at which it begins.
    model_version : None for labels without a prediction.
    segment : `ALL` or a name of `drift_core.segments.Segmentation`.
    """

    hour: int
    model_version: str | None
    segment: str
    sums: ErrorSums
    fates: Fates


_COUNTS = ("predictions", "labelled", "percentage_rows", "with_interval", "misses", "above")
_AMOUNTS = ("error", "absolute", "squared", "percentage", "label", "label_squared", "delay_seconds")
_FATES = ("corrected", "unmatched", "classes", "repeated", "late")


def read_joined(answer: Answer) -> list[Joined]:
    """The rows of an answer to `joined_sql`."""
    return [_joined(dict(zip(answer.columns, row, strict=True))) for row in answer.rows]


def _joined(row: dict[str, str | None]) -> Joined:
    counts: dict[str, Any] = {name: int(row[name] or 0) for name in _COUNTS}
    amounts: dict[str, Any] = {name: float(row[name] or 0.0) for name in _AMOUNTS}
    beyond = tuple(int(row[f"beyond_{i}"] or 0) for i in range(4))
    fates: dict[str, Any] = {name: int(row[name] or 0) for name in _FATES}
    return Joined(
        hour=int(row["hour_start"] or 0),
        model_version=row["model_version"],
        segment=row["segment"] or ALL,
        sums=ErrorSums(**counts, **amounts, beyond=beyond),
        fates=Fates(used=counts["labelled"], **fates),
    )
