"""Both ways back, on the deployed stack: what is redriven lies in the archive."""

from __future__ import annotations

import io
import json
import time
from base64 import b64encode
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from drift_core.event import PredictionEvent, new_event_id
from scripts import redrive
from scripts.bundles import LoadedBundle
from scripts.stack import Stack

pytestmark = pytest.mark.e2e

SECONDS = 60.0
SHARD = "shardId-000000000000"


@pytest.fixture
def event(bundle: Path) -> PredictionEvent:
    loaded = LoadedBundle.of_folder(bundle)
    now = time.time_ns() // 1_000_000
    return PredictionEvent(
        event_id=new_event_id(now),
        event_time=now,
        model_name=loaded.manifest.model_name,
        model_version=loaded.manifest.model_version,
        features=loaded.instances(loaded.sample.iloc[:1])[0],
        prediction=1.0,
        source="test",
    )


def run(stack: Stack, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr(Stack, "load", lambda config_env: stack)
    result = CliRunner().invoke(redrive.app, arguments)
    return " ".join(result.output.split())


def archived(stack: Stack, event_id: str) -> int:
    """Rows of an event, as soon as there are any."""
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = 0
        for item in s3.list_objects_v2(Bucket=bucket, Prefix="predictions/").get("Contents", []):
            content = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            found += pq.read_table(io.BytesIO(content))["event_id"].to_pylist().count(event_id)
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"event {event_id} was not archived within {SECONDS:.0f} s")


def test_an_event_of_the_fallback_queue_is_archived(
    stack: Stack, event: PredictionEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = stack.outputs["FallbackQueueUrl"]
    stack.client("sqs").purge_queue(QueueUrl=url)  # of what other tests sent
    stack.client("sqs").send_message(QueueUrl=url, MessageBody=event.encode().decode())
    assert "about 1 messages in the queue" in run(stack, monkeypatch, "queue", "--dry-run")
    printed = run(stack, monkeypatch, "queue")
    assert "1 messages received, 1 accepted by the stream, 1 deleted" in printed
    assert archived(stack, event.event_id) == 1
    assert "0 messages received" in run(stack, monkeypatch, "queue")


def test_a_record_of_a_failed_batch_is_archived(
    stack: Stack, event: PredictionEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local AWS puts no batch aside, so the test writes what Lambda would."""
    identifier = "11111111-2222-3333-4444-555555555555"
    key = f"aws/lambda/{identifier}/{SHARD}/2026/01/01/2026-01-01T12.05.00-{identifier}"
    sequence = "1"  # below all that the stream has given
    record = {
        "eventID": f"{SHARD}:{sequence}",
        "kinesis": {
            "data": b64encode(event.encode()).decode(),
            "partitionKey": event.event_id,
            "sequenceNumber": sequence,
            "approximateArrivalTimestamp": event.event_time / 1000,
        },
    }
    failed = {
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "KinesisBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": sequence,
            "endSequenceNumber": sequence,
            "batchSize": 1,
            "streamArn": f"arn:aws:kinesis:us-east-1:000000000000:stream/{stack.outputs['StreamName']}",
        },
        "payload": json.dumps({"Records": [record]}),
    }
    s3, bucket = stack.client("s3"), stack.outputs["FailedBatchesBucketName"]
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(failed).encode())

    assert f"{key}: 1 records = 0 counted before + 1 to put" in run(
        stack, monkeypatch, "batches", "--dry-run"
    )
    assert f"{key}: 1 records = 0 counted before + 1 put" in run(stack, monkeypatch, "batches")
    assert archived(stack, event.event_id) == 1
    left = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert key not in left
    assert f"redriven/{SHARD}/{sequence}-{sequence}.json" in left
