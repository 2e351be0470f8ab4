"""Buckets on moto's S3 with what the evaluator wrote of fourteen windows, of which the last four drift."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from drift_consumer.baselines import Baselines
from drift_core.monitor_settings import MonitorSettings
from report.documents import Documents
from report.facts import Facts
from report.gather import gather, newest_version
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, SEGMENTS, World, bundle_objects, healthy

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WINDOW = 5 * MINUTE


@cache
def written() -> dict[tuple[str, str], bytes]:
    """Objects by bucket and key; `size` is two standard deviations higher in the last four windows."""
    world = World(bundle_objects(monitor=MonitorSettings(min_samples=30), segments=SEGMENTS))
    for i in range(14):
        rows = healthy(60, NOON + i * WINDOW, first=1000 * i, shift=2.0 if i > 9 else 0.0)
        world.consume([event.encode() for event in rows])
        world.evaluate(NOON + (i + 1) * WINDOW + 2 * MINUTE)
    world.evaluate(NOON + 3 * HOUR)
    return {key: content for key, content in world.s3.objects.items() if not key[1].endswith(".parquet")}


class Buckets:
    """Buckets in moto, and how often an object was read."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3", region_name="eu-west-1")
        for name in ("archive", "models"):
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.reads: list[str] = []
        self.s3.meta.events.register(
            "before-parameter-build.s3.GetObject", lambda params, **_: self.reads.append(params["Key"])
        )

    def put(self, key: str, content: bytes | Mapping[str, Any], bucket: str = "archive") -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode() + b"\n"
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def gather(
        self, since: int = NOON, until: int = NOON + 2 * HOUR, *, version: str | None = None, **more: Any
    ) -> Facts:
        documents = Documents(s3=self.s3, bucket="archive")
        told = version or newest_version(documents, MODEL, since, until)
        bundle = Baselines(self.s3, "models").get(MODEL, told)
        settings = bundle.manifest.monitor
        return gather(documents, bundle.baseline, settings, since=since, until=until, now=NOON + DAY, **more)


@pytest.fixture
def buckets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        made = Buckets()
        for (bucket, key), content in written().items():
            made.put(key, content, bucket)
        yield made
