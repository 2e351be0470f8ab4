"""Which segments a model has: the most frequent values of the columns that were asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from drift_core.schema import FeatureSchema, Kind, Matrix
from drift_core.segment_cells import cells_of
from drift_core.segments import MOST_VALUES, Segmentation, check_segments
from training.data import DataError, listed


def segments_by(columns: Sequence[str], schema: FeatureSchema, matrix: Matrix) -> tuple[Segmentation, ...]:
    """The segments of some columns.

    Parameters
    ----------
    columns : names of features.
    matrix : shape (m, number of features), coded by the schema.

    Raises
    ------
    DataError
        If a column is no feature, cannot make segments or is named twice, or if there are too many.
    """
    found = []
    for column in columns:
        if column not in schema.names:
            fitting = [one.name for one in schema.features if one.kind is not Kind.NUMERIC]
            there = listed(fitting) or "none that fit"
            raise DataError(f"--segments names {column!r}, which is no feature; there are {there}")
        position = schema.names.index(column)
        feature, codes = schema.features[position], matrix[:, position]
        rows = np.bincount(codes[codes >= 0].astype(np.intp), minlength=len(feature.categories))
        often = np.argsort(-rows[: len(feature.categories)], kind="stable")[:MOST_VALUES]
        values = tuple(feature.categories[code] for code in often.tolist() if rows[code])
        found.append(Segmentation(column=column, values=values))
    try:
        check_segments(tuple(found), schema)
    except ValueError as error:
        raise DataError(f"--segments: {error}") from error
    return tuple(found)


def rows_by_segment(
    segments: Sequence[Segmentation], schema: FeatureSchema, matrix: Matrix
) -> dict[str, npt.NDArray[np.bool_]]:
    """By name, which rows are of a segment, shape (m,).

    Parameters
    ----------
    matrix : shape (m, number of features), coded by the schema.
    """
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for cells in cells_of(segments, schema):
        index = cells.index(matrix[:, cells.position])
        found |= {name: index == i for i, name in enumerate(cells.names)}
    return found
