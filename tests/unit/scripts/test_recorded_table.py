"""Rows of a CSV or Parquet become events, or are named with field and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from drift_core.event import LabelEvent, PredictionEvent, event_id_time
from scripts.bundles import LoadedBundle
from scripts.recorded_table import Row, TableReader
from scripts.sources import Source, SourceError

HEADER = "when,area,rooms,garden,price\n"


def read(path: Path, reader: TableReader, done: int = 0) -> list[Row]:
    (piece,) = Source.of(str(path), lambda: None).pieces
    return list(reader.rows(piece, done))


def csv(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "rows.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines))
    return path


def prediction(row: Row) -> PredictionEvent:
    event = row.events[0]
    assert isinstance(event, PredictionEvent)
    return event


@pytest.fixture
def reader(bundle: LoadedBundle) -> TableReader:
    return TableReader(bundle=bundle, time_column="when", label_column="price")


def test_a_row_is_answered_by_the_bundle(reader: TableReader, tmp_path: Path) -> None:
    (row,) = read(csv(tmp_path, "2026-01-01T00:00:01Z,coast,3,true,140"), reader)
    event = prediction(row)
    assert event.features == {"area": "coast", "rooms": 3.0, "garden": True}
    assert event.prediction == 131
    assert event.interval is not None
    assert (event.interval.lower, event.interval.upper, event.interval.coverage) == (126, 136, 0.9)
    assert (event.model_name, event.model_version, event.source) == ("house-prices", "v1", "replay")
    assert event.event_time == event_id_time(event.event_id) == 1_767_225_601_000
    label = row.events[1]
    assert isinstance(label, LabelEvent)
    assert (label.prediction_id, label.label) == (event.event_id, 140.0)


def test_ids_depend_on_content_and_row_alone(reader: TableReader, tmp_path: Path) -> None:
    line = "2026-01-01,coast,3,true,140"
    first = read(csv(tmp_path, line, line), reader)
    (tmp_path / "moved").mkdir()
    again = read(csv(tmp_path / "moved", line, line), reader)
    other = read(csv(tmp_path, line, line, line), reader)
    ids = [prediction(row).event_id for row in first]
    assert len(set(ids)) == 2
    assert [prediction(row).event_id for row in again] == ids
    assert not {prediction(row).event_id for row in other} & set(ids)


@pytest.mark.parametrize("missing", ["", "NA", "null", "NaN"])
def test_missing_values_are_missing(reader: TableReader, tmp_path: Path, missing: str) -> None:
    (row,) = read(csv(tmp_path, f"2026-01-01,{missing},{missing},{missing},{missing}"), reader)
    assert prediction(row).features == {"area": None, "rooms": None, "garden": None}
    assert len(row.events) == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "2026-01-01,coast,many,true,1",
            "rooms is 'many'; give a number, or leave it empty for a missing value",
        ),
        (
            "2026-01-01,coast,1e39,true,1",
            "rooms is '1e39'; give a number, or leave it empty for a missing value",
        ),
        (
            "2026-01-01,coast,inf,true,1",
            "rooms is 'inf'; give a number, or leave it empty for a missing value",
        ),
        (
            "2026-01-01,coast,3,yes,1",
            "garden is 'yes'; give true or false, or leave it empty for a missing value",
        ),
        (f"2026-01-01,{'x' * 257},3,true,1", f"area is '{'x' * 100}'; give a text of at most 256 characters"),
        ("yesterday,coast,3,true,1", "when is 'yesterday'; give a time such as 2026-01-31T12:00:00Z"),
        (",coast,3,true,1", "when is ''; give a time such as 2026-01-31T12:00:00Z"),
        ("2026-01-01,coast,3,true,dear", "price is 'dear'; give a finite number, or leave it empty"),
        ("2026-01-01,coast,3,true", "it has 4 fields, the header 5; give one for each column"),
    ],
)
def test_a_bad_row_names_field_value_and_remedy(
    reader: TableReader, tmp_path: Path, line: str, problem: str
) -> None:
    good = "2026-01-01,coast,3,true,140"
    first, bad, last = read(csv(tmp_path, good, line, good), reader)
    assert (bad.number, bad.events, bad.problem) == (2, (), problem)
    assert first.problem is None
    assert last.problem is None
    assert b"coast" in bad.raw or b"xxx" in bad.raw


def test_a_class_that_training_never_saw_is_no_bad_row(reader: TableReader, tmp_path: Path) -> None:
    (row,) = read(csv(tmp_path, "2026-01-01,moon,3,true,140"), reader)
    assert prediction(row).features["area"] == "moon"


def test_recorded_predictions_are_kept(bundle: LoadedBundle, tmp_path: Path) -> None:
    header = (
        "event_time,area,rooms,garden,prediction,interval_lower,interval_upper,interval_coverage,confidence\n"
    )
    path = csv(tmp_path, "1500,coast,3,true,7.5,7,8,0.8,0.4", "1600,coast,3,true,,,,,", header=header)
    kept, answered = read(path, TableReader(bundle=bundle))
    assert prediction(kept).event_time == 1500
    assert prediction(kept).prediction == 7.5
    assert prediction(kept).confidence == 0.4
    assert prediction(answered).prediction == 131


def test_rows_without_a_time_are_placed(bundle: LoadedBundle, tmp_path: Path) -> None:
    path = csv(tmp_path, *["x,coast,3,true,140"] * 3)
    rows = read(path, TableReader(bundle=bundle, step_ms=250.0))
    assert [prediction(row).event_time for row in rows] == [0, 250, 500]


@pytest.mark.parametrize("done", [0, 1, 4_999, 5_000, 5_001, 6_000])
def test_reading_goes_on_where_it_stopped(reader: TableReader, tmp_path: Path, done: int) -> None:
    path = csv(tmp_path, *[f"2026-01-01,coast,{i % 9},true,140" for i in range(6_000)])
    rows = read(path, reader, done)
    assert [row.number for row in rows] == list(range(done + 1, 6_001))
    if rows:
        whole = read(path, reader)
        assert rows == whole[done:]


def parquet(folder: Path, **columns: Any) -> Path:
    path = folder / "rows.parquet"
    pd.DataFrame(columns).to_parquet(path, index=False)
    return path


def test_the_archive_needs_no_bundle(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        event_id=["019b76da-ab07-7f70-840d-190fda14f264"],
        event_time=[pd.Timestamp("2026-01-01", tz="UTC")],
        model_name=["m"],
        model_version=["v7"],
        features=[{"area": "coast", "rooms": float("nan")}],
        prediction=[None],
        predicted_class=["cheap"],
        confidence=[0.7],
    )
    event = prediction(read(path, TableReader())[0])
    assert event.event_id == "019b76da-ab07-7f70-840d-190fda14f264"
    assert (event.model_version, event.prediction, event.confidence) == ("v7", "cheap", 0.7)
    assert event.features == {"area": "coast", "rooms": None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "has no column 'event_time'; give --time-column, or place its rows in time with --window-rows"),
        ({"time_column": "when"}, "has no column 'features'; give --bundle, whose model adds it"),
    ],
)
def test_what_the_reader_must_be_told(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(csv(tmp_path, "2026-01-01,coast,3,true,140"), TableReader(**options))


def test_a_feature_without_a_column_is_an_error(bundle: LoadedBundle, tmp_path: Path) -> None:
    path = csv(tmp_path, "2026-01-01,coast,3", header="event_time,area,rooms\n")
    with pytest.raises(SourceError, match="has no column 'garden', a feature of the model; rename or add it"):
        read(path, TableReader(bundle=bundle))


def test_a_file_that_is_no_parquet_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(SourceError, match=r"rows.parquet cannot be read: .*; write it again"):
        read(path, TableReader())


def test_an_empty_file_has_no_rows(reader: TableReader, tmp_path: Path) -> None:
    assert read(csv(tmp_path), reader) == []


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing to replay in"):
        Source.of(str(tmp_path), lambda: None)
    with pytest.raises(SourceError, match=r"gone.csv does not exist; check the path"):
        Source.of(str(tmp_path / "gone.csv"), lambda: None)


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b/2.csv", "a/9.csv", "b/1.jsonl", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    source = Source.of(str(tmp_path), lambda: None)
    assert [piece.name.removeprefix(f"{tmp_path}/") for piece in source.pieces] == [
        "a/9.csv",
        "b/1.jsonl",
        "b/2.csv",
    ]


def test_the_digest_tells_contents_apart_and_not_places(tmp_path: Path) -> None:
    digests = []
    for folder, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.csv").write_text(text)
        digests.append(Source.of(str(tmp_path / folder), lambda: None).digest)
    assert digests[0] == digests[1] != digests[2]
