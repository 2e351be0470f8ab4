"""From a frame to a checked table: kinds, codes, and every refusal by its words."""

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift_core.schema import Kind
from training.data import DataError
from training.table import tabulate

NAN = float("nan")


def frame_of(**columns: Any) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"y": range(rows)} | columns)


@pytest.mark.parametrize(
    ("column", "kind", "codes"),
    [
        ([1, 2, 3], Kind.NUMERIC, [1, 2, 3]),
        ([1.5, None, 3], Kind.NUMERIC, [1.5, NAN, 3]),
        ([0, 1, 0], Kind.NUMERIC, [0, 1, 0]),
        ([Decimal("1.5"), None, Decimal(2)], Kind.NUMERIC, [1.5, NAN, 2]),
        (pd.array([1, None, 3], dtype="Int64"), Kind.NUMERIC, [1, NAN, 3]),
        ([True, False, True], Kind.BOOLEAN, [1, 0, 1]),
        ([True, None, False], Kind.BOOLEAN, [1, NAN, 0]),
        (pd.array([True, None, False], dtype="boolean"), Kind.BOOLEAN, [1, NAN, 0]),
        (["True", "false", "TRUE"], Kind.BOOLEAN, [1, 0, 1]),
        (["true", None, "true"], Kind.BOOLEAN, [1, NAN, 1]),
        (["b", "a", "b"], Kind.CATEGORICAL, [0, 1, 0]),
        (["b", "a", None], Kind.CATEGORICAL, [1, 0, NAN]),
        (["1", "2", "2"], Kind.CATEGORICAL, [1, 0, 0]),
        (pd.Categorical(["b", "a", "b"]), Kind.CATEGORICAL, [0, 1, 0]),
    ],
)
def test_a_column_is_read_as_the_kind_of_all_its_values(column: Any, kind: Kind, codes: list[float]) -> None:
    table = tabulate(frame_of(x=column), target="y")
    assert table.schema.features[0].kind is kind
    np.testing.assert_array_equal(table.matrix[:, 0], codes)


def test_the_matrix_is_what_serving_would_encode() -> None:
    frame = frame_of(n=[1.0, NAN, 2.0], k=["a", None, "b"], b=[True, False, None])
    table = tabulate(frame, target="y")
    columns = [[None if pd.isna(value) else value for value in cells] for cells in table.values.values()]
    instances = [dict(zip(table.values, row, strict=True)) for row in zip(*columns, strict=True)]
    np.testing.assert_array_equal(table.matrix, table.schema.encode(instances))


def test_the_schema_keeps_range_unit_and_order() -> None:
    table = tabulate(frame_of(b=[3, 1, 2], a=["x", "x", "y"]), target="y", units={"b": "m2"})
    number, category = table.schema.features
    assert (number.name, number.unit, number.minimum, number.maximum) == ("b", "m2", 1, 3)
    assert (category.name, category.categories) == ("a", ("x", "y"))


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-01", "2024-01-02T12:00:00+02:00", "2024-01-03 00:00:00.5"],
        [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)],
    ],
)
def test_times_are_utc_milliseconds(times: list[Any]) -> None:
    table = tabulate(frame_of(x=[1, 2, 3], at=times), target="y", time_column="at")
    assert table.schema.names == ("x",)
    assert table.times is not None
    assert table.times[0] == 1_704_067_200_000
    if isinstance(times[0], str):
        assert (table.times - table.times[0]).tolist() == [0, 34 * 3_600_000, 48 * 3_600_000 + 500]


