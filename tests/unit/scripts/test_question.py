"""The questions: what they ask of DuckDB, and that nothing else can be asked through their parameters."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import expressions as sql

from scripts.query import compose
from scripts.question import QUERIES, Parameter, QueryError, Question, question_names

SINCE = {"since": "2026-01-01"}
SAVED = [name for name in question_names() if not Question.load(name).needs]

NOT_IN_DUCKDB = {
    "approx_distinct",
    "approx_percentile",
    "from_unixtime",
    "date_format",
    "json_extract_scalar",
}


@pytest.fixture
def archive() -> duckdb.DuckDBPyConnection:
    """Two windows; e2 lies in two files, q1 was quarantined twice, the second verdict was revised."""
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    database.execute((Path(__file__).parent / "archive.sql").read_text())
    return database


def ask(archive: duckdb.DuckDBPyConnection, name: str, **values: str) -> list[tuple[object, ...]]:
    return archive.execute(Question.load(name).sql({**SINCE, **values})).fetchall()


def test_traffic_counts_each_event_once_and_none_before_the_first_day(
    archive: duckdb.DuckDBPyConnection,
) -> None:
    rows = ask(archive, "traffic_by_window")
    assert [row[3:5] for row in rows] == [(2, 15.0), (1, 30.0)]


def test_reconciliation_accounts_for_every_row_of_the_files(archive: duckdb.DuckDBPyConnection) -> None:
    rows = ask(archive, "reconciliation")
    assert rows == [("2026-01-02", 10, 3, 4, 3, 0, 10, 3), ("2026-01-02", 11, 0, 0, 0, 3, 3, 1)]


def test_a_number_is_summarised_by_window(archive: duckdb.DuckDBPyConnection) -> None:
    first, second = ask(archive, "feature_by_window", feature="rooms")
    assert first[2:] == (2, 1, 1, 3.0, None, 3.0, 3.0)
    assert second[2:] == (1, 0, 1, 90.0, None, 90.0, 90.0)


def test_a_category_is_counted_and_has_no_mean(archive: duckdb.DuckDBPyConnection) -> None:
    first, _ = ask(archive, "feature_by_window", feature="area")
    assert first[2:] == (2, 0, 1, None, None, None, None)


def test_outliers_names_only_the_windows_that_have_some(archive: duckdb.DuckDBPyConnection) -> None:
    (row,) = ask(archive, "outliers", feature="rooms", lowest="1", highest="12.5")
    assert row[2:5] == (1, 0, 1)
    assert row[5:] == (100.0, 90.0, 90.0)


def test_duplicate_deliveries_counts_events_by_copies(archive: duckdb.DuckDBPyConnection) -> None:
    assert ask(archive, "duplicate_deliveries") == [("2026-01-02", 2, 1, "e2")]


def test_a_revised_verdict_replaces_the_first(archive: duckdb.DuckDBPyConnection) -> None:
    assert [row[3:6] for row in ask(archive, "drift_history")] == [
        (2, False, 0.4),
        (3, True, 4.0),
        (3, True, 2.0),
    ]
    (latest,) = ask(archive, "latest_verdicts")
    assert latest[3] == "2026-01-02T10:10:00+00:00"


def test_verdicts_of_two_window_lengths_are_kept_apart(archive: duckdb.DuckDBPyConnection) -> None:
    before = ask(archive, "drift_history")
    archive.execute(
        "insert into verdict_files by name "
        """select * replace (600 as window_seconds) from verdict_files where "start" like '%T10:10%'"""
    )
    assert len(ask(archive, "drift_history")) == len(before) + 1


def test_the_last_revision_counts_not_the_most_rows(archive: duckdb.DuckDBPyConnection) -> None:
    """A revision for the sake of duplicates alone covers as many rows as the verdict before."""
    archive.execute("update verdict_files set n = 3 where revision = 0 and n = 1")
    assert [row[5] for row in ask(archive, "drift_history")] == [0.4, 4.0, 2.0]


def test_guilty_features_counts_verdicts_by_feature(archive: duckdb.DuckDBPyConnection) -> None:
    rows = ask(archive, "guilty_features")
    assert [row[:4] for row in rows] == [("rooms", "window", 2, 2), ("prediction", "window", 1, 0)]


def test_segments_count_in_the_last_word_on_each_span(archive: duckdb.DuckDBPyConnection) -> None:
    rows = ask(archive, "segment_drift")
    assert [row[:5] for row in rows] == [("area=hills", "window", 2, 1, 1), ("area=coast", "window", 1, 0, 1)]


def test_the_error_uses_the_last_label_of_each_prediction(archive: duckdb.DuckDBPyConnection) -> None:
    (row,) = ask(archive, "prediction_error")
    assert row[2:] == (2, -2.0, 2.0, pytest.approx(2.24), 50.0)


def test_a_shadow_is_compared_on_the_rows_that_both_predicted_and_that_have_a_label(
    archive: duckdb.DuckDBPyConnection,
) -> None:
    """Served errors 1 and 3, the shadow's 0.5 and 1: the differences -0.5 and -2 have a deviation of 1.06."""
    assert ask(archive, "shadow_comparison") == [
        ("2026-01-02", "v1", "v2", 2, 2.0, 0.75, -1.25, 0.75, 50.0, 50.0)
    ]


