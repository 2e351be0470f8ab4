"""A stack under traffic gets a later version and goes back: every event is archived and counted once.

The later version adds what docs/decisions/0009-later-versions-only-add.md lets it: to events a field, with
`schema_version` 2, and to window states a section. It is this version with handlers that wrap it.
"""

import io
import json
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from drift_core.baseline import Baseline
from drift_core.bundle import BASELINE_FILE, Manifest
from drift_core.event import PredictionEvent, new_event_id
from drift_core.window import WindowState
from scripts import local_template
from scripts.api import ApiClient
from scripts.bundles import LoadedBundle
from scripts.stack import Stack
from tests.e2e.test_deploy import eventually

pytestmark = pytest.mark.e2e

ROWS = 30
"""Events of another producer in each phase, all of one window."""

HEADER = 48
"""Bytes of a state before what is compressed."""

ADDED = b"a later section\n"

LATER = {
    "IngestFunction": b"""
import json
from drift_core import event
written = event._encode
def encode(one):
    return json.dumps({**json.loads(written(one)), "schema_version": 2, "region": "north"}).encode()
event._encode = encode
from ingest_lambda.app import lambda_handler
""",
    "ConsumerFunction": b"""
import zlib
from drift_core.window import WindowState
written = WindowState.to_bytes
def to_bytes(state):
    data = written(state)
    return data[:48] + zlib.compress(zlib.decompress(data[48:]) + b"a later section\\n")
WindowState.to_bytes = to_bytes
from drift_consumer.consume import lambda_handler
""",
}
"""Modules that make of a function its later version."""


class Traffic(threading.Thread):
    """A client that asks for predictions one after the other until it is told to stop."""

    def __init__(self, stack: Stack, instance: dict[str, Any]) -> None:
        super().__init__()
        self._api = ApiClient(stack)
        self._instance = instance
        self._stop_it = threading.Event()
        self.answered: list[str] = []
        self.failed: list[object] = []

    def run(self) -> None:
        """At most 20 requests a second."""
        while not self._stop_it.is_set():
            answer = self._api.call("POST", "/predict", {"instances": [self._instance]})
            if answer.status == 200:
                self.answered.append(answer.body["predictions"][0]["prediction_id"])
            else:
                self.failed.append(answer)
            self._stop_it.wait(0.05)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self._stop_it.set()
            self.join()


def update(stack: Stack, template: dict[str, Any]) -> None:
    """Update the stack to a template, with the parameters that it has."""
    cloudformation, name = stack.client("cloudformation"), stack.target.stack_name
    bucket, key = stack.outputs["FailedBatchesBucketName"], "template"
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
    given = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Parameters"]
    cloudformation.update_stack(
        StackName=name,
        TemplateURL=f"{stack.target.endpoint}/{bucket}/{key}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": p["ParameterKey"], "UsePreviousValue": True} for p in given],
    )

    def ended() -> bool:
        status: str = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        assert "ROLLBACK" not in status, status
        return status == "UPDATE_COMPLETE"

    eventually(ended, "the end of the update")
    stack.client("s3").delete_object(Bucket=bucket, Key=key)


def later(stack: Stack, template: dict[str, Any]) -> dict[str, Any]:
    """The template with the later version of ingest and consumer, whose packages lie beside the others."""
    changed: dict[str, Any] = json.loads(json.dumps(template))
    s3 = stack.client("s3")
    for function, module in LATER.items():
        properties = changed["Resources"][function]["Properties"]
        bucket, _, key = properties["CodeUri"].removeprefix("s3://").partition("/")
        package = io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr("later.py", module)
        s3.put_object(Bucket=bucket, Key=f"{key}.later", Body=package.getvalue())
        properties |= {"CodeUri": f"s3://{bucket}/{key}.later", "Handler": "later.lambda_handler"}
    return changed


def on_the_stream(stack: Stack) -> list[tuple[str, int]]:
    """Id and schema version of each event, in the order of the stream."""
    kinesis, name = stack.client("kinesis"), stack.outputs["StreamName"]
    found: list[tuple[str, int]] = []
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
    at = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    iterator = at["ShardIterator"]
    while True:
        got = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
        if not got["Records"]:
            return found
        iterator = got["NextShardIterator"]
        for record in got["Records"]:
            try:
                described = json.loads(record["Data"])
            except ValueError:
                continue  # another test's
            if isinstance(described, dict) and "event_id" in described and "schema_version" in described:
                found.append((described["event_id"], described["schema_version"]))