REFUSALS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"x": [1, 2]}, {"target": "price"}, "no target column 'price'; there are 'y', 'x'"),
    ({"x": [1, 2]}, {"time_column": "at"}, "no time column 'at'; there are 'y', 'x'"),
    ({"x": [1, 2]}, {"time_column": "y"}, "column 'y' is both target and time; name two columns"),
    ({"y": [1, 2]}, {}, "no feature beside the target 'y'; give at least one more column"),
    (
        {"prediction": [1, 2]},
        {},
        "column 'prediction' has a reserved name (prediction, interval_width, interval_lower, "
        "interval_upper, event_time); rename it",
    ),
    (
        {"interval_lower": [1, 2], "x": [1, 2]},
        {"target": "interval_lower"},
        "column 'interval_lower' has a reserved name (prediction, interval_width, interval_lower, "
        "interval_upper, event_time); rename it",
    ),
    (
        {"living area": [1, 2]},
        {},
        "column 'living area' has an unsafe name; use 1 to 64 letters, digits and '_', not beginning with a "
        "digit: it becomes a metric's dimension and a column in Athena",
    ),
    (
        {"": [1, 2]},
        {},
        "column '' has an unsafe name; use 1 to 64 letters, digits and '_', not beginning with a "
        "digit: it becomes a metric's dimension and a column in Athena",
    ),
    (
        {"Rooms": [1, 2], "rooms": [1, 2]},
        {},
        "columns 'Rooms' and 'rooms' differ in case only; Athena does not: rename one",
    ),
    (
        {"y": [1, None, 3], "x": [1, 2, 3]},
        {},
        "target 'y' is missing in 1 of 3 rows, first in row 2; remove these rows: a row without a label "
        "teaches nothing",
    ),
    (
        {"y": ["cheap", "dear"], "x": [1, 2]},
        {},
        "target 'y' holds text, 'cheap' in row 1; training is regression only for now: give a numeric target",
    ),
    (
        {"y": [True, False], "x": [1, 2]},
        {},
        "target 'y' holds booleans, True in row 1; training is regression only for now: "
        "give a numeric target",
    ),
    ({"y": [7, 7], "x": [1, 2]}, {}, "target 'y' is 7 in every row; there is nothing to learn"),
    (
        {"y": [1, np.inf], "x": [1, 2]},
        {},
        "column 'y' is inf in row 2, which the model's float32 cannot hold; leave a missing value empty, "
        "or scale the column",
    ),
    ({"x": [None, NAN]}, {}, "column 'x' has no value in any row; fill it or add it to --ignore"),
    (
        {"x": [1, -np.inf]},
        {},
        "column 'x' is -inf in row 2, which the model's float32 cannot hold; leave a missing value empty, "
        "or scale the column",
    ),
    (
        {"x": [1e39, 1]},
        {},
        "column 'x' is 1e+39 in row 1, which the model's float32 cannot hold; leave a missing value empty, "
        "or scale the column",
    ),
    (
        {"x": [None, "a", 5]},
        {},
        "column 'x' mixes numbers and text: 5 in row 3, 'a' in row 2; make all of one type, leave a "
        "missing value empty, or add the column to --ignore",
    ),
    (
        {"x": [True, "a"]},
        {},
        "column 'x' mixes booleans and text: True in row 1, 'a' in row 2; make all of one type, leave a "
        "missing value empty, or add the column to --ignore",
    ),
    (
        {"x": [[1], [2]]},
        {},
        "column 'x' holds list values: [1] in row 1; a feature is a number, a text or a boolean: convert it, "
        "add it to --ignore, or name it with --time-column if it is the time",
    ),
    (
        {"x": pd.to_datetime(["2024-01-01", "2024-01-02"])},
        {},
        "column 'x' holds Timestamp values: Timestamp('2024-01-01 00:00:00') in row 1; a feature is a "
        "number, a text or a boolean: convert it, add it to --ignore, or name it with --time-column if it is "
        "the time",
    ),
    (
        {"x": [f"id{i}" for i in range(1_001)]},
        {},
        "column 'x' has 1001 different texts, 'id0' for one; a category has at most 1000: group them, or add "
        "the column to --ignore if it is an identifier",
    ),
    (
        {"x": ["a", ""]},
        {},
        "column 'x' holds a text of 0 characters in row 2; a category has 1 to 256: leave a missing value "
        "empty, shorten a long one",
    ),
    (
        {"x": ["a", "b" * 257]},
        {},
        "column 'x' holds a text of 257 characters in row 2; a category has 1 to 256: leave a missing value "
        "empty, shorten a long one",
    ),
    (
        {"x": [1, 2], "at": ["2024-01-01", "yesterday"]},
        {"time_column": "at"},
        "time column 'at' is 'yesterday' in row 2, which is not a time; write ISO 8601 such as "
        "2024-05-01T12:00:00Z in every row",
    ),
    (
        {"x": [1, 2], "at": ["2024-01-01", None]},
        {"time_column": "at"},
        "time column 'at' is nan in row 2, which is not a time; write ISO 8601 such as "
        "2024-05-01T12:00:00Z in every row",
    ),
    (
        {"x": [1, 2], "at": [1_700_000_000.5, 2]},
        {"time_column": "at"},
        "time column 'at' holds numbers, 1700000000.5 in row 1, whose unit is unknown; write ISO 8601 times "
        "such as 2024-05-01T12:00:00Z",
    ),
]


