"""Athena's API over tables in DuckDB, as the local AWS has it."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
import sqlglot


class DuckAthena:
    """Athena's API over tables in DuckDB."""

    def __init__(self, tables: dict[str, pd.DataFrame]) -> None:
        self.database: Any = duckdb.connect()
        self.database.execute("set timezone = 'UTC'")
        for name, frame in tables.items():
            self.database.register(f"given_{name}", frame)
            self.database.execute(f"create table {name} as select * from given_{name}")
        self.asked: list[str] = []

    def start_query_execution(self, *, QueryString: str, **_: Any) -> dict[str, str]:
        self.asked.append(QueryString)
        (text,) = sqlglot.transpile(QueryString, read="athena", write="duckdb")
        self.found: Any = self.database.execute(text)
        self.columns: list[str] = [one[0] for one in self.found.description]
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        return {"QueryExecution": {"Status": {"State": "SUCCEEDED"}, "Statistics": {"DataScannedInBytes": 7}}}

    def get_query_results(self, **_: Any) -> dict[str, Any]:
        rows: list[Any] = [
            self.columns,
            *([None if c is None else str(c) for c in row] for row in self.found.fetchall()),
        ]
        return {
            "ResultSet": {
                "Rows": [{"Data": [{} if c is None else {"VarCharValue": c} for c in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": [{"Name": c, "Type": "varchar"} for c in self.columns]},
            }
        }
