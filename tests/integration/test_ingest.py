"""The handler end to end on moto, with real clients: from a bundle in S3 to records in the stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from drift_core.event import LabelEvent, PredictionEvent, decode
from ingest_lambda import app
from ingest_lambda.resources import resources
from tests.unit.ingest_lambda.conftest import Context
from tests.unit.ingest_lambda.fixture_bundle import HOUSE, MODEL_NAME, fixture_bundle

PARAMETER = "/driftline/house-prices/active-bundle"
SHADOW = "/driftline/house-prices/shadow-bundle"


class World:
    """Real clients on moto's AWS."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        self.ssm = boto3.client("ssm")
        self.kinesis = boto3.client("kinesis")
        self.sqs = boto3.client("sqs")
        self.s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.kinesis.create_stream(StreamName="stream", ShardCount=2)
        self.queue_url = self.sqs.create_queue(QueueName="fallback")["QueueUrl"]
        self.activate("none")

    def upload(self, version: str, bias: float = 0.0) -> None:
        for key, content in fixture_bundle(version, bias=bias).objects().items():
            self.s3.put_object(Bucket="models", Key=key, Body=content)

    def activate(self, version: str) -> None:
        self.ssm.put_parameter(Name=PARAMETER, Value=version, Type="String", Overwrite=True)

    def records(self) -> list[bytes]:
        found = []
        for shard in self.kinesis.list_shards(StreamName="stream")["Shards"]:
            iterator = self.kinesis.get_shard_iterator(
                StreamName="stream", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            records = self.kinesis.get_records(ShardIterator=iterator)["Records"]
            assert records, f"no record in {shard['ShardId']}: the partition key does not spread"
            found += [record["Data"] for record in records]
        return found

    def queued(self) -> list[str]:
        found = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in found.get("Messages", [])]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "POWERTOOLS_METRICS_NAMESPACE": "Driftline",
        "MODEL_NAME": MODEL_NAME,
        "MODELS_BUCKET": "models",
        "ACTIVE_BUNDLE_PARAMETER": PARAMETER,
        "SHADOW_BUNDLE_PARAMETER": SHADOW,
        "STREAM_NAME": "stream",
        "CAPTURE_SECONDS": "2",
        "REFRESH_SECONDS": "0.001",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        built = World()
        monkeypatch.setenv("FALLBACK_QUEUE_URL", built.queue_url)
        resources.cache_clear()
        yield built
        resources.cache_clear()


def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """A request as API Gateway (REST, proxy integration, payload 1.0) hands it on."""
    event = {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "Host": "x.execute-api.eu-west-1.amazonaws.com",
        },
        "multiValueHeaders": {"Accept": ["*/*"], "Content-Type": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": method,
            "path": f"/prod{path}",
            "stage": "prod",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
    answer = app.lambda_handler(event, Context())  # type: ignore[arg-type]
    return answer["statusCode"], json.loads(answer["body"])


def test_predictions_and_labels_reach_the_stream_as_they_were_answered(world: World) -> None:
    world.upload("v1")
    world.activate("v1")
    instances = [{**HOUSE, "rooms": i} for i in range(500)]
    status, answer = call("POST", "/predict", {"instances": instances})
    assert status == 200
    label = {"prediction_id": answer["predictions"][7]["prediction_id"], "label": 170.0}
    assert call("POST", "/feedback", {"labels": [label]}) == (202, {"accepted": 1})

    events = {event.event_id: event for event in map(decode, world.records())}
    assert len(events) == 501
    for instance, prediction in zip(instances, answer["predictions"], strict=True):
        event = events.pop(prediction["prediction_id"])
        assert isinstance(event, PredictionEvent)
        assert event.interval is not None
        assert event.features == instance
        assert (event.prediction, event.confidence) == (prediction["value"], prediction["confidence"])
        assert prediction["interval"] == {
            "lower": event.interval.lower,
            "upper": event.interval.upper,
            "coverage": event.interval.coverage,
        }
        assert (event.model_name, event.model_version) == (answer["model_name"], answer["model_version"])
    (last,) = events.values()
    assert isinstance(last, LabelEvent)
    assert (last.prediction_id, last.label) == (label["prediction_id"], 170.0)
    assert world.queued() == []


def test_the_queue_has_what_an_absent_stream_did_not_take(world: World) -> None:
    world.upload("v1")
    world.activate("v1")
    world.kinesis.delete_stream(StreamName="stream")
    status, answer = call("POST", "/predict", {"instances": [HOUSE, HOUSE]})
    assert status == 200
    events = [decode(body.encode()) for body in world.queued()]
    assert {event.event_id for event in events} == {p["prediction_id"] for p in answer["predictions"]}


def test_activation_changes_what_is_served_and_a_bad_bundle_does_not(world: World) -> None:
    status, answer = call("GET", "/health")
    assert (status, answer["status"]) == (503, "unavailable")
    assert answer["message"].startswith("no bundle of house-prices is active; ")

    world.upload("v1")
    world.activate("v1")
    resources.cache_clear()  # without a bundle AWS is asked again after a second; a new sandbox asks at once
    assert call("GET", "/health") == (
        200,
        {"status": "ok", "model_name": "house-prices", "model_version": "v1"},
    )
    world.upload("v2", bias=1_000.0)
    world.activate("v2")
    assert call("POST", "/predict", {"instances": [HOUSE]})[1]["predictions"][0]["value"] == 1131.0

    world.upload("v3")
    world.s3.put_object(Bucket="models", Key="bundles/house-prices/v3/model.onnx", Body=b"changed")
    world.activate("v3")
    assert call("GET", "/model")[1]["model_version"] == "v2"
    world.ssm.delete_parameter(Name=PARAMETER)
    assert call("GET", "/model")[1]["model_version"] == "v2"


def test_a_missing_permission_or_bucket_is_told_without_private_names(world: World) -> None:
    world.activate("v9")
    status, answer = call("GET", "/health")
    assert status == 503
    assert answer["message"] == (
        "bundles/house-prices/v9/manifest.json cannot be read from the models bucket (NoSuchKey); "
        "upload the bundle again, or activate another version"
    )
