"""The join of labels with predictions: on any history it is the oracle's; it reads no other partitions."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from sqlglot import expressions as sql

from drift_core.error_sums import ErrorSums
from drift_core.segments import Segmentation
from queries.athena import Answer
from queries.joined import HOUR_MS, Expected, joined_sql
from queries.joined_rows import ALL, Fates, Joined, read_joined
from tests.unit.queries.fixture_history import MIDNIGHT, History, archive, histories, oracle, place, uuid7

AREA = Segmentation(column="area", values=("coast", "o'hara"))
GARDEN = Segmentation(column="garden", values=("true", "false"))
EXPECTED = (
    Expected(model_version="v1", centre=3.5, levels=(1.0, 2.0, 5.0, 10.0), segments=(AREA, GARDEN)),
    Expected(model_version="v2", segments=(Segmentation(column="area", values=("centre",)),)),
)
HOURS = tuple(MIDNIGHT + i * HOUR_MS for i in (-2, -1, 0, 2))


def asked(database: duckdb.DuckDBPyConnection, text: str) -> list[Joined]:
    """As Athena answers: texts."""
    found = database.execute(text)
    assert found.description is not None
    rows = tuple(tuple(None if cell is None else str(cell) for cell in row) for row in found.fetchall())
    columns = tuple(str(column[0]) for column in found.description)
    return read_joined(Answer(columns=columns, types=(), rows=rows, scanned_bytes=0, seconds=0.0))


def sums_equal(found: ErrorSums, truth: ErrorSums) -> None:
    told, expected = found.to_json(), truth.to_json()
    for name, value in expected.items():
        assert told[name] == (
            pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
        ), name


@given(history=histories())
@settings(max_examples=60)
def test_the_join_is_the_oracles(history: History) -> None:
    rows = asked(archive(history), joined_sql(HOURS, EXPECTED))
    truth = oracle(history, HOURS, EXPECTED)
    found = {(row.hour, row.model_version, row.segment): row for row in rows}
    assert len(found) == len(rows)
    assert set(found) == set(truth)
    for key, (sums, fates) in truth.items():
        sums_equal(found[key].sums, sums)
        assert found[key].fates == fates
    whole = sum((row.fates for row in rows if row.segment == ALL), Fates())
    hours = {(place(hour)["dt"], place(hour)["hour"]) for hour in HOURS}
    assert whole.records == sum((row["dt"], row["hour"]) in hours for row in history.labels)


def one(label: float, prediction: float = 1.0) -> History:
    row = {
        "event_id": uuid7(MIDNIGHT, 1),
        "event_time": MIDNIGHT,
        "model_version": "v1",
        "prediction": prediction,
        "area": "o'hara",
        "garden": True,
        "interval_lower": None,
        "interval_upper": None,
        **place(MIDNIGHT),
    }
    told = {
        "event_id": uuid7(MIDNIGHT, 2),
        "event_time": MIDNIGHT,
        "prediction_id": row["event_id"],
        "label": label,
        "label_class": None,
        **place(MIDNIGHT),
    }
    return History((row,), (told,))


@pytest.mark.parametrize("label", [1.7e308, -1.7e308, 5e-324])
def test_a_label_beyond_all_measure_leaves_the_sums_finite(label: float) -> None:
    """One such label would make the sums of its hour infinite, and its document no JSON."""
    (row, *_) = asked(archive(one(label, prediction=-1.7e308)), joined_sql([MIDNIGHT], EXPECTED))
    assert row.sums.labelled == 1
    assert all(value is None or abs(value) < 1e301 for value in row.sums.measures().values())


def test_a_later_label_at_the_same_moment_wins_by_its_id() -> None:
    first = one(10.0)
    second = History((), ({**first.labels[0], "event_id": uuid7(MIDNIGHT, 3), "label": 20.0},))
    for labels in (first.labels + second.labels, second.labels + first.labels):
        (row, *_) = asked(archive(History(first.predictions, labels)), joined_sql([MIDNIGHT], []))
        assert (row.sums.error, row.fates) == (-19.0, Fates(used=1, corrected=1))


def test_hours_are_begins_of_hours() -> None:
    for hours in ([], [MIDNIGHT + 1]):
        with pytest.raises(ValueError, match="each the begin of an hour"):
            joined_sql(hours, EXPECTED)


def test_athena_can_parse_it_and_its_text_is_not_too_long() -> None:
    """Athena takes 262,144 bytes."""
    text = joined_sql([MIDNIGHT + i * HOUR_MS for i in range(744)], EXPECTED * 20)
    assert len(text.encode()) < 262_144
    tree = sqlglot.parse_one(text, read="athena")
    ctes = {cte.alias for cte in tree.find_all(sql.CTE)}
    assert {t.name for t in tree.find_all(sql.Table)} - ctes == {"label_files", "prediction_files", ""} - {""}
    assert "::" not in text
    assert not {"list_contains", "make_timestamp"} & {f.name.lower() for f in tree.find_all(sql.Anonymous)}


def scanned(database: duckdb.DuckDBPyConnection, days: range) -> tuple[int, int]:
    """Bytes that the engine read, and files."""
    hours = [MIDNIGHT + day * 24 * HOUR_MS + i * HOUR_MS for day in days for i in range(24)]
    database.execute("pragma enable_profiling = 'json'")
    ((_, profile),) = database.execute(f"explain analyze {joined_sql(hours, EXPECTED)}").fetchall()
    read = re.search(r'"total_bytes_read": (\d+)', profile)
    assert read is not None
    return int(read[1]), sum(map(int, re.findall(r'"Total Files Read": "(\d+)"', profile)))


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """Twelve days of Parquet files in the archive's folders, an event an hour, behind the two tables."""
    folder = tmp_path_factory.mktemp("archive")
    database = archive(one(1.0))
    for table, kind in (("prediction_files", "predictions"), ("label_files", "labels")):
        database.execute(
            f"copy (select t.* replace (strftime(time, '%Y-%m-%d') as dt, date_part('hour', time) as hour) "
            f"from {table} as t, (select unnest(generate_series(0, 287)) as i), "
            f"lateral (select timestamp '2026-01-01' + i * interval 1 hour as time)) "
            f"to '{folder / kind}' (format parquet, partition_by (dt, hour))"
        )
        database.execute(f"drop table {table}")
        database.execute(
            f"create view {table} as select * from read_parquet('{folder / kind}/*/*/*.parquet', "
            "hive_partitioning = true, hive_types = {'dt': varchar, 'hour': integer})"
        )
    return database


def test_the_bytes_scanned_are_in_proportion_to_the_days_asked_for(days: duckdb.DuckDBPyConnection) -> None:
    """By the statistics of the engine; of the predictions two hours more are read, those beside the days."""
    read = {n: scanned(days, range(2, 2 + n)) for n in (1, 2, 4, 8)}
    assert {n: files for n, (_, files) in read.items()} == {n: 24 * n + 24 * n + 2 for n in read}
    days_more = [(read[2 * n][0] - read[n][0]) / n for n in (1, 2, 4)]
    assert days_more == pytest.approx([days_more[0]] * 3, rel=0.03)
    assert read[1][0] < days_more[0] * (1 + 2 / 24)


def test_an_hour_reads_itself_and_the_predictions_beside_it(days: duckdb.DuckDBPyConnection) -> None:
    database: Any = days
    text = joined_sql([MIDNIGHT + 24 * HOUR_MS], EXPECTED)  # at the edge of two days
    ((_, profile),) = database.execute(f"explain analyze {text}").fetchall()
    assert sorted(map(int, re.findall(r'"Total Files Read": "(\d+)"', profile))) == [1, 3]
