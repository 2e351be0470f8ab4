"""Athena: ask, wait, read all rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_POLL_SECONDS = (0.1, 2.0)  # between the first two looks, and the longest


class AthenaError(RuntimeError):
    """A query that Athena refused or did not finish; the text is Athena's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rows of a finished query; None is SQL's null.

    Attributes
    ----------
    types : of the columns, as Athena names them.
    scanned_bytes : what Athena charges for.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    scanned_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Athena:
    """One workgroup and database.

    Attributes
    ----------
    client : boto3's Athena client.
    timeout : seconds after which a query is stopped.
    clock, sleep : seconds, monotonic; replaced in tests.
    """

    client: Any
    workgroup: str
    database: str
    timeout: float = 300.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def ask(self, sql: str) -> Answer:
        """Run a query and read its rows.

        Raises
        ------
        AthenaError
            If the query fails, is cancelled or takes longer than `timeout`.
        """
        begun = self.clock()
        query_id = self.client.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            WorkGroup=self.workgroup,
        )["QueryExecutionId"]
        execution = self._finished(query_id, begun)
        state = execution["Status"]["State"]
        if state != "SUCCEEDED":
            reason = execution["Status"].get("StateChangeReason") or "no reason given"
            raise AthenaError(f"Athena: {state.lower()}: {reason}")
        columns: list[dict[str, Any]] = []
        rows: list[tuple[str | None, ...]] = []
        for page in self._pages(query_id):
            columns = page["ResultSetMetadata"]["ColumnInfo"]
            rows += [tuple(field.get("VarCharValue") for field in row["Data"]) for row in page["Rows"]]
        return Answer(
            columns=tuple(column["Name"] for column in columns),
            types=tuple(column["Type"] for column in columns),
            rows=tuple(rows[1:]),  # the first repeats the names
            scanned_bytes=execution.get("Statistics", {}).get("DataScannedInBytes", 0),
            seconds=self.clock() - begun,
        )

    def _finished(self, query_id: str, begun: float) -> dict[str, Any]:
        wait, longest = _POLL_SECONDS
        while True:
            found: dict[str, Any] = self.client.get_query_execution(QueryExecutionId=query_id)
            execution: dict[str, Any] = found["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
            if self.clock() - begun > self.timeout:
                self.client.stop_query_execution(QueryExecutionId=query_id)
                raise AthenaError(
                    f"Athena: stopped after {self.timeout:.0f} s; ask for fewer days or raise --timeout"
                )
            self.sleep(wait)
            wait = min(longest, 2 * wait)

    def _pages(self, query_id: str) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {}
        while True:
            page = self.client.get_query_results(QueryExecutionId=query_id, **more)
            yield page["ResultSet"]
            if "NextToken" not in page:
                return
            more = {"NextToken": page["NextToken"]}
