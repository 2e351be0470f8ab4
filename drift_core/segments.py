"""Segments: groups of predictions by the value of one column, each judged for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drift_core.described import Described
from drift_core.schema import FeatureSchema, Kind

MOST_VALUES = 8
"""Values of a column with a segment of their own, the most frequent in training; the others share one."""

MOST_COLUMNS = 4
"""Columns that can make segments: each costs a row of counts a value in every window."""

MOST_SEGMENTS = MOST_COLUMNS * (MOST_VALUES + 1)
"""Of a model: each column's values, and the rest."""

REST = "(rest)"
"""Name of the segment of all other values, missing and never seen ones too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """The segments that one column makes.

    Attributes
    ----------
    column : a categorical or boolean feature.
    values : as they stand in events, at most `MOST_VALUES`, the most frequent first; "true" and "false" of a
        boolean.
    """

    column: str
    values: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its segments.

        >>> Segmentation(column="garden", values=("true", "false")).names
        ('garden=true', 'garden=false', 'garden=(rest)')
        """
        return tuple(f"{self.column}={value}" for value in (*self.values, REST))

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `read` is its inverse."""
        return {"column": self.column, "values": list(self.values)}

    @classmethod
    def read(cls, read: Described) -> Segmentation:
        """From a manifest; a ValueError names the field that is not what it must be."""
        return cls(column=read.text("column"), values=read.texts("values", most=MOST_VALUES))


def check_segments(segments: tuple[Segmentation, ...], schema: FeatureSchema) -> None:
    """Do nothing, if a model with this schema can be judged by these segments.

    Raises
    ------
    ValueError
        If there are too many, or a column cannot make any; the text says why.
    """
    if len(segments) > MOST_COLUMNS:
        raise ValueError(f"{len(segments)} columns make segments; give at most {MOST_COLUMNS}")
    kinds = {feature.name: feature.kind for feature in schema.features}
    seen: set[str] = set()
    for one in segments:
        kind = kinds.get(one.column)
        if kind is None or kind is Kind.NUMERIC:
            what = "no feature" if kind is None else "a number"
            fitting = [name for name, found in kinds.items() if found is not Kind.NUMERIC]
            raise ValueError(
                f"segments by {one.column!r}, which is {what}; give one of {', '.join(fitting) or 'none'}"
            )
        if one.column in seen or len(set(one.values)) < len(one.values) or not one.values:
            raise ValueError(f"segments by {one.column!r} are given twice or have no values; give each once")
        if REST in one.values:
            raise ValueError(
                f"segments by {one.column!r} have the value {REST!r}, the name of all others; rename it"
            )
        seen.add(one.column)
