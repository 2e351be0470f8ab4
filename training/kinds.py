"""What kind of value a column holds: found from all its values, never guessed from the first."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.schema import (
    MAX_CATEGORIES,
    MAX_CATEGORY_LENGTH,
    MAX_MAGNITUDE,
    Feature,
    Kind,
    Matrix,
)
from training.data import DataError
from training.texts import refuse_disguised

type Cells = npt.NDArray[Any]
"""A column's values: floats with NaN, or texts or booleans as objects with None."""


def cells_of(series: pd.Series) -> Cells:
    """Read a column of a frame.

    Raises
    ------
    DataError
        If it is empty, mixes types, or holds what no feature can be.
    """
    missing = series.isna().to_numpy()
    if missing.all():
        raise DataError(f"column {series.name!r} has no value in any row; fill it or add it to --ignore")
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        return series.to_numpy(np.float64, na_value=np.nan)
    objects = series.astype(object).to_numpy()
    kinds = [None if gone else _python_kind(value) for value, gone in zip(objects, missing, strict=True)]
    found = sorted({kind for kind in kinds if kind is not None})
    examples = [f"{objects[kinds.index(kind)]!r} in row {kinds.index(kind) + 1}" for kind in found]
    if len(found) > 1:
        raise DataError(
            f"column {series.name!r} mixes {' and '.join(found)}: {', '.join(examples)}; make all of one "
            f"type, leave a missing value empty, or add the column to --ignore"
        )
    if found == ["numbers"]:
        return series.to_numpy(np.float64, na_value=np.nan)
    if found == ["text"]:
        lowered = {value.lower() for value in set(objects[~missing])}
        convert = (lambda text: text.lower() == "true") if lowered <= {"true", "false"} else str
    elif found == ["booleans"]:
        convert = bool
    else:
        raise DataError(
            f"column {series.name!r} holds {found[0]}: {examples[0]}; a feature is a number, a text or a "
            f"boolean: convert it, add it to --ignore, or name it with --time-column if it is the time"
        )
    cells = [None if gone else convert(value) for value, gone in zip(objects, missing, strict=True)]
    return np.array(cells, dtype=object)


def _python_kind(value: object) -> str:
    match value:
        case bool() | np.bool():
            return "booleans"
        case Real() | Decimal():
            return "numbers"
        case str():
            return "text"
    return f"{type(value).__name__} values"


def feature_of(name: str, values: Cells, unit: str | None) -> Feature:
    """Describe a feature by the cells of its column.

    Raises
    ------
    DataError
        If the model cannot take its values.
    """
    if values.dtype != object:
        refuse_extreme(name, values)
        return Feature(
            name=name,
            kind=Kind.NUMERIC,
            unit=unit,
            minimum=float(np.nanmin(values)),
            maximum=float(np.nanmax(values)),
        )
    present = [value for value in values.tolist() if value is not None]
    if isinstance(present[0], bool):
        return Feature(name=name, kind=Kind.BOOLEAN)
    counts = pd.Series(present).value_counts()
    if len(counts) > MAX_CATEGORIES:
        raise DataError(
            f"column {name!r} has {len(counts)} different texts, {present[0]!r} for one; a category has "
            f"at most {MAX_CATEGORIES}: group them, or add the column to --ignore if it is an identifier"
        )
    refuse_disguised(name, present)
    for text in counts.index:
        if not 0 < len(text) <= MAX_CATEGORY_LENGTH:
            row = values.tolist().index(text) + 1
            raise DataError(
                f"column {name!r} holds a text of {len(text)} characters in row {row}; "
                f"a category has 1 to {MAX_CATEGORY_LENGTH}: leave a missing value empty, shorten a long one"
            )
    ordered = sorted(counts.index, key=lambda text: (-int(counts[text]), text))
    return Feature(name=name, kind=Kind.CATEGORICAL, categories=tuple(ordered))


def refuse_extreme(name: str, values: Matrix) -> None:
    """Refuse numbers that are not finite in the model's precision; NaN is a missing value.

    Raises
    ------
    DataError
        If there is one.
    """
    bad = np.flatnonzero(np.abs(np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=np.inf)) > MAX_MAGNITUDE)
    if len(bad):
        raise DataError(
            f"column {name!r} is {values[bad[0]]:g} in row {bad[0] + 1}, which the model's float32 cannot "
            f"hold; leave a missing value empty, or scale the column"
        )
