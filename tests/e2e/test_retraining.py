"""Retraining on the deployed stack, with the role of its build: from labels on the stream to the pointer.

The local AWS starts no build, so the tests run what the build runs, with the same role.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from drift_consumer.incident import Incidents, LatestQuality
from drift_consumer.series import Series
from drift_core.bundle import MANIFEST_FILE, Manifest
from drift_core.policy import RetrainingMode, RetrainingPolicy
from queries.athena import Athena
from queries.guard import guard_key
from scripts import retrain as retrain_script
from scripts import rollback, simulate
from scripts.deployment import activate, upload_bundle
from scripts.process import run
from scripts.stack import Stack
from tests.e2e.taken import clients_of, physical, role_with, twin
from training.challenger import Cause
from training.labelled import labelled
from training.retrain import Outcome, Request, retrain
from training.retrain import Result as Decision
from training.retrain_cli import services

pytestmark = pytest.mark.e2e

SECONDS = 120.0
ROWS = 1_500
"""Fewer than the champion's sample has: a row that came twice could be learnt by heart."""

CONCEPT, NORMAL = (datetime.now(UTC).replace(hour=12, minute=0) - timedelta(days=days) for days in (40, 20))
"""Noon of days that no other test has traffic on, further apart than a policy here looks back."""


DEGRADED = LatestQuality(degraded=True, since=1_767_268_800_000, score=2.5)


