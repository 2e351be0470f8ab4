"""The deployed stack, from a signed request to a verdict, with IAM enforced."""

import dataclasses
import gzip
import io
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from drift_core.bundle import MANIFEST_FILE, Manifest
from drift_core.event import PredictionEvent, decode, new_event_id
from drift_core.schema import Scalar
from scripts.api import ApiClient
from scripts.bundles import LoadedBundle
from scripts.deployment import DeploymentError, upload_bundle
from scripts.stack import Stack, Target

pytestmark = pytest.mark.e2e

SECONDS = 60.0
MINUTE = 60_000
"""Length of a window here, in milliseconds."""


def eventually[T](look: Callable[[], T | None], what: str) -> T:
    """What a look finds, as soon as it does."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"not seen within {SECONDS:.0f} s: {what}")


@pytest.fixture(scope="module")
def api(stack: Stack) -> ApiClient:
    return ApiClient(stack)


@pytest.fixture(scope="module")
def loaded(bundle: Path) -> LoadedBundle:
    return LoadedBundle.of_folder(bundle)


def instances(loaded: LoadedBundle, count: int) -> list[dict[str, Any]]:
    rows = loaded.sample.iloc[:count]
    return [dict(instance) for instance in loaded.instances(rows)]


def physical_id(stack: Stack, logical_id: str) -> str:
    found = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.target.stack_name, LogicalResourceId=logical_id
    )
    name: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return name


def archived(stack: Stack, folder: str) -> dict[str, Any]:
    """Parquet tables of the archive by key."""
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}/").get("Contents", [])
    return {
        item["Key"]: pq.read_table(io.BytesIO(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()))
        for item in listed
    }


def table_columns(stack: Stack, name: str) -> dict[str, str]:
    found = stack.client("glue").get_table(DatabaseName=stack.outputs["GlueDatabaseName"], Name=name)
    return {column["Name"]: column["Type"] for column in found["Table"]["StorageDescriptor"]["Columns"]}


def athena_columns(table: Any) -> dict[str, str]:
    """What Athena would call the columns of a Parquet file."""
    return {field.name: athena_type(field.type) for field in table.schema}


def athena_type(found: Any) -> str:
    if pa.types.is_struct(found):
        return "struct<" + ",".join(f"{field.name}:{athena_type(field.type)}" for field in found) + ">"
    return {"bool": "boolean", "timestamp[ms, tz=UTC]": "timestamp"}.get(str(found), str(found))


def test_an_unsigned_request_is_refused(api: ApiClient) -> None:
    for method, path in (("POST", "/predict"), ("POST", "/feedback"), ("GET", "/model"), ("GET", "/health")):
        assert api.call(method, path, authorized=False).status == 403


def test_a_prediction_is_streamed_archived_and_counted(
    stack: Stack, api: ApiClient, loaded: LoadedBundle
) -> None:
    answer = api.call("POST", "/predict", {"instances": instances(loaded, 3)})
    assert answer.status == 200, answer
    ids = [prediction["prediction_id"] for prediction in answer.body["predictions"]]

    streamed = eventually(lambda: on_the_stream(stack, set(ids)), "the events on the stream")
    assert [event.prediction for event in streamed] == [p["value"] for p in answer.body["predictions"]]

    key, table = eventually(
        lambda: next(
            ((key, found) for key, found in archived(stack, "predictions").items() if ids[0] in rows(found)),
            None,
        ),
        "the archived object",
    )
    assert key.startswith("predictions/dt=")
    assert set(ids) <= set(rows(table))
    assert athena_columns(table) == table_columns(stack, "prediction_files")

    item = eventually(lambda: window_items(stack, "prediction#"), "the window's state")[0]
    assert item["state"]["B"]
    assert item["last_sequence"]["S"].isdecimal()


def rows(table: Any) -> list[str]:
    found: list[str] = table["event_id"].to_pylist()
    return found


def on_the_stream(stack: Stack, ids: set[str]) -> list[PredictionEvent] | None:
    kinesis, name = stack.client("kinesis"), stack.outputs["StreamName"]
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=iterator["ShardIterator"], Limit=10_000)["Records"]
    events = [decode(record["Data"]) for record in records]
    found = [event for event in events if isinstance(event, PredictionEvent) and event.event_id in ids]
    return found if len(found) == len(ids) else None


def window_items(stack: Stack, prefix: str) -> list[dict[str, Any]]:
    found = stack.client("dynamodb").scan(TableName=stack.outputs["WindowTableName"], ConsistentRead=True)
    return [item for item in found["Items"] if item["pk"]["S"].startswith(prefix)]


def test_a_label_and_an_unreadable_record_are_archived(
    stack: Stack, api: ApiClient, loaded: LoadedBundle
) -> None:
    answer = api.call("POST", "/predict", {"instances": instances(loaded, 1)})
    prediction_id = answer.body["predictions"][0]["prediction_id"]
    assert (
        api.call("POST", "/feedback", {"labels": [{"prediction_id": prediction_id, "label": 1.0}]}).status
        == 202
    )
    stack.client("kinesis").put_record(
        StreamName=stack.outputs["StreamName"], Data=gzip.compress(b"?"), PartitionKey="x"
    )
    label = eventually(lambda: list(archived(stack, "labels").values()), "the label")[0]
    assert label["prediction_id"].to_pylist() == [prediction_id]
    assert athena_columns(label) == table_columns(stack, "label_files")
    refused = eventually(lambda: list(archived(stack, "quarantine").values()), "the refused record")[0]
    assert athena_columns(refused) == table_columns(stack, "quarantine_files")


def test_shifted_traffic_of_another_producer_becomes_a_verdict_and_an_alarm(
    stack: Stack, loaded: LoadedBundle
) -> None:
    """Events of yesterday: their window ended long ago, so it is due as soon as it has been counted."""
    shifted: list[Mapping[str, Scalar]] = [
        {**row, "living_area_m2": 1000.0 * row["living_area_m2"]} for row in instances(loaded, 200)
    ]
    start = (time.time_ns() // 1_000_000 - 86_400_000) // MINUTE * MINUTE
    answers = loaded.predict(shifted)
    events = [
        PredictionEvent(
            event_id=new_event_id(start + number),
            event_time=start + number,
            model_name=loaded.manifest.model_name,
            model_version=loaded.manifest.model_version,
            features=features,
            prediction=float(prediction),
            source="test",
        )
        for number, (features, prediction) in enumerate(zip(shifted, answers.values, strict=True))
    ]
    put = stack.client("kinesis").put_records(
        StreamName=stack.outputs["StreamName"],
        Records=[{"Data": event.encode(), "PartitionKey": event.event_id} for event in events],
    )
    assert put["FailedRecordCount"] == 0
    eventually(lambda: windows_of(stack, start), "the window's state")

    verdict = eventually(lambda: evaluated(stack, start), "the verdict")
    assert verdict["n"] == len(events)
    assert verdict["drift"] is True
    assert verdict["gross_shift"] is True
    assert verdict["guilty"][0] == "living_area_m2"
    assert set(verdict) == set(table_columns(stack, "verdict_files"))

    cloudwatch = stack.client("cloudwatch")
    alarm = f"driftline-{loaded.manifest.model_name}-drift"
    state = eventually(
        lambda: [
            found
            for found in cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
            if found["StateValue"] == "ALARM"
        ],
        "the alarm",
    )
    assert state[0]["AlarmActions"] == [stack.outputs["AlarmTopicArn"]]


def windows_of(stack: Stack, start: int) -> list[dict[str, Any]]:
    return [i for i in window_items(stack, "prediction#") if i["sk"]["S"].startswith(f"{start:013d}#")]


def evaluated(stack: Stack, start: int) -> dict[str, Any] | None:
    """Run the evaluator; the verdict on the window, if there is one."""
    function = physical_id(stack, "EvaluatorFunction")
    done = stack.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=b"{}")
    if "FunctionError" in done:
        raise AssertionError(done["Payload"].read().decode())
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    for item in s3.list_objects_v2(Bucket=bucket, Prefix="verdicts/").get("Contents", []):
        if f".{start}." in item["Key"] and ".window." in item["Key"]:
            found: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
            return found
    return None


def test_the_evaluator_runs_one_at_a_time(stack: Stack) -> None:
    found = stack.client("lambda").get_function_concurrency(
        FunctionName=physical_id(stack, "EvaluatorFunction")
    )
    assert found["ReservedConcurrentExecutions"] == 1


def test_an_update_of_the_stack_leaves_the_active_version(stack: Stack, bundle: Path, api: ApiClient) -> None:
    cloudformation, name = stack.client("cloudformation"), stack.target.stack_name
    found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Parameters"]
    values = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found}
    cloudformation.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in {**values, "LogRetentionDays": "7", "GraceSeconds": "2"}.items()
        ],
    )
    groups = stack.client("logs")
    log = f"/driftline/{values['ModelName']}/ingest"
    eventually(
        lambda: groups.describe_log_groups(logGroupNamePrefix=log)["logGroups"][0]["retentionInDays"] == 7,
        "the update",
    )
    functions, evaluator = stack.client("lambda"), physical_id(stack, "EvaluatorFunction")

    def grace() -> str:
        """Of the version that the schedule invokes: an update must not stop at the function."""
        found = functions.get_function_configuration(FunctionName=evaluator, Qualifier="live")
        seconds: str = found["Environment"]["Variables"]["GRACE_SECONDS"]
        return seconds

    eventually(lambda: grace() == "2", "the update of the alias")
    active = stack.client("ssm").get_parameter(Name=stack.outputs["ActiveBundleParameterName"])
    assert active["Parameter"]["Value"] == bundle.name
    assert api.call("GET", "/health").body["model_version"] == bundle.name


def test_a_stack_with_a_key_takes_the_key_and_nothing_else(stack: Stack) -> None:
    """The same template a second time, for another model; with a key for its data, too."""
    cloudformation = stack.client("cloudformation")
    deployed = cloudformation.get_template(StackName=stack.target.stack_name, TemplateStage="Original")
    bucket = stack.outputs["FailedBatchesBucketName"]
    body = deployed["TemplateBody"]  # a text, or what boto3 made of JSON
    text = body if isinstance(body, str) else json.dumps(body)
    stack.client("s3").put_object(Bucket=bucket, Key="template", Body=text.encode())
    key = stack.client("kms").create_key()["KeyMetadata"]["Arn"]
    parameters = {"ModelName": "keyed", "Authorization": "API_KEY", "KmsKeyArn": key}
    cloudformation.create_stack(
        StackName="keyed",
        TemplateURL=f"{stack.target.endpoint}/{bucket}/template",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    keyed = eventually(lambda: created(dataclasses.replace(stack.target, stack_name="keyed")), "its outputs")
    assert "ApiKeyId" not in stack.outputs
    api, stranger = ApiClient(keyed), ApiClient(keyed)
    stranger._key = "x" * 40  # one that the stack does not know
    for method, path in (("POST", "/predict"), ("POST", "/feedback"), ("GET", "/model"), ("GET", "/health")):
        assert api.call(method, path, authorized=False).status == 403
        assert api.call(method, path).status == 503  # in, but it serves no bundle
        assert stranger.call(method, path).status == 403
    # The local CloudFormation takes a key for these two; tests/template/test_encryption.py tells the rest.
    queue = keyed.client("sqs").get_queue_attributes(
        QueueUrl=keyed.outputs["FallbackQueueUrl"], AttributeNames=["KmsMasterKeyId"]
    )
    (log,) = keyed.client("logs").describe_log_groups(logGroupNamePrefix="/driftline/keyed/ingest")[
        "logGroups"
    ]
    assert queue["Attributes"]["KmsMasterKeyId"] == log["kmsKeyId"] == key


def created(target: Target) -> Stack | None:
    stack = Stack.of(target)
    return stack if stack.outputs else None


def test_a_role_may_not_do_what_its_function_does_not(stack: Stack, bundle: Path) -> None:
    """IAM is enforced here: the evaluator's role reads its model's bundles and may not replace one."""
    manifest = Manifest.from_json((bundle / MANIFEST_FILE).read_bytes())
    key = f"bundles/{manifest.model_name}/{manifest.model_version}/{MANIFEST_FILE}"
    s3 = as_role(stack, physical_id(stack, "EvaluatorRole")).client(
        "s3", endpoint_url=stack.target.endpoint, verify=stack.target.ca_bundle
    )
    assert s3.get_object(Bucket=stack.outputs["ModelsBucketName"], Key=key)["ContentLength"] > 0
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=stack.outputs["ModelsBucketName"], Key=key, Body=b"")


def as_role(stack: Stack, name: str) -> boto3.Session:
    arn = stack.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    given = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=stack.session.region_name,
    )


def test_a_bundle_is_never_changed(stack: Stack, bundle: Path) -> None:
    manifest = upload_bundle(stack, bundle)  # the same again: nothing to do
    key = f"bundles/{manifest.model_name}/{manifest.model_version}/{MANIFEST_FILE}"
    s3, bucket = stack.client("s3"), stack.outputs["ModelsBucketName"]
    content = (bundle / MANIFEST_FILE).read_bytes()
    s3.put_object(Bucket=bucket, Key=key, Body=content + b"\n")
    with pytest.raises(DeploymentError, match=r"manifest\.json exists with another content.*train it again"):
        upload_bundle(stack, bundle)
    s3.put_object(Bucket=bucket, Key=key, Body=content)
