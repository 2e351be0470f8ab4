"""Consumer and evaluator through boto3: real requests, conditions, index and pages, as moto answers them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from drift_consumer import consume as consumer
from drift_consumer import evaluate as evaluator
from drift_consumer import ranges
from drift_consumer.progress import Progress
from drift_consumer.series import NO_COLUMNS, Series, WindowKey
from drift_consumer.window_store import StoredWindow
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span
from drift_core.window import WindowState
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    VERSION,
    bundle_objects,
    kinesis_event,
    kinesis_ranges,
    label,
    prediction,
)

MINUTE = 60_000
WINDOW = 5 * MINUTE
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "MODEL_NAME": MODEL,
    "MODELS_BUCKET": "models",
    "ARCHIVE_BUCKET": "archive",
    "WINDOW_TABLE": "windows",
    "METRICS_NAMESPACE": "Driftline",
}


@dataclass
class Stack:
    """The deployed parts, with a clock that a test sets."""

    s3: Any
    dynamodb: Any
    cloudwatch: Any
    now: int = NOON

    def consume(self, payloads: list[bytes], *, first: int, shard: int) -> None:
        to = replace(consumer.resources(), clock=lambda: self.now)
        batch = kinesis_event(payloads, first=first, shard=f"shardId-{shard:012d}", arrival=self.now)
        assert consumer.consume(batch, to) == {"batchItemFailures": []}

    def evaluate(self, now: int) -> dict[str, int]:
        self.now = now
        return evaluator.evaluate(replace(evaluator.resources(), clock=lambda: now))

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket="archive", Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket="archive", Key=key)["Body"].read()
        return content

    def rows(self, prefix: str) -> list[dict[str, Any]]:
        return [
            row for key in self.keys(prefix) for row in pq.read_table(io.BytesIO(self.read(key))).to_pylist()
        ]

    def verdict(self, name: str) -> dict[str, Any]:
        [key] = [key for key in self.keys("verdicts/") if key.endswith(f".{name}.json")]
        verdict: dict[str, Any] = json.loads(self.read(key))
        return verdict

    def pending(self) -> int:
        return int(self.dynamodb.scan(TableName="windows", IndexName="pending")["Count"])

    def metric(self, name: str) -> list[float]:
        found = self.cloudwatch.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "m",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "Driftline",
                            "MetricName": name,
                            "Dimensions": [{"Name": "ModelName", "Value": MODEL}],
                        },
                        "Period": 60,
                        "Stat": "Sum",
                    },
                }
            ],
            StartTime=NOON / 1000,
            EndTime=(self.now + MINUTE) / 1000,
            ScanBy="TimestampAscending",
        )
        values: list[float] = found["MetricDataResults"][0]["Values"]
        return values


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("WINDOW_SECONDS", "GRACE_SECONDS", "MIN_SAMPLES", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        consumer.resources.cache_clear()
        evaluator.resources.cache_clear()
        s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
        for bucket in ("models", "archive"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for key, content in bundle_objects(monitor=MonitorSettings(min_samples=50)).items():
            s3.put_object(Bucket="models", Key=key, Body=content)
        names: list[Any] = [
            {"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "pending", "unreconciled")
        ]
        dynamodb.create_table(
            TableName="windows",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=names,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "pending",
                    "KeySchema": [
                        {"AttributeName": "pending", "KeyType": "HASH"},
                        {"AttributeName": "sk", "KeyType": "RANGE"},
                    ],
                    "Projection": {
                        "ProjectionType": "INCLUDE",
                        "NonKeyAttributes": ["first_update", "last_update"],
                    },
                },
                {
                    "IndexName": "unreconciled",
                    "KeySchema": [
                        {"AttributeName": "unreconciled", "KeyType": "HASH"},
                        {"AttributeName": "sk", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                },
            ],
        )
        yield Stack(s3=s3, dynamodb=dynamodb, cloudwatch=boto3.client("cloudwatch"))
    consumer.resources.cache_clear()
    evaluator.resources.cache_clear()


def test_from_the_stream_to_the_verdict_and_its_revision(stack: Stack) -> None:
    for shard in range(3):
        for window in range(3):
            numbers = range(100 * window + shard, 100 * window + 60, 3)
            payloads = [prediction(i, NOON + window * WINDOW + i).encode() for i in numbers]
            extra = [b"not json", label(window, NOON).encode()] if shard == 0 else []
            stack.consume([*payloads, *extra], first=1000 * window, shard=shard)

    assert len(stack.rows("predictions/")) == 180
    assert len(stack.rows("labels/")) == 3
    assert len(stack.rows("quarantine/")) == 3
    assert stack.pending() == 9 + 1 + 1

    done = stack.evaluate(NOON + 3 * WINDOW + MINUTE)
    assert done == {"judged": 3, "label": 3, "quarantine": 3}
    assert stack.pending() == 0
    verdict = stack.verdict(f"window.{NOON}")
    assert verdict["n"] == 60
    assert verdict["model_version"] == VERSION
    assert verdict["shards"] == [f"shardId-{shard:012d}" for shard in range(3)]
    assert verdict["counts"] == {"archived": 60, "duplicates": 0, "quarantined": 3}
    assert stack.metric("WindowRecords") == [180]
    assert stack.metric("QuarantinedRecords") == [3]
    assert len(stack.metric("DriftScore")) == 1

    before = stack.keys("")
    assert stack.evaluate(NOON + 3 * WINDOW + 2 * MINUTE) == {}
    assert stack.keys("") == before

    stack.consume([prediction(9_000, NOON + 1).encode()], first=9_000, shard=1)
    assert stack.evaluate(NOON + 3 * WINDOW + 4 * MINUTE) == {"judged": 1}
    revised = stack.verdict(f"window.{NOON}")
    assert (revised["n"], revised["revision"], revised["late_records"]) == (61, 1, 1)
    assert stack.metric("LateRecords")[-1] == 1

    assert stack.evaluate(NOON + 60 * MINUTE + 2 * MINUTE) == {"hour": 1}
    assert stack.verdict(f"hour.{NOON}")["n"] == 181


def test_who_reads_the_same_cursor_second_moves_nothing(stack: Stack) -> None:
    """DynamoDB's own condition: neither the charts nor what was judged are of the one who lost."""
    payloads = [prediction(i, NOON + i).encode() for i in range(60)]
    stack.consume(payloads, first=0, shard=0)
    stack.evaluate(NOON + WINDOW + MINUTE)
    series = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
    resources = evaluator.resources()
    bundle = resources.baselines.get(MODEL, VERSION)
    start = Monitor(baseline=bundle.baseline, settings=bundle.manifest.monitor).start()
    read = resources.progress.read(series, start)
    judged = resources.progress.judged(series, Span.WINDOW, NOON)
    assert judged is not None
    assert judged.charted
    assert read.memory.charts.evidence.max() > 0
    behind = Progress(cursor=replace(read.cursor, last_window=None), memory=start)
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        resources.progress.advance(series, behind, replace(judged, n=1), stack.now)
    after = resources.progress.read(series, start)
    assert after.cursor == read.cursor
    assert after.memory.to_bytes() == read.memory.to_bytes()
    assert resources.progress.judged(series, Span.WINDOW, NOON) == judged


