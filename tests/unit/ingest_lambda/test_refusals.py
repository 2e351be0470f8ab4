"""Every refusal says what, where and how to put it right; nothing is written, and no value is logged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest_lambda.request import MAX_BODY_BYTES
from tests.unit.ingest_lambda.conftest import Api
from tests.unit.ingest_lambda.fixture_bundle import HOUSE

RANGE = "give a number from -3e+38 to 3e+38, or null if it is missing"


def refusal(field: str, value: Any, problem: str, remedy: str) -> dict[str, Any]:
    return {"field": field, "value": value, "problem": problem, "remedy": remedy}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            '"rooms": "three"',
            refusal(
                "rooms",
                "three",
                "a string, not a finite number",
                "give a finite number, or null if it is missing",
            ),
        ),
        (
            '"rooms": true',
            refusal(
                "rooms",
                True,
                "true or false, not a finite number",
                "give a finite number, or null if it is missing",
            ),
        ),
        (
            '"rooms": [3]',
            refusal(
                "rooms",
                "[3]",
                "a list, not a finite number",
                "give a finite number, or null if it is missing",
            ),
        ),
        (
            '"rooms": {"a": 1}',
            refusal(
                "rooms",
                '{"a": 1}',
                "an object, not a finite number",
                "give a finite number, or null if it is missing",
            ),
        ),
        (
            '"rooms": NaN',
            refusal("rooms", "NaN", "not a finite number", "give a finite number, or null if it is missing"),
        ),
        (
            '"rooms": -Infinity',
            refusal(
                "rooms", "-Infinity", "not a finite number", "give a finite number, or null if it is missing"
            ),
        ),
        (
            '"rooms": 1e999',
            refusal(
                "rooms", "Infinity", "not a finite number", "give a finite number, or null if it is missing"
            ),
        ),
        ('"rooms": 3.1e38', refusal("rooms", 3.1e38, "above 3e+38", RANGE)),
        ('"rooms": -1e300', refusal("rooms", -1e300, "below -3e+38", RANGE)),
        ('"rooms": ' + "9" * 400, refusal("rooms", "9" * 99 + "…", "above 3e+38", RANGE)),
        (
            '"area": 7',
            refusal("area", 7, "a number, not a string", "give a string, or null if it is missing"),
        ),
        (
            '"area": ""',
            refusal("area", "", "0 characters long", "give 1 to 256 characters, or null if it is missing"),
        ),
        (
            '"area": "' + "x" * 257 + '"',
            refusal(
                "area",
                "x" * 99 + "…",
                "257 characters long",
                "give 1 to 256 characters, or null if it is missing",
            ),
        ),
        (
            '"area": "x\\ud800"',
            refusal(
                "area",
                "x\\ud800",
                "half of a surrogate pair in it",
                "write whole characters, or null if it is missing",
            ),
        ),
        (
            '"\\udc00": 5',
            refusal(
                "\\udc00", 5, "unknown", "remove it or correct its name; known here: area, rooms, garden"
            ),
        ),
        (
            '"garden": 1',
            refusal(
                "garden", 1, "a number, not true or false", "give true or false, or null if it is missing"
            ),
        ),
        (
            '"pool": 5',
            refusal("pool", 5, "unknown", "remove it or correct its name; known here: area, rooms, garden"),
        ),
    ],
)
def test_an_offending_field_is_named(api: Api, changed: str, expected: dict[str, Any]) -> None:
    house = json.dumps(HOUSE)[:-1]
    answer = api("POST", "/predict", f'{{"instances": [{house}}}, {house}, {changed}}}]}}')
    assert answer.status == 422
    assert answer.body == {
        "message": "1 field refused; nothing was written",
        "errors": [{**expected, "field": f"instances[1].{expected['field']}"}],
        "error_count": 1,
    }
    assert (api.kinesis.calls, api.sqs.calls) == ([], [])


def test_a_whole_surrogate_pair_is_a_character(api: Api) -> None:
    house = json.dumps({**HOUSE, "area": "\U0001f3e0"})
    assert "\\ud83c\\udfe0" in house
    assert api("POST", "/predict", f'{{"instances": [{house}]}}').status == 200


def test_an_absent_field_is_named(api: Api) -> None:
    answer = api.post("/predict", {"instances": [{"area": "coast", "garden": True}]})
    assert answer.status == 422
    assert answer.body["errors"] == [
        refusal("instances[0].rooms", None, "absent", "add it; null stands for a missing value")
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, refusal("instances", None, "absent", "add it")),
        ({"instances": None}, refusal("instances", None, "null, not a list", "give a list")),
        ({"instances": []}, refusal("instances", "[]", "0 items", "give 1 to 500 items in a request")),
        ({"instances": [7]}, refusal("instances[0]", 7, "a number, not an object", "give an object")),
        (
            {"instances": [HOUSE], "model": "x"},
            refusal("model", "x", "unknown", "remove it or correct its name; known here: instances"),
        ),
    ],
)
def test_an_envelope_that_does_not_fit_is_named(api: Api, body: Any, expected: dict[str, Any]) -> None:
    answer = api.post("/predict", body)
    assert answer.status == 422
    assert answer.body["errors"] == [expected]


def test_too_many_instances_are_refused_without_looking_at_them(api: Api) -> None:
    answer = api.post("/predict", {"instances": [7] * 501})
    assert answer.status == 422
    assert answer.body["error_count"] == 1
    (error,) = answer.body["errors"]
    assert error["problem"] == "501 items"
    assert len(error["value"]) == 100


def test_every_offending_field_is_named_at_once(api: Api) -> None:
    answer = api.post("/predict", {"instances": [{**HOUSE, "rooms": "x", "pool": 1}, HOUSE, {"area": 3}]})
    assert answer.body["message"] == "5 fields refused; nothing was written"
    assert sorted(error["field"] for error in answer.body["errors"]) == [
        "instances[0].pool",
        "instances[0].rooms",
        "instances[2].area",
        "instances[2].garden",
        "instances[2].rooms",
    ]


def test_a_long_list_of_refusals_is_cut_and_counted(api: Api) -> None:
    answer = api.post("/predict", {"instances": [{**HOUSE, "rooms": "x"}] * 150})
    assert answer.body["message"] == "150 fields refused; nothing was written; the first 100 are listed"
    assert len(answer.body["errors"]) == 100
    assert answer.body["error_count"] == 150
    assert answer.body["errors"][99]["field"] == "instances[99].rooms"


def test_a_long_unknown_name_is_cut(api: Api) -> None:
    answer = api.post("/predict", {"instances": [{**HOUSE, "y" * 5_000: 1}]})
    assert answer.body["errors"][0]["field"] == "instances[0]." + "y" * 99 + "…"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "the body is empty; send a JSON object"),
        ("", "the body is empty; send a JSON object"),
        ("hello", "the body is not JSON (Expecting value at character 0); send a JSON object"),
        ('{"instances": [', "the body is not JSON (Expecting value at character 15); send a JSON object"),
        ("[1]", "the body is a list; send a JSON object"),
        ("null", "the body is null; send a JSON object"),
        ('"text"', "the body is a string; send a JSON object"),
        ("\ud800", "the body is not text in UTF-8; send a JSON object"),
        ("[" * 100_000, "the body is nested too deeply; send a flat JSON object"),
        ("9" * 5_000, "the body is not readable: a number has too many digits; send a JSON object"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(api: Api, body: str | None, message: str) -> None:
    answer = api("POST", "/predict", body)
    assert (answer.status, answer.body) == (400, {"message": message})


def test_a_base64_body_that_is_none_is_refused(api: Api) -> None:
    answer = api("POST", "/predict", "{}", is_base64=True)
    message = "the body is not Base64, though the event says so; send a JSON object"
    assert (answer.status, answer.body) == (400, {"message": message})
    assert api.post_base64("/predict", b"\xff\xfe").body == {
        "message": "the body is not text in UTF-8; send a JSON object"
    }


@pytest.mark.parametrize("is_base64", [False, True])
def test_a_body_is_read_up_to_the_limit(api: Api, *, is_base64: bool) -> None:
    fitting = json.dumps({"instances": [HOUSE]}).encode().ljust(MAX_BODY_BYTES)
    for body, status in ((fitting, 200), (fitting + b" ", 413)):
        answer = api.post_base64("/predict", body) if is_base64 else api("POST", "/predict", body.decode())
        assert answer.status == status
    assert answer.body == {"message": "the body is larger than 1,048,576 bytes; split the request"}


def test_the_limit_counts_bytes(api: Api) -> None:
    assert api("POST", "/predict", "é" * (MAX_BODY_BYTES // 2 + 1)).status == 413


def test_every_unknown_field_of_a_hostile_body_is_counted(api: Api) -> None:
    extras = json.dumps({f"k{i}": 0 for i in range(80_000)})
    answer = api("POST", "/predict", f'{{"instances": [{extras}]}}')
    assert answer.body["error_count"] == 80_003


@pytest.mark.parametrize(
    ("body", "status"), [("hello", 400), ('{"instances": 1}', 422), (" " * (MAX_BODY_BYTES + 1), 413)]
)
def test_refused_requests_are_counted(api: Api, body: str, status: int) -> None:
    assert api("POST", "/predict", body).status == status
    (line,) = api.metrics()
    assert line["RejectedRequests"] == [1.0]
    assert "Predictions" not in line


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/predict"), ("POST", "/model"), ("DELETE", "/health")]
)
def test_a_route_that_is_not_there(api: Api, method: str, path: str) -> None:
    answer = api(method, path)
    routes = "POST /predict, POST /feedback, GET /model, GET /health"
    assert (answer.status, answer.body) == (404, {"message": f"no such route; there are {routes}"})
