"""Thousands of requests made from the API's own document: each answer is one that the document promises."""

from __future__ import annotations

import importlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from drift_core.event import new_event_id
from ingest_lambda import app
from ingest_lambda.resources import logger
from scripts.openapi import document
from tests.hostile.gateway import DOCUMENT, Gateway
from tests.hostile.sent import check_private, timely
from tests.unit.ingest_lambda.conftest import Api, Context
from tests.unit.ingest_lambda.conftest import api as api  # noqa: PLC0414 - a fixture
from tests.unit.ingest_lambda.fixture_bundle import HOUSE, bundle_of, fixture_bundle, linear_model

EXAMPLES = 600
"""Requests of each operation and mode; a GET has one only."""

LABEL = {"prediction_id": new_event_id(1_700_000_000_000), "label": 1.5}

DEBUG = {
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_DEBUG": "true",
    "POWERTOOLS_EVENT_HANDLER_DEBUG": "true",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
}
"""What somebody might set who looks for a fault."""


class Served:
    """The handler behind the gateway, with what it wrote in one request."""

    def __init__(self, api: Api) -> None:
        self.log = api.log
        manifest = fixture_bundle().manifest
        # Numbers up to 3e38 keep a finite prediction.
        api.add(bundle_of(manifest, linear_model(factor=1e-6)))
        self.printed = io.StringIO()
        self.gateway = Gateway(self.handle, without_keys(document(manifest)))
        self.schema = schemathesis.openapi.from_wsgi(DOCUMENT, self.gateway)

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        """As Lambda calls the function."""
        with redirect_stdout(self.printed), redirect_stderr(self.printed):
            answer: dict[str, Any] = app.lambda_handler(event, Context())  # type: ignore[arg-type]
        return answer

    def written(self) -> str:
        """What was logged and printed since the last call."""
        found = self.log.getvalue() + self.printed.getvalue()
        for stream in (self.log, self.printed):
            stream.seek(0)
            stream.truncate()
        return found


def without_keys(described: dict[str, Any]) -> dict[str, Any]:
    """The document as the function sees it: who may call is the gateway's concern."""
    for methods in described["paths"].values():
        for operation in methods.values():
            del operation["security"]
    del described["components"]["securitySchemes"]
    return described


@pytest.fixture
def served(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    built = vars(app)["resources"]()
    level = logger.log_level
    with monkeypatch.context() as switched:
        for name, value in DEBUG.items():
            switched.setenv(name, value)
        importlib.reload(app)
        switched.setattr(app, "resources", lambda: built)
        logger.setLevel("DEBUG")
        yield Served(api)
    logger.setLevel(level)
    importlib.reload(app)


def test_every_answer_is_one_that_the_document_promises(
    served: Served, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """None is a fault of ours, none holds a stack, and nothing that a caller sent is logged."""
    ordinary = vocabulary(served)
    tally: Counter[tuple[str, str, int]] = Counter()
    for found in served.schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in GenerationMode if operation.body else [GenerationMode.POSITIVE]:
            tally += try_operation(served, operation, mode, ordinary)
    with capsys.disabled():
        writer = request.config.get_terminal_writer()
        writer.line()
        for (path, kind, status), count in sorted(tally.items()):
            writer.line(f"{count:6,}  {status}  {kind:<8}  {path}")
    assert tally.total() >= 4 * EXAMPLES
    for path, accepted in (("/predict", 200), ("/feedback", 202)):
        assert tally[path, "positive", accepted] > 100
        assert tally[path, "negative", 422] > 100


def vocabulary(served: Served) -> str:
    """What is logged whatever is sent: a value that is a word of it by chance proves nothing."""
    for path in ("/predict", "/feedback", "/model"):
        for body in ("{}", json.dumps({"instances": [HOUSE]}), json.dumps({"labels": [LABEL]})):
            event = {"httpMethod": "GET" if path == "/model" else "POST", "path": path, "body": body}
            served.handle({**event, "headers": {}, "requestContext": {"stage": "v1"}})
    return served.written()


def try_operation(
    served: Served, operation: Any, mode: GenerationMode, ordinary: str
) -> Counter[tuple[str, str, int]]:
    tally: Counter[tuple[str, str, int]] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def check(case: Case[Any]) -> None:
        case.body = timely(case.body)
        answer = case.call_and_validate(excluded_checks=[unsupported_method])
        told = answer.content.decode()
        assert not re.search(r"Traceback|File \\?\"|\.py\b", told), told
        check_private(case.body, served.written(), ordinary)
        tally[operation.path, mode.value, answer.status_code] += 1

    check()
    return tally


@pytest.mark.parametrize("path", ["/predict", "/feedback"])
def test_a_body_that_is_too_large_is_refused_as_documented(served: Served, path: str) -> None:
    case = served.schema[path]["POST"].Case(body={"x" * (1 << 20): 1}, media_type="application/json")
    answer = case.call()
    assert answer.status_code == 413
    case.validate_response(answer, checks=[status_code_conformance, response_schema_conformance])
    check_private(case.body, served.written(), "")


def test_a_value_in_a_log_would_be_seen() -> None:
    with pytest.raises(AssertionError, match="is logged"):
        check_private({"instances": [{"rooms": 1234567890.5}]}, '{"message": "read 1234567890.5"}', "message")
