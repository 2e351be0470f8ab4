"""How columns are read: each rule, its reason, and the words of each refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift_core.schema import Kind
from scripts.backtest_cells import coded, feature_of
from scripts.backtest_columns import FEW_INTEGERS, As, Role, kinds_told, reading
from scripts.backtest_files import Pair, load
from scripts.backtest_roles import Columns
from training.data import DataError

ROWS = 120
DAYS = pd.date_range("2024-01-01", periods=ROWS).strftime("%Y-%m-%d")


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        (np.arange(ROWS) % 7, Kind.CATEGORICAL, "7 different whole numbers (0 to 6), at most 12"),
        (np.arange(ROWS) % FEW_INTEGERS, Kind.CATEGORICAL, "12 different whole numbers"),
        (np.arange(ROWS) % (FEW_INTEGERS + 1), Kind.NUMERIC, "13 different whole numbers"),
        (np.arange(ROWS) % 4 / 2, Kind.NUMERIC, "numbers"),
        (np.full(ROWS, 3), Kind.NUMERIC, "3 in every row of the reference"),
        (np.arange(ROWS)[::-1], None, "no two rows alike"),
        (np.repeat(np.arange(80), 2)[:ROWS] * 3, Kind.NUMERIC, "60 different"),
        (np.sort(np.r_[np.arange(90), np.arange(30)]), None, "never fall from row to row"),
        ([True, False] * 60, Kind.BOOLEAN, "true or false"),
        (["True", "false"] * 60, Kind.BOOLEAN, "true or false"),
        ([str(i % 40 + 0.5) for i in range(ROWS)], Kind.NUMERIC, "numbers, written as text"),
        (
            [f"{i % 5}" for i in range(ROWS)],
            Kind.CATEGORICAL,
            "5 different whole numbers (0 to 4), at most 12, ",
        ),
        ([f"{i % 40:03}" for i in range(ROWS)], Kind.CATEGORICAL, "40 different texts"),
        (["red", "blue", None] * 40, Kind.CATEGORICAL, "2 different texts"),
        (["red", "blue", "?"] * 40, Kind.CATEGORICAL, "'?' counts as one: --missing '?'"),
        (DAYS, None, "dates; name it with --time-column"),
        (pd.to_datetime(DAYS), None, "a time; name it with --time-column"),
        ([f"customer {i}" for i in range(ROWS)], None, "120 texts in 120 rows: it identifies rows"),
        ([f"c{i % 1001}" for i in range(4004)], None, "1,001 texts; a category has at most 1,000"),
        ([None] * ROWS, None, "no value in any row"),
    ],
)
def test_rules(values: object, kind: Kind | None, why: str) -> None:
    found = reading(pd.Series(values, name="x"))
    assert (found.kind, found.role) == (kind, Role.FEATURE if kind else Role.LEFT_OUT)
    assert why in found.why


def test_the_user_overrules() -> None:
    ids = pd.Series(np.arange(ROWS), name="x")
    assert reading(ids, As.NUMERIC).kind is Kind.NUMERIC
    assert reading(ids % 4, As.IGNORE).role is Role.LEFT_OUT
    assert reading(ids % 2, As.BOOLEAN).kind is Kind.BOOLEAN


def test_what_is_disguised_is_refused() -> None:
    with pytest.raises(DataError, match="column 'x' holds numbers with commas as text, '1,5' for one"):
        reading(pd.Series(["1,5", "2,5"] * 60, name="x"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["x"], "--kind is 'x'; write it as COLUMN=numeric|categorical|boolean|ignore"),
        (["x=number"], "--kind is 'x=number'"),
        (["x=numeric", "x=ignore"], "--kind says numeric and ignore of 'x'; give one of them"),
    ],
)
def test_kinds_that_are_written_wrong(options: list[str], message: str) -> None:
    with pytest.raises(DataError) as refusal:
        kinds_told(options)
    assert message in str(refusal.value)


def read(folder: Path, reference: str, live: str, columns: Columns | None = None) -> Pair:
    for name, content in (("reference.csv", reference), ("live.csv", live)):
        (folder / name).write_text(content)
    return load(folder / "reference.csv", folder / "live.csv", columns or Columns())


def test_both_files_are_coded_alike(tmp_path: Path) -> None:
    """A whole number is one category, however its file happens to type the column."""
    pair = read(tmp_path, "grade,x\n1,0.5\n2,1.5\n1,2.5\n", "x,grade\n7,2\n8,2.5\n9,1\n")
    assert pair.schema.names == ("grade", "x")
    grade = pair.schema.features[0]
    assert grade.categories == ("1", "2")
    assert coded(grade, pair.live.values["grade"]).tolist() == [1.0, -1.0, 0.0]
    assert pair.live.values["x"].tolist() == [7.0, 8.0, 9.0]


def test_missing_values_are_missing_in_every_kind(tmp_path: Path) -> None:
    text = "n,c,b,g\n0.5,red,true,1\n?,?,?,?\n1.5,blue,false,2\n"
    pair = read(tmp_path, text, text, Columns(missing=("?",)))
    assert [feature.kind.value for feature in pair.schema.features] == [
        "numeric", "categorical", "boolean", "categorical",
    ]  # fmt: skip
    for feature in pair.schema.features:
        codes = coded(feature, pair.live.values[feature.name])
        assert np.isnan(codes).tolist() == [False, True, False]


def test_codes_keep_their_zeros_when_told(tmp_path: Path) -> None:
    pair = read(
        tmp_path, "zip,x\n0501,0.5\nK1A,1.5\n", "zip,x\n0501,1\n9,2\n", Columns(told={"zip": As.CATEGORICAL})
    )
    assert pair.live.values["zip"].tolist() == ["0501", "9"]
    assert pair.schema.features[0].categories == ("0501", "K1A")


REFERENCE = "at,x,c,y\n2024-01-01,0.5,red,1\n2024-01-02,1.5,blue,2\n"


GOOD = "at,x,c\n2024-01-01,1,red\n"


@pytest.mark.parametrize(
    ("live", "columns", "message"),
    [
        (
            GOOD.replace(",1,", ",tall,"),
            {},
            "'x' is read as numeric, and 'tall' in row 1 of live.csv is not a number",
        ),
        (f"{GOOD}2024-01-01,?,red\n", {}, "live.csv: column 'x' mixes numbers and text: '?' in row 2"),
        (f"{GOOD}2024-01-01,?,red\n", {}, "--missing names a text that stands for none"),
        ("at,x\n2024-01-01,1\n", {}, "column 'c' is in reference.csv and not in live.csv; add it, or"),
        ("at,x\n2024-01-01,1\n", {}, "leave it out with --ignore c"),
        ("at,x,c,z\n2024-01-01,1,red,1\n", {}, "column 'z' is in live.csv and not in reference.csv"),
        (GOOD, {"ignore": ("X",)}, "--ignore names 'X', which neither file has; there are 'at', 'x'"),
        (GOOD, {"told": {"X": As.NUMERIC}}, "--kind names 'X', which neither file has"),
        (GOOD, {"target": "Y"}, "--target names 'Y', which neither file has"),
        ("x,c\n1,red\n", {"time": "at"}, "the live file has no time column 'at'; there are 'x', 'c'"),
        (f"{GOOD}soon,1,red\n", {"time": "at"}, "live.csv: time column 'at' is 'soon' in row 2"),
        (GOOD, {"prediction": "y"}, "prediction column 'y' is not in both files"),
        (
            GOOD,
            {"prediction": "c", "ignore": ("y",)},
            "prediction column 'c' is 'red' in row 1 of reference.csv, and only numbers are watched",
        ),
        (GOOD, {"target": "x", "time": "x"}, "column 'x' has two roles"),
        (GOOD, {"target": "x", "ignore": ("x",)}, "'x' is named by --target and by --ignore"),
        (GOOD, {"ignore": ("x", "c", "at")}, "reference.csv has no column left to watch"),
        (GOOD, {"ignore": ("x", "c")}, "reference.csv has no column left to watch"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, live: str, columns: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {} if columns.keys() & {"target", "prediction"} else {"target": "y"}
    with pytest.raises(DataError) as refusal:
        read(tmp_path, REFERENCE, live, Columns(**given, **columns))
    assert message in str(refusal.value)


def test_a_boolean_in_other_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"read as boolean, and 'yes' in row 2 .* is not true, false, 1 or 0"):
        read(tmp_path, "b,x\ntrue,0.5\nfalse,1.5\n", "b,x\nno,0.5\nyes,1\n".replace("no", "true"))


def test_a_feature_with_a_name_of_the_monitors_own(tmp_path: Path) -> None:
    text = "prediction,x\n0.5,1.5\n1.5,2.5\n"
    with pytest.raises(DataError, match="name it with --prediction-column"):
        read(tmp_path, text, text)
    pair = read(tmp_path, text, text, Columns(prediction="prediction"))
    assert pair.live.prediction is not None
    assert (pair.live.prediction.tolist(), pair.schema.names) == ([0.5, 1.5], ("x",))


def test_a_column_without_order_needs_a_value() -> None:
    how = reading(pd.Series([np.inf, np.inf], name="x"), As.NUMERIC)
    with pytest.raises(DataError, match="column 'x' has no value in any row of the reference"):
        feature_of(how, np.array([np.inf, np.nan]))
