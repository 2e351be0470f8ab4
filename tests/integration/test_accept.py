"""A known shift from alarm to quiet: consumer, evaluator, archive and `scripts.accept`, on moto's AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import boto3
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from drift_core.bundle import (
    BASELINE_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    SAMPLE_FILE,
    FileEntry,
    Manifest,
    bundle_prefix,
)
from drift_core.event import Interval
from drift_core.monitor_settings import MonitorSettings
from scripts import accept
from scripts.bundles import LoadedBundle
from scripts.stack import Stack, Target
from tests.integration.test_consume_and_evaluate import MINUTE, WINDOW
from tests.integration.test_consume_and_evaluate import Stack as Watched
from tests.integration.test_consume_and_evaluate import stack as watched  # noqa: F401, a fixture
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    VERSION,
    bundle_objects,
    label,
    prediction,
)
from tests.unit.ingest_lambda.fixture_bundle import linear_model

PARAMETER = f"/driftline/{MODEL}/active-bundle"
ROWS = 60
WINDOWS = 25
END = NOON + WINDOWS * WINDOW


@dataclass
class Deployed:
    """What the scripts see, beside the functions."""

    functions: Watched
    stack: Stack
    out: Path

    def send(self, window: int, version: str = VERSION, *, first: int = 0) -> list[bytes]:
        """A window of traffic that drifted: larger houses, a tenth of them in an area of their own."""
        rng = np.random.default_rng(window)
        time = NOON + window * WINDOW
        payloads = [
            prediction(
                i,
                time + 1000 * (i - first),
                model_version=version,
                features={
                    "size": float(rng.normal(7, 1)),
                    "area": str(rng.choice(["centre", "coast", "hills", "moor"], p=[0.3, 0.3, 0.3, 0.1])),
                    "garden": bool(rng.random() < 0.5),
                },
                prediction=float(rng.normal(100, 10)),
                interval=Interval(lower=90.0, upper=90.0 + float(rng.gamma(50, 0.4)), coverage=0.9),
            ).encode()
            for i in range(first, first + ROWS)
        ]
        self.functions.now = time + 4 * MINUTE
        self.functions.consume(payloads, first=first + 1000 * (window + 1), shard=0)
        return payloads

    def active(self) -> str:
        found = self.stack.client("ssm").get_parameter(Name=PARAMETER)
        version: str = found["Parameter"]["Value"]
        return version

    def manifest(self, version: str) -> Manifest:
        key = bundle_prefix(MODEL, version) + MANIFEST_FILE
        return Manifest.from_json(self.functions.s3.get_object(Bucket="models", Key=key)["Body"].read())

    def bundles(self) -> set[str]:
        found = self.functions.s3.list_objects_v2(Bucket="models")["Contents"]
        return {entry["Key"].split("/")[2] for entry in found}

    def accept(self, *options: str, begin: int = NOON, end: int = END, answer: str | None = None) -> Result:
        times = [f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}" for ms in (begin, end)]
        named = ["--from", times[0], "--to", times[1], "--out", str(self.out)]
        return run(*named, "--why", "a new market", *options, answer=answer)


def run(*options: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(accept.app, options, input=answer, env={"COLUMNS": "200"})


@pytest.fixture
def deployed(
    watched: Watched,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deployed]:
    """The bundle of the traffic's fixture with a model, so that it can be served."""
    s3, prefix = watched.s3, bundle_prefix(MODEL, VERSION)
    model = linear_model()
    content = s3.get_object(Bucket="models", Key=prefix + MANIFEST_FILE)["Body"].read()
    manifest = Manifest.from_json(content)
    manifest = replace(manifest, files={**manifest.files, MODEL_FILE: FileEntry.of(model)})
    s3.put_object(Bucket="models", Key=prefix + MODEL_FILE, Body=model)
    s3.put_object(Bucket="models", Key=prefix + MANIFEST_FILE, Body=manifest.to_json().encode())
    stack = Stack(
        target=Target(
            config_env="dev",
            stack_name="driftline",
            environment={},
            session=boto3.Session(region_name="eu-west-1"),
        ),
        outputs={
            "ActiveBundleParameterName": PARAMETER,
            "ModelsBucketName": "models",
            "ArchiveBucketName": "archive",
            "WindowTableName": "windows",
        },
    )
    stack.client("ssm").put_parameter(Name=PARAMETER, Value=VERSION, Type="String")
    monkeypatch.setattr(Stack, "load", lambda *_, **__: stack)
    yield Deployed(functions=watched, stack=stack, out=tmp_path / "bundles")