def test_verdicts_on_shadows_are_only_where_they_are_asked_for(archive: duckdb.DuckDBPyConnection) -> None:
    assert {row[2] for row in ask(archive, "drift_history")} == {"v1"}
    assert {row[0]: row[1:4] for row in ask(archive, "guilty_features")}["rooms"] == ("window", 2, 2)
    assert [row[2:6] for row in ask(archive, "shadow_drift")] == [("v2", 3, True, 9.0), ("v2", 3, True, 9.0)]
    archive.execute("update verdict_files set model_version = 'v1'")  # served after it was a shadow
    assert [row[5] for row in ask(archive, "drift_history")] == [0.4, 4.0, 2.0]


def test_quality_is_told_by_window_and_since_when_it_is_degraded(archive: duckdb.DuckDBPyConnection) -> None:
    first, second = ask(archive, "model_quality")
    assert first[2:5] == (4, 3, 2.0)
    assert (first[9], first[11:14]) == (100.0, (0.4, False, None))
    assert (second[4], second[11:14]) == (8.0, (3.0, True, "2026-01-02T09:00:00+00:00"))


def test_segments_weigh_their_windows_by_labels(archive: duckdb.DuckDBPyConnection) -> None:
    assert ask(archive, "segment_quality") == [
        ("v1", "area=coast", 4, 3, 4.5, pytest.approx(-1.8333), pytest.approx(66.7), 2.5),
        ("v1", "(all)", 6, 5, 4.4, -2.6, 80.0, 3.0),
        ("v1", "area=hills", 2, 1, 1.0, 0.0, 100.0, None),
    ]


def test_each_label_record_has_one_fate(archive: duckdb.DuckDBPyConnection) -> None:
    """l2 was corrected by l3, which was delivered twice; l4 is of nobody."""
    (row,) = ask(archive, "labels_accounted")
    assert row == ("2026-01-02", 5, 2, 1, 1, 0, 1, 0)
    assert row[1] == sum(row[2:7])
    archive.execute("update label_files set event_time = timestamp '2026-03-01' where event_id = 'l1'")
    archive.execute("update label_files set label = null where event_id = 'l4'")
    assert ask(archive, "labels_accounted") == [("2026-01-02", 5, 2, 1, 0, 1, 1, 1)]


def test_quarantine_reasons_counts_each_record_once(archive: duckdb.DuckDBPyConnection) -> None:
    assert [row[:2] for row in ask(archive, "quarantine_reasons")] == [
        ("not JSON", 2),
        ("event_time is absent", 1),
    ]


def test_unaccounted_records_are_added_up_by_hour(archive: duckdb.DuckDBPyConnection) -> None:
    latest = "2026-01-03T12:00:00+00:00"
    assert ask(archive, "unaccounted_records") == [
        ("2026-01-02", "10", "prediction", "v1", 2, 12, 10, 11, 0, 1, latest),
        ("2026-01-02", "11", "prediction", "v1", 1, 2, 2, 2, 0, 0, latest),
    ]


def test_what_predictions_are_made_of_stands_beside_training(archive: duckdb.DuckDBPyConnection) -> None:
    """Each feature of the first hour, the most important first, and then those of the hours that drifted."""
    rows = ask(archive, "attribution_drift")
    assert [row[2:5] for row in rows] == [
        ("rooms", 5.0, 6.0),
        ("area", 3.0, 3.5),
        ("area", 9.0, 3.5),
        ("rooms", 5.5, 6.0),
    ]
    assert [row[6] for row in rows] == [False, False, True, False]
    assert [row[7] for row in rows] == [0.99, 0.99, 0.85, 0.85]


