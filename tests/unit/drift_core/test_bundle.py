"""The bundle's manifest vouches for its files, and settings refuse what cannot work."""

import contextlib
import json

import pytest

from drift_core.bundle import SELF, BundleError, FileEntry, Manifest, bundle_prefix, sealed
from drift_core.interval import IntervalRule
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Feature, FeatureSchema, Kind

MANIFEST = Manifest(
    model_name="house-prices",
    model_version="v1",
    created_at="2026-01-01T00:00:00Z",
    target="price",
    schema=FeatureSchema((Feature(name="size", kind=Kind.NUMERIC),)),
    interval=IntervalRule(coverage=0.9, offset=1.5, width_quantiles=tuple(float(i) for i in range(101))),
    files={"model.onnx": FileEntry.of(b"graph")},
    monitor=MonitorSettings(window_seconds=60),
    metrics={"mae": 1.0},
)


def test_manifest_round_trip() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


def test_a_file_is_returned_only_if_it_is_the_one() -> None:
    assert MANIFEST.verify("model.onnx", b"graph") == b"graph"
    with pytest.raises(BundleError, match=r"model.onnx of v1 has sha256 .* upload the bundle again"):
        MANIFEST.verify("model.onnx", b"graphs")
    with pytest.raises(BundleError, match=r"other is not in the manifest of v1"):
        MANIFEST.verify("other", b"")


@pytest.mark.parametrize("text", ["{}", "[]", "nonsense", '{"format": 9}', '{"format": 1}'])
def test_what_is_not_a_manifest_is_refused(text: str) -> None:
    with pytest.raises(BundleError):
        Manifest.from_json(text)


def test_what_a_later_version_adds_to_a_manifest_is_ignored() -> None:
    described = json.loads(MANIFEST.to_json())
    del described[SELF]
    described |= {"format": 2, "colour": "red", "monitor": {**described["monitor"], "patience": 3}}
    described["interval"]["method"] = "cqr"
    for entry in described["files"].values():
        entry["signature"] = "..."
    assert Manifest.from_json(sealed(described)) == MANIFEST
    described["colour"] = "blue"
    with pytest.raises(BundleError, match="the file is damaged"):
        Manifest.from_json(sealed(described).replace("blue", "grey"))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (0, "manifest format is 0; this reader knows 1 and later: train"),
        ("1", "format is '1'; write a whole number"),
        (None, "format is null; write a whole number"),
        (1.5, "format is 1.5; write a whole number"),
    ],
)
def test_a_manifest_without_a_format_is_refused(found: object, told: str) -> None:
    text = json.dumps({**json.loads(MANIFEST.to_json()), "format": found})
    with pytest.raises(BundleError, match=told):
        Manifest.from_json(text)


def test_a_manifest_with_settings_that_cannot_work_is_refused_as_a_manifest() -> None:
    described = json.loads(MANIFEST.to_json())
    described["monitor"]["window_seconds"] = 7
    with pytest.raises(BundleError, match="window_seconds is 7"):
        Manifest.from_json(json.dumps(described))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window_seconds": 7}, "window_seconds is 7; it must divide an hour"),
        ({"window_seconds": 0}, "window_seconds is 0; it must divide an hour"),
        ({"window_seconds": 5400}, "window_seconds is 5400; it must divide an hour .* divide a day"),
        ({"window_seconds": 5 * 3600}, "window_seconds is 18000; it must"),
        ({"window_seconds": 2 * 86400}, "window_seconds is 172800; it must"),
        ({"grace_seconds": 0}, "grace_seconds is 0; give at least 1"),
        ({"min_samples": -1}, "min_samples is -1; give at least 1"),
        ({"false_alarms_per_month": 0}, "false_alarms_per_month is 0; give a number above 0, at most 100"),
        (
            {"false_alarms_per_month": 101},
            "false_alarms_per_month is 101; give a number above 0, at most 100",
        ),
        ({"drift_threshold": float("inf")}, "drift_threshold is inf; give a number above 0"),
        ({"drift_threshold": float("nan")}, "drift_threshold is nan; give a number above 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MonitorSettings().overridden(change)


def test_windows_of_whole_hours_that_divide_a_day_can_be_judged() -> None:
    taken = []
    for seconds in range(60, 90_000, 60):
        with contextlib.suppress(ValueError):
            taken.append(MonitorSettings(window_seconds=seconds).window_seconds)
    assert [seconds // 3600 for seconds in taken if seconds >= 3600] == [1, 2, 3, 4, 6, 8, 12, 24]
    assert all(3600 % seconds == 0 or seconds > 3600 for seconds in taken)


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-a", "a b", "x" * 65])
def test_names_that_would_leave_their_folder_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use 1 to 64 letters"):
        bundle_prefix(name, "v1")
