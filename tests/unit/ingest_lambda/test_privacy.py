"""Feature values, labels and the names of unknown fields never reach the log, whatever goes wrong."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from ingest_lambda import app
from tests.unit.ingest_lambda.conftest import Api
from tests.unit.ingest_lambda.fake_aws import Faults, client_error
from tests.unit.ingest_lambda.fixture_bundle import HOUSE

SENTINEL = "sentinel-8c1f"
SECRET_HOUSE = {**HOUSE, "area": SENTINEL}


def everything_logged(api: Api) -> str:
    logged = api.log.getvalue()
    assert logged
    captured = api.capsys.readouterr()
    return logged + captured.out + captured.err


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/predict", {"instances": [SECRET_HOUSE]}, 200),
        ("/predict", {"instances": [{**HOUSE, "rooms": SENTINEL}]}, 422),
        ("/predict", {"instances": [{**HOUSE, SENTINEL: 1}]}, 422),
        ("/feedback", {"labels": [{"prediction_id": SENTINEL, "label": 1}]}, 422),
        ("/predict", SENTINEL, 400),
    ],
)
def test_served_and_refused_requests(api: Api, path: str, body: Any, status: int) -> None:
    assert api.post(path, body).status == status
    assert SENTINEL not in everything_logged(api)


def test_the_environment_cannot_switch_on_the_logging_of_events(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = vars(app)["resources"]()
    with monkeypatch.context() as switched:
        switched.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
        importlib.reload(app)
        switched.setattr(app, "resources", lambda: built)
        assert api.post("/predict", {"instances": [SECRET_HOUSE]}).status == 200
        assert SENTINEL not in everything_logged(api)
    importlib.reload(app)


def test_lost_events(api: Api) -> None:
    api.kinesis.faults = api.sqs.faults = Faults(always=client_error("AccessDeniedException"))
    assert api.post("/predict", {"instances": [SECRET_HOUSE]}).status == 200
    assert SENTINEL not in everything_logged(api)


def test_an_unexpected_error_has_a_stack_but_no_values(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        try:
            float(SENTINEL)
        except ValueError as error:
            raise RuntimeError(f"while reading {SENTINEL}") from error

    monkeypatch.setattr(app, "predict", broken)
    answer = api.post("/predict", {"instances": [SECRET_HOUSE]})
    assert answer.status == 500
    assert answer.body == {
        "message": "internal error; quote the request id",
        "request_id": "request-1",
    }
    (line,) = api.logged()
    assert (line["level"], line["error"]) == ("ERROR", ["RuntimeError", "ValueError"])
    assert line["function_request_id"] == "request-1"
    assert "in broken" in json.dumps(line["stack"])
    assert SENTINEL not in everything_logged(api)
