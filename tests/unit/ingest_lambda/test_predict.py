"""`POST /predict`: the answer, the events and the counts of requests that can be served."""

from __future__ import annotations

import json
import time

import pytest

from drift_core.event import PredictionEvent, event_id_time
from tests.unit.ingest_lambda.conftest import Api
from tests.unit.ingest_lambda.fake_aws import Faults, client_error
from tests.unit.ingest_lambda.fixture_bundle import HOUSE, fixture_bundle


def test_a_prediction_is_answered_with_its_interval_and_confidence(api: Api) -> None:
    answer = api.post("/predict", {"instances": [HOUSE]})
    assert answer.status == 200
    (prediction,) = answer.body["predictions"]
    assert prediction.pop("prediction_id")
    assert prediction == {
        "value": 131.0,
        "interval": {"lower": 126.0, "upper": 136.0, "coverage": 0.9},
        "confidence": 0.25,
    }
    assert (answer.body["model_name"], answer.body["model_version"]) == ("house-prices", "v1")


def test_events_say_what_was_received_and_what_was_answered(api: Api) -> None:
    before = time.time_ns() // 1_000_000
    instances = [HOUSE, {"area": "moon", "rooms": None, "garden": False}, {**HOUSE, "rooms": 4.5}]
    answer = api.post("/predict", {"instances": instances})
    after = time.time_ns() // 1_000_000
    events = api.written()
    assert len(events) == 3
    for event, instance, prediction in zip(events, instances, answer.body["predictions"], strict=True):
        assert isinstance(event, PredictionEvent)
        assert event.interval is not None
        assert event.features == instance
        assert event.event_id == prediction["prediction_id"]
        assert event.prediction == prediction["value"]
        assert event.confidence == prediction["confidence"]
        assert [event.interval.lower, event.interval.upper, event.interval.coverage] == list(
            prediction["interval"].values()
        )
        assert before <= event.event_time == event_id_time(event.event_id) <= after
        assert (event.model_name, event.model_version, event.source) == ("house-prices", "v1", "api")


def test_a_category_never_seen_is_predicted_and_counted(api: Api) -> None:
    answer = api.post("/predict", {"instances": [{**HOUSE, "area": "moon"}, HOUSE]})
    assert [p["value"] for p in answer.body["predictions"]] == [-69.0, 131.0]
    assert api.logged()[-1]["unseen_categories"] == 1


def test_null_is_a_missing_value(api: Api) -> None:
    answer = api.post("/predict", {"instances": [dict.fromkeys(HOUSE)]})
    assert answer.body["predictions"][0]["value"] == 0.0


def test_500_instances_are_predicted_in_order_and_written_in_one_call(api: Api) -> None:
    instances = [{**HOUSE, "rooms": i} for i in range(500)]
    answer = api.post("/predict", {"instances": instances})
    assert [p["value"] for p in answer.body["predictions"]] == [101.0 + 10 * i for i in range(500)]
    assert [len(call) for call in api.kinesis.calls] == [500]
    assert len({p["prediction_id"] for p in answer.body["predictions"]}) == 500


def test_a_base64_body_is_read(api: Api) -> None:
    body = json.dumps({"instances": [{**HOUSE, "area": "Málaga"}]}, ensure_ascii=False)
    assert api.post_base64("/predict", body.encode()).status == 200
    (event,) = api.written()
    assert isinstance(event, PredictionEvent)
    assert event.features["area"] == "Málaga"


def test_predictions_are_counted_by_model_alone(api: Api) -> None:
    api.post("/predict", {"instances": [HOUSE] * 7})
    (line,) = api.metrics()
    assert line["Predictions"] == [7.0]
    assert line["ModelName"] == "house-prices"
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert described == {
        "Namespace": "Driftline",
        "Dimensions": [["ModelName"]],
        "Metrics": [{"Name": "Predictions", "Unit": "Count"}],
    }
    api.post("/predict", {"instances": [HOUSE]})
    assert api.metrics()[0]["Predictions"] == [1.0]  # each request counts its own


def test_the_log_has_numbers_and_the_version(api: Api) -> None:
    api.post("/predict", {"instances": [HOUSE] * 7})
    (line,) = api.logged()
    assert line["level"] == "INFO"
    assert (line["instances"], line["model_version"]) == (7, "v1")
    assert line["function_request_id"] == "request-1"
    assert 0 < line["duration_ms"] < 60_000


def test_the_answer_is_given_when_the_stream_refuses(api: Api) -> None:
    api.kinesis.faults = Faults(always=client_error("AccessDeniedException"))
    answer = api.post("/predict", {"instances": [HOUSE] * 3})
    assert answer.status == 200
    ids = [p["prediction_id"] for p in answer.body["predictions"]]
    assert [json.loads(body)["event_id"] for body in api.sqs.taken] == ids
    (counted,) = api.metrics()
    assert counted["CaptureFailed"] == [3.0]
    assert counted["Predictions"] == [3.0]
    assert "CaptureLost" not in counted
    line = api.logged()[0]
    assert (line["level"], line["message"]) == ("ERROR", "the stream did not take every event")
    assert line["queued"] == 3
    assert line["faults"] == {"AccessDeniedException": 3}


def test_what_neither_takes_is_counted_and_named(api: Api) -> None:
    api.kinesis.faults = Faults(always=client_error("AccessDeniedException"))
    api.sqs.faults = Faults(always={0: "InternalError"})
    answer = api.post("/predict", {"instances": [HOUSE] * 3})
    assert answer.status == 200
    (counted,) = api.metrics()
    assert (counted["CaptureFailed"], counted["CaptureLost"]) == ([3.0], [1.0])
    line = api.logged()[0]
    assert line["lost_event_ids"] == [answer.body["predictions"][0]["prediction_id"]]
    assert "arn:aws:private" not in api.log.getvalue()


def test_a_model_that_does_not_know_missing_values_refuses_them(api: Api) -> None:
    api.add(fixture_bundle("v2", knows_missing=False))
    api.ssm.value = "v2"
    answer = api.post("/predict", {"instances": [HOUSE, {**HOUSE, "rooms": None}]})
    assert answer.status == 422
    assert answer.body["errors"] == [
        {
            "field": "instances[1]",
            "value": None,
            "problem": "the model has no finite prediction for it",
            "remedy": "fill in its missing values, or give less extreme ones",
        }
    ]
    assert api.kinesis.calls == []


@pytest.mark.parametrize("path", ["/predict/", "/predict"])
def test_a_slash_at_the_end_does_not_matter(api: Api, path: str) -> None:
    assert api.post(path, {"instances": [HOUSE]}).status == 200
