"""The steps of a deployment that need no AWS."""

import hashlib
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from drift_core.bundle import BundleError, FileEntry, Manifest
from drift_core.interval import IntervalRule
from drift_core.schema import Feature, FeatureSchema, Kind
from scripts.deployment import DeploymentError, feature_types, parameters_of, upload_bundle
from scripts.stack import Stack

SCHEMA = FeatureSchema(
    (
        Feature(name="area", kind=Kind.CATEGORICAL, categories=("coast",)),
        Feature(name="rooms", kind=Kind.NUMERIC),
        Feature(name="new", kind=Kind.BOOLEAN),
    )
)
FILES = {"model.onnx": b"model", "baseline.json": b"{}", "sample.parquet": b"rows"}
PREFIX = "bundles/houses/v1/"


class FakeS3:
    """Objects in the order of their first put; puts are conditional as ours are."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str) -> None:
        assert (Bucket, IfNoneMatch) == ("models", "*")
        if Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key])}


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


@pytest.fixture
def stack(s3: FakeS3) -> Stack:
    return cast(Stack, SimpleNamespace(client=lambda _: s3, outputs={"ModelsBucketName": "models"}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifest = Manifest(
        model_name="houses",
        model_version="v1",
        created_at="2026-01-01T00:00:00Z",
        target="price",
        schema=SCHEMA,
        interval=IntervalRule(coverage=0.9, offset=0.0, width_quantiles=(1.0,)),
        files={name: FileEntry.of(content) for name, content in FILES.items()},
    )
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "manifest.json").write_text(manifest.to_json())
    return tmp_path


def test_features_become_the_fields_of_a_struct() -> None:
    assert feature_types(SCHEMA) == "area:string,rooms:double,new:boolean"


def test_too_many_features_for_a_parameter_are_refused_before_anything_is_deployed() -> None:
    wide = FeatureSchema(tuple(Feature(name=f"feature_{i:03d}", kind=Kind.NUMERIC) for i in range(250)))
    with pytest.raises(DeploymentError, match=r"^the 250 features' names and types have 4749 bytes, .* 4096"):
        feature_types(wide)


def test_parameters_come_from_samconfig() -> None:
    assert parameters_of("local")["WindowSeconds"] == "60"
    assert parameters_of("dev") == {}


def test_the_manifest_is_uploaded_last(stack: Stack, s3: FakeS3, folder: Path) -> None:
    upload_bundle(stack, folder)
    assert list(s3.objects)[-1] == f"{PREFIX}manifest.json"
    assert {key.removeprefix(PREFIX) for key in s3.objects} == {*FILES, "manifest.json"}


def test_the_same_bundle_again_changes_nothing(stack: Stack, s3: FakeS3, folder: Path) -> None:
    upload_bundle(stack, folder)
    before = dict(s3.objects)
    upload_bundle(stack, folder)
    assert s3.objects == before


def test_an_interrupted_upload_is_completed(stack: Stack, s3: FakeS3, folder: Path) -> None:
    s3.objects[f"{PREFIX}model.onnx"] = FILES["model.onnx"]
    upload_bundle(stack, folder)
    assert len(s3.objects) == 4


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_another_content_under_the_same_version_is_refused(
    stack: Stack, s3: FakeS3, folder: Path, name: str
) -> None:
    s3.objects[PREFIX + name] = b"another"
    with pytest.raises(DeploymentError) as caught:
        upload_bundle(stack, folder)
    assert str(caught.value) == (
        f"s3://models/{PREFIX}{name} exists with another content, and a bundle is never "
        f"changed: train it again"
    )
    assert s3.objects[PREFIX + name] == b"another"


def test_a_file_that_the_manifest_does_not_vouch_for_is_not_uploaded(
    stack: Stack, s3: FakeS3, folder: Path
) -> None:
    (folder / "model.onnx").write_bytes(b"changed")
    digest = hashlib.sha256(b"changed").hexdigest()[:12]
    with pytest.raises(BundleError, match=f"model.onnx of v1 has sha256 {digest}"):
        upload_bundle(stack, folder)
    assert s3.objects == {}
