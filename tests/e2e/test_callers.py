"""Who may call the API, and what another account gets: nothing, and nothing is written for who is refused.

The local AWS verifies signatures, but takes them for any service; it looks for streams and tables in the
caller's account alone, so these are not found where AWS would say denied.
"""

import dataclasses
import datetime as dt
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from drift_core.event import PredictionEvent, new_event_id
from scripts.bundles import LoadedBundle
from scripts.stack import Stack

pytestmark = pytest.mark.e2e

OTHER_ACCOUNT = "111111111111"
"""The local AWS takes an access key of twelve digits for root of the account of that number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it should be; each test changes one thing."""

    credentials: Credentials | None
    body: bytes
    path: str = "/predict"
    region: str = "us-east-1"
    sent: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def status(self, stack: Stack) -> int:
        """What the API answers."""
        headers = {"content-type": "application/json", **dict(self.headers)}
        request = AWSRequest("POST", stack.api_url + self.path, data=self.body, headers=headers)
        if self.credentials is not None:
            botocore.auth.SigV4Auth(self.credentials, "execute-api", self.region).add_auth(request)
        prepared = request.prepare()
        if self.sent is not None:
            prepared.body = self.sent
        verify: Any = stack.target.ca_bundle
        answered: int = URLLib3Session(verify=verify).send(prepared).status_code
        return answered


@pytest.fixture(scope="module")
def body(bundle: Path) -> bytes:
    loaded = LoadedBundle.of_folder(bundle)
    (instance,) = loaded.instances(loaded.sample.iloc[:1])
    return json.dumps({"instances": [dict(instance)]}).encode()


def user(stack: Stack, *statements: dict[str, Any]) -> Credentials:
    """Keys of a new user who may do what the statements say."""
    iam, name = stack.client("iam"), f"caller-{uuid.uuid4().hex}"
    iam.create_user(UserName=name)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="caller", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def invoke(stack: Stack, rest: str) -> dict[str, Any]:
    """The permission to call a part of this stack's API."""
    api = stack.api_url.rsplit("/", 2)[1]
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api}/v1/{rest}"
    return {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}


@pytest.fixture(scope="module")
def caller(stack: Stack) -> Credentials:
    return user(stack, invoke(stack, "POST/predict"))


def written(stack: Stack) -> int:
    """Records that the stream holds."""
    kinesis, name = stack.client("kinesis"), stack.outputs["StreamName"]
    found = 0
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        at = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        while True:
            got = kinesis.get_records(ShardIterator=at["ShardIterator"], Limit=10_000)
            found += len(got["Records"])
            if not got["Records"]:
                break
            at = {"ShardIterator": got["NextShardIterator"]}
    return found


def test_a_signed_request_is_answered_and_written(stack: Stack, caller: Credentials, body: bytes) -> None:
    """So what is refused below is refused for what it changes."""
    before = written(stack)
    assert Request(credentials=caller, body=body).status(stack) == 200
    assert written(stack) == before + 1


def wrong_secret(request: Request) -> Request:
    assert request.credentials is not None
    return dataclasses.replace(request, credentials=Credentials(request.credentials.access_key, "x" * 40))


def unknown_key(request: Request) -> Request:
    return dataclasses.replace(request, credentials=Credentials("AKIA" + "Z" * 16, "x" * 40))


def tampered(request: Request) -> Request:
    return dataclasses.replace(request, sent=request.body.replace(b"}]}", b" }]}"))