def test_the_estimate_stands_beside_the_real_error_of_its_hours(archive: duckdb.DuckDBPyConnection) -> None:
    """Hours explained together beside a window that lies in them; hours without labels beside nothing."""
    rows = ask(archive, "estimated_error")
    assert [(row[4], row[8], row[9]) for row in rows] == [(2.1, 2.0, 3), (2.5, 8.0, 2), (2.2, None, None)]
    archive.execute("update quality_files set \"end\" = '2026-01-03T00:00:00+00:00'")  # windows of a day
    rows = ask(archive, "estimated_error")
    assert [row[9] for row in rows] == [3, 5, 5]
    assert rows[1][8] == round((3 * 2.0 + 2 * 8.0) / 5, 4)


@pytest.mark.parametrize("name", question_names())
def test_the_default_is_the_last_seven_days(archive: duckdb.DuckDBPyConnection, name: str) -> None:
    archive.execute(
        "update prediction_files set dt = strftime(current_date - 6, '%Y-%m-%d') where event_id = 'old'"
    )
    given = {"feature": "rooms", "lowest": "2", "highest": "3"}
    question = Question.load(name)
    archive.execute(question.sql({key: value for key, value in given.items() if key in question.needs}))


def test_a_week_old_row_is_within_the_default(archive: duckdb.DuckDBPyConnection) -> None:
    def rows(age: int) -> int:
        archive.execute(f"update prediction_files set dt = strftime(current_date - {age}, '%Y-%m-%d')")
        return len(archive.execute(compose("traffic_by_window")).fetchall())

    assert rows(7) > 0
    assert rows(8) == 0


@pytest.mark.parametrize("name", SAVED)
def test_athena_can_parse_what_is_saved(name: str) -> None:
    tree = sqlglot.parse_one(compose(name), read="athena")
    assert not {function.name.lower() for function in tree.find_all(sql.Anonymous)} & NOT_IN_DUCKDB
    assert "::" not in compose(name)
    files = {table.name for table in tree.find_all(sql.Table)} - {cte.alias for cte in tree.find_all(sql.CTE)}
    of_predictions = ("prediction", "label", "shadow", "quarantine", "reconciled")
    of_judgements = ("verdict", "quality", "explained", "incident")
    tables = {f"{table}_files" for table in (*of_predictions, *of_judgements)}
    assert files <= tables | {"unnest", ""}


def test_only_the_views_that_a_question_names_are_put_in_front() -> None:
    named = compose("drift_history")
    assert "verdict_files" in named
    assert "prediction_files" not in named


def test_every_view_is_named_by_a_question() -> None:
    texts = "".join((QUERIES / f"{name}.sql").read_text() for name in question_names())
    for view in (QUERIES / "views").glob("*.sql"):
        assert f"from {view.stem}" in texts


@pytest.mark.parametrize(
    ("kind", "value", "literal"),
    [
        ("day", "2026-01-31", "'2026-01-31'"),
        ("number", "-1.5e3", "cast('-1.5e3' as double)"),
        ("name", "hours-per-week", '"hours-per-week"'),
    ],
)
def test_a_value_becomes_a_literal(kind: str, value: str, literal: str) -> None:
    assert Parameter(name="p", kind=kind, default=None, text="").literal(value) == literal


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("day", "2026-13-01"),
        ("day", "' or 1=1 --"),
        ("number", "1; drop table x"),
        ("number", "nan"),
        ("name", 'rooms" from secrets --'),
        ("name", ""),
        ("name", "a'b"),
        ("name", "a\nb"),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: str, value: str) -> None:
    with pytest.raises(QueryError, match=r"parameter p is .*; give a"):
        Parameter(name="p", kind=kind, default=None, text="").literal(value)


def test_an_unknown_question_names_those_that_there_are() -> None:
    with pytest.raises(QueryError, match="no query 'nope'; there are alarms_by_month, attribution_drift"):
        compose("nope")


def test_a_value_that_is_needed_is_asked_for() -> None:
    with pytest.raises(QueryError, match="outliers needs feature; add --param feature="):
        compose("outliers")


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(QueryError, match="drift_history has no parameter 'until'; it has since"):
        Question.load("drift_history").sql({"until": "2026-01-01"})


def test_a_file_outside_queries_is_no_question() -> None:
    assert (QUERIES / "views" / "labels.sql").exists()
    with pytest.raises(QueryError):
        compose(str(Path("views") / "labels"))