@pytest.mark.parametrize(("columns", "options", "message"), REFUSALS, ids=[case[2][:40] for case in REFUSALS])
def test_doubtful_data_is_refused(columns: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as refusal:
        tabulate(frame_of(**columns), **{"target": "y", **options})
    assert str(refusal.value) == message


def test_a_frame_with_duplicate_columns_is_refused() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["y", "a", "a"])
    with pytest.raises(DataError, match=r"^column 'a' stands 2 times; rename or drop all but one$"):
        tabulate(frame, target="y")


def test_a_constant_feature_is_kept() -> None:
    table = tabulate(frame_of(x=[1, 1], k=["a", "a"]), target="y")
    assert table.schema.names == ("x", "k")


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["3,5", "12,25"], "holds numbers with commas as text, '12,25' for one; write them as plain numbers"),
        (["3,5", "12"], "holds numbers with commas as text, '3,5' for one; write them as plain numbers"),
        (["-1.234,5", "1,234.5"], "holds numbers with commas as text, '-1.234,5' for one"),
        (["0x1F", "0X2a"], "holds hexadecimal numbers as text, '0X2a' for one"),
        (["1_000", "7"], "holds numbers with underscores as text, '1_000' for one"),
        (
            ["2024-05-01", None, "2024-05-02T10:00:00Z"],
            "holds dates as text, '2024-05-01' for one; name it with",
        ),
    ],
)
def test_numbers_and_dates_in_disguise_are_no_categories(texts: list[str | None], told: str) -> None:
    with pytest.raises(DataError) as refusal:
        tabulate(frame_of(x=texts), target="y")
    assert str(refusal.value).startswith(f"column 'x' {told}")
    assert "--ignore" in str(refusal.value)


@pytest.mark.parametrize(
    "texts", [["3,5", "a"], ["0x1F", "1_0 b"], ["2024-05-01", "2024-13-01"], ["a", "2024"]]
)
def test_a_text_that_is_neither_makes_a_category(texts: list[str]) -> None:
    assert tabulate(frame_of(x=texts), target="y").schema.features[0].kind is Kind.CATEGORICAL


def test_an_identifier_is_no_category() -> None:
    told = "column 'x' has 51 different texts in 101 rows, 'id0' for one; it looks like an identifier"
    with pytest.raises(DataError, match=told):
        tabulate(frame_of(x=[f"id{i % 51}" for i in range(101)]), target="y")
    for distinct, rows in ((51, 102), (50, 60)):
        column = [f"id{i % distinct}" for i in range(rows)]
        assert len(tabulate(frame_of(x=column), target="y").schema.features[0].categories) == distinct


def test_spaces_around_a_name_are_pointed_at() -> None:
    with pytest.raises(DataError, match=r"^column ' x' has spaces around its name; rename it 'x'$"):
        tabulate(pd.DataFrame({"y": [1, 2], " x": [1, 2]}), target="y")
    with pytest.raises(
        DataError, match=r"no target column 'y'; there are 'y ', 'x': remove the spaces around 'y '"
    ):
        tabulate(pd.DataFrame({"y ": [1, 2], "x": [1, 2]}), target="y")
