"""A new version is served without a deployment; a bad one never replaces a good one."""

from __future__ import annotations

from typing import Any

import pytest

from drift_core.bundle import BundleError
from ingest_lambda.active import RETRY_SECONDS, ActiveBundle
from ingest_lambda.bundle import NoBundleError
from tests.unit.ingest_lambda.fake_aws import Clock, FakeStore


class Bundle:
    """As much of a served bundle as the refresh looks at."""

    def __init__(self, version: str) -> None:
        self.manifest = self
        self.model_version = version


V1: Any = Bundle("v1")
V2: Any = Bundle("v2")


def active(store: FakeStore[Any], clock: Clock, refused: list[Exception] | None = None) -> ActiveBundle:
    told = [] if refused is None else refused
    return ActiveBundle(store, refresh_seconds=60, clock=clock, refused=told.append)


def test_a_new_version_is_served_after_the_refresh_time() -> None:
    clock, store = Clock(), FakeStore({"v1": V1, "v2": V2}, "v1")
    bundle = active(store, clock)
    assert bundle.current() is V1
    store.version = "v2"
    clock.now += 59.9
    assert bundle.current() is V1
    assert store.asked == 1
    clock.now += 0.1
    assert bundle.current() is V2
    assert (store.asked, store.loaded) == (2, ["v1", "v2"])


def test_an_unchanged_version_is_not_loaded_again() -> None:
    clock, store = Clock(), FakeStore({"v1": V1}, "v1")
    bundle = active(store, clock)
    for _ in range(5):
        bundle.current()
        clock.now += 60
    assert (store.asked, store.loaded) == (5, ["v1"])


@pytest.mark.parametrize("fault", [BundleError("bad hash"), NoBundleError("no S3"), RuntimeError("a bug")])
def test_a_bad_bundle_keeps_the_old_one_and_is_tried_again_each_refresh(fault: Exception) -> None:
    clock, refused = Clock(), list[Exception]()
    store = FakeStore({"v1": V1, "v2": fault}, "v1")
    bundle = active(store, clock, refused)
    bundle.current()
    store.version = "v2"
    for refresh in (1, 2):
        clock.now += 60
        assert bundle.current() is V1
        assert bundle.current() is V1
        assert refused == [fault] * refresh
    store.bundles["v2"] = V2
    clock.now += 60
    assert bundle.current() is V2


def test_an_unreadable_pointer_keeps_the_old_bundle() -> None:
    clock, refused = Clock(), list[Exception]()
    store = FakeStore({"v1": V1}, "v1")
    bundle = active(store, clock, refused)
    bundle.current()
    store.version = NoBundleError("SSM is away")
    clock.now += 60
    assert bundle.current() is V1
    assert refused == [store.version]


def test_without_a_bundle_aws_is_asked_once_a_second_until_one_is_there() -> None:
    clock, store = Clock(), FakeStore({"v1": V1}, NoBundleError("no bundle of m is active"))
    bundle = active(store, clock)
    for _ in range(3):
        with pytest.raises(NoBundleError, match=r"^no bundle of m is active$"):
            bundle.current()
    assert store.asked == 1
    store.version = "v1"
    clock.now += RETRY_SECONDS
    assert bundle.current() is V1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (BundleError("model.onnx is another"), "the active bundle is refused: model.onnx is another"),
        (KeyError("secret"), "the active bundle cannot be loaded (KeyError); see the log"),
    ],
)
def test_clients_are_told_our_own_words_only(fault: Exception, told: str) -> None:
    bundle = active(FakeStore({"v1": fault}, "v1"), Clock())
    with pytest.raises(NoBundleError) as caught:
        bundle.current()
    assert str(caught.value) == told
