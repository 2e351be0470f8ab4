"""Feedback, the model's description, health and the active bundle, as a client sees them."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from drift_core.bundle import MANIFEST_FILE, MODEL_FILE, bundle_prefix
from drift_core.event import FUTURE_LIMIT_MS, LabelEvent, new_event_id
from tests.unit.ingest_lambda.conftest import Api
from tests.unit.ingest_lambda.fake_aws import Faults, client_error
from tests.unit.ingest_lambda.fixture_bundle import HOUSE, bundle_of, fixture_bundle, linear_model

ID = new_event_id(1_700_000_000_000)
FOLDER = bundle_prefix("house-prices", "v2")


def test_labels_are_accepted_and_written(api: Api) -> None:
    before = time.time_ns() // 1_000_000
    labels = [
        {"prediction_id": ID.upper(), "label": 125},
        {"prediction_id": ID, "label": 1.5, "event_time": 1_600_000_000_007},
    ]
    answer = api.post("/feedback", {"labels": labels})
    assert (answer.status, answer.body) == (202, {"accepted": 2})
    first, second = api.written()
    assert isinstance(first, LabelEvent)
    assert isinstance(second, LabelEvent)
    assert (first.prediction_id, first.label, first.model_name, first.source) == (
        ID,
        125.0,
        "house-prices",
        "api",
    )
    assert before <= first.event_time <= time.time_ns() // 1_000_000
    assert (second.label, second.event_time) == (1.5, 1_600_000_000_007)
    assert first.event_id != second.event_id
    assert ID.encode() in api.kinesis.taken[0]  # in lower case, as the prediction's event has it


NUMBER = "give a number from -1e+308 to 1e+308"


@pytest.mark.parametrize(
    ("label", "field", "problem", "remedy"),
    [
        ({"label": 1}, ".prediction_id", "absent", "add it"),
        ({"prediction_id": ID}, ".label", "absent", "add it"),
        (
            {"prediction_id": ID, "label": "12"},
            ".label",
            "a string, not a finite number",
            "give a finite number",
        ),
        ({"prediction_id": ID, "label": None}, ".label", "null, not a finite number", "give a finite number"),
        ({"prediction_id": ID, "label": 10**400}, ".label", "above 1e+308", NUMBER),
        (
            {"prediction_id": "7b7c2f6e-5d0f-4c53-9a6b-0c7d7ac3f0a1", "label": 1},
            ".prediction_id",
            "not a prediction id",
            "give a prediction_id that POST /predict answered",
        ),
        (
            {"prediction_id": ID + "\n", "label": 1},
            ".prediction_id",
            "not a prediction id",
            "give a prediction_id that POST /predict answered",
        ),
        (
            {"prediction_id": ID, "label": 1, "event_time": 1.7e12 + 0.5},
            ".event_time",
            "a number, not a whole number",
            "give a whole number",
        ),
        (
            {"prediction_id": ID, "label": 1, "event_time": -1},
            ".event_time",
            "below 946684800000",
            "give a number from 946684800000 to 140737488355327",
        ),
        (
            {"prediction_id": ID, "label": 1, "id": 1},
            ".id",
            "unknown",
            "remove it or correct its name; known here: prediction_id, label, event_time",
        ),
    ],
)
def test_a_label_that_does_not_fit_is_refused(
    api: Api, label: dict[str, Any], field: str, problem: str, remedy: str
) -> None:
    answer = api.post("/feedback", {"labels": [label]})
    assert answer.status == 422
    (error,) = answer.body["errors"]
    assert (error["field"], error["problem"], error["remedy"]) == ("labels[0]" + field, problem, remedy)
    assert api.kinesis.calls == []


def test_a_time_that_the_consumer_would_quarantine_is_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000_000
    monkeypatch.setattr("ingest_lambda.app._now_ms", lambda: now)
    latest = now + FUTURE_LIMIT_MS
    fits = {"prediction_id": new_event_id(latest), "label": 1, "event_time": latest}
    assert api.post("/feedback", {"labels": [fits]}).status == 202
    taken = len(api.kinesis.taken)
    ahead = {"prediction_id": new_event_id(latest + 1), "label": 1, "event_time": latest + 1}
    answer = api.post("/feedback", {"labels": [fits, ahead]})
    assert answer.status == 422
    assert answer.body["errors"] == [
        {
            "field": "labels[1].prediction_id",
            "value": ahead["prediction_id"],
            "problem": "made more than an hour ahead of now",
            "remedy": "give a prediction_id that POST /predict answered",
        },
        {
            "field": "labels[1].event_time",
            "value": latest + 1,
            "problem": "more than an hour ahead of now",
            "remedy": f"give UTC milliseconds, now {now}, and set the clock",
        },
    ]
    assert len(api.kinesis.taken) == taken


@pytest.mark.parametrize("number", [0, 501])
def test_labels_come_in_bounded_numbers(api: Api, number: int) -> None:
    answer = api.post("/feedback", {"labels": [{"prediction_id": ID, "label": 1}] * number})
    assert answer.status == 422
    assert answer.body["errors"][0]["problem"] == f"{number} items"


def test_labels_of_a_classifier_are_class_names(api: Api) -> None:
    bundle = fixture_bundle("v2")
    manifest = replace(bundle.manifest, task="classification")
    api.add(bundle_of(manifest, bundle.files[MODEL_FILE]))
    api.ssm.value = "v2"
    assert api.post("/feedback", {"labels": [{"prediction_id": ID, "label": "cheap"}]}).status == 202
    assert api.post("/feedback", {"labels": [{"prediction_id": ID, "label": 1}]}).status == 422
    broken = api.post("/feedback", {"labels": [{"prediction_id": ID, "label": "\ud800"}]})
    assert broken.status == 422
    assert broken.body["errors"][0]["value"] == "\\ud800"


def test_labels_that_cannot_be_stored_are_given_back(api: Api) -> None:
    api.kinesis.faults = Faults(always=client_error("AccessDeniedException"))
    api.sqs.faults = Faults(always={0: "InternalError"})
    other = new_event_id(1_700_000_000_005)
    answer = api.post(
        "/feedback", {"labels": [{"prediction_id": ID, "label": 1}, {"prediction_id": other, "label": 2}]}
    )
    assert answer.status == 503
    assert answer.body == {
        "message": "some labels could not be stored; send those of `not_accepted` again",
        "accepted": 1,
        "not_accepted": [ID],
    }


def test_the_model_describes_itself_and_its_requests(api: Api) -> None:
    answer = api("GET", "/model")
    assert answer.status == 200
    schema = answer.body.pop("request_schema")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"instances": [HOUSE]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"instances": [{**HOUSE, "rooms": "x"}]}, schema)
    assert answer.body == {
        "model_name": "house-prices",
        "model_version": "v1",
        "task": "regression",
        "target": "price",
        "unit": "thousand EUR",
        "features": fixture_bundle().manifest.schema.to_json(),
        "metrics": {"mae": 1.5},
        "interval_coverage": 0.9,
        "created_at": "2026-01-02T03:04:05Z",
    }


def test_health(api: Api) -> None:
    answer = api("GET", "/health")
    assert answer.status == 200
    assert answer.body == {"status": "ok", "model_name": "house-prices", "model_version": "v1"}
    assert api.metrics() == []


NOT_ACTIVE = "no bundle of house-prices is active; train and activate one: python -m scripts.deploy"


@pytest.mark.parametrize("value", ["none", client_error("ParameterNotFound")])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/health"), ("GET", "/model"), ("POST", "/predict"), ("POST", "/feedback")]
)
def test_before_the_first_activation(api: Api, value: str | Exception, method: str, path: str) -> None:
    api.ssm.value = value
    answer = api(method, path, "{}")
    assert (answer.status, answer.body) == (503, {"status": "unavailable", "message": NOT_ACTIVE})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {FOLDER + MANIFEST_FILE: client_error("NoSuchKey")},
            "bundles/house-prices/v2/manifest.json cannot be read from the models bucket (NoSuchKey); "
            "upload the bundle again, or activate another version",
        ),
        (
            {FOLDER + MANIFEST_FILE: b"{}"},
            "the active bundle is refused: not a bundle's manifest: format is absent; write a whole number; "
            "train the bundle again",
        ),
        (
            {FOLDER + MANIFEST_FILE: fixture_bundle("v1").files[MANIFEST_FILE]},
            "the active bundle is refused: the manifest under bundles/house-prices/v2/ is of "
            "house-prices v1; upload the bundle to its own folder",
        ),
        (
            bundle_of(fixture_bundle("v2").manifest, b"not a graph").objects(),
            "the active bundle is refused: model.onnx of v2 does not run (InvalidProtobuf): it must take "
            "'features' and give prediction, lower, upper; train the bundle again",
        ),
        (
            bundle_of(fixture_bundle("v2").manifest, linear_model(width=2)).objects(),
            "the active bundle is refused: model.onnx of v2 does not run (InvalidArgument): it must take "
            "'features' and give prediction, lower, upper; train the bundle again",
        ),
    ],
)
def test_a_first_bundle_that_is_bad(api: Api, files: dict[str, bytes | Exception], message: str) -> None:
    api.add(fixture_bundle("v2"))
    api.s3.objects.update(files)
    api.ssm.value = "v2"
    answer = api("GET", "/health")
    assert (answer.status, answer.body["message"]) == (503, message)
    assert api.metrics()[0]["BundleRefused"] == [1.0]


def test_a_changed_model_file_is_refused_by_its_hash(api: Api) -> None:
    api.add(fixture_bundle("v2"))
    api.s3.objects[FOLDER + MODEL_FILE] = linear_model(bias=1.0)
    api.ssm.value = "v2"
    answer = api("GET", "/health")
    assert answer.status == 503
    assert answer.body["message"].startswith("the active bundle is refused: model.onnx of v2 has sha256 ")
    assert answer.body["message"].endswith(": upload the bundle again")


def test_a_version_with_a_bad_name_is_refused(api: Api) -> None:
    api.ssm.value = "../v1"
    answer = api("GET", "/health")
    assert answer.status == 503
    assert answer.body["message"].startswith(
        "the active bundle is refused: model_version is '../v1'; use 1 to 64"
    )


def predicted(api: Api) -> tuple[str, float]:
    body = api.post("/predict", {"instances": [HOUSE]}).body
    return body["model_version"], body["predictions"][0]["value"]


def test_a_new_version_is_served_after_a_minute(api: Api) -> None:
    api.add(fixture_bundle("v2", bias=1_000.0))
    assert predicted(api) == ("v1", 131.0)
    api.ssm.value = "v2"
    api.clock.now += 59
    assert predicted(api) == ("v1", 131.0)
    api.clock.now += 1
    assert predicted(api) == ("v2", 1131.0)


@pytest.mark.parametrize("fault", ["bad hash", "SSM", "S3", "deactivated"])
def test_a_refresh_that_fails_keeps_the_old_version_and_is_counted(api: Api, fault: str) -> None:
    assert predicted(api) == ("v1", 131.0)
    api.add(fixture_bundle("v2", bias=1_000.0))
    pointers: dict[str, str | Exception] = {"SSM": client_error("ThrottlingException"), "deactivated": "none"}
    api.ssm.value = pointers.get(fault, "v2")
    if fault == "bad hash":
        api.s3.objects[FOLDER + MODEL_FILE] = linear_model(bias=500.0)
    if fault == "S3":
        api.s3.objects[FOLDER + MODEL_FILE] = client_error("AccessDenied")
    api.clock.now += 60
    api.metrics()
    assert predicted(api) == ("v1", 131.0)
    (counted,) = api.metrics()
    assert counted["BundleRefused"] == [1.0]
    (line,) = [line for line in api.logged() if line["level"] == "ERROR"]
    assert line["message"] == "the active bundle was not refreshed"
    told = {
        "bad hash": "BundleError: model.onnx of v2 has sha256",
        "SSM": "NoBundleError: the parameter /driftline/house-prices/active-bundle cannot be read (Thrott",
        "S3": "NoBundleError: bundles/house-prices/v2/model.onnx cannot be read from the models bucket (Ac",
        "deactivated": f"NoBundleError: {NOT_ACTIVE}",
    }
    assert line["error"][0].startswith(told[fault])
    assert "arn:aws:private" not in json.dumps(api.logged())
