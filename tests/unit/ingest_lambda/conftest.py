"""The handler over stand-ins for AWS, called as API Gateway calls it."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from drift_core.event import Event, decode
from ingest_lambda import app
from ingest_lambda.resources import assemble, logger
from ingest_lambda.settings import Settings
from tests.unit.ingest_lambda.fake_aws import Clock, FakeKinesis, FakeS3, FakeSqs, FakeSsm
from tests.unit.ingest_lambda.fixture_bundle import MODEL_NAME, FixtureBundle, fixture_bundle

SETTINGS = Settings(
    model_name=MODEL_NAME,
    models_bucket="models",
    active_bundle_parameter="/driftline/house-prices/active-bundle",
    shadow_bundle_parameter="/driftline/house-prices/shadow-bundle",
    stream_name="stream",
    fallback_queue_url="queue",
)


@dataclass
class Context:
    """What Lambda passes beside the event."""

    function_name: str = "ingest"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:ingest"
    aws_request_id: str = "request-1"


@dataclass
class Answer:
    status: int
    body: Any


@dataclass
class Api:
    """The API under test, its log and its world."""

    capsys: pytest.CaptureFixture[str]
    clock: Clock = field(default_factory=Clock)
    ssm: FakeSsm = field(default_factory=lambda: FakeSsm("v1"))
    s3: FakeS3 = field(default_factory=FakeS3)
    kinesis: FakeKinesis = field(default_factory=FakeKinesis)
    sqs: FakeSqs = field(default_factory=FakeSqs)
    log: io.StringIO = field(default_factory=io.StringIO)

    def __call__(self, method: str, path: str, body: str | None = None, *, is_base64: bool = False) -> Answer:
        event = {
            "httpMethod": method,
            "path": path,
            "resource": path,
            "headers": {"Content-Type": "application/json"},
            "queryStringParameters": None,
            "requestContext": {"stage": "prod", "path": f"/prod{path}", "requestId": "gateway-1"},
            "body": body,
            "isBase64Encoded": is_base64,
        }
        answer = app.lambda_handler(event, Context())  # type: ignore[arg-type]
        assert answer["isBase64Encoded"] is False
        assert answer["multiValueHeaders"] == {"Content-Type": ["application/json"]}
        return Answer(answer["statusCode"], json.loads(answer["body"], parse_constant=pytest.fail))

    def post(self, path: str, body: Any) -> Answer:
        return self("POST", path, json.dumps(body))

    def post_base64(self, path: str, body: bytes) -> Answer:
        return self("POST", path, base64.b64encode(body).decode(), is_base64=True)

    def add(self, bundle: FixtureBundle) -> None:
        self.s3.objects.update(bundle.objects())

    def written(self) -> list[Event]:
        return [decode(data) for data in self.kinesis.taken]

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def metrics(self) -> list[dict[str, Any]]:
        """EMF lines printed since the last call."""
        return [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Api]:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Driftline")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "ingest")
    under_test = Api(capsys)
    under_test.add(fixture_bundle())
    built = assemble(
        SETTINGS,
        ssm=under_test.ssm,  # type: ignore[arg-type]
        s3=under_test.s3,  # type: ignore[arg-type]
        kinesis=under_test.kinesis,  # type: ignore[arg-type]
        sqs=under_test.sqs,  # type: ignore[arg-type]
        clock=under_test.clock,
        sleep=under_test.clock.sleep,
        random=lambda: 1.0,
    )
    monkeypatch.setattr(app, "resources", lambda: built)
    (handler,) = logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(under_test.log)
    yield under_test
    handler.setStream(before)