def test_a_shift_alarms_until_it_is_accepted(deployed: Deployed) -> None:
    functions = deployed.functions
    for window in range(WINDOWS):
        payloads = deployed.send(window)
        functions.consume(payloads[:5], first=1000 * (window + 1) + 500, shard=0)  # sent twice by a producer
    functions.consume([label(0, NOON).encode()], first=900_000, shard=0)
    functions.evaluate(END + 2 * MINUTE)
    before = {key: functions.read(key) for key in functions.keys("verdicts/")}
    drifted = [json.loads(text) for text in before.values() if json.loads(text)["span"] == "window"]
    assert len(drifted) == WINDOWS
    assert all(verdict["drift"] for verdict in drifted)

    result = deployed.accept("--yes", "--no-calibrate")
    assert result.exit_code == 0, result.output
    assert f"{WINDOWS * ROWS:,} rows of {MODEL} {VERSION}" in result.output
    assert f"{WINDOWS * 5} copies of events were left out." in result.output
    version = deployed.active()
    assert version != VERSION
    assert f"Producers that write to the stream themselves must send model_version {version}" in result.output

    manifest = deployed.manifest(version)
    about = manifest.training["accepted"]
    assert (about["of"], about["why"], about["rows"]) == (VERSION, "a new market", WINDOWS * ROWS)
    assert about["by"] == boto3.client("sts").get_caller_identity()["Arn"]
    assert (about["from"], about["to"]) == ("2026-01-01T12:00:00Z", "2026-01-01T14:05:00Z")
    assert manifest.monitor == deployed.manifest(VERSION).monitor
    assert set(manifest.files) == {MODEL_FILE, BASELINE_FILE, SAMPLE_FILE}
    loaded = LoadedBundle.of_stack(deployed.stack)  # verifies each file
    assert loaded.sample[manifest.target].dropna().tolist() == [101.5]
    assert (deployed.out / MODEL / version / MANIFEST_FILE).is_file()

    for window in range(WINDOWS, 2 * WINDOWS):
        deployed.send(window, version)
    functions.evaluate(END + WINDOWS * WINDOW + 2 * MINUTE)
    after = {key: functions.read(key) for key in functions.keys("verdicts/")}
    assert before.items() <= after.items()
    told = [json.loads(text) for key, text in after.items() if key not in before]
    quiet = [
        verdict for verdict in told if verdict["model_version"] == version and verdict["span"] == "window"
    ]
    assert len(quiet) == WINDOWS
    assert not any(verdict["drift"] or verdict["gross_shift"] or verdict["calibrating"] for verdict in quiet)
    assert all(verdict["features"]["area"]["unseen_share"] < 0.3 for verdict in quiet)


