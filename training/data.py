"""Read a table from a file; what cannot be read without guessing is refused."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
"""Fields of a CSV that stand for a missing value."""


class DataError(ValueError):
    """Data that cannot be trained on; the text names the column, an example and the remedy."""


def read(
    path: Path,
    ignore: Collection[str] = (),
    *,
    texts: Collection[str] = (),
    missing: Collection[str] = MISSING,
) -> pd.DataFrame:
    """Read a CSV or Parquet file, one row per observation.

    A CSV column is numbers if every present field is a number, booleans if every one is true or false,
    else text. A Parquet column keeps its type.

    Parameters
    ----------
    ignore : columns to leave out, unread.
    texts : columns of a CSV that stay text as it is written, whatever it looks like.
    missing : fields that stand for a missing value.

    Raises
    ------
    DataError
        If the file is absent, of another kind, unreadable, or a column mixes numbers and text.
    """
    with _readable(path) as is_csv:
        frame = _read_csv(path, ignore, texts, missing) if is_csv else _read_parquet(path, ignore, missing)
    if frame.empty:
        raise DataError(f"{path} has columns but no rows; give at least some hundred observations")
    return frame


def header(path: Path) -> list[str]:
    """Names of a file's columns, in its order.

    Raises
    ------
    DataError
        If the file is absent, of another kind or unreadable, or two columns have one name.
    """
    with _readable(path) as is_csv:
        return _csv_header(path) if is_csv else _parquet_header(pq.ParquetFile(path))


@contextmanager
def _readable(path: Path) -> Iterator[bool]:
    """Whether a file is CSV or else Parquet; what goes wrong inside is told with its name."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise DataError(f"{path} ends in {path.suffix!r}; give a .csv or a .parquet file")
    if not path.is_file():
        raise DataError(f"{path} is not a file; check the path given to --data")
    try:
        yield suffix == ".csv"
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as {suffix[1:]}: {error}; write it again") from error


def without(frame: pd.DataFrame, ignore: Collection[str]) -> pd.DataFrame:
    """The frame without some columns.

    Raises
    ------
    DataError
        If there is no such column: a slip of the pen would otherwise train on what was to be left out.
    """
    for name in ignore:
        if name not in frame.columns:
            raise DataError(
                f"no column {name!r} to ignore; there are {listed(frame.columns)}: correct --ignore"
            )
    return frame.drop(columns=list(ignore))


def refuse_duplicates(names: Sequence[str]) -> None:
    """Refuse columns of the same name.

    Raises
    ------
    DataError
        If there are any.
    """
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"column {name!r} stands {names.count(name)} times; rename or drop all but one")


def listed(names: Sequence[object] | pd.Index) -> str:
    """Names in a message, the first 20 of them.

    >>> listed(["rooms", "area"])
    "'rooms', 'area'"
    """
    shown = ", ".join(repr(name) for name in names[:20])
    return shown if len(names) <= 20 else f"{shown} and {len(names) - 20} more"


def _csv_header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        names = next(csv.reader(file), [])
    if not names:
        raise DataError(f"{path} is empty; give a header line and a line per row")
    for separator, name in ((";", "';'"), ("\t", "a tab")):
        if len(names) == 1 and separator in names[0]:
            raise DataError(f"{path} is separated by {name}: its header is {names[0]!r}; separate by commas")
    refuse_duplicates(names)
    return names


def _read_csv(
    path: Path, ignore: Collection[str], texts: Collection[str], missing: Collection[str]
) -> pd.DataFrame:
    names = _csv_header(path)
    table = pacsv.read_csv(
        path,
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=list(missing),
            strings_can_be_null=True,
        ),
    )
    frame = without(table.to_pandas(), ignore)
    typed = {name: frame[name] if name in texts else _typed(frame[name]) for name in frame.columns}
    return pd.DataFrame(typed, index=frame.index)


def _parquet_header(file: pq.ParquetFile) -> list[str]:
    names: list[str] = _flat(file.schema_arrow.empty_table()).column_names
    refuse_duplicates(names)
    return names


def _flat(table: pa.Table) -> pa.Table:
    """A table whose records, as the archive's `features`, are columns of their own."""
    pairs: list[tuple[str, pa.ChunkedArray]] = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_struct(field.type):
            pairs += zip((inner.name for inner in field.type), column.flatten(), strict=True)
        else:
            pairs.append((field.name, column))
    return pa.Table.from_arrays([column for _, column in pairs], names=[name for name, _ in pairs])


def _read_parquet(path: Path, ignore: Collection[str], missing: Collection[str]) -> pd.DataFrame:
    file = pq.ParquetFile(path)
    _parquet_header(file)
    # Metadata of pandas would make some columns an index, so that they vanish.
    frame: pd.DataFrame = without(_flat(file.read()).to_pandas(ignore_metadata=True), ignore)
    markers = [text for text in missing if text not in MISSING]  # a Parquet file has nulls for the usual ones
    return frame.mask(frame.isin(markers)) if markers else frame


def _typed(texts: pd.Series) -> pd.Series:
    """A CSV column in the type that all its present fields have."""
    present = texts.dropna()
    numbers = pd.to_numeric(present, errors="coerce")
    numeric = numbers.notna()
    if numeric.all():
        return numbers.astype(float).reindex(texts.index)
    if numeric.any():
        odd, usual = present[~numeric], present[numeric]
        raise DataError(
            f"column {texts.name!r} mixes numbers and text: {odd.iloc[0]!r} in row {odd.index[0] + 1}, "
            f"{usual.iloc[0]!r} in row {usual.index[0] + 1}; make all of one type, leave a missing value "
            f"empty, or add the column to --ignore"
        )
    booleans = present.str.lower().map({"true": True, "false": False})
    if booleans.notna().all():
        return booleans.astype(object).reindex(texts.index)
    return texts
