"""From a frame to the table a model learns: each column's kind found, each doubtful column refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.baseline import RESERVED
from drift_core.schema import (
    MAX_CATEGORIES,
    MAX_CATEGORY_LENGTH,
    MAX_MAGNITUDE,
    Feature,
    FeatureSchema,
    Kind,
    Matrix,
)
from training.data import DataError, listed

RESERVED_NAMES = (*RESERVED, "interval_lower", "interval_upper", "event_time")
"""Columns that a bundle's sample and the monitor write beside the features."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Training data, checked.

    Attributes
    ----------
    values : by feature, shape (m,): numbers as floats with NaN, texts and booleans as objects with None.
    matrix : shape (m, number of features), coded by the schema.
    labels : shape (m,), the target, in its unit.
    times : shape (m,), UTC milliseconds; None without a time column.
    """

    schema: FeatureSchema
    target: str
    values: Mapping[str, npt.NDArray[Any]]
    matrix: Matrix
    labels: Matrix
    times: npt.NDArray[np.int64] | None


def tabulate(
    frame: pd.DataFrame,
    *,
    target: str,
    time_column: str | None = None,
    units: Mapping[str, str] | None = None,
) -> Table:
    """Check a frame and code it.

    Parameters
    ----------
    frame : one row per observation; every column but the target and the time is a feature.
    units : what a number counts, by column; for people.

    Raises
    ------
    DataError
        If a column is absent, reserved, empty, mixed, not finite or cannot be coded.
    """
    frame = frame.reset_index(drop=True)
    for role, name in (("target", target), ("time", time_column)):
        if name is not None and name not in frame.columns:
            raise DataError(f"no {role} column {name!r}; there are {listed(frame.columns)}")
    if target == time_column:
        raise DataError(f"column {target!r} is both target and time; name two columns")
    names = [name for name in frame.columns if name not in (target, time_column)]
    _refuse_names([*names, target])
    if not names:
        raise DataError(f"no feature beside the target {target!r}; give at least one more column")
    values = {name: _values(frame[name]) for name in names}
    features = tuple(_feature(name, values[name], (units or {}).get(name)) for name in names)
    return Table(
        schema=FeatureSchema(features),
        target=target,
        values=values,
        matrix=np.column_stack([_codes(feature, values[feature.name]) for feature in features]),
        labels=_labels(frame[target]),
        times=None if time_column is None else _times(frame[time_column]),
    )


def _refuse_names(names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if name in RESERVED_NAMES:
            raise DataError(f"column {name!r} has a reserved name ({', '.join(RESERVED_NAMES)}); rename it")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise DataError(
                f"column {name!r} has an unsafe name; use 1 to 64 letters, digits and '_', not beginning "
                f"with a digit: it becomes a metric's dimension and a column in Athena"
            )
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise DataError(
                f"columns {other!r} and {name!r} differ in case only; Athena does not: rename one"
            )


def _values(series: pd.Series) -> npt.NDArray[Any]:
    """A column's values: floats with NaN, or texts or booleans with None."""
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


def _feature(name: str, values: npt.NDArray[Any], unit: str | None) -> Feature:
    if values.dtype != object:
        _refuse_extreme(name, values)
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
    for text in counts.index:
        if not 0 < len(text) <= MAX_CATEGORY_LENGTH:
            row = values.tolist().index(text) + 1
            raise DataError(
                f"column {name!r} holds a text of {len(text)} characters in row {row}; "
                f"a category has 1 to {MAX_CATEGORY_LENGTH}: leave a missing value empty, shorten a long one"
            )
    ordered = sorted(counts.index, key=lambda text: (-int(counts[text]), text))
    return Feature(name=name, kind=Kind.CATEGORICAL, categories=tuple(ordered))


def _codes(feature: Feature, values: npt.NDArray[Any]) -> Matrix:
    return values if feature.kind is Kind.NUMERIC else feature.codes(values.tolist())


def _labels(series: pd.Series) -> Matrix:
    missing = np.flatnonzero(series.isna())
    if len(missing):
        raise DataError(
            f"target {series.name!r} is missing in {len(missing)} of {len(series)} rows, first in row "
            f"{missing[0] + 1}; remove these rows: a row without a label teaches nothing"
        )
    values = _values(series)
    if values.dtype == object:
        kind = "booleans" if isinstance(values[0], bool) else "text"
        raise DataError(
            f"target {series.name!r} holds {kind}, {values[0]!r} in row 1; training is regression only "
            f"for now: give a numeric target"
        )
    _refuse_extreme(str(series.name), values)
    if np.ptp(values) == 0:
        raise DataError(f"target {series.name!r} is {values[0]:g} in every row; there is nothing to learn")
    return values


def _refuse_extreme(name: str, values: Matrix) -> None:
    bad = np.flatnonzero(np.abs(np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=np.inf)) > MAX_MAGNITUDE)
    if len(bad):
        raise DataError(
            f"column {name!r} is {values[bad[0]]:g} in row {bad[0] + 1}, which the model's float32 cannot "
            f"hold; leave a missing value empty, or scale the column"
        )


def _times(series: pd.Series) -> npt.NDArray[np.int64]:
    if pd.api.types.is_numeric_dtype(series.dtype):
        raise DataError(
            f"time column {series.name!r} holds numbers, {series.iloc[0]!r} in row 1, whose unit is unknown; "
            f"write ISO 8601 times such as 2024-05-01T12:00:00Z"
        )
    times = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
    bad = np.flatnonzero(times.isna())
    if len(bad):
        raise DataError(
            f"time column {series.name!r} is {series.iloc[bad[0]]!r} in row {bad[0] + 1}, which is not a "
            f"time; write ISO 8601 such as 2024-05-01T12:00:00Z in every row"
        )
    return times.astype("datetime64[ms, UTC]").to_numpy("datetime64[ms]").astype(np.int64)
