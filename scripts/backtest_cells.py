"""Cells of two recordings, coded alike: what the monitor counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.schema import MAX_CATEGORIES, Feature, Kind, Matrix
from scripts.backtest_columns import Reading, Role
from training.data import DataError
from training.kinds import Cells

type Missing = npt.NDArray[np.bool_]


def cells(series: pd.Series, how: Reading, where: str) -> Cells:
    """A column's values as its kind has them: floats with NaN, or texts or booleans as objects with None.

    Parameters
    ----------
    where : the file, for messages.

    Raises
    ------
    DataError
        If a value is not of the kind; the text names it, its row and the remedy.
    """
    missing = series.isna().to_numpy()
    match how.kind:
        case Kind.NUMERIC:
            return _numbers(series, missing, how, where)
        case Kind.BOOLEAN:
            return _booleans(series, missing, how, where)
    texts = [None if gone else text_of(value) for value, gone in zip(series.tolist(), missing, strict=True)]
    return np.array(texts, dtype=object)


def text_of(value: object) -> str:
    """A category's name; a whole number is written without a point, whatever type its file gave it.

    >>> text_of(3.0), text_of(2.5), text_of("03"), text_of(True)
    ('3', '2.5', '03', 'true')
    """
    if isinstance(value, bool | np.bool):
        return str(value).lower()
    if isinstance(value, int | float | np.number):
        return f"{value:.0f}" if float(value).is_integer() else str(value)
    return str(value)


def _numbers(series: pd.Series, missing: Missing, how: Reading, where: str) -> Matrix:
    if pd.api.types.is_bool_dtype(series.dtype):
        raise _misfit(series, 0, how, where)
    values = pd.to_numeric(series, errors="coerce")
    wrong = np.flatnonzero(values.isna().to_numpy() & ~missing)
    if not len(wrong) and series.dtype == object:
        wrong = np.flatnonzero([isinstance(value, bool) for value in series.tolist()])
    if len(wrong):
        raise _misfit(series, int(wrong[0]), how, where)
    return values.to_numpy(np.float64, na_value=np.nan)


def _booleans(series: pd.Series, missing: Missing, how: Reading, where: str) -> Cells:
    known = {"true": True, "false": False, "1": True, "0": False}
    found = [
        None if gone else known.get(text_of(value).lower())
        for value, gone in zip(series.tolist(), missing, strict=True)
    ]
    for row, (value, gone) in enumerate(zip(found, missing, strict=True)):
        if value is None and not gone:
            raise _misfit(series, row, how, where)
    return np.array(found, dtype=object)


def _misfit(series: pd.Series, row: int, how: Reading, where: str) -> DataError:
    needed = {Kind.NUMERIC: "a number", Kind.BOOLEAN: "true, false, 1 or 0"}[how.kind or Kind.NUMERIC]
    value = series.iloc[row]
    if how.role is Role.PREDICTION:
        return DataError(
            f"prediction column {series.name!r} is {value!r} in row {row + 1} of {where}, and only numbers "
            f"are watched as predictions; leave out --prediction-column, and it is watched as a feature"
        )
    return DataError(
        f"column {series.name!r} is read as {how.kind}, and {value!r} in row {row + 1} of {where} is not "
        f"{needed}; write it alike in both files, name what stands for a missing value with --missing, read "
        f"it as text with --kind {series.name}=categorical, or leave it out with --ignore {series.name}"
    )


def feature_of(how: Reading, values: Cells) -> Feature:
    """Describe a feature by the reference's cells.

    Raises
    ------
    DataError
        If no row has a value, or there are more categories than a feature can have.
    """
    present = values[~pd.isna(values)]
    if not len(present) or (how.kind is Kind.NUMERIC and not np.isfinite(present.astype(float)).any()):
        raise DataError(
            f"column {how.column!r} has no value in any row of the reference; add it to --ignore {how.column}"
        )
    if how.kind is not Kind.CATEGORICAL:
        return Feature(name=how.column, kind=how.kind or Kind.NUMERIC)
    counts = pd.Series(present).value_counts()
    if len(counts) > MAX_CATEGORIES:
        raise DataError(
            f"column {how.column!r} has {len(counts):,} different values; a category has at most "
            f"{MAX_CATEGORIES:,}: group them, or add the column to --ignore"
        )
    ordered = sorted(counts.index.tolist(), key=lambda text: (-int(counts[text]), text))
    return Feature(name=how.column, kind=Kind.CATEGORICAL, categories=tuple(ordered))


def matrix(features: Sequence[Feature], values: Mapping[str, Cells]) -> Matrix:
    """Cells coded by the features, shape (rows, features)."""
    return np.column_stack([coded(feature, values[feature.name]) for feature in features])


def coded(feature: Feature, values: Cells) -> Matrix:
    """One column coded, shape (rows,): a missing value is NaN."""
    if feature.kind is Kind.NUMERIC:
        return values.astype(np.float64)
    places, distinct = pd.factorize(values)  # a missing value is -1, the last place
    return np.append(feature.codes(distinct.tolist()), np.nan)[places]
