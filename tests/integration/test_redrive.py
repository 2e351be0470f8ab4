"""The commands on moto: what they print, how they end, and what they leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner, Result

from drift_consumer.settings import ConsumerSettings
from drift_core.event import Event
from scripts import redrive
from scripts.stack import Stack, StackError, Target
from tests.unit.drift_consumer.fixture_traffic import MODEL, bundle_objects, label, prediction
from tests.unit.scripts.fixture_failed_batch import KEY, TWIN, described, event_of

EVENTS: list[Event] = [prediction(0), label(1), prediction(2)]


class World:
    """A stack on moto."""

    def __init__(self) -> None:
        session = boto3.Session(region_name="eu-west-1")
        self.kinesis, self.s3, self.sqs = (
            session.client("kinesis"),
            session.client("s3"),
            session.client("sqs"),
        )
        self.kinesis.create_stream(StreamName="stream", ShardCount=1)
        self.url = self.sqs.create_queue(QueueName="fallback")["QueueUrl"]
        for bucket in ("models", "failed"):
            self.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
            )
        for key, content in bundle_objects().items():
            self.s3.put_object(Bucket="models", Key=key, Body=content)
        session.client("dynamodb").create_table(
            TableName="windows",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        self.stack = Stack(
            target=Target(config_env="test", stack_name="s", environment={}, session=session),
            outputs={
                "StreamName": "stream",
                "FallbackQueueUrl": self.url,
                "FailedBatchesBucketName": "failed",
            },
        )

    def put_aside(self, key: str = KEY) -> None:
        failed = described(event_of([event.encode() for event in EVENTS], 0))
        self.s3.put_object(Bucket="failed", Key=key, Body=json.dumps(failed).encode())

    def objects(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket="failed").get("Contents", [])]

    def waiting(self) -> int:
        found = self.sqs.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    def taken(self) -> list[bytes]:
        iterator = self.kinesis.get_shard_iterator(
            StreamName="stream", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return [record["Data"] for record in self.kinesis.get_records(ShardIterator=iterator)["Records"]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    settings = ConsumerSettings(
        model_name=MODEL,
        models_bucket="models",
        archive_bucket="archive",
        window_table="windows",
        window_seconds=None,
    )
    monkeypatch.setattr(redrive, "consumer_settings", lambda stack: settings)
    monkeypatch.setattr("scripts.batch_redrive.KNOWN_SECONDS", 10**9)  # the batch is of a fixed day
    with mock_aws():
        made = World()
        monkeypatch.setattr(Stack, "load", lambda config_env: made.stack)
        yield made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(redrive.app, arguments)


def said(result: Result) -> str:
    return " ".join(result.output.split())


def test_the_queue_goes_to_the_stream(world: World) -> None:
    for event in EVENTS:
        world.sqs.send_message(QueueUrl=world.url, MessageBody=event.encode().decode())
    result = run("queue", "--dry-run")
    assert (result.exit_code, said(result)) == (0, "about 3 messages in the queue; nothing was changed")
    assert (world.waiting(), world.taken()) == (3, [])

    result = run("queue")
    assert result.exit_code == 0, result.output
    assert "3 messages received, 3 accepted by the stream, 3 deleted" in said(result)
    assert sorted(world.taken()) == sorted(event.encode() for event in EVENTS)
    assert world.waiting() == 0
    assert "coast" not in result.output


def test_a_stream_that_is_gone_leaves_the_queue_as_it_was(world: World) -> None:
    world.sqs.send_message(QueueUrl=world.url, MessageBody=EVENTS[0].encode().decode())
    world.kinesis.delete_stream(StreamName="stream")
    result = run("queue")
    assert result.exit_code == 1
    assert "1 messages received, 0 accepted by the stream, 0 deleted" in said(result)
    assert "(ResourceNotFoundException) in 1 attempts; run it again for the rest" in said(result)
    assert world.waiting() == 1


def test_a_message_that_no_record_can_hold_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.queue_redrive.MAX_RECORD_BYTES", 10)
    world.sqs.send_message(QueueUrl=world.url, MessageBody=EVENTS[0].encode().decode())
    result = run("queue")
    assert result.exit_code == 1
    assert "1 messages are larger than a stream record may be; they are left" in said(result)


def test_failed_batches_go_to_the_stream(world: World) -> None:
    world.put_aside()
    result = run("batches", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "1 failed batches: 3 records = 0 counted before + 3 to put" in said(result)
    assert (world.objects(), world.taken()) == ([KEY], [])

    world.put_aside(TWIN)
    result = run("batches")
    assert result.exit_code == 0, result.output
    assert f"{KEY}: 3 records = 0 counted before + 3 put" in said(result)
    assert f"{TWIN}: 3 records = 0 counted before + 3 put by an earlier run + 0 put" in said(result)
    assert world.taken() == [event.encode() for event in EVENTS]
    assert [key.partition("/")[0] for key in world.objects()] == ["redriven"]
    assert "coast" not in result.output

    result = run("batches")
    assert (result.exit_code, said(result)[-36:]) == (0, "0 records = 0 counted before + 0 put")


def test_other_objects_are_named_and_do_not_stop_the_rest(world: World) -> None:
    world.s3.put_object(Bucket="failed", Key="a-template", Body=b"coast")
    world.put_aside()
    result = run("batches")
    assert result.exit_code == 3
    assert "s3://failed/a-template is left: its key is not one that Lambda gives to a failed batch" in said(
        result
    )
    assert "1 failed batches: 3 records = 0 counted before + 3 put" in said(result)
    assert "a-template" in world.objects()
    assert "coast" not in result.output


def test_a_stream_that_is_gone_leaves_the_batches(world: World) -> None:
    world.put_aside()
    world.kinesis.delete_stream(StreamName="stream")
    result = run("batches")
    assert result.exit_code == 1
    assert "0 failed batches" in said(result)
    assert "did not take 3 of 3 records (ResourceNotFoundException)" in said(result)
    assert KEY in world.objects()


@pytest.mark.parametrize("command", ["queue", "batches"])
def test_without_a_stack_a_command_says_what_to_run(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def absent(config_env: str) -> Any:
        raise StackError(f"stack of {config_env} is not deployed")

    monkeypatch.setattr(Stack, "load", absent)
    result = run(command, "--config-env", "dev")
    assert (result.exit_code, said(result)) == (2, "stack of dev is not deployed")


def test_a_refusal_of_aws_is_no_traceback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(stack: Stack) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStackResource")

    monkeypatch.setattr(redrive, "consumer_settings", refused)
    result = run("batches")
    assert result.exit_code == 1
    assert "AccessDenied" in said(result)
    assert isinstance(result.exception, SystemExit)


def test_without_a_command_both_are_listed() -> None:
    result = run()
    assert "queue" in result.output
    assert "batches" in result.output
