"""The two files of a backtest: the reference, which stands for training data, and recorded live traffic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.schema import FeatureSchema, Matrix
from scripts.backtest_cells import cells, feature_of
from scripts.backtest_columns import As, Reading, Role
from scripts.backtest_roles import Columns, check, refuse_differences, roles
from training.data import MISSING, DataError, header, read
from training.kinds import Cells
from training.table import times_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file.

    Attributes
    ----------
    values : cells by feature, shape (rows,) each.
    prediction : shape (rows,); None if it is not watched.
    times : shape (rows,), UTC milliseconds; None if nobody knows.
    """

    values: Mapping[str, Cells]
    prediction: Matrix | None
    times: npt.NDArray[np.int64] | None

    @property
    def rows(self) -> int:
        """How many."""
        return len(next(iter(self.values.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both files, read alike.

    Attributes
    ----------
    readings : of every column of the reference that was not ignored.
    """

    readings: tuple[Reading, ...]
    schema: FeatureSchema
    reference: Recording
    live: Recording


def load(reference: Path, live: Path, columns: Columns) -> Pair:
    """Read both files; the reference decides how.

    Raises
    ------
    DataError
        If the files do not fit together, or a column cannot be read without guessing; the text names the
        file, the column and the remedy.
    """
    names = {path: header(path) for path in (reference, live)}
    check(columns, names[reference], names[live])
    if not {*names[reference]} - {*columns.unread, columns.target, columns.time, columns.prediction}:
        raise _nothing_left(reference)
    frame = _read(reference, names[reference], columns, left_out=())
    readings = roles(frame, columns, names[live])
    left_out = [how.column for how in readings if how.role in (Role.LEFT_OUT, Role.TARGET)]
    watched = [how for how in readings if how.role in (Role.FEATURE, Role.PREDICTION)]
    features = [how for how in watched if how.role is Role.FEATURE]
    if not features:
        raise _nothing_left(reference)
    refuse_differences(
        (reference.name, live.name),
        [how.column for how in watched],
        [name for name in names[live] if name not in left_out],
        known=(*names[reference], *columns.unread, *columns.roles.values()),
    )
    other = _read(live, names[live], columns, left_out=left_out)
    pair = {
        path: {how.column: cells(rows[how.column], how, path.name) for how in watched}
        for path, rows in ((reference, frame), (live, other))
    }
    schema = FeatureSchema(tuple(feature_of(how, pair[reference][how.column]) for how in features))
    return Pair(
        readings=readings,
        schema=schema,
        reference=_recording(pair[reference], frame, schema, columns, reference),
        live=_recording(pair[live], other, schema, columns, live),
    )


def _nothing_left(reference: Path) -> DataError:
    return DataError(
        f"{reference.name} has no column left to watch; give --kind COLUMN=numeric for one, or ignore fewer"
    )


def _read(path: Path, names: list[str], columns: Columns, left_out: Collection[str]) -> pd.DataFrame:
    unread = {*columns.unread, *left_out, columns.target}
    try:
        return read(
            path,
            [name for name in names if name in unread],
            texts=[name for name, kind in columns.told.items() if kind is As.CATEGORICAL],
            missing=(*MISSING, *columns.missing),
        )
    except DataError as error:
        hint = ""
        if "mixes" in str(error):
            hint = "; --missing names a text that stands for none, --kind COLUMN=categorical keeps codes"
        raise DataError(f"{path.name}: {error}{hint}") from error


def _recording(
    values: Mapping[str, Cells], frame: pd.DataFrame, schema: FeatureSchema, columns: Columns, path: Path
) -> Recording:
    times = None
    if columns.time is not None and columns.time in frame.columns:
        try:
            times = times_of(frame[columns.time])
        except DataError as error:
            raise DataError(f"{path.name}: {error}") from error
    return Recording(
        values={name: values[name] for name in schema.names},
        prediction=None if columns.prediction is None else values[columns.prediction].astype(np.float64),
        times=times,
    )
