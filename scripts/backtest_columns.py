"""How each column of recorded traffic is read: by stated rules, each with its reason, never in silence.

The reference decides. Nobody told what the columns mean, so what the values alone cannot tell follows a rule
that is printed and can be overruled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from drift_core.schema import MAX_CATEGORIES, Kind, Matrix
from training.data import DataError
from training.kinds import Cells, cells_of
from training.texts import MOST_UNIQUE, refuse_disguised

FEW_INTEGERS = 12
"""Whole numbers with at most so many different values are read as categories: months, weekdays, grades,
codes. As such, a code that was never seen is told at once, and no order is made up; a count loses little,
since each of its frequent values has a bin of its own either way."""

MARKERS = ("?", "-", "--", ".", "none", "n/a", "#n/a", "unknown", "missing", "\\n")
"""Texts, in lower case, that people write for a missing value; they are only pointed out."""

_PLAIN = re.compile(r"[-+]?(0|[1-9][0-9]*)([.][0-9]*)?([eE][-+]?[0-9]+)?")  # no leading zeros, as codes have


class Role(StrEnum):
    """What a column is to the monitor."""

    FEATURE = "feature"
    TIME = "time"
    TARGET = "target"
    PREDICTION = "prediction"
    LEFT_OUT = "left out"


class As(StrEnum):
    """What `--kind` can make of a column."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one column is read.

    Attributes
    ----------
    kind : None unless it is a feature or the prediction.
    why : the reason, for people.
    """

    column: str
    role: Role
    kind: Kind | None = None
    why: str


def reading(series: pd.Series, told: As | None = None) -> Reading:
    """How a column that is neither time, target nor prediction is read.

    Parameters
    ----------
    series : the column in the reference, as `training.data.read` gives it.
    told : by the user.

    Raises
    ------
    DataError
        If it mixes types or holds numbers in disguise; the text names a value, its row and the remedy.
    """
    name = str(series.name)
    if told is not None:
        if told is As.IGNORE:
            return Reading(column=name, role=Role.LEFT_OUT, why="by --kind")
        return Reading(column=name, role=Role.FEATURE, kind=Kind(told), why="by --kind")
    if series.isna().all():
        return _left_out(name, "no value in any row of the reference")
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return _left_out(name, "a time; name it with --time-column if it is when rows happened")
    cells = cells_of(series)
    return _of_numbers(name, cells) if cells.dtype != object else _of_objects(name, cells)


def _left_out(name: str, why: str) -> Reading:
    return Reading(column=name, role=Role.LEFT_OUT, why=why)


def _feature(name: str, kind: Kind, why: str) -> Reading:
    return Reading(column=name, role=Role.FEATURE, kind=kind, why=why)


def _of_numbers(name: str, values: Matrix) -> Reading:
    present = values[~np.isnan(values)]
    distinct = np.unique(present)
    if len(distinct) == 1:
        return _feature(name, Kind.NUMERIC, f"{distinct[0]:g} in every row of the reference")
    if not (np.isfinite(present).all() and (present == np.rint(present)).all()):
        return _feature(name, Kind.NUMERIC, "numbers")
    if len(distinct) <= FEW_INTEGERS:
        shown = f"{distinct[0]:g} to {distinct[-1]:g}"
        return _feature(
            name,
            Kind.CATEGORICAL,
            f"{len(distinct)} different whole numbers ({shown}), at most {FEW_INTEGERS}",
        )
    if len(distinct) == len(present) and len(present) > MOST_UNIQUE:
        return _left_out(name, "whole numbers, no two rows alike: it identifies rows")
    if len(distinct) > len(present) / 2 and (np.diff(present) >= 0).all():
        return _left_out(name, "whole numbers that never fall from row to row: a counter or a time")
    return _feature(name, Kind.NUMERIC, f"{len(distinct):,} different whole numbers")


def _of_objects(name: str, cells: Cells) -> Reading:
    present = [value for value in cells.tolist() if value is not None]
    if isinstance(present[0], bool):
        return _feature(name, Kind.BOOLEAN, "true or false")
    counts = pd.Series(present).value_counts()
    distinct = [str(text) for text in counts.index]
    if all(_PLAIN.fullmatch(text.strip()) for text in distinct):
        inner = _of_numbers(name, np.array([float(text) for text in present]))
        return Reading(column=name, role=inner.role, kind=inner.kind, why=f"{inner.why}, written as text")
    if all(map(_is_time, distinct)):
        return _left_out(name, "dates; name it with --time-column if it is when rows happened")
    if len(distinct) > max(MOST_UNIQUE, len(present) / 2):
        return _left_out(name, f"{len(distinct):,} texts in {len(present):,} rows: it identifies rows")
    if len(distinct) > MAX_CATEGORIES:
        return _left_out(
            name, f"{len(distinct):,} texts; a category has at most {MAX_CATEGORIES:,}: group them"
        )
    refuse_disguised(name, present)
    why = f"{len(distinct)} different texts"
    marker = next((text for text in distinct if text.strip().lower() in MARKERS), None)
    if marker is not None:
        why += f"; {marker!r} counts as one: --missing {marker!r} if it stands for none"
    return _feature(name, Kind.CATEGORICAL, why)


def _is_time(text: str) -> bool:
    if not re.match(r"[0-9]{4}-[0-9]{2}", text.strip()):
        return False
    return not pd.isna(pd.to_datetime(text.strip(), errors="coerce", utc=True))


def kinds_told(options: list[str]) -> dict[str, As]:
    """The user's word on columns.

    Parameters
    ----------
    options : each `column=numeric`, `=categorical`, `=boolean` or `=ignore`.

    Raises
    ------
    DataError
        If one is not written so, or two contradict each other.

    >>> kinds_told(["zip=categorical", "a=b=ignore"])
    {'zip': <As.CATEGORICAL: 'categorical'>, 'a=b': <As.IGNORE: 'ignore'>}
    """
    told: dict[str, As] = {}
    for option in options:
        name, equals, kind = option.rpartition("=")
        if not equals or kind not in list(As):
            raise DataError(f"--kind is {option!r}; write it as COLUMN={'|'.join(As)}")
        if told.setdefault(name, As(kind)) != kind:
            raise DataError(f"--kind says {told[name]} and {kind} of {name!r}; give one of them")
    return told
