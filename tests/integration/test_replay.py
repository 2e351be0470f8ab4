"""Replay end to end on moto: what lies in the stream afterwards, and what the command says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from drift_core.event import Event, LabelEvent, PredictionEvent, decode
from scripts.bundles import LoadedBundle
from scripts.record import write
from scripts.replay import app
from scripts.stack import Stack, Target
from scripts.traffic import Plan, drawn, labels, predictions
from tests.unit.scripts.conftest import bundle_files

OUTPUTS = {
    "StreamName": "stream",
    "ModelsBucketName": "models",
    "ActiveBundleParameterName": "/driftline/house-prices/active-bundle",
}
PLAN = Plan(start_ms=1_767_225_600_000, windows=3, rows=400, window_seconds=60, seed=1)

WRONG_TYPE = '{"recording": "a", "stream": "stream", "shift_ms": null, "piece": "0", "row": 0}'


class World:
    """A stack on moto, and the recording of three windows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        session = boto3.Session(region_name="eu-west-1")
        self.stack = Stack(
            target=Target(config_env="test", stack_name="s", environment={}, session=session), outputs=OUTPUTS
        )
        self.kinesis = session.client("kinesis")
        self.kinesis.create_stream(StreamName="stream", ShardCount=2)
        self.s3 = session.client("s3")
        for bucket in ("models", "archive"):
            self.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
            )
        self.bundle = LoadedBundle.load(bundle_files().__getitem__)
        self.events = list(predictions(self.bundle, drawn(self.bundle, PLAN), seed=1, source="test"))

    def record(self, name: str, *, labelled: bool = False) -> Path:
        path = self.folder / name
        known = (
            labels(self.events, [5.0] * len(self.events), delay_ms=0, share=1.0, seed=0) if labelled else []
        )
        write(path, [*self.events, *known], self.bundle.manifest.schema)
        return path

    def activate(self) -> None:
        for name, content in bundle_files().items():
            self.s3.put_object(Bucket="models", Key=f"bundles/house-prices/v1/{name}", Body=content)
        self.stack.client("ssm").put_parameter(
            Name=OUTPUTS["ActiveBundleParameterName"], Value="v1", Type="String"
        )

    def payloads(self) -> list[bytes]:
        found = []
        for shard in self.kinesis.list_shards(StreamName="stream")["Shards"]:
            iterator = self.kinesis.get_shard_iterator(
                StreamName="stream", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while records := (page := self.kinesis.get_records(ShardIterator=iterator))["Records"]:
                found += [record["Data"] for record in records]
                iterator = page["NextShardIterator"]
        return found

    def taken(self) -> list[Event]:
        return [decode(payload) for payload in self.payloads()]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        made = World(tmp_path)
        monkeypatch.setattr(Stack, "load", lambda config_env: made.stack)
        yield made


def replay(world: World, recording: object, *options: object) -> Result:
    progress = ("--progress", world.folder / "progress.json")
    return CliRunner().invoke(app, [str(option) for option in (recording, *progress, *options)])


def said(result: Result) -> str:
    return " ".join(result.output.split())


def ids(events: list[Event]) -> list[str]:
    return sorted(event.event_id for event in events)


@pytest.mark.parametrize("name", ["traffic.jsonl", "traffic.parquet"])
def test_a_recording_arrives_whole(world: World, name: str) -> None:
    result = replay(world, world.record(name))
    assert result.exit_code == 0, result.output
    assert "1,200 rows read, 0 bad; 1,200 records sent = 1,200 accepted, 0 sent again" in said(result)
    taken = world.taken()
    assert ids(taken) == ids(list(world.events))
    assert sorted(event.event_time for event in taken) == [event.event_time for event in world.events]


def test_labels_arrive_with_their_predictions(world: World) -> None:
    result = replay(world, world.record("traffic.parquet", labelled=True))
    assert "1,200 rows read, 0 bad; 2,400 records sent = 2,400 accepted" in said(result)
    taken = world.taken()
    told = {event.event_id for event in taken if isinstance(event, PredictionEvent)}
    assert {event.prediction_id for event in taken if isinstance(event, LabelEvent)} == told


def test_rebased_the_first_record_lies_at_the_given_time(world: World) -> None:
    recording = world.record("traffic.jsonl")
    assert replay(world, recording, "--rebase-to", "2026-03-01T00:00:00Z").exit_code == 0
    times = sorted(event.event_time for event in world.taken())
    original = [event.event_time for event in world.events]
    assert times[0] == 1_772_323_200_000
    assert [time - times[0] for time in times] == [time - original[0] for time in original]


def test_sent_twice_the_ids_are_the_same_and_rebased_they_are_not(world: World) -> None:
    recording = world.record("traffic.jsonl")
    for options in ((), (), ("--rebase-to", "2026-03-01")):
        assert replay(world, recording, *options).exit_code == 0
    found = ids(world.taken())
    assert len(found) == 3_600
    assert len(set(found)) == 2_400


def test_the_archive_is_replayed_in_the_order_of_its_windows(world: World) -> None:
    content = world.record("traffic.parquet").read_bytes()
    for key in ("predictions/dt=2026-01-01/hour=00/a.parquet", "predictions/dt=2026-01-01/hour=01/b.parquet"):
        world.s3.put_object(Bucket="archive", Key=key, Body=content)
    world.s3.put_object(Bucket="archive", Key="labels/dt=2026-01-01/hour=00/x.parquet", Body=b"never read")
    result = replay(world, "s3://archive/predictions/")
    assert "2,400 rows read, 0 bad" in said(result)
    assert len(set(ids(world.taken()))) == 1_200


def rows_csv(world: World, *extra: str) -> Path:
    path = world.folder / "rows.csv"
    lines = ["area,rooms,garden", *["coast,3,true"] * 3, *extra]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_without_predictions_is_answered_by_the_active_bundle(world: World) -> None:
    world.activate()
    placed = ("--window-rows", 30, "--rebase-to", "2026-03-01")
    result = replay(world, rows_csv(world), "--bundle", "active", *placed)
    assert result.exit_code == 0, result.output
    taken = sorted(world.taken(), key=lambda event: event.event_time)
    assert [event.event_time - 1_772_323_200_000 for event in taken] == [0, 10_000, 20_000]
    assert all(isinstance(event, PredictionEvent) and event.prediction == 131 for event in taken)


def test_bad_rows_are_named_and_left_out(world: World) -> None:
    world.activate()
    options = ("--bundle", "active", "--interval", 1, "--rebase-to", "2026-03-01")
    path = rows_csv(world, "coast,lots,true", "coast,4,maybe")
    result = replay(world, path, *options)
    assert result.exit_code == 3
    assert "rows.csv row 4: rooms is 'lots'; give a number, or leave it empty for a missing value" in said(
        result
    )
    assert "rows.csv row 5: garden is 'maybe'; give true or false" in said(result)
    assert "5 rows read, 2 bad; 3 records sent = 3 accepted" in said(result)
    assert len(world.payloads()) == 3


def test_bad_rows_are_sent_if_asked(world: World) -> None:
    path = world.folder / "bad.jsonl"
    path.write_bytes(world.events[0].encode() + b"\n{\n" + b'{"schema_version": 1}\n\n')
    result = replay(world, path, "--keep-bad")
    assert result.exit_code == 0, result.output
    assert "bad.jsonl row 2: not JSON" in said(result)
    assert sorted(world.payloads()) == sorted([world.events[0].encode(), b"{", b'{"schema_version": 1}'])


class Breaking:
    """A client whose stream is gone at the second call."""

    def __init__(self, kinesis: Any) -> None:
        self.kinesis = kinesis
        self.calls = 0

    def put_records(self, **call: Any) -> Any:
        self.calls += 1
        if self.calls == 2:
            self.kinesis.delete_stream(StreamName="stream")
        return self.kinesis.put_records(**call)


def test_a_stream_that_takes_no_more_ends_the_run_and_resume_sends_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = world.record("traffic.jsonl")
    with monkeypatch.context() as patch:
        patch.setattr(Target, "client", lambda self, service: Breaking(world.kinesis))
        result = replay(world, recording)
    assert result.exit_code == 1
    assert "1,000 records sent = 500 accepted" in said(result)
    assert "stream stream did not take 500 of 500 records (ResourceNotFoundException)" in said(result)
    assert json.loads((world.folder / "progress.json").read_text())["row"] == 500

    world.kinesis.create_stream(StreamName="stream", ShardCount=1)
    result = replay(world, recording, "--resume")
    assert result.exit_code == 0, result.output
    assert "700 rows read, 0 bad; 700 records sent = 700 accepted" in said(result)
    assert ids(world.taken()) == ids(list(world.events[500:]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["gone.csv"], "gone.csv does not exist; check the path"),
        (["rows.csv"], "has no column 'event_time'; give --time-column, or place its rows in time"),
        (["rows.csv", "--interval", "1"], "rows without a time need --rebase-to, the time of the first"),
        (
            ["rows.csv", "--window-rows", "9", "--rebase-to", "now"],
            "--window-rows needs --window-seconds, or a",
        ),
        (["rows.csv", "--rebase-to", "noon"], "'noon' is no time; give 2026-01-31T12:00:00Z, now or now-2h"),
        (["rows.csv", "--resume"], "nothing was sent yet: leave --resume away"),
        (["rows.csv", "--rate", "0"], "--rate is 0.0; give a number above 0"),
        (["rows.csv", "--rate", "nan"], "--rate is nan; give a number above 0"),
        (["rows.csv", "--speed", "inf"], "--speed is inf; give a number above 0"),
        (
            ["rows.csv", "--interval", "nan", "--rebase-to", "now"],
            "--interval is nan; give a number of seconds",
        ),
        (
            ["rows.csv", "--interval", "-1", "--rebase-to", "now"],
            "--interval is -1.0; give a number of seconds",
        ),
        (["rows.csv", "--window-rows", "9", "--window-seconds", "7"], "--window-seconds is 7; give one that"),
        (["rows.csv", "--rebase-to", "1970-01-01"], "'1970-01-01' lies before 2000-01-01, where Athena"),
        (["s3://archive/none/"], "nothing to replay in s3://archive/none/"),
    ],
)
def test_a_wrong_option_is_explained(world: World, options: list[str], message: str) -> None:
    rows_csv(world)
    recording = options[0] if options[0].startswith("s3:") else world.folder / options[0]
    result = replay(world, recording, *options[1:])
    assert result.exit_code == 2
    assert message in said(result)