def test_only_the_range_and_the_version_that_are_named_are_accepted(deployed: Deployed) -> None:
    s3, other = deployed.functions.s3, "20250101T000000Z-beta"
    for key, content in bundle_objects(version=other, monitor=MonitorSettings(min_samples=50)).items():
        s3.put_object(Bucket="models", Key=key, Body=content)
    for window in range(WINDOWS):
        deployed.send(window)
        deployed.send(window, other, first=500_000)
    [orphan, *_] = [key for key in deployed.functions.keys("predictions/") if VERSION in key]
    place, _, name = orphan.rpartition("-")
    s3.put_object(Bucket="archive", Key=f"{place}-9{name}", Body=deployed.functions.read(orphan))

    result = deployed.accept("--yes", "--no-calibrate", begin=NOON + 10_000, end=END - WINDOW + 10_000)
    assert result.exit_code == 0, result.output
    about = deployed.manifest(deployed.active()).training["accepted"]
    assert about["rows"] == (WINDOWS - 1) * ROWS  # ten too early in the first window, ten in time in the last
    assert f"{ROWS - 10} copies of events were left out." in result.output


def test_nothing_changes_without_consent(deployed: Deployed) -> None:
    for window in range(WINDOWS):
        deployed.send(window)
    result = deployed.accept(answer="n\n")
    assert result.exit_code == 1
    assert "accept this traffic as the baseline of house-prices? [y/N]" in result.output
    assert f"{WINDOWS} windows of this range are not judged yet; rows may still come." in result.output
    row = next(line for line in result.output.splitlines() if "size" in line)
    assert "+2.0" in row or "+1.9" in row
    row = next(line for line in result.output.splitlines() if "area" in line)
    assert "0.0% → 1" in row  # about a tenth is of an area that the model does not know
    assert (deployed.active(), deployed.bundles()) == (VERSION, {VERSION})
    assert not deployed.out.exists()


def test_the_version_before_is_served_again(deployed: Deployed) -> None:
    refused = run("--undo", "--yes")
    assert (refused.exit_code, deployed.active()) == (2, VERSION)
    assert f"{VERSION}, which is served, was trained and not accepted; nothing to undo" in refused.output

    for window in range(WINDOWS):
        deployed.send(window)
    assert deployed.accept("--yes", "--no-calibrate", "--by", "ada").exit_code == 0
    new = deployed.active()
    declined = run("--undo", answer="n\n")
    assert (declined.exit_code, deployed.active()) == (1, new)
    assert f"{new} was accepted by ada at 20" in declined.output
    assert run("--undo", "--yes").exit_code == 0
    assert deployed.active() == VERSION
    assert deployed.bundles() == {VERSION, new}


def test_traffic_of_a_version_that_is_not_served_can_be_accepted(deployed: Deployed) -> None:
    for window in range(WINDOWS):
        deployed.send(window)
    deployed.stack.client("ssm").put_parameter(Name=PARAMETER, Value="v9", Overwrite=True)
    result = deployed.accept("--yes", "--no-calibrate", "--model-version", VERSION)
    assert result.exit_code == 0, result.output
    assert f"v9 is served now; the new version has the model of {VERSION}." in result.output
    assert deployed.manifest(deployed.active()).training["accepted"]["of"] == VERSION


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--why", ""), "--why is empty; whoever reads it in a year wants to know"),
        (("--from", "2026-01-02"), f"no prediction of {MODEL} {VERSION} is archived in this range"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "--from does not lie before --to"),
        ((), f"{2 * ROWS} rows of {VERSION} are archived in this range; a baseline needs at least 1,000"),
        (
            ("--model-version", "v0"),
            f"s3://models/bundles/{MODEL}/v0/ has no manifest.json; upload the bundle",
        ),
    ],
)
def test_what_is_refused_changes_nothing(deployed: Deployed, options: tuple[str, ...], message: str) -> None:
    deployed.send(0)
    deployed.send(1)
    end = () if "--to" in options else ("--to", "2026-01-03")
    result = deployed.accept("--yes", *end, *options)
    assert result.exit_code == 2
    assert message in result.output
    assert (deployed.active(), deployed.bundles()) == (VERSION, {VERSION})


def test_a_range_must_be_named(deployed: Deployed) -> None:
    result = run("--why", "because")
    assert result.exit_code == 2
    assert "--from is missing; give the time from which traffic is accepted" in result.output
    assert deployed.active() == VERSION