def test_a_batch_delivered_again_changes_nothing(stack: Stack) -> None:
    payloads = [prediction(i, NOON + i).encode() for i in range(60)]
    stack.consume(payloads, first=0, shard=0)
    stack.consume(payloads, first=0, shard=0)
    stack.consume(payloads[:30], first=0, shard=0)
    stack.consume([*payloads[30:], prediction(99).encode()], first=30, shard=0)
    assert len(stack.rows("predictions/")) == 61
    stack.evaluate(NOON + WINDOW + MINUTE)
    assert stack.verdict(f"window.{NOON}")["n"] == 61


def test_a_version_without_a_bundle_is_quarantined(stack: Stack) -> None:
    stack.consume([prediction(1, model_version="v9").encode()], first=0, shard=0)
    [row] = stack.rows("quarantine/")
    assert row["reason"].startswith("model_version is 'v9', but model 'house-prices' has no such bundle")


def test_a_window_of_ten_thousand_batches_fits_its_item(stack: Stack) -> None:
    """A list of texts, 114 bytes a batch, outgrew DynamoDB's 400 KB at 3,500."""
    series = Series(kind="label", model_name=MODEL, model_version="-", window_seconds=300)
    key = WindowKey(series=series, start=NOON, shard_id="shardId-000000000000")
    counted = kinesis_ranges(10_000)
    window = StoredWindow(
        key=key,
        state=WindowState.empty(NO_COLUMNS),
        last_sequence=int(counted[-1].partition("-")[2]),
        ranges=counted,
        first_update=NOON,
        last_update=NOON,
    )
    windows = consumer.resources().windows
    windows.put(window, replacing=None)
    assert windows.read(key, NO_COLUMNS) == window
    assert len(ranges.pack(counted)) < 80_000
