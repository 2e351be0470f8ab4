"""Athena: asks, waits with patience, reads every page and repeats Athena's own words."""

from __future__ import annotations

from typing import Any

import pytest

from queries.athena import Answer, Athena, AthenaError


class FakeAthena:
    """Goes through the states one look at a time."""

    def __init__(self, *states: str, reason: str = "", rows: int = 2) -> None:
        self.states = list(states)
        self.reason = reason
        self.rows = rows
        self.stopped: list[str] = []
        self.asked: dict[str, Any] = {}

    def start_query_execution(self, **asked: Any) -> dict[str, str]:
        self.asked = asked
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {
            "QueryExecution": {
                "Status": {"State": state, "StateChangeReason": self.reason},
                "Statistics": {"DataScannedInBytes": 4096},
            }
        }

    def get_query_results(self, *, QueryExecutionId: str, NextToken: str = "0") -> dict[str, Any]:
        names: list[list[str | None]] = [["n", "name"]] if NextToken == "0" else []
        first = int(NextToken)
        values: list[list[str | None]] = [[str(i), None] for i in range(first, min(self.rows, first + 1_000))]
        page: dict[str, Any] = {
            "ResultSet": {
                "Rows": [
                    {"Data": [{"VarCharValue": cell} if cell is not None else {} for cell in row]}
                    for row in [*names, *values]
                ],
                "ResultSetMetadata": {
                    "ColumnInfo": [{"Name": "n", "Type": "bigint"}, {"Name": "name", "Type": "varchar"}]
                },
            }
        }
        if first + 1_000 < self.rows:
            page["NextToken"] = str(first + 1_000)
        return page

    def stop_query_execution(self, *, QueryExecutionId: str) -> None:
        self.stopped.append(QueryExecutionId)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def ask(client: FakeAthena, clock: Clock | None = None) -> Answer:
    clock = clock or Clock()
    athena = Athena(client=client, workgroup="w", database="d", timeout=60, clock=clock, sleep=clock.sleep)
    return athena.ask("select 1")


def test_all_pages_are_read_without_the_row_of_names() -> None:
    client = FakeAthena("SUCCEEDED", rows=2_500)
    answer = ask(client)
    assert answer.columns == ("n", "name")
    assert answer.types == ("bigint", "varchar")
    assert [row[0] for row in answer.rows] == [str(i) for i in range(2_500)]
    assert answer.rows[0][1] is None
    assert answer.scanned_bytes == 4096
    assert client.asked == {
        "QueryString": "select 1",
        "QueryExecutionContext": {"Database": "d"},
        "WorkGroup": "w",
    }


def test_looks_get_rarer_up_to_two_seconds() -> None:
    clock = Clock()
    answer = ask(FakeAthena("QUEUED", *["RUNNING"] * 8, "SUCCEEDED"), clock)
    assert clock.slept[:4] == [0.1, 0.2, 0.4, 0.8]
    assert max(clock.slept) == 2.0
    assert answer.seconds == clock.now


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_the_reason_is_athenas(state: str) -> None:
    with pytest.raises(
        AthenaError, match=f"Athena: {state.lower()}: line 1:8: Column 'x' cannot be resolved"
    ):
        ask(FakeAthena("RUNNING", state, reason="line 1:8: Column 'x' cannot be resolved"))


def test_a_query_that_takes_too_long_is_stopped() -> None:
    client = FakeAthena("RUNNING")
    with pytest.raises(AthenaError, match="stopped after 60 s; ask for fewer days or raise --timeout"):
        ask(client)
    assert client.stopped == ["q1"]
