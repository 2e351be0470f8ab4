"""From a frame to the table a model learns: each column's kind found, each doubtful column refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.baseline import RESERVED
from drift_core.schema import Feature, FeatureSchema, Kind, Matrix
from training.data import DataError, listed, refuse_duplicates
from training.kinds import Cells, cells_of, feature_of, refuse_extreme

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
    values: Mapping[str, Cells]
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
    refuse_duplicates(frame.columns.tolist())
    frame = frame.reset_index(drop=True)
    for role, name in (("target", target), ("time", time_column)):
        if name is not None and name not in frame.columns:
            near = [found for found in frame.columns if str(found).strip() == name.strip()]
            remedy = f": remove the spaces around {near[0]!r}" if near else ""
            raise DataError(f"no {role} column {name!r}; there are {listed(frame.columns)}{remedy}")
    if target == time_column:
        raise DataError(f"column {target!r} is both target and time; name two columns")
    names = [name for name in frame.columns if name not in (target, time_column)]
    _refuse_names([*names, target])
    if not names:
        raise DataError(f"no feature beside the target {target!r}; give at least one more column")
    values = {name: cells_of(frame[name]) for name in names}
    features = tuple(feature_of(name, values[name], (units or {}).get(name)) for name in names)
    return Table(
        schema=FeatureSchema(features),
        target=target,
        values=values,
        matrix=np.column_stack([_codes(feature, values[feature.name]) for feature in features]),
        labels=_labels(frame[target]),
        times=None if time_column is None else times_of(frame[time_column]),
    )


def _refuse_names(names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if name in RESERVED_NAMES:
            raise DataError(f"column {name!r} has a reserved name ({', '.join(RESERVED_NAMES)}); rename it")
        if isinstance(name, str) and name != name.strip() and _NAME.fullmatch(name.strip()):
            raise DataError(f"column {name!r} has spaces around its name; rename it {name.strip()!r}")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise DataError(
                f"column {name!r} has an unsafe name; use 1 to 64 letters, digits and '_', not beginning "
                f"with a digit: it becomes a metric's dimension and a column in Athena"
            )
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise DataError(
                f"columns {other!r} and {name!r} differ in case only; Athena does not: rename one"
            )


def _codes(feature: Feature, values: Cells) -> Matrix:
    return values if feature.kind is Kind.NUMERIC else feature.codes(values.tolist())


def _labels(series: pd.Series) -> Matrix:
    missing = np.flatnonzero(series.isna())
    if len(missing):
        raise DataError(
            f"target {series.name!r} is missing in {len(missing)} of {len(series)} rows, first in row "
            f"{missing[0] + 1}; remove these rows: a row without a label teaches nothing"
        )
    values = cells_of(series)
    if values.dtype == object:
        kind = "booleans" if isinstance(values[0], bool) else "text"
        raise DataError(
            f"target {series.name!r} holds {kind}, {values[0]!r} in row 1; training is regression only "
            f"for now: give a numeric target"
        )
    refuse_extreme(str(series.name), values)
    if np.ptp(values) == 0:
        raise DataError(f"target {series.name!r} is {values[0]:g} in every row; there is nothing to learn")
    return values


def times_of(series: pd.Series) -> npt.NDArray[np.int64]:
    """Times as UTC milliseconds, shape (n,); without a time zone they are UTC.

    Raises
    ------
    DataError
        If one is missing or is no time.
    """
    if pd.api.types.is_numeric_dtype(series.dtype):
        raise DataError(
            f"time column {series.name!r} holds numbers, {series.iloc[0]} in row 1, whose unit is unknown; "
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
