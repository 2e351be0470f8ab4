"""Every question's answer is what pandas makes of the same rows."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
import sqlglot
from sqlglot import expressions as sql

from scripts.question import QUERIES, Question, question_names, views
from tests.unit.queries.archive_made import SCHEMAS, Archive, made
from tests.unit.queries.oracles import CATEGORICAL, ORACLES, SINCE, VALUES, frames

VIEWS = {path.stem for path in (QUERIES / "views").glob("*.sql")}


@pytest.fixture(scope="module", params=[1, 2, 3])
def archive(request: pytest.FixtureRequest) -> Archive:
    return made(request.param)


def values(question: Question) -> dict[str, str]:
    given = {**VALUES, "since": SINCE} | ({"feature": "area"} if question.name in CATEGORICAL else {})
    return {one.name: given[one.name] for one in question.parameters if one.name in given}


def plain(value: Any) -> Any:
    """As DuckDB gives it: pandas has times and nulls of its own."""
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return None if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize("name", question_names())
def test_the_answer_is_that_of_pandas(name: str, archive: Archive) -> None:
    question = Question.load(name)
    answer = archive.database().execute(question.sql(values(question))).fetchall()
    expected = ORACLES[name](frames(archive))
    assert len(answer) == len(expected) > 0
    for found, wanted in zip(answer, expected, strict=True):
        assert found == tuple(plain(value) for value in wanted)


@pytest.mark.parametrize("name", question_names())
def test_no_table_is_read_from_its_beginning(name: str) -> None:
    """Each reading is bounded by its day, so that what Athena scans does not grow with the archive's age."""
    question = Question.load(name)
    tree = sqlglot.parse_one(question.sql(values(question)), read="athena")
    views = [cte for cte in tree.find_all(sql.CTE) if cte.alias in VIEWS]
    inside = {id(table) for view in views for table in view.find_all(sql.Table)}
    read = [
        table
        for table in tree.find_all(sql.Table)
        if table.name in VIEWS or (table.name in SCHEMAS and id(table) not in inside)
    ]
    assert read
    for table in read:
        select = table.find_ancestor(sql.Select)
        assert select is not None
        assert "dt >=" in select.args["where"].sql(), f"all of {table.name} is read"


def test_a_view_in_athenas_console_holds_each_event_once(archive: Archive) -> None:
    database = archive.database()
    for _, _, text in views():
        assert sqlglot.parse_one(text, read="athena").find(sql.Create)
        database.execute(text)
    for table, view in (("prediction_files", "predictions"), ("label_files", "labels")):
        (count,) = database.execute(f"select count(*) from {view}").fetchone() or (None,)
        assert count == len({row["event_id"] for row in archive.tables[table]}) < len(archive.tables[table])
