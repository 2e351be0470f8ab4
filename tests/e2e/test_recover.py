"""On the deployed stack, with IAM enforced: the reconciler's run, and a table that is lost and comes back."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from drift_core.event import PredictionEvent, new_event_id
from scripts import recover
from scripts.bundles import LoadedBundle
from scripts.functions import function_name, invoke
from scripts.stack import Stack

pytestmark = pytest.mark.e2e

SECONDS = 60.0
MINUTE = 60_000
"""Length of a window here, in milliseconds."""

DAYS_AGO = 2 * 86_400_000
EXACT = ("state", "last_sequence", "ranges", "n", "duplicates", "end")
"""What does not depend on whether other tests had later windows judged before this one: that the archive does
not know. `tests/properties/test_recovered.py` compares the rest, and the memory."""


def items(stack: Stack) -> dict[tuple[str, str], dict[str, Any]]:
    pages = stack.client("dynamodb").get_paginator("scan")
    found = pages.paginate(TableName=stack.outputs["WindowTableName"], ConsistentRead=True)
    return {(item["pk"]["S"], item["sk"]["S"]): item for page in found for item in page["Items"]}


def exact(found: dict[tuple[str, str], dict[str, Any]], start: int) -> dict[tuple[str, str], dict[str, Any]]:
    """What must come back to the bit, of a window: its item and what was judged of it."""
    return {
        key: {name: value for name, value in item.items() if name in EXACT}
        for key, item in found.items()
        if key[1].startswith(f"{start:013d}") and "prediction#" in key[0]
    }


@pytest.fixture(scope="module")
def counted(stack: Stack, bundle: Any) -> int:
    """Start of a window of two days ago that has been counted and judged."""
    loaded = LoadedBundle.of_folder(bundle)
    start = (time.time_ns() // 1_000_000 - DAYS_AGO) // MINUTE * MINUTE
    instances = loaded.instances(loaded.sample.iloc[:80])
    events = [
        PredictionEvent(
            event_id=new_event_id(start + number),
            event_time=start + number,
            model_name=loaded.manifest.model_name,
            model_version=loaded.manifest.model_version,
            features=features,
            prediction=float(value),
            source="test",
        )
        for number, (features, value) in enumerate(
            zip(instances, loaded.predict(instances).values, strict=True)
        )
    ]
    stack.client("kinesis").put_records(
        StreamName=stack.outputs["StreamName"],
        Records=[{"Data": event.encode(), "PartitionKey": event.event_id} for event in events],
    )
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        invoke(stack, "EvaluatorFunction", SECONDS)
        found = exact(items(stack), start)
        if any("end" in item for item in found.values()):  # it is judged
            return start
        time.sleep(0.5)
    raise AssertionError(f"window {start} was not judged within {SECONDS:.0f} s")


def run(stack: Stack, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(Stack, "load", lambda config_env: stack)
    result = CliRunner().invoke(recover.app, arguments)
    return result.exit_code, " ".join(result.output.split())


def test_a_lost_table_comes_back_and_the_evaluator_goes_on(
    stack: Stack, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = items(stack)
    wanted = exact(before, counted)
    assert len(wanted) == 2
    table, dynamodb = stack.outputs["WindowTableName"], stack.client("dynamodb")
    for pk, sk in before:
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}})

    code, told = run(stack, monkeypatch, "--from", "now-3d", "--dry-run")
    assert code == 0, told
    assert "nothing was changed" in told
    assert items(stack) == {}

    code, told = run(stack, monkeypatch, "--from", "now-3d")
    assert code in (0, 3), told  # other tests' windows may have had late rows
    assert exact(items(stack), counted) == wanted
    reserved = stack.client("lambda").get_function_concurrency(
        FunctionName=function_name(stack, "EvaluatorFunction")
    )
    assert reserved["ReservedConcurrentExecutions"] == 1
    assert "judged" not in invoke(stack, "EvaluatorFunction", SECONDS)

    code, told = run(stack, monkeypatch, "--from", "now-3d")
    assert code == 0, told
    assert " 0 rebuilt, 0 repaired, 0 left" in told


def test_the_reconciler_compares_what_is_quiet(stack: Stack, counted: int) -> None:
    """The item is made quiet; its object is read, the counts are written and the mark is taken off."""
    table, dynamodb = stack.outputs["WindowTableName"], stack.client("dynamodb")
    [(pk, sk)] = [key for key, item in exact(items(stack), counted).items() if "state" in item]
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET last_update = :long_ago",
        ExpressionAttributeValues={":long_ago": {"N": str(counted)}},
    )
    assert "unreconciled" in items(stack)[pk, sk]
    done = invoke(stack, "ReconcilerFunction", SECONDS)
    assert done["windows"] >= 1
    assert done["unaccounted"] == 0
    assert "unreconciled" not in items(stack)[pk, sk]
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    written = s3.list_objects_v2(Bucket=bucket, Prefix="reconciled/")["Contents"]
    lines = [
        json.loads(line)
        for one in written
        for line in s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().splitlines()
    ]
    assert 80 in [line["captured"] for line in lines]
    glue = stack.client("glue").get_table(
        DatabaseName=stack.outputs["GlueDatabaseName"], Name="reconciled_files"
    )
    columns = [column["Name"] for column in glue["Table"]["StorageDescriptor"]["Columns"]]
    assert list(lines[0]) == columns


def test_the_reconcilers_role_removes_orphans_and_nothing_else(stack: Stack) -> None:
    client, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    for key in ("predictions/dt=2026-01-01/hour=00/x", "verdicts/dt=2026-01-01/x"):
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    role = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.target.stack_name, LogicalResourceId="ReconcilerRole"
    )["StackResourceDetail"]["PhysicalResourceId"]
    arn = stack.client("iam").get_role(RoleName=role)["Role"]["Arn"]
    given = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=stack.session.region_name,
    )
    s3 = session.client("s3", endpoint_url=stack.target.endpoint, verify=stack.target.ca_bundle)
    assert "KeyCount" in s3.list_objects_v2(Bucket=stack.outputs["FailedBatchesBucketName"])
    s3.delete_object(Bucket=bucket, Key="predictions/dt=2026-01-01/hour=00/x")
    for call, named in (
        (s3.delete_object, {"Key": "verdicts/dt=2026-01-01/x"}),
        (s3.put_object, {"Key": "predictions/dt=2026-01-01/hour=00/x", "Body": b""}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(Bucket=bucket, **named)
    client.delete_object(Bucket=bucket, Key="verdicts/dt=2026-01-01/x")
