"""Least privilege, executed: every probe below is tried with each function's role, and as the account's root.

What a role may not do must be refused as denied, and root must be able to do it: so a probe that would fail
for another reason cannot pass. `ALLOWED` is what each role may do; all else is denied.

The local AWS enforces actions, resources and conditions of the policies of identities and of resources; where
it decides otherwise than AWS is in `OTHERWISE`. It does not ask KMS for what it stores, so
tests/template/test_encryption.py tells what roles may do with a key; and it is served by TLS alone, so
tests/template/test_access.py tells that plain HTTP is refused. It lets root take a role that trusts Lambda
alone, which AWS does not: so the tests can be roles.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from drift_consumer.alert_store import alerts_key
from drift_core.bundle import MANIFEST_FILE, Manifest
from queries.guard import guard_key
from scripts.stack import Stack
from tests.e2e.conftest import WEBHOOK_NAME
from tests.e2e.taken import twin

pytestmark = pytest.mark.e2e

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
"""How the services say it."""

PROBE = "probe"


class Caller:
    """Clients of one principal, and the names of the stack's resources."""

    def __init__(self, stack: Stack, session: boto3.Session, manifest: Manifest) -> None:
        self._stack = stack
        self._session = session
        self._clients: dict[str, Any] = {}
        self.model = manifest.model_name
        self.bundle = f"bundles/{manifest.model_name}/{manifest.model_version}/"
        self.version = manifest.model_version

    def __getattr__(self, service: str) -> Any:
        """A client: `caller.s3`."""
        if service not in self._clients:
            make: Any = self._session.client
            target = self._stack.target
            self._clients[service] = make(service, endpoint_url=target.endpoint, verify=target.ca_bundle)
        return self._clients[service]

    def out(self, name: str) -> str:
        """An output of the stack."""
        return self._stack.outputs[name]

    def physical(self, logical_id: str) -> str:
        """A resource's name; asked for with root's rights."""
        found = self._stack.client("cloudformation").describe_stack_resource(
            StackName=self._stack.target.stack_name, LogicalResourceId=logical_id
        )
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def arn(self, role: str) -> str:
        """A role's ARN, or that of its twin where nobody here may take the role itself."""
        if role == "RetrainingRole":
            return twin(self._stack, role)
        found: str = self._stack.client("iam").get_role(RoleName=self.physical(role))["Role"]["Arn"]
        return found


def put(bucket: str, key: str) -> Callable[[Caller], object]:
    return lambda by: by.s3.put_object(Bucket=by.out(bucket), Key=key, Body=b"{}")


def get(bucket: str, key: str) -> Callable[[Caller], object]:
    return lambda by: by.s3.get_object(Bucket=by.out(bucket), Key=key)


def delete(bucket: str, key: str) -> Callable[[Caller], object]:
    return lambda by: by.s3.delete_object(Bucket=by.out(bucket), Key=key)


def listing(bucket: str) -> Callable[[Caller], object]:
    return lambda by: by.s3.list_objects_v2(Bucket=by.out(bucket), MaxKeys=1)


