"""Reading files: what is understood, and what is refused with which words."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.data import MISSING, DataError, header, read, without


def written(folder: Path, content: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["1", "2.5", "-3e2"], [1.0, 2.5, -300.0]),
        ([" 7", "8 ", "9"], [7.0, 8.0, 9.0]),
        (["true", "False", "TRUE"], [True, False, True]),
        (["a", "1_000", "0x10"], ["a", "1_000", "0x10"]),
        (["yes", "no", "yes"], ["yes", "no", "yes"]),
        (["true", "maybe", "x"], ["true", "maybe", "x"]),
        (["None", "-", "?"], ["None", "-", "?"]),
    ],
)
def test_a_csv_column_takes_the_type_that_all_fields_have(
    tmp_path: Path, fields: list[str], expected: list[object]
) -> None:
    frame = read(written(tmp_path, "\n".join(["x,k", *(f"{field},k" for field in fields)])))
    assert frame["x"].tolist() == expected
    assert [type(value) for value in frame["x"].tolist()] == [type(value) for value in expected]


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("present", ["1", "true", "a"])
def test_missing_fields_do_not_change_the_type(tmp_path: Path, missing: str, present: str) -> None:
    frame = read(written(tmp_path, f"x,k\n{present},k\n{missing},k\n"))
    assert frame["x"].isna().tolist() == [False, True]
    assert frame["x"].tolist()[0] == {"1": 1.0, "true": True, "a": "a"}[present]


def test_a_byte_order_mark_and_quotes_are_read(tmp_path: Path) -> None:
    frame = read(written(tmp_path, '\ufeffarea,price\n"a, b",1\n'))
    assert frame.to_dict("list") == {"area": ["a, b"], "price": [1.0]}


def test_a_parquet_column_keeps_its_type(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"code": ["1", "2"], "n": [1, None], "b": [True, None]}), path)
    frame = read(path)
    assert frame["code"].tolist() == ["1", "2"]
    assert frame["n"].isna().tolist() == frame["b"].isna().tolist() == [False, True]


def test_an_index_saved_by_pandas_stays_a_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"x": [1, 2]}, index=pd.Index(["a", "b"], name="id")).to_parquet(path)
    assert read(path).columns.tolist() == ["x", "id"]


def test_an_ignored_column_is_not_even_typed(tmp_path: Path) -> None:
    path = written(tmp_path, "note,price\n1,1\nabc,2\n")
    assert read(path, ["note"]).columns.tolist() == ["price"]


def test_a_column_may_be_kept_as_text(tmp_path: Path) -> None:
    path = written(tmp_path, "zip,price\n00501,1\nK1A,2\n")
    assert read(path, texts=["zip"])["zip"].tolist() == ["00501", "K1A"]


def test_other_markers_of_a_missing_value(tmp_path: Path) -> None:
    csv = written(tmp_path, "x,k\n1,a\n?,?\nNA,b\n")
    assert read(csv, missing=[*MISSING, "?"])["x"].isna().tolist() == [False, True, True]
    parquet = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": [1, 2], "k": ["?", "NA"]}), parquet)
    assert read(parquet, missing=[*MISSING, "?"])["k"].isna().tolist() == [True, False]


def test_the_names_of_the_columns_alone(tmp_path: Path) -> None:
    parquet = tmp_path / "rows.parquet"
    pd.DataFrame({"x": [1, 2]}, index=pd.Index(["a", "b"], name="id")).to_parquet(parquet)
    assert header(parquet) == ["x", "id"]
    assert header(written(tmp_path, "\ufeffa,b c\n1,mixed\nx,2\n")) == ["a", "b c"]
    with pytest.raises(DataError, match="column 'a' stands 2 times"):
        header(written(tmp_path, "a,a\n"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.txt", b"a\n1\n", "rows.txt ends in '.txt'; give a .csv or a .parquet file"),
        ("rows.csv", None, "rows.csv is not a file; check the path given to --data"),
        ("rows.csv", b"", "rows.csv is empty; give a header line and a line per row"),
        ("rows.csv", b"a,b\n", "rows.csv has columns but no rows; give at least some hundred observations"),
        ("rows.csv", b"a;b\n1;2\n", "rows.csv is separated by ';': its header is 'a;b'; separate by commas"),
        ("rows.csv", b"a\tb\n1\t2\n", "is separated by a tab: its header is 'a\\tb'; separate by commas"),
        ("rows.csv", b"a,b\n1,2\n1,2,3\n", "Expected 2 columns, got 3"),
        ("rows.csv", b"a,b\n\xff\xfe,2\n", "cannot be read as csv: "),
        ("rows.csv", b"\xff\xfea,b\n1,2\n", "cannot be read as csv: 'utf-8' codec can't decode"),
        ("rows.csv", b"a,b,a\n1,2,3\n", "column 'a' stands 2 times; rename or drop all but one"),
        (
            "rows.csv",
            b"a,price\nx,1\nx,12k\n",
            "column 'price' mixes numbers and text: '12k' in row 2, '1' in row 1; make all of one type, "
            "leave a missing value empty, or add the column to --ignore",
        ),
        ("rows.parquet", b"not parquet", "cannot be read as parquet: "),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as refusal:
        read(path)
    assert message in str(refusal.value)


def test_duplicates_in_parquet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(DataError, match=r"^column 'a' stands 2 times; rename or drop all but one$"):
        read(path)


def test_ignoring_what_is_not_there_is_refused() -> None:
    with pytest.raises(DataError) as refusal:
        without(pd.DataFrame({"a": [1], "b": [2]}), ["c"])
    assert str(refusal.value) == "no column 'c' to ignore; there are 'a', 'b': correct --ignore"


def test_a_record_of_a_parquet_file_becomes_columns(tmp_path: Path) -> None:
    """As in the archive and in what simulate writes: the features are one record a row."""
    path = tmp_path / "archive.parquet"
    features = pa.array([{"rooms": 3, "area": "harbour"}, {"rooms": None, "area": None}, None])
    pq.write_table(pa.table({"event_id": ["a", "b", "c"], "features": features}), path)
    assert header(path) == ["event_id", "rooms", "area"]
    frame = read(path, ["event_id"])
    assert frame["rooms"].isna().tolist() == [False, True, True]
    assert frame["area"].tolist()[0] == "harbour"


def test_a_record_whose_field_has_the_name_of_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.parquet"
    pq.write_table(pa.table({"rooms": [1], "features": pa.array([{"rooms": 3}])}), path)
    with pytest.raises(DataError, match="'rooms'"):
        read(path)
