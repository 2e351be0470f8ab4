"""The archive compacted on the deployed stack: Athena, the reconciler and a recovery see no change."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from drift_consumer.archive import Archive
from drift_consumer.archive_reader import ArchiveReader
from drift_consumer.marks import Marks
from drift_consumer.put_aside import PutAside
from drift_core.event import PredictionEvent, new_event_id
from queries.athena import Athena
from scripts import compact, recover
from scripts.bundles import LoadedBundle, watched_model
from scripts.compaction import Compaction, Outcome
from scripts.functions import invoke
from scripts.stack import Stack
from tests.e2e.test_recover import exact, items

pytestmark = pytest.mark.e2e

SECONDS = 60.0
MINUTE = 60_000
HOUR = 60 * MINUTE
DAYS_AGO = 5 * 24 * HOUR
WINDOWS, ROWS = 3, 60


@pytest.fixture(scope="module")
def hour(stack: Stack, bundle: Path) -> int:
    """Start of an hour with three windows of two objects each, which is quiet and has been reconciled."""
    loaded = LoadedBundle.of_folder(bundle)
    start = (time.time_ns() // 1_000_000 - DAYS_AGO) // HOUR * HOUR
    instances = loaded.instances(loaded.sample.iloc[:ROWS])
    values = loaded.predict(instances).values
    for batch in range(2):
        events = [
            PredictionEvent(
                event_id=new_event_id(at),
                event_time=at,
                model_name=loaded.manifest.model_name,
                model_version=loaded.manifest.model_version,
                features=instances[number],
                prediction=float(values[number]),
                source="test",
            )
            for window in range(WINDOWS)
            for number in range(ROWS)
            for at in [start + window * MINUTE + 1_000 * batch + number]
        ]
        stack.client("kinesis").put_records(
            StreamName=stack.outputs["StreamName"],
            Records=[{"Data": event.encode(), "PartitionKey": event.event_id} for event in events],
        )
        _until_rows(stack, start, (batch + 1) * WINDOWS * ROWS)
    assert len(_objects(stack, start)) >= 2 * WINDOWS
    dynamodb = stack.client("dynamodb")
    for pk, sk in _items(stack, start):
        dynamodb.update_item(
            TableName=stack.outputs["WindowTableName"],
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET last_update = :long_ago",
            ExpressionAttributeValues={":long_ago": {"N": str(start)}},
        )
    return start


def _items(stack: Stack, start: int) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        key: item
        for key, item in items(stack).items()
        if key[0].startswith("prediction#") and start <= int(key[1].partition("#")[0]) < start + HOUR
    }


def _objects(stack: Stack, start: int) -> list[str]:
    prefix = f"predictions/{datetime.fromtimestamp(start / 1000, UTC):dt=%Y-%m-%d/hour=%H}/"
    found = stack.client("s3").list_objects_v2(Bucket=stack.outputs["ArchiveBucketName"], Prefix=prefix)
    return [one["Key"] for one in found.get("Contents", ())]


def _rows(stack: Stack, start: int) -> list[list[str | None]]:
    athena = Athena(
        client=stack.client("athena"),
        workgroup=stack.outputs["AthenaWorkgroupName"],
        database=stack.outputs["GlueDatabaseName"],
    )
    at = datetime.fromtimestamp(start / 1000, UTC)
    answer = athena.ask(
        "select event_id, event_time, prediction, features, window_start, shard_id, sequence_number "
        f"from prediction_files where dt = '{at:%Y-%m-%d}' and hour = {at.hour} order by sequence_number"
    )
    return [list(row) for row in answer.rows]


def _until_rows(stack: Stack, start: int, count: int) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if _objects(stack, start) and len(_rows(stack, start)) >= count:
            return
        time.sleep(0.5)
    raise AssertionError(f"{count} rows of {start} were not archived within {SECONDS:.0f} s")


def _compaction(stack: Stack) -> Compaction:
    """As the command has it, but three days later: a window is left alone for two."""
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    return Compaction(
        model_name=watched_model(stack),
        archive=Archive(s3, bucket),
        reader=ArchiveReader(s3, bucket),
        put_aside=PutAside(s3, stack.outputs["FailedBatchesBucketName"]),
        marks=Marks(stack.client("dynamodb"), stack.outputs["WindowTableName"]),
        clock=lambda: time.time_ns() // 1_000_000 + 3 * 24 * HOUR,
    )


def _run(app: Any, *arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_compaction_changes_no_answer(stack: Stack, hour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stack, "load", lambda config_env: stack)
    assert {one.outcome for one in _compaction(stack).hour(hour)} == {Outcome.UNRECONCILED}
    assert invoke(stack, "ReconcilerFunction", SECONDS)["unaccounted"] == 0
    before, rows, states = _objects(stack, hour), _rows(stack, hour), exact(items(stack), hour)
    begin, end = (datetime.fromtimestamp((hour + length) / 1000, UTC).isoformat() for length in (0, HOUR))
    told = _run(compact.app, "--from", begin, "--to", end, "--dry-run")
    assert f"{WINDOWS} windows of a shard: too young" in told
    assert _objects(stack, hour) == before

    assert {one.outcome for one in _compaction(stack).hour(hour)} == {Outcome.COMPACTED}
    assert len(_objects(stack, hour)) == WINDOWS < len(before)
    assert _rows(stack, hour) == rows
    assert {one.outcome for one in _compaction(stack).hour(hour)} == {Outcome.SINGLE}

    dynamodb, table = stack.client("dynamodb"), stack.outputs["WindowTableName"]
    ours = list(_items(stack, hour))
    for pk, sk in ours:  # the reconciler's own code, deployed, reads the new objects
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET unreconciled = :series",
            ExpressionAttributeValues={":series": {"S": pk}},
        )
    done = invoke(stack, "ReconcilerFunction", SECONDS)
    assert (done["windows"], done["unaccounted"], done["orphans"]) == (len(ours), 0, 0)

    for pk, sk in ours:
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    assert f"{len(ours)} rebuilt" in _run(recover.app, "--from", begin, "--to", end)
    found = exact(items(stack), hour)
    assert {key: item["state"] for key, item in found.items() if "state" in item} == {
        key: item["state"] for key, item in states.items() if "state" in item
    }