def log(name: str) -> Callable[[Caller], object]:
    return lambda by: by.logs.put_log_events(
        logGroupName=f"/driftline/{by.model}/{name}",
        logStreamName=PROBE,
        logEvents=[{"timestamp": time.time_ns() // 1_000_000, "message": PROBE}],
    )


def metric(namespace: str) -> Callable[[Caller], object]:
    data = [{"MetricName": "Probe", "Value": 1.0}]
    return lambda by: by.cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def event(source: str, kind: str) -> Callable[[Caller], object]:
    entry = {"Source": source, "DetailType": kind, "Detail": "{}"}
    return lambda by: by.events.put_events(Entries=[entry])


def iterator(by: Caller) -> str:
    stream = by.out("StreamName")
    found: str = by.kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="LATEST"
    )["ShardIterator"]
    return found


ITEM = {"pk": {"S": PROBE}, "sk": {"S": PROBE}}


def guard(by: Caller) -> dict[str, Any]:
    """Of the retrainings; beside the one that they use."""
    return {"pk": guard_key(by.model)["pk"], "sk": {"S": PROBE}}


def alerts(by: Caller) -> dict[str, Any]:
    """Of the alerts; beside the one that they use."""
    return {"pk": alerts_key(by.model)["pk"], "sk": {"S": PROBE}}


NONE_OF_IT = {":pk": {"S": PROBE}}

PROBES: dict[str, Callable[[Caller], object]] = {
    # bundles
    "read a bundle": lambda by: by.s3.get_object(
        Bucket=by.out("ModelsBucketName"), Key=by.bundle + MANIFEST_FILE
    ),
    "read another model's bundle": get("ModelsBucketName", f"bundles/other/v1/{PROBE}"),
    "read beside the bundles": get("ModelsBucketName", PROBE),
    "add to a bundle": lambda by: put("ModelsBucketName", by.bundle + PROBE)(by),
    "delete from a bundle": lambda by: delete("ModelsBucketName", by.bundle + PROBE)(by),
    "list the bundles": listing("ModelsBucketName"),
    "read the models bucket's policy": lambda by: by.s3.get_bucket_policy(Bucket=by.out("ModelsBucketName")),
    "version the models bucket": lambda by: by.s3.put_bucket_versioning(
        Bucket=by.out("ModelsBucketName"), VersioningConfiguration={"Status": "Enabled"}
    ),
    # the archive
    "list the archive": listing("ArchiveBucketName"),
    "read predictions": get("ArchiveBucketName", f"predictions/{PROBE}"),
    "write predictions": put("ArchiveBucketName", f"predictions/{PROBE}"),
    "delete predictions": delete("ArchiveBucketName", f"predictions/{PROBE}-absent"),
    "write labels": put("ArchiveBucketName", f"labels/{PROBE}"),
    "delete labels": delete("ArchiveBucketName", f"labels/{PROBE}-absent"),
    "read shadows": get("ArchiveBucketName", f"shadow/{PROBE}"),
    "write shadows": put("ArchiveBucketName", f"shadow/{PROBE}"),
    "delete shadows": delete("ArchiveBucketName", f"shadow/{PROBE}-absent"),
    "read quarantined records": get("ArchiveBucketName", f"quarantine/{PROBE}"),
    "write quarantined records": put("ArchiveBucketName", f"quarantine/{PROBE}"),
    "delete quarantined records": delete("ArchiveBucketName", f"quarantine/{PROBE}-absent"),
    "read verdicts": get("ArchiveBucketName", f"verdicts/{PROBE}"),
    "write verdicts": put("ArchiveBucketName", f"verdicts/{PROBE}"),
    "delete verdicts": delete("ArchiveBucketName", f"verdicts/{PROBE}-absent"),
    "write judged labels": put("ArchiveBucketName", f"quality/{PROBE}"),
    "read judged labels": get("ArchiveBucketName", f"quality/{PROBE}"),
    "delete judged labels": delete("ArchiveBucketName", f"quality/{PROBE}-absent"),
    "read explanations": get("ArchiveBucketName", f"explained/{PROBE}"),
    "read incidents": get("ArchiveBucketName", f"incidents/{PROBE}"),
    "write incidents": put("ArchiveBucketName", f"incidents/{PROBE}"),
    "delete incidents": delete("ArchiveBucketName", f"incidents/{PROBE}-absent"),
    "write reports": put("ArchiveBucketName", f"reports/{PROBE}"),
    "read reports": get("ArchiveBucketName", f"reports/{PROBE}"),
    "write explanations": put("ArchiveBucketName", f"explained/{PROBE}"),
    "read results of queries": get("ArchiveBucketName", f"athena-results/{PROBE}"),
    "write results of queries": put("ArchiveBucketName", f"athena-results/{PROBE}"),
    "write beside the folders": put("ArchiveBucketName", PROBE),
    # failed batches
    "list failed batches": listing("FailedBatchesBucketName"),
    "read failed batches": get("FailedBatchesBucketName", PROBE),
    "write failed batches": put("FailedBatchesBucketName", PROBE),
    "delete failed batches": delete("FailedBatchesBucketName", f"{PROBE}-absent"),
    # another bucket
    "read another bucket": lambda by: by.s3.get_object(Bucket="other-bucket", Key=PROBE),
    "write another bucket": lambda by: by.s3.put_object(Bucket="other-bucket", Key=PROBE, Body=b""),
    "list all buckets": lambda by: by.s3.list_buckets(),
    # the window table
    "get a window": lambda by: by.dynamodb.get_item(TableName=by.out("WindowTableName"), Key=ITEM),
    "put a window": lambda by: by.dynamodb.put_item(TableName=by.out("WindowTableName"), Item=ITEM),
    "update a window": lambda by: by.dynamodb.update_item(
        TableName=by.out("WindowTableName"), Key=ITEM, UpdateExpression="REMOVE pending"
    ),
    "query windows": lambda by: by.dynamodb.query(
        TableName=by.out("WindowTableName"),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=NONE_OF_IT,
    ),
    "query pending windows": lambda by: by.dynamodb.query(
        TableName=by.out("WindowTableName"),
        IndexName="pending",
        KeyConditionExpression="pending = :pk",
        ExpressionAttributeValues=NONE_OF_IT,
    ),
    "get the guard": lambda by: by.dynamodb.get_item(TableName=by.out("WindowTableName"), Key=guard(by)),
    "put the guard": lambda by: by.dynamodb.put_item(TableName=by.out("WindowTableName"), Item=guard(by)),
    "get the alerts": lambda by: by.dynamodb.get_item(TableName=by.out("WindowTableName"), Key=alerts(by)),
    "put the alerts": lambda by: by.dynamodb.put_item(TableName=by.out("WindowTableName"), Item=alerts(by)),
    "delete a window": lambda by: by.dynamodb.delete_item(TableName=by.out("WindowTableName"), Key=ITEM),
    "scan windows": lambda by: by.dynamodb.scan(TableName=by.out("WindowTableName"), Limit=1),
    "write many windows": lambda by: by.dynamodb.batch_write_item(
        RequestItems={by.out("WindowTableName"): [{"PutRequest": {"Item": ITEM}}]}
    ),
    "describe the table": lambda by: by.dynamodb.describe_table(TableName=by.out("WindowTableName")),
    "get from another table": lambda by: by.dynamodb.get_item(TableName="other", Key={"pk": {"S": PROBE}}),
    "put to another table": lambda by: by.dynamodb.put_item(TableName="other", Item={"pk": {"S": PROBE}}),
    # the stream
    "put records": lambda by: by.kinesis.put_records(
        StreamName=by.out("StreamName"), Records=[{"Data": b"probe", "PartitionKey": PROBE}]
    ),
    "put one record": lambda by: by.kinesis.put_record(
        StreamName=by.out("StreamName"), Data=b"probe", PartitionKey=PROBE
    ),
    "find the place in a shard": iterator,
    "read the stream": lambda by: by.kinesis.get_records(ShardIterator=iterator(by), Limit=1),
    "list shards": lambda by: by.kinesis.list_shards(StreamName=by.out("StreamName")),
    "describe the stream": lambda by: by.kinesis.describe_stream_summary(StreamName=by.out("StreamName")),
    "tag the stream": lambda by: by.kinesis.add_tags_to_stream(
        StreamName=by.out("StreamName"), Tags={PROBE: PROBE}
    ),
    "put to another stream": lambda by: by.kinesis.put_records(
        StreamName="other", Records=[{"Data": b"probe", "PartitionKey": PROBE}]
    ),
    # the fallback queue
    "send to the queue": lambda by: by.sqs.send_message(
        QueueUrl=by.out("FallbackQueueUrl"), MessageBody=PROBE
    ),
    "receive from the queue": lambda by: by.sqs.receive_message(QueueUrl=by.out("FallbackQueueUrl")),
    "see the queue": lambda by: by.sqs.get_queue_attributes(QueueUrl=by.out("FallbackQueueUrl")),
    # which version is served
    "read the active version": lambda by: by.ssm.get_parameter(Name=by.out("ActiveBundleParameterName")),
    "set the active version": lambda by: by.ssm.put_parameter(
        Name=by.out("ActiveBundleParameterName"), Value=by.version, Overwrite=True
    ),
    "read the shadow's plan": lambda by: by.ssm.get_parameter(Name=by.out("ShadowBundleParameterName")),
    "set the shadow's plan": lambda by: by.ssm.put_parameter(
        Name=by.out("ShadowBundleParameterName"), Value="none", Overwrite=True
    ),
    "read another model's version": lambda by: by.ssm.get_parameter(Name="/driftline/other/active-bundle"),
    # metrics, alarms, logs, traces
    "publish metrics": metric("Driftline"),
    "publish metrics as another": metric("AWS/Lambda"),
    "see alarms": lambda by: by.cloudwatch.describe_alarms(MaxRecords=1),
    "tell the topic": lambda by: by.sns.publish(TopicArn=by.out("AlarmTopicArn"), Message=PROBE),
    "tell people": lambda by: by.sns.publish(TopicArn=by.out("IncidentTopicArn"), Message=PROBE),
    "tell the chat": lambda by: by.sns.publish(TopicArn=by.out("ChatTopicArn"), Message=PROBE),
    "read the webhook": lambda by: by.secretsmanager.get_secret_value(SecretId=WEBHOOK_NAME),
    "read another secret": lambda by: by.secretsmanager.get_secret_value(SecretId="other"),
    "write the webhook": lambda by: by.secretsmanager.put_secret_value(SecretId="other", SecretString=PROBE),
    "write the log of alerts": log("alert"),
    "write the log of ingest": log("ingest"),
    "write the log of the consumer": log("consumer"),
    "write the log of the evaluator": log("evaluator"),
    "write the log of quality": log("quality"),
    "write the log of the API": log("api"),
    "read a log": lambda by: by.logs.filter_log_events(logGroupName=f"/driftline/{by.model}/ingest", limit=1),
    # events
    "ask to retrain": event("driftline", "RetrainingWanted"),
    "put another event": event("driftline", PROBE),
    # everything else
    "invoke the evaluator": lambda by: getattr(by, "lambda").invoke(
        FunctionName=by.physical("EvaluatorFunction"), Qualifier="live", Payload=b"{}"
    ),
    "see a function": lambda by: getattr(by, "lambda").get_function(
        FunctionName=by.physical("IngestFunction")
    ),
    "take another role": lambda by: by.sts.assume_role(RoleArn=by.arn("ConsumerRole"), RoleSessionName=PROBE),
    "list roles": lambda by: by.iam.list_roles(MaxItems=1),
    "make a user": lambda by: by.iam.create_user(UserName=f"{PROBE}-{uuid.uuid4().hex}"),
    "see the stack": lambda by: by.cloudformation.describe_stacks(),
    "ask Athena": lambda by: by.athena.start_query_execution(
        QueryString="select 1", WorkGroup=by.out("AthenaWorkgroupName")
    ),
    "ask Athena elsewhere": lambda by: by.athena.start_query_execution(
        QueryString="select 1",
        WorkGroup="primary",
        ResultConfiguration={"OutputLocation": "s3://other-bucket/"},
    ),
    "see a table of Athena": lambda by: by.glue.get_tables(DatabaseName=by.out("GlueDatabaseName")),
    "list keys": lambda by: by.kms.list_keys(),
    "list secrets": lambda by: by.secretsmanager.list_secrets(),
}

ALLOWED = {
    "IngestRole": {
        "read a bundle",
        "read the active version",
        "read the shadow's plan",
        "put records",
        "send to the queue",
        "write the log of ingest",
    },
    "ConsumerRole": {
        "read a bundle",
        "list the bundles",
        "write predictions",
        "delete predictions",
        "write labels",
        "delete labels",
        "write shadows",
        "delete shadows",
        "write quarantined records",
        "delete quarantined records",
        "list failed batches",
        "write failed batches",
        "get a window",
        "put a window",
        *("get the guard", "put the guard", "get the alerts", "put the alerts"),  # items of the same table
        "find the place in a shard",
        "read the stream",
        "list shards",
        "describe the stream",
        "write the log of the consumer",
    },
    "RetrainingRole": {
        "read a bundle",
        "add to a bundle",
        "list the bundles",
        "list the archive",
        "read predictions",
        "read results of queries",
        "write results of queries",
        "read the active version",
        "set the active version",
        "ask Athena",
        "tell the topic",
        "get the guard",
        "put the guard",
    },
    "EvaluatorRole": {
        "read a bundle",
        "write verdicts",
        "get a window",
        "put a window",
        *("get the guard", "put the guard", "get the alerts", "put the alerts"),  # items of the same table
        "update a window",
        "query windows",
        "query pending windows",
        "publish metrics",
        "write the log of the evaluator",
    },
    "QualityRole": {
        "read a bundle",
        "list the archive",
        "read predictions",
        "read verdicts",
        "read results of queries",
        "write results of queries",
        "write judged labels",
        "write explanations",
        "get a window",
        "put a window",
        *("get the guard", "put the guard", "get the alerts", "put the alerts"),
        "query windows",
        "publish metrics",
        "ask Athena",
        "ask to retrain",
        "write the log of quality",
    },
    "AlertRole": {
        "read a bundle",
        "list the archive",
        "read verdicts",
        "read judged labels",
        "read explanations",
        "read incidents",
        "write incidents",
        "write reports",
        "get the alerts",
        "put the alerts",
        "see alarms",
        "publish metrics",
        "tell people",
        "tell the chat",
        "read the webhook",
        "write the log of alerts",
    },
}


OTHERWISE = {
    "RetrainingRole": {
        "get the alerts": "done",
        "put the alerts": "done",
        "get a window": "done",  # it does not tell policies the leading keys of a table
        "put a window": "done",
    },
    "IngestRole": {"write the log of ingest": "denied"},  # it asks for the group, AWS for the group's streams
    "ConsumerRole": {
        "write the log of the consumer": "denied",
        "read the stream": "denied",  # it does not see of which stream an iterator is
    },
    "EvaluatorRole": {
        "write the log of the evaluator": "denied",
        "publish metrics as another": "done",  # it does not tell policies the metrics' namespace
    },
    "AlertRole": {
        "write the log of alerts": "denied",
        "publish metrics as another": "done",
        "get a window": "done",  # nor the leading keys of a table
        "put a window": "done",
        "get the guard": "done",
        "put the guard": "done",
    },
    "QualityRole": {
        "write the log of quality": "denied",
        "publish metrics as another": "done",
        "put another event": "done",  # nor an event's kind
    },
}
"""Where the local AWS decides otherwise than AWS; tests/template/test_permissions.py tells these."""


@pytest.fixture(scope="module")
def manifest(bundle: Path) -> Manifest:
    return Manifest.from_json((bundle / MANIFEST_FILE).read_bytes())


@pytest.fixture(scope="module")
def root(stack: Stack, manifest: Manifest) -> Iterator[Caller]:
    """The account's root, after it has made what the probes look for."""
    caller = Caller(stack, stack.session, manifest)
    caller.s3.create_bucket(Bucket="other-bucket")
    for bucket, key in (
        (caller.out("ModelsBucketName"), f"bundles/other/v1/{PROBE}"),
        (caller.out("ModelsBucketName"), PROBE),
        (caller.out("FailedBatchesBucketName"), PROBE),
        ("other-bucket", PROBE),
        *(
            (caller.out("ArchiveBucketName"), f"{name}/{PROBE}")
            for name in (
                *("predictions", "shadow", "quarantine", "verdicts", "quality", "athena-results"),
                *("explained", "incidents", "reports"),
            )
        ),
    ):
        caller.s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
    caller.dynamodb.create_table(
        TableName="other",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    caller.kinesis.create_stream(StreamName="other", ShardCount=1)
    for name in ("api", "ingest", "consumer", "evaluator", "quality", "alert"):
        caller.logs.create_log_stream(logGroupName=f"/driftline/{caller.model}/{name}", logStreamName=PROBE)
    caller.ssm.put_parameter(Name="/driftline/other/active-bundle", Value="none", Type="String")
    caller.secretsmanager.create_secret(Name="other", SecretString=PROBE)
    yield caller
    for folder in (
        "predictions",
        "labels",
        "shadow",
        "quarantine",
        "verdicts",
        "quality",
        "explained",
        "incidents",
        "reports",
        "athena-results",
    ):
        caller.s3.delete_object(Bucket=caller.out("ArchiveBucketName"), Key=f"{folder}/{PROBE}")
    caller.s3.delete_object(Bucket=caller.out("FailedBatchesBucketName"), Key=PROBE)
    caller.dynamodb.delete_item(TableName=caller.out("WindowTableName"), Key=ITEM)
    caller.sqs.purge_queue(QueueUrl=caller.out("FallbackQueueUrl"))


def with_role(root: Caller, stack: Stack, manifest: Manifest, name: str) -> Caller:
    given = root.sts.assume_role(RoleArn=root.arn(name), RoleSessionName=PROBE)["Credentials"]
    session = boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=stack.session.region_name,
    )
    return Caller(stack, session, manifest)


@pytest.mark.parametrize("probe", PROBES)
def test_root_can_do_all_of_it(root: Caller, probe: str) -> None:
    """So what is refused below is refused for want of a permission."""
    PROBES[probe](root)


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_can_do_what_its_function_does_and_nothing_else(
    root: Caller, stack: Stack, manifest: Manifest, role: str
) -> None:
    caller = with_role(root, stack, manifest, role)
    assert ALLOWED[role] <= set(PROBES)
    told = {probe: attempt(call, caller) for probe, call in PROBES.items()}
    expected = {probe: "done" if probe in ALLOWED[role] else "denied" for probe in PROBES}
    assert told == expected | OTHERWISE[role]


def attempt(call: Callable[[Caller], object], caller: Caller) -> str:
    try:
        call(caller)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "denied" if code in DENIED else json.dumps(error.response["Error"])
    return "done"
