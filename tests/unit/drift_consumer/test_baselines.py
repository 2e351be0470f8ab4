"""A bundle is read once, trusted only with its sha256, and its absence is never remembered."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from drift_consumer.baselines import KEPT_BUNDLES, Baselines, UnknownModelError
from drift_core.bundle import BASELINE_FILE, BundleError, bundle_prefix
from tests.unit.drift_consumer.fake_aws import Calls, FakeS3
from tests.unit.drift_consumer.fixture_traffic import MODEL, SCHEMA, VERSION, bundle_objects


def bucket(objects: dict[str, bytes]) -> FakeS3:
    s3 = FakeS3(Calls())
    s3.objects = {("models", key): content for key, content in objects.items()}
    return s3


def test_a_bundle_is_read_once() -> None:
    s3: Any = bucket(bundle_objects())
    baselines = Baselines(s3, "models")
    assert baselines.get(MODEL, VERSION).baseline.schema.names == SCHEMA.names
    calls = s3.calls.count
    assert baselines.get(MODEL, VERSION) is baselines.get(MODEL, VERSION)
    assert s3.calls.count == calls


def test_a_bundle_that_comes_later_is_found() -> None:
    s3: Any = bucket({})
    baselines = Baselines(s3, "models")
    with pytest.raises(UnknownModelError):
        baselines.get(MODEL, VERSION)
    s3.objects = bucket(bundle_objects()).objects
    assert baselines.get(MODEL, VERSION).manifest.model_version == VERSION


def test_the_least_recently_used_is_forgotten() -> None:
    versions = [f"v{i}" for i in range(KEPT_BUNDLES + 1)]
    s3: Any = bucket({key: c for version in versions for key, c in bundle_objects(version).items()})
    baselines = Baselines(s3, "models")
    for version in versions[:-1]:
        baselines.get(MODEL, version)
    baselines.get(MODEL, versions[0])
    baselines.get(MODEL, versions[-1])
    calls = s3.calls.count
    baselines.get(MODEL, versions[0])
    assert s3.calls.count == calls
    baselines.get(MODEL, versions[1])
    assert s3.calls.count == calls + 2


def test_a_changed_baseline_is_refused() -> None:
    objects = bundle_objects()
    objects[bundle_prefix(MODEL, VERSION) + BASELINE_FILE] += b" "
    s3: Any = bucket(objects)
    with pytest.raises(BundleError, match=r"baseline\.json of .* upload the bundle again"):
        Baselines(s3, "models").get(MODEL, VERSION)


def test_a_bundle_half_uploaded_is_a_fault_not_an_unknown_model() -> None:
    objects = bundle_objects()
    del objects[bundle_prefix(MODEL, VERSION) + BASELINE_FILE]
    s3: Any = bucket(objects)
    with pytest.raises(ClientError, match="NoSuchKey"):
        Baselines(s3, "models").get(MODEL, VERSION)
