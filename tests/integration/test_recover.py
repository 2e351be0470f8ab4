"""The command on moto: real conditions and pages; what it prints, how it ends, and what it leaves."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from drift_consumer import reconcile as reconciler
from drift_core import classified
from scripts import functions, recover
from scripts.stack import Stack as Deployed
from scripts.stack import StackError, Target
from tests.integration.test_consume_and_evaluate import ENVIRONMENT, MINUTE, WINDOW, Stack, stack
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, healthy, label

__all__ = ["stack"]

EXACT = {"state", "last_sequence", "ranges", "n", "first_n", "charted", "memory", "last_window", "open"}
DAY = 86_400_000


@pytest.fixture
def deployed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack whose windows have been counted and judged; moto's S3 has the real clock."""
    monkeypatch.setattr(classified, "FEWEST_ROWS", 10**9)
    monkeypatch.setattr(recover, "stopped", lambda stack, name: nullcontext())
    monkeypatch.setattr(recover, "variables", lambda stack, name: {**ENVIRONMENT, "GRACE_SECONDS": "1"})
    stack.s3.create_bucket(Bucket="failed", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    target = Target(config_env="test", stack_name="s", environment={}, session=boto3.Session())
    found = Deployed(target=target, outputs={"FailedBatchesBucketName": "failed"})
    monkeypatch.setattr(Deployed, "load", lambda config_env: found)
    for window in range(4):
        start = NOON + window * WINDOW
        for shard in range(2):
            events = healthy(30, start, first=1_000 * window + 100 * shard)
            repeated = [event.encode() for event in (*events, events[0])]
            stack.consume([*repeated, label(window, start).encode(), b"bad"], first=100 * window, shard=shard)
    stack.evaluate(NOON + 4 * WINDOW + MINUTE)
    yield stack


def items(stack: Stack) -> dict[tuple[str, str], dict[str, Any]]:
    found = stack.dynamodb.scan(TableName="windows", ConsistentRead=True)["Items"]
    return {
        (item["pk"]["S"], item["sk"]["S"]): {name: item[name] for name in item.keys() & EXACT}
        for item in found
        if not item["pk"]["S"].startswith("models#")
    }


def wipe(stack: Stack) -> None:
    for item in stack.dynamodb.scan(TableName="windows", ConsistentRead=True)["Items"]:
        stack.dynamodb.delete_item(TableName="windows", Key={"pk": item["pk"], "sk": item["sk"]})


def run(*arguments: str) -> tuple[int, str]:
    options = ["--from", "2026-01-01T10:00", "--to", "2026-01-01T14:00"]
    result = CliRunner().invoke(recover.app, [*options, *arguments])
    assert "Traceback" not in result.output
    assert "coast" not in result.output
    return result.exit_code, " ".join(result.output.split())


def test_a_lost_table_comes_back(deployed: Stack) -> None:
    before, verdicts = items(deployed), deployed.keys("verdicts/")
    wipe(deployed)
    code, told = run("--dry-run")
    assert code == 0
    assert "0 intact, 18 rebuilt, 0 repaired, 0 left, 0 forgotten; nothing was changed" in told
    assert items(deployed) == {}

    code, told = run()
    assert code == 0, told
    assert "18 windows of a shard: 0 intact, 18 rebuilt" in told
    # moto's S3 is at home today, so the hour and the day of these windows are over, and told.
    assert "4 verdicts given again as they were, 0 differ, 2 given for the first time" in told
    cursor = next(key for key in before if key[1] == "cursor")
    found = items(deployed)
    wanted = {key: item for key, item in before.items() if "label" not in key[0] and key != cursor}
    assert {key: found[key] for key in wanted} == wanted
    assert found[cursor]["last_window"] == before[cursor]["last_window"]
    assert set(verdicts) < set(deployed.keys("verdicts/"))

    code, told = run()
    assert code == 0
    assert "18 intact, 0 rebuilt" in told
    assert "given again" not in told


def test_lost_rows_are_told_left_and_accepted(deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of a window with two: the state has counted it, so only a person may lower it."""
    start = NOON + WINDOW
    deployed.consume([event.encode() for event in healthy(5, start, first=7_000)], first=5_000, shard=0)
    key = next(
        key for key in deployed.keys("predictions/") if f".{start}." in key and "-000000000000." in key
    )
    deployed.s3.delete_object(Bucket="archive", Key=key)
    for name, value in {"FAILED_BATCHES_BUCKET": "failed", "RECONCILE_AFTER_HOURS": "24"}.items():
        monkeypatch.setenv(name, value)
    reconciler.resources.cache_clear()
    now = int(time.time() * 1000) + 2 * DAY
    to = replace(reconciler.resources(), clock=lambda: now)
    lost = reconciler.reconcile(to)["unaccounted"]
    assert lost == 31  # 30 rows and a repeated delivery
    deployed.now = now
    assert deployed.metric("UnaccountedRecords") == [31]

    code, told = run()
    assert code == 3
    assert (
        "2026-01-01T12:05:00Z shardId-000000000000 is left, because the archive holds fewer records" in told
    )
    code, told = run("--accept-missing")
    assert code == 0, told
    assert "1 repaired, 0 left" in told
    assert reconciler.reconcile(replace(to, clock=lambda: now + 2 * DAY))["unaccounted"] == 0


def test_what_cannot_begin_says_why(deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("--from", "now", "--to", "now-1d") == (
        2,
        "--from does not lie before --to; give a range of time",
    )
    code, told = run("--from", "yesterday")
    assert (code, "'yesterday' is no time" in told) == (2, True)

    def absent(config_env: str) -> Any:
        raise StackError(f"stack of {config_env} is not deployed")

    monkeypatch.setattr(Deployed, "load", absent)
    assert run("--config-env", "dev") == (2, "stack of dev is not deployed")


def test_a_bundle_that_is_gone_ends_it_with_its_name(deployed: Stack) -> None:
    for key in deployed.s3.list_objects_v2(Bucket="models")["Contents"]:
        deployed.s3.delete_object(Bucket="models", Key=key["Key"])
    code, told = run()
    assert code == 1
    assert "has no such bundle; upload it" in told


# ---- the evaluator is kept from starting ----


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Deployed, Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        session = boto3.Session(region_name="eu-west-1")
        client, content = session.client("lambda"), io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("a.py", "")
        role = session.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({}))
        client.create_function(
            FunctionName="judge",
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="a.b",
            Code={"ZipFile": content.getvalue()},
            Environment={"Variables": {"MODEL_NAME": MODEL}},
        )
        monkeypatch.setattr(functions, "function_name", lambda stack, name: "judge")
        target = Target(config_env="test", stack_name="s", environment={}, session=session)
        yield Deployed(target=target, outputs={}), client


def reserved(client: Any) -> int | None:
    found = client.get_function_concurrency(FunctionName="judge")
    count: int | None = found.get("ReservedConcurrentExecutions")
    return count


@pytest.mark.parametrize(("before", "after"), [(1, 1), (5, 5), (None, None), (0, 1)])
def test_concurrency_is_put_back_also_after_an_error(
    function: tuple[Deployed, Any], before: int | None, after: int | None
) -> None:
    """0 is what a killed run has left: then the template's."""
    deployed, client = function
    if before is not None:
        client.put_function_concurrency(FunctionName="judge", ReservedConcurrentExecutions=before)
    with pytest.raises(ClientError, match="inside"), functions.stopped(deployed, "EvaluatorFunction"):
        assert reserved(client) == 0
        raise ClientError({"Error": {"Code": "inside", "Message": ""}}, "Operation")
    assert reserved(client) == after
    assert functions.variables(deployed, "EvaluatorFunction") == {"MODEL_NAME": MODEL}
