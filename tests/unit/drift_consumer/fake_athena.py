"""Athena over the archive of `FakeS3`: DuckDB runs the text on what the consumer wrote."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import duckdb

from tests.unit.drift_consumer.fake_aws import Calls, FakeS3

EMPTY = {
    "prediction_files": "event_id varchar, event_time timestamp, model_version varchar, prediction double, "
    "features struct(size double, area varchar, garden boolean), interval_lower double, "
    "interval_upper double",
    "label_files": "event_id varchar, event_time timestamp, prediction_id varchar, label double, "
    "label_class varchar",
}
"""Columns of a table without a file."""


_KNOWN: dict[tuple[str, tuple[tuple[str, int], ...]], list[list[str | None]]] = {}


class FakeAthena:
    """One query at a time; each is answered at once."""

    def __init__(self, calls: Calls, s3: FakeS3) -> None:
        self.calls = calls
        self.s3 = s3
        self.asked: list[str] = []
        self.outcome: list[list[str | None]] | duckdb.Error = []
        self.folder = Path(mkdtemp())
        finalize(self, rmtree, self.folder)
        self.written: set[str] = set()

    def start_query_execution(self, *, QueryString: str, **_: Any) -> dict[str, str]:
        def start() -> dict[str, str]:
            self.asked.append(QueryString)
            try:
                self.outcome = self._run(QueryString)
            except duckdb.Error as error:
                self.outcome = error
            return {"QueryExecutionId": "q"}

        result: dict[str, str] = self.calls.around(start)
        return result

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:
        failed = isinstance(self.outcome, duckdb.Error)
        status = {"State": "FAILED" if failed else "SUCCEEDED", "StateChangeReason": str(self.outcome)[:200]}
        result: dict[str, Any] = self.calls.around(lambda: {"QueryExecution": {"Status": status}})
        return result

    def get_query_results(self, *, QueryExecutionId: str) -> dict[str, Any]:
        assert not isinstance(self.outcome, duckdb.Error)
        names, *_ = rows = self.outcome
        page = {
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows
                ],
                "ResultSetMetadata": {"ColumnInfo": [{"Name": name, "Type": "varchar"} for name in names]},
            }
        }
        result: dict[str, Any] = self.calls.around(lambda: page)
        return result

    def _run(self, text: str) -> list[list[str | None]]:
        """An answer; of the same text on the same objects it is found once for all worlds."""
        archived = ((key, self.s3.objects["archive", key]) for key in self.s3.keys("archive"))
        asked = (text, tuple((key, hash(content)) for key, content in archived if key.endswith(".parquet")))
        if asked not in _KNOWN:
            _KNOWN[asked] = self._found(text)
        return _KNOWN[asked]

    def _found(self, text: str) -> list[list[str | None]]:
        name = self.folder
        keys = {key for key in self.s3.keys("archive") if key.endswith(".parquet")}
        for gone in self.written - keys:
            (name / gone).unlink()
        for key in keys - self.written:  # a key fixes its content
            path = name / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.s3.objects["archive", key])
        self.written = keys
        with duckdb.connect() as database:
            database.execute("set timezone = 'UTC'")
            database.execute("set threads = 1")  # sums in one order: two runs can be compared
            for table, folder in (("prediction_files", "predictions"), ("label_files", "labels")):
                if any(key.startswith(f"{folder}/") for key in keys):
                    database.execute(
                        f"create view {table} as select * from read_parquet('{name}/{folder}/*/*/*.parquet', "
                        "hive_partitioning = true, union_by_name = true, "
                        "hive_types = {'dt': varchar, 'hour': integer})"
                    )
                else:
                    more = "dt varchar, hour integer, shard_id varchar, sequence_number varchar"
                    database.execute(f"create table {table} ({EMPTY[table]}, {more})")
            found = database.execute(text)
            names: list[str | None] = [column[0] for column in found.description or []]
            return [names, *([None if c is None else str(c) for c in row] for row in found.fetchall())]
