"""`scripts.shadow` on moto's AWS: only a challenger that can be scored and judged is ever set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, MODEL_FILE, FileEntry, Manifest, bundle_prefix
from drift_core.schema import FeatureSchema
from scripts import shadow
from scripts.stack import Stack, Target
from tests.unit.drift_consumer.fixture_traffic import MODEL, SCHEMA, VERSION, bundle_objects
from tests.unit.ingest_lambda.fixture_bundle import linear_model

CHALLENGER = "20260202T000000Z-0123abcd"
ACTIVE, SHADOW = (f"/driftline/{MODEL}/{name}-bundle" for name in ("active", "shadow"))


@dataclass
class World:
    s3: Any
    ssm: Any

    def upload(self, version: str, schema: FeatureSchema = SCHEMA, **changes: Any) -> None:
        """A bundle of the traffic's fixture with a model."""
        found = bundle_objects(version, schema)
        prefix = bundle_prefix(MODEL, version)
        manifest = Manifest.from_json(found[prefix + MANIFEST_FILE])
        model = linear_model(width=len(schema.features))
        files = {**manifest.files, MODEL_FILE: FileEntry.of(model)}
        manifest = replace(manifest, files=files, **changes)
        content = {
            **found,
            prefix + MODEL_FILE: model,
            prefix + MANIFEST_FILE: manifest.to_json().encode(),
        }
        for key, body in content.items():
            self.s3.put_object(Bucket="models", Key=key, Body=body)

    def plan(self) -> str:
        value: str = self.ssm.get_parameter(Name=SHADOW)["Parameter"]["Value"]
        return value


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        session = boto3.Session(region_name="eu-west-1")
        built = World(session.client("s3"), session.client("ssm"))
        built.s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        built.ssm.put_parameter(Name=ACTIVE, Value=VERSION, Type="String")
        built.ssm.put_parameter(Name=SHADOW, Value="none", Type="String")
        built.upload(VERSION)
        built.upload(CHALLENGER)
        stack = Stack(
            target=Target(config_env="dev", stack_name="driftline", environment={}, session=session),
            outputs={
                "ActiveBundleParameterName": ACTIVE,
                "ShadowBundleParameterName": SHADOW,
                "ModelsBucketName": "models",
            },
        )
        monkeypatch.setattr(Stack, "load", lambda *_, **__: stack)
        yield built


def run(*options: str) -> Result:
    return CliRunner().invoke(shadow.app, options, env={"COLUMNS": "200"})


def test_a_challenger_is_set_shown_and_ended(world: World) -> None:
    assert run().output == "nothing is scored in shadow\n"
    result = run(CHALLENGER, "--share", "0.25")
    assert (result.exit_code, world.plan()) == (0, f"{CHALLENGER} 0.25")
    assert f"{CHALLENGER} is scored on 0.25 of the requests beside {VERSION}" in result.output
    assert run().output == f"{CHALLENGER} is scored on 0.25 of the requests\n"
    world.ssm.put_parameter(Name=ACTIVE, Value=CHALLENGER, Overwrite=True)
    assert "is served itself now" in run().output
    assert run("--off").exit_code == 0
    assert world.plan() == "none"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((VERSION,), "is what is served; name another version"),
        (("20270101T000000Z-0123abcd",), "has no manifest.json; upload the bundle"),
        ((CHALLENGER, "--share", "1.5"), "share of the shadow is 1.5"),
        ((CHALLENGER, "--share", "0"), "share of the shadow is 0"),
        ((CHALLENGER, "--off"), "contradict each other"),
        (("--share", "0.1"), "name its version"),
        (("a/b",), "use 1 to 64 letters"),
    ],
)
def test_what_cannot_be_scored_is_refused(world: World, options: tuple[str, ...], told: str) -> None:
    result = run(*options)
    assert result.exit_code == 2
    assert told in result.output
    assert world.plan() == "none"


def test_a_folder_is_uploaded_first(world: World, tmp_path: Path) -> None:
    prefix = bundle_prefix(MODEL, CHALLENGER)
    for listed in world.s3.list_objects_v2(Bucket="models", Prefix=prefix)["Contents"]:
        body = world.s3.get_object(Bucket="models", Key=listed["Key"])["Body"].read()
        (tmp_path / listed["Key"].removeprefix(prefix)).write_bytes(body)
        world.s3.delete_object(Bucket="models", Key=listed["Key"])
    assert run(CHALLENGER).exit_code == 2
    assert run("--bundle", str(tmp_path), "--off").exit_code == 2
    assert run(CHALLENGER, "--bundle", str(tmp_path)).exit_code == 2
    assert world.plan() == "none"
    assert run("--bundle", str(tmp_path), "--share", "0.2").exit_code == 0
    assert world.plan() == f"{CHALLENGER} 0.2"


def test_a_challenger_of_other_features_is_refused(world: World) -> None:
    world.upload(CHALLENGER, FeatureSchema(SCHEMA.features[:2]))
    result = run(CHALLENGER)
    assert result.exit_code == 2
    assert "feature 'garden' is absent, not boolean" in result.output
    assert world.plan() == "none"


@pytest.mark.parametrize("name", [MODEL_FILE, BASELINE_FILE])
def test_a_damaged_challenger_is_refused(world: World, name: str) -> None:
    """A baseline that cannot be read would stop the consumer's shard."""
    key = bundle_prefix(MODEL, CHALLENGER) + name
    content = world.s3.get_object(Bucket="models", Key=key)["Body"].read()
    world.s3.put_object(Bucket="models", Key=key, Body=content[:-1] + b" ")
    result = run(CHALLENGER)
    assert result.exit_code == 2
    assert f"{name} of {CHALLENGER}" in result.output
    assert world.plan() == "none"


def test_a_baseline_that_is_vouched_for_and_no_baseline_is_refused(world: World) -> None:
    prefix = bundle_prefix(MODEL, CHALLENGER)
    spoiled = b"{}"
    manifest = Manifest.from_json(
        world.s3.get_object(Bucket="models", Key=prefix + MANIFEST_FILE)["Body"].read()
    )
    manifest = replace(manifest, files={**manifest.files, BASELINE_FILE: FileEntry.of(spoiled)})
    world.s3.put_object(Bucket="models", Key=prefix + BASELINE_FILE, Body=spoiled)
    world.s3.put_object(Bucket="models", Key=prefix + MANIFEST_FILE, Body=manifest.to_json().encode())
    result = run(CHALLENGER)
    assert result.exit_code == 2
    assert world.plan() == "none"