def archived(stack: Stack) -> list[str]:
    """Event ids of all predictions in the archive, as often as they are there."""
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="predictions/dt=")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    return [
        i for body in bodies for i in pq.read_table(io.BytesIO(body), columns=["event_id"])[0].to_pylist()
    ]


def state_bytes(stack: Stack, start: int) -> bytes | None:
    """The stored state of the window, of the only shard."""
    found = stack.client("dynamodb").scan(TableName=stack.outputs["WindowTableName"], ConsistentRead=True)
    states = [
        item["state"]["B"]
        for item in found["Items"]
        if item["pk"]["S"].startswith("prediction#") and item["sk"]["S"].startswith(f"{start:013d}#")
    ]
    assert len(states) <= 1
    return bytes(states[0]) if states else None


def test_a_later_version_comes_and_goes_under_traffic(stack: Stack, bundle: Path, tmp_path: Path) -> None:
    loaded = LoadedBundle.of_folder(bundle)
    layout = Baseline.from_json((bundle / BASELINE_FILE).read_bytes()).layout
    instances = [dict(one) for one in loaded.instances(loaded.sample.iloc[:ROWS])]
    start = (time.time_ns() // 1_000_000 - 3 * 86_400_000) // 60_000 * 60_000
    sent: list[str] = []

    def produce() -> None:
        """Another producer's events of the window, in today's version."""
        events = producer_events(loaded.manifest, instances, start + len(sent))
        sent.extend(event.event_id for event in events)
        stack.client("kinesis").put_records(
            StreamName=stack.outputs["StreamName"],
            Records=[{"Data": event.encode(), "PartitionKey": event.event_id} for event in events],
        )
        eventually(lambda: (counted() or (0, b""))[0] == len(sent), f"{len(sent)} rows of the window")

    def counted() -> tuple[int, bytes] | None:
        """Rows of the window, and what only a later version reads of its state."""
        data = state_bytes(stack, start)
        if data is None:
            return None
        state = WindowState.from_bytes(layout, data)
        own = zlib.decompress(state.to_bytes()[HEADER:])
        return state.n, zlib.decompress(data[HEADER:])[len(own) :]

    deployed = stack.client("cloudformation").get_template(
        StackName=stack.target.stack_name, TemplateStage="Original"
    )
    body = deployed["TemplateBody"]  # a text, or what boto3 made of JSON
    (tmp_path / "template.yaml").write_text(body if isinstance(body, str) else json.dumps(body))
    today = local_template.read(tmp_path / "template.yaml")
    traffic = Traffic(stack, instances[0])
    with traffic.flowing():
        produce()
        assert counted() == (ROWS, b"")
        update(stack, later(stack, today))
        produce()
        assert counted() == (2 * ROWS, ADDED)
        update(stack, today)
        produce()
        assert counted() == (3 * ROWS, b"")

    assert traffic.failed == []
    streamed = on_the_stream(stack)
    versions = [version for event_id, version in streamed if event_id in traffic.answered]
    assert [b for a, b in pairwise([0, *versions]) if a != b] == [1, 2, 1]
    ids = {*traffic.answered, *sent}
    assert len(ids) == len(traffic.answered) + 3 * ROWS
    eventually(lambda: ids <= set(archived(stack)), "all events in the archive")
    # What a producer sent twice, because an answer was late, may lie there twice.
    written, delivered = Counter(archived(stack)), Counter(event_id for event_id, _ in streamed)
    assert [event_id for event_id in ids if not 1 <= written[event_id] <= delivered[event_id]] == []


def producer_events(manifest: Manifest, instances: list[dict[str, Any]], at: int) -> list[PredictionEvent]:
    return [
        PredictionEvent(
            event_id=new_event_id(at + number),
            event_time=at + number,
            model_name=manifest.model_name,
            model_version=manifest.model_version,
            features=features,
            prediction=1.0,
            source="test",
        )
        for number, features in enumerate(instances)
    ]
