"""Cells: into which segment each row falls, and how many rows of each cell lie in each bin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from drift_core.schema import FeatureSchema, Kind, Matrix
from drift_core.segments import Segmentation

if TYPE_CHECKING:
    from drift_core.bins import Counts, Layout

MOST_COUNTS = 24_576
"""Cells times bins of a model, at most: so the counts of a window's segments stay below the rest of its
state, an item holds both, and an older version, which reads twice what it knows, reads past them."""


class NoRoomError(ValueError):
    """More counts of segments than a window's state holds; the text says what to leave out."""


@dataclass(frozen=True, slots=True)
class SegmentCells:
    """The cells of one column: one for each value, then one for all others.

    Attributes
    ----------
    position : of the column in a row.
    codes : of the values, as `Feature.code` gives them.
    names : of the cells, one more than codes.
    """

    position: int
    codes: tuple[int, ...]
    names: tuple[str, ...]

    def index(self, values: Matrix) -> npt.NDArray[np.intp]:
        """The cell of each value of the column, shape (n,); missing and never seen ones are in the last.

        >>> cells = SegmentCells(0, (1, 0), ("b", "a", "(rest)"))
        >>> cells.index(np.array([0.0, 1.0, 2.0, -1.0, np.nan])).tolist()
        [1, 0, 2, 2, 2]
        """
        rest = len(self.codes)
        # By code + 1, so that the unseen have a place too; codes beyond are of no value here.
        table = np.full(max(self.codes) + 3, rest, np.intp)
        table[np.array(self.codes) + 1] = np.arange(rest)
        places = np.nan_to_num(values, nan=-1.0, posinf=-1.0, neginf=-1.0)
        found: npt.NDArray[np.intp] = table[np.clip(places + 1, 0, len(table) - 1).astype(np.intp)]
        return found


def cells_of(segments: Iterable[Segmentation], schema: FeatureSchema) -> tuple[SegmentCells, ...]:
    """Cells of the columns that make segments.

    Raises
    ------
    ValueError
        If a value is none that the model knows.
    """
    places = {name: i for i, name in enumerate(schema.names)}
    found = []
    for one in segments:
        feature = schema.features[places[one.column]]
        codes = {name: i for i, name in enumerate(feature.categories)}
        unknown = [value for value in one.values if value not in codes]
        if unknown:
            values = "true and false" if feature.kind is Kind.BOOLEAN else f"{len(codes)} categories"
            raise ValueError(
                f"segments by {one.column!r} name the value {unknown[0][:100]!r}, none of its "
                f"{values}; train the bundle again"
            )
        found.append(SegmentCells(places[one.column], tuple(codes[value] for value in one.values), one.names))
    return tuple(found)


def check_room(layout: Layout) -> None:
    """Do nothing, if a window's state has room for the counts of its segments.

    Raises
    ------
    NoRoomError
        If it has not.
    """
    bins = layout.offsets[-1]
    if layout.cells * bins > MOST_COUNTS:
        raise NoRoomError(
            f"segments make {layout.cells} cells, each with the {bins:,} bins of {len(layout.columns)} "
            f"columns: {layout.cells * bins:,} counts a window, at most {MOST_COUNTS:,} fit; make segments "
            f"by fewer columns, or leave features out"
        )


def counted_by_cell(layout: Layout, rows: Matrix, flat: Counts) -> Counts:
    """Count rows, shape (layout.cells, bins).

    Parameters
    ----------
    rows : shape (n, columns), coded by the schema.
    flat : shape (columns, n), places in the flat vector of counts; below 0 where a row has no value.
    """
    size = layout.offsets[-1]
    parts = []
    for one in layout.segments:
        places = flat + one.index(rows[:, one.position]) * size
        counted = places.ravel() if flat.min(initial=0) >= 0 else places[flat >= 0]
        cells = len(one.names)
        parts.append(np.bincount(counted, minlength=cells * size).reshape(cells, size))
    return np.concatenate([*parts, np.zeros((0, size), np.int64)]).astype(np.int64)