@dataclass
class World:
    stack: Stack
    folder: Path
    champion: Manifest

    def archived(self, scenario: str, day: datetime) -> None:
        """Labelled predictions of the champion, through the stream into the archive."""
        begin = f"{day:%Y-%m-%dT%H:%M:00}"
        named = ["--to", "stream", "--bundle", str(self.folder), "--windows", "30", "--rows", str(ROWS // 30)]
        named += ["--window-seconds", "60", "--start", begin, "--labels", "1"]
        named += ["--from-window", "0"] if scenario != "normal" else []
        sent = invoke(simulate.app, scenario, *named)
        assert sent.exit_code == 0, sent.output
        athena = Athena(
            client=self.stack.client("athena"),
            workgroup=self.stack.outputs["AthenaWorkgroupName"],
            database=self.stack.outputs["GlueDatabaseName"],
        )
        end, found = time.monotonic() + SECONDS, 0
        while found < ROWS and time.monotonic() < end:
            if all(self._keys(folder, day) for folder in ("predictions", "labels")):
                found = len(labelled(athena, self.champion, day.date(), day.date()))
            time.sleep(0.5)
        assert found == ROWS

    def _keys(self, folder: str, day: datetime) -> list[Any]:
        """Objects of a day: the local Athena does not know the features of a table without any file."""
        bucket, prefix = self.stack.outputs["ArchiveBucketName"], f"{folder}/dt={day:%Y-%m-%d}/"
        found: list[Any] = (
            self.stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        )
        return found

    def retrain(self, day: datetime, *, run: str, force: bool = False) -> Outcome:
        """As the build does, with its role."""
        since = round(day.replace(second=0, microsecond=0).timestamp() * 1000)
        client = clients_of(self.stack, twin(self.stack, "RetrainingRole"))
        to = services(client, retrain_script.names_of(self.stack), calibrate=None)
        cause = Cause(reason="quality", since=since)
        return retrain(to, Request(run=run, cause=cause, until=since + 3_600_000, force=force))

    def active(self) -> str:
        found = self.stack.client("ssm").get_parameter(Name=self.stack.outputs["ActiveBundleParameterName"])
        version: str = found["Parameter"]["Value"]
        return version


def invoke(app: Any, *options: str) -> Result:
    return CliRunner().invoke(app, options, env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = str(tmp_path_factory.mktemp("champion"))
    policy = ["--retraining", "automatic", "--retrain-min-labels", "1000", "--seed", "7"]
    return Path(
        run([sys.executable, "-m", "training", "--generate", "4000", "--no-calibrate", *policy, "--out", out])
    )


@pytest.fixture
def world(stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The stack serves a champion with a policy; afterwards what it served before."""
    monkeypatch.setattr(Stack, "load", lambda *_, **__: stack)
    parameter = stack.outputs["ActiveBundleParameterName"]
    served = stack.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    manifest = Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    activate(stack, upload_bundle(stack, folder))
    yield World(stack, folder, manifest)
    stack.client("ssm").put_parameter(Name=parameter, Value=served, Overwrite=True)
    table, key = stack.outputs["WindowTableName"], guard_key(manifest.model_name)
    stack.client("dynamodb").delete_item(TableName=table, Key=key)


def test_labels_that_contradict_the_model_replace_it_and_one_command_brings_it_back(world: World) -> None:
    old = world.champion.model_version
    world.archived("concept", CONCEPT)
    outcome = world.retrain(CONCEPT, run="build 1")
    assert outcome.result is Decision.PROMOTED
    assert world.active() == outcome.challenger
    assert outcome.trial.challenger_mae < 0.8 * outcome.trial.champion_mae

    assert invoke(rollback.app, "--yes").exit_code == 0
    assert world.active() == old

    world.archived("normal", NORMAL)  # nothing has changed there, so nothing can be better
    refused = world.retrain(NORMAL, run="build 2", force=True)
    assert refused.result is Decision.REFUSED
    assert world.active() == old

    again = invoke(retrain_script.app, "--reason", "impatience", "--no-calibrate")
    assert again.exit_code == 0, again.output
    assert "not now: the last run concluded at" in again.output
    assert "it may run again at" in again.output


def rights(stack: Stack, model: str) -> list[dict[str, Any]]:
    """What looking for incidents needs. The local AWS tells policies neither an event's source nor a table's
    leading keys, so its conditions hold there for all."""
    archive = f"arn:aws:s3:::{stack.outputs['ArchiveBucketName']}"
    table = f"arn:aws:dynamodb:us-east-1:000000000000:table/{stack.outputs['WindowTableName']}"
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    event = {"events:source": ["driftline"], "events:detail-type": ["RetrainingWanted"]}
    keys = {"dynamodb:LeadingKeys": [f"retraining#{model}"]}
    return [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{archive}/verdicts/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": archive},
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
            "Resource": table,
            "Condition": {"ForAllValues:StringEquals": keys},
        },
        {
            "Effect": "Allow",
            "Action": "events:PutEvents",
            "Resource": bus,
            "Condition": {"ForAllValues:StringEquals": event},
        },
    ]


@pytest.fixture
def heard(stack: Stack) -> Iterator[str]:
    """A queue that hears what the stack's rule hears."""
    events, sqs = stack.client("events"), stack.client("sqs")
    name = physical(stack, "RetrainingRule").rpartition("/")[2].rpartition("|")[2]
    pattern = events.describe_rule(Name=name)["EventPattern"]
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
    }
    policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name="heard", EventPattern=pattern)
    events.put_targets(Rule="heard", Targets=[{"Id": "heard", "Arn": arn}])
    yield queue
    events.remove_targets(Rule="heard", Ids=["heard"])
    events.delete_rule(Name="heard")
    sqs.delete_queue(QueueUrl=queue)


def test_an_incident_is_heard_once_by_the_rule(world: World, heard: str) -> None:
    """With a role that may do what looking for incidents needs, and nothing else."""
    stack, model = world.stack, world.champion.model_name
    needed = rights(stack, model)

    def looking(*statements: dict[str, Any]) -> Incidents:
        client = clients_of(stack, role_with(stack, "incidents", *statements))
        return Incidents(
            s3=client("s3"),
            dynamodb=client("dynamodb"),
            events=client("events"),
            archive=stack.outputs["ArchiveBucketName"],
            table=stack.outputs["WindowTableName"],
        )

    version = world.champion.model_version
    series = Series(kind="prediction", model_name=model, model_version=version, window_seconds=60)
    automatic = RetrainingPolicy(mode=RetrainingMode.AUTOMATIC, drift_hours=2)
    now = time.time_ns() // 1_000_000
    with pytest.raises(ClientError, match="AccessDenied"):
        looking(*needed[:-1]).look(series, automatic, DEGRADED, now)
    incidents = looking(*needed)
    assert incidents.look(series, automatic, None, now) is None  # no verdicts, and that is told from denied
    assert incidents.look(series, automatic, DEGRADED, now + 1) is not None  # it was wanted, and not told
    assert incidents.look(series, automatic, DEGRADED, now + 3_600_000) is None

    sqs = stack.client("sqs")
    bodies: list[dict[str, Any]] = []
    end = time.monotonic() + SECONDS
    while not bodies and time.monotonic() < end:
        got = sqs.receive_message(QueueUrl=heard, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        bodies += [json.loads(one["Body"]) for one in got.get("Messages", [])]
    (body,) = bodies
    assert body["detail"] == {
        "model": model,
        "version": world.champion.model_version,
        "reason": "quality",
        "since": "2026-01-01T12:00:00Z",
        "evidence": {"quality_score": 2.5},
    }