def test_progress_of_another_recording_is_refused(world: World) -> None:
    assert replay(world, world.record("traffic.jsonl")).exit_code == 0
    result = replay(world, world.record("other.jsonl", labelled=True), "--resume")
    assert result.exit_code == 2
    assert "is of another recording or stream; leave --resume away" in said(result)


@pytest.mark.parametrize("content", ["", '{"recording": "a', '{"colour": 1}', "[]", "7", WRONG_TYPE])
def test_a_progress_file_that_is_none_is_refused(world: World, content: str) -> None:
    file = world.folder / "broken.json"
    file.write_text(content)
    result = replay(world, world.record("traffic.jsonl"), "--resume", "--progress", file)
    assert result.exit_code == 2
    assert f"{file} is no progress file; leave --resume away or correct --progress" in said(result)


def test_what_athena_would_not_find_is_not_sent(world: World) -> None:
    old = world.record("old.jsonl")
    line = old.read_text().splitlines()[0]
    event_time = json.loads(line)["event_time"]
    old.write_text(line.replace(f'"event_time":{event_time}', '"event_time":946684799999') + "\n")
    result = replay(world, old)
    assert result.exit_code == 3
    told = "event_time 946684799999 lies before 2000-01-01, where Athena does not look; give --rebase-to"
    assert told in said(result)
    assert world.taken() == []
    assert replay(world, old, "--rebase-to", "now").exit_code == 0
    assert len(world.taken()) == 1


def test_an_aws_that_does_not_answer_is_no_traceback(world: World) -> None:
    options = (
        "--bundle",
        "active",
        "--interval",
        1,
        "--rebase-to",
        "now",
    )  # nothing was activated: no parameter
    result = replay(world, rows_csv(world), *options)
    assert result.exit_code == 1
    assert "ParameterNotFound" in said(result)