CHANGES: dict[str, Callable[[Request], Request]] = {
    "unsigned": lambda request: dataclasses.replace(request, credentials=None),
    "wrong secret": wrong_secret,
    "unknown key": unknown_key,
    "tampered body": tampered,
    "region": lambda request: dataclasses.replace(request, region="eu-west-1"),
    "another way": lambda request: dataclasses.replace(request, path="/feedback"),
    "a key of the other mode": lambda request: dataclasses.replace(
        request, credentials=None, headers=(("x-api-key", "x" * 40),)
    ),
    "basic": lambda request: dataclasses.replace(
        request, credentials=None, headers=(("authorization", "Basic dGVzdDp0ZXN0"),)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_request_that_is_not_rightly_signed_is_refused(
    stack: Stack, caller: Credentials, body: bytes, change: str
) -> None:
    before = written(stack)
    request = CHANGES[change](Request(credentials=caller, body=body))
    assert request.status(stack) == 403
    assert written(stack) == before


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_request_of_another_time_is_refused(
    stack: Stack, caller: Credentials, body: bytes, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So one that was recorded cannot be sent again later."""
    before = written(stack)
    now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now.replace(tzinfo=None))
    assert Request(credentials=caller, body=body).status(stack) == 403
    assert written(stack) == before


@pytest.mark.parametrize(
    "rest", [None, "GET/predict", "POST/feedback"], ids=["nothing", "another method", "another path"]
)
def test_a_principal_without_the_permission_is_refused(stack: Stack, body: bytes, rest: str | None) -> None:
    before = written(stack)
    stranger = user(stack) if rest is None else user(stack, invoke(stack, rest))
    assert Request(credentials=stranger, body=body).status(stack) == 403
    assert written(stack) == before


# ---- another account ----


def account(stack: Stack, number: str) -> Callable[[str], Any]:
    session = boto3.Session(
        aws_access_key_id=number, aws_secret_access_key="x", region_name=stack.session.region_name
    )
    make: Any = session.client
    return lambda service: make(service, endpoint_url=stack.target.endpoint, verify=stack.target.ca_bundle)


def stream_arn(stack: Stack) -> str:
    return f"arn:aws:kinesis:us-east-1:000000000000:stream/{stack.outputs['StreamName']}"


EVENT = PredictionEvent(
    event_id=new_event_id(time.time_ns() // 1_000_000),
    event_time=time.time_ns() // 1_000_000,
    model_name="house-prices",
    model_version="absent",
    features={},
    prediction=1.0,
)
"""One that other tests can read on the stream, and the consumer puts into the quarantine."""

OUTSIDE: dict[str, Callable[[Callable[[str], Any], Stack], object]] = {
    "list the archive": lambda by, stack: by("s3").list_objects_v2(Bucket=stack.outputs["ArchiveBucketName"]),
    "write to the archive": lambda by, stack: by("s3").put_object(
        Bucket=stack.outputs["ArchiveBucketName"], Key="probe", Body=b""
    ),
    "list the bundles": lambda by, stack: by("s3").list_objects_v2(Bucket=stack.outputs["ModelsBucketName"]),
    "list failed batches": lambda by, stack: by("s3").list_objects_v2(
        Bucket=stack.outputs["FailedBatchesBucketName"]
    ),
    "send to the queue": lambda by, stack: by("sqs").send_message(
        QueueUrl=stack.outputs["FallbackQueueUrl"], MessageBody="probe"
    ),
    "receive from the queue": lambda by, stack: by("sqs").receive_message(
        QueueUrl=stack.outputs["FallbackQueueUrl"]
    ),
    "tell the topic": lambda by, stack: by("sns").publish(
        TopicArn=stack.outputs["AlarmTopicArn"], Message="probe"
    ),
    "subscribe to the topic": lambda by, stack: by("sns").subscribe(
        TopicArn=stack.outputs["AlarmTopicArn"],
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:111111111111:mine",
    ),
    "put a record": lambda by, stack: by("kinesis").put_record(
        StreamARN=stream_arn(stack), Data=EVENT.encode(), PartitionKey=EVENT.event_id
    ),
    "read the stream": lambda by, stack: by("kinesis").get_shard_iterator(
        StreamARN=stream_arn(stack), ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    ),
    "see the windows": lambda by, stack: by("dynamodb").scan(
        TableName=f"arn:aws:dynamodb:us-east-1:000000000000:table/{stack.outputs['WindowTableName']}", Limit=1
    ),
}


@pytest.mark.parametrize("attempt", OUTSIDE)
def test_another_account_gets_nothing(stack: Stack, attempt: str) -> None:
    """Its own root, who may do all in it, and with ARNs of ours; our own root does the same at once."""
    before = written(stack)
    with pytest.raises(ClientError) as refused:
        OUTSIDE[attempt](account(stack, OTHER_ACCOUNT), stack)
    code = refused.value.response["Error"]["Code"]
    assert code in {"AccessDenied", "AuthorizationError", "ResourceNotFoundException"}
    assert written(stack) == before
    OUTSIDE[attempt](stack.client, stack)
