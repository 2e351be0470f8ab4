"""How fast recorded traffic goes into the stream: `scripts/replay`'s sender beside a put_record loop."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import boto3
import numpy as np
from botocore.awsrequest import AWSResponse

from benchmarks.speed.machine import described
from benchmarks.speed.report import Figure, Part
from benchmarks.speed.traffic import Model
from benchmarks.speed.turns import in_turns, ratio
from drift_core.event import decode
from scripts.kinesis_writer import KinesisWriter
from scripts.local_aws import LocalAws
from scripts.pace import Pace
from scripts.recorded import entries
from scripts.recorded_table import TableReader
from scripts.sending import Progress, Sender
from scripts.sources import Source
from scripts.stack import LOCAL, Target

STREAM, SHARDS = "speed", 4
RECORDS, LOOP_RECORDS, REPETITIONS = 20_000, 1_000, 5

TEXT = """
A recording as JSON lines goes into a stream: each line is read, checked and moved to its time, records are
gathered into calls of up to 500, and refused ones would be sent again. Beside it, a loop of `put_record` over
the same lines, which are read and checked too. "Stub" is a real client of Kinesis whose answers come from
memory: signing and serialising count. "Local AWS" is the emulator of this project on the loopback, with IAM
and TLS; it says more about the emulator than about Kinesis, whose shard takes 1,000 records a second.
""".strip()


def measure(*, short: bool = False) -> Part:
    """Records a second, of both, to both."""
    records, loop, repetitions = (200, 20, 1) if short else (RECORDS, LOOP_RECORDS, REPETITIONS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = folder / "recording.jsonl"
        payloads = Model(numbers=6).events(np.random.default_rng(4), records)
        recording.write_bytes(b"\n".join(payloads) + b"\n")
        figures = _figures("stub", stub(), recording, loop, repetitions)
        if not short:  # the end-to-end tests send to it
            with local(folder) as client:
                figures += _figures("local AWS", client, recording, loop, repetitions)
    return Part(
        name="replay",
        title="Replay: recorded traffic into the stream",
        text=TEXT,
        figures=figures,
        machine=described(("boto3",)),
    )


def _figures(name: str, client: Any, recording: Path, loop: int, repetitions: int) -> list[Figure]:
    taken = in_turns(
        {
            "replay": lambda: _seconds_a_record(lambda: replayed(client, recording)),
            "loop": lambda: _seconds_a_record(lambda: looped(client, recording, loop)),
        },
        repetitions,
    )
    return [
        Figure(
            name=f"to the {name}",
            value=1 / median(taken["replay"]),
            unit="records/s",
            beside="a loop of put_record",
            other=1 / median(taken["loop"]),
            ratio=ratio(taken["loop"], taken["replay"]),
        )
    ]


def _seconds_a_record(send: Callable[[], int]) -> float:
    started = time.perf_counter()
    sent = send()
    return (time.perf_counter() - started) / sent


def replayed(client: Any, recording: Path) -> int:
    """Send a recording as `scripts.replay` does; how many records the stream accepted.

    Raises
    ------
    RuntimeError
        If a row was bad.
    """
    source = Source.of(str(recording), lambda: None)
    counts = Sender(
        writer=KinesisWriter(client=client, stream=STREAM),
        pace=Pace(rate=None, speed=None),
        progress=Progress(recording=source.digest, stream=STREAM),
        progress_file=recording.with_suffix(".progress"),
    ).send(entries(source, TableReader()))
    if counts.bad:
        raise RuntimeError(f"{counts.bad} rows of {recording} are bad")
    return counts.accepted


def looped(client: Any, recording: Path, records: int) -> int:
    """Send the first records one by one; how many."""
    with recording.open("rb") as lines:
        for sent, line in enumerate(lines):
            if sent == records:
                return sent
            event = decode(line)
            client.put_record(StreamName=STREAM, Data=event.encode(), PartitionKey=event.event_id)
        return records


def stub() -> Any:
    """A client of Kinesis that answers from memory."""
    client: Any = boto3.client(
        "kinesis", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )

    def answer(request: Any, **_: Any) -> Any:
        one = {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
        sent = json.loads(request.body).get("Records")
        content = one if sent is None else {"FailedRecordCount": 0, "Records": [one] * len(sent)}
        raw: Any = SimpleNamespace(stream=lambda **_: iter([json.dumps(content).encode()]))
        headers: Any = {"content-type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, 200, headers, raw)

    client.meta.events.register("before-send.kinesis", answer)
    return client


@contextmanager
def local(folder: Path) -> Iterator[Any]:
    """A client of a local AWS with a stream, which ends with the block."""
    aws = LocalAws(folder / "aws")
    aws.start(port=0)
    try:
        client = Target.load(LOCAL, state=aws.state).client("kinesis")
        client.create_stream(StreamName=STREAM, ShardCount=SHARDS)
        client.get_waiter("stream_exists").wait(StreamName=STREAM)
        yield client
    finally:
        aws.stop()
