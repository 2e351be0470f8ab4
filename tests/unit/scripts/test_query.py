"""The command line of query and outputs: what is printed, and with which exit code."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from queries.athena import Answer
from scripts import outputs, query
from scripts.stack import Stack, StackError
from tests.unit.queries.test_athena import FakeAthena


class FakeStack:
    """A stack whose Athena answers two rows."""

    def __init__(self, athena: FakeAthena) -> None:
        self.athena = athena
        self.outputs = {"AthenaWorkgroupName": "w", "GlueDatabaseName": "d", "ApiUrl": "https://aws/v1"}
        self.api_url = "https://local/v1"

    def client(self, service: str) -> FakeAthena:
        assert service == "athena"
        return self.athena


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch) -> FakeAthena:
    made = FakeAthena("SUCCEEDED")
    monkeypatch.setattr(Stack, "load", lambda config_env: FakeStack(made))
    return made


def ask(*options: str) -> Result:
    return CliRunner().invoke(query.app, list(options))


def test_rows_as_json(athena: FakeAthena) -> None:
    result = ask("drift_history", "--json")
    assert [json.loads(line) for line in result.output.splitlines()] == [
        {"n": "0", "name": None},
        {"n": "1", "name": None},
    ]
    assert "from verdict_files" in athena.asked["QueryString"]


def test_rows_as_csv(athena: FakeAthena) -> None:
    assert ask("drift_history", "--csv").output == "n,name\n0,\n1,\n"


def test_the_sql_is_printed_and_not_run(athena: FakeAthena) -> None:
    result = ask("drift_history", "--sql", "--param", "since=2026-01-31")
    assert result.output.startswith("-- Every verdict in order of time")
    assert "dt >= '2026-01-31'" in result.output
    assert athena.asked == {}


def test_the_list_names_questions_and_parameters() -> None:
    output = ask("--list").output
    assert "drift_history" in output
    assert "feature," in output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["nope"], 2, "no query 'nope'; there are alarms_by_month, attribution_drift"),
        (["outliers"], 2, "outliers needs feature; add --param feature="),
        (
            ["drift_history", "--param", "since"],
            2,
            "--param is given as since; write each once, as name=value",
        ),
        (["drift_history", "--param", "since=x"], 2, "parameter since is 'x'; give a date"),
    ],
)
def test_a_wrong_question_is_explained(
    athena: FakeAthena, options: list[str], code: int, message: str
) -> None:
    result = ask(*options)
    assert result.exit_code == code
    assert message in " ".join(result.output.split())
    assert athena.asked == {}


def test_a_failure_of_athena_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = FakeAthena("FAILED", reason="TABLE_NOT_FOUND: line 3:6")
    monkeypatch.setattr(Stack, "load", lambda config_env: FakeStack(failing))
    result = ask("drift_history")
    assert result.exit_code == 1
    assert "Athena: failed: TABLE_NOT_FOUND: line 3:6" in result.output


def test_without_a_stack_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(config_env: str) -> Any:
        raise StackError("the local AWS is not running; run: python -m scripts.local up")

    monkeypatch.setattr(Stack, "load", absent)
    for app in (query.app, outputs.app):
        result = CliRunner().invoke(app, ["drift_history"])
        assert result.exit_code == 1
        assert "run: python -m scripts.local up" in " ".join(result.output.split())


def shown(answer: Answer, limit: int | None = None) -> list[str]:
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(query.show("Title", answer, limit))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_a_table_is_made_for_people() -> None:
    answer = Answer(
        columns=("window_start", "model_version", "row_count", "guilty"),
        types=("timestamp", "varchar", "bigint", "array"),
        rows=(
            ("2026-01-02 10:00:00.000 UTC", "v1", "500", "['rooms', 'area']"),
            ("2026-01-02T10:05:07+00:00", "v1", "1000", "[]"),
            ("2026-01-02 10:10:00", "v1", None, "[rooms]"),
        ),
        scanned_bytes=0,
        seconds=0.0,
    )
    assert shown(answer) == [
        "Title",
        "                       row",
        "window start         count  guilty",
        "2026-01-02 10:00       500  rooms, area",
        "2026-01-02 10:05:07   1000",
        "2026-01-02 10:10            rooms",
        "model version v1",
    ]
    first, note = shown(answer, limit=1)[-2:]
    assert first.split() == ["2026-01-02", "10:00", "500", "rooms,", "area"]
    assert note == "model version v1, 2 more rows"


def test_a_value_is_text_and_no_markup() -> None:
    answer = Answer(
        columns=("reason",), types=("varchar",), rows=(("[red]x[/red]",),), scanned_bytes=0, seconds=0.0
    )
    assert shown(answer)[-1] == "[red]x[/red]"


def test_outputs_of_a_stack(athena: FakeAthena) -> None:
    del athena
    assert CliRunner().invoke(outputs.app, ["ApiUrl"]).output == "https://local/v1\n"
    assert "GlueDatabaseName     d\n" in CliRunner().invoke(outputs.app, []).output
    result = CliRunner().invoke(outputs.app, ["Nope"])
    assert result.exit_code == 2
    assert "no output 'Nope'; there are ApiUrl" in result.output
