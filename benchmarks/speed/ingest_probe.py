"""One fresh process of the ingest benchmark: a cold start, then warm requests; the last line is JSON.

    python -m benchmarks.speed.ingest_probe <driftline|scikit-learn> <folder> <requests>

Kinesis is a real client whose answers come from memory: it signs and serialises, but sends nothing. Of each
request three times are taken: all of it, the call of the model, and the call of Kinesis.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.speed.machine import peak_bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """A handler: body to answer, and how long its last calls of the model and of Kinesis took."""

    call: Callable[[str], Any]
    predicting: Callable[[], float]
    putting: Callable[[], float]


def main(library: str, folder: Path, requests: int) -> dict[str, float]:
    """Seconds and bytes of this process."""
    started = time.perf_counter()
    bodies = {number: (folder / f"{number}.json").read_text() for number in (1, 500)}
    subject = SUBJECTS[library](folder)
    subject.call(bodies[1])
    measured = {"cold_s": time.perf_counter() - started, "peak_bytes": float(peak_bytes())}
    measured |= percentiles("one", subject, bodies[1], requests)
    return measured | percentiles("many", subject, bodies[500], max(1, requests // 30))


def driftline(folder: Path) -> Subject:
    """The Lambda's handler; its real clients are made and paid for, then S3 and SSM are replaced."""
    resources: Any = importlib.import_module("ingest_lambda.resources")
    app: Any = importlib.import_module("ingest_lambda.app")
    real = resources.resources()
    values = {
        real.settings.active_bundle_parameter: folder.name,
        real.settings.shadow_bundle_parameter: "none",
    }
    stored = SimpleNamespace(
        get_parameter=lambda **wanted: {"Parameter": {"Value": values[wanted["Name"]]}},
        get_object=lambda **wanted: {"Body": (folder / wanted["Key"].rpartition("/")[2]).open("rb")},
    )
    kinesis = TimedKinesis()
    built = resources.assemble(real.settings, ssm=stored, s3=stored, kinesis=kinesis, sqs=None)
    app.resources = lambda: built
    model = TimedModel(built.active.current().model)
    context = SimpleNamespace(
        function_name="ingest", memory_limit_in_mb=1024, invoked_function_arn="arn", aws_request_id="request"
    )

    def call(body: str) -> Any:
        event = {
            "httpMethod": "POST",
            "path": "/predict",
            "headers": {"Content-Type": "application/json"},
            "requestContext": {"stage": "prod", "path": "/prod/predict"},
            "body": body,
            "isBase64Encoded": False,
        }
        answer = app.lambda_handler(event, context)
        if answer["statusCode"] != 200:
            raise RuntimeError(f"the handler answered {answer['body'][:500]}")
        return answer

    return Subject(call, lambda: model.seconds, lambda: kinesis.seconds)


def scikit_learn(folder: Path) -> Subject:
    """The obvious handler."""
    module: Any = importlib.import_module("benchmarks.speed.ingest_sklearn")
    kinesis = TimedKinesis()
    handler = module.Handler(folder, kinesis)
    return Subject(handler, lambda: float(handler.predicting), lambda: kinesis.seconds)


SUBJECTS = {"driftline": driftline, "scikit-learn": scikit_learn}


class TimedModel:
    """Stands before a model's `predict` and times it."""

    def __init__(self, model: Any) -> None:
        self.seconds = 0.0
        kind: Any = type(model)
        predict = kind.predict

        def timed(own: Any, matrix: Any) -> Any:
            started = time.perf_counter()
            found = predict(own, matrix)
            self.seconds = time.perf_counter() - started
            return found

        kind.predict = timed


class TimedKinesis:
    """A client of Kinesis that answers from memory."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._response: Any = importlib.import_module("botocore.awsrequest").AWSResponse
        self._client: Any = importlib.import_module("boto3").client("kinesis")
        self._client.meta.events.register("before-send.kinesis.PutRecords", self._answer)

    def put_records(self, **call: Any) -> Any:
        """As the client's."""
        started = time.perf_counter()
        answer = self._client.put_records(**call)
        self.seconds = time.perf_counter() - started
        return answer

    def _answer(self, request: Any, **_: Any) -> Any:
        sent = json.loads(request.body)["Records"]
        content = json.dumps({"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1"}] * len(sent)})
        raw = SimpleNamespace(stream=lambda **_: iter([content.encode()]))
        return self._response(request.url, 200, {"content-type": "application/x-amz-json-1.1"}, raw)


def percentiles(name: str, subject: Subject, body: str, requests: int) -> dict[str, float]:
    """Seconds of a warm request: all, the model's, and what is left beside model and Kinesis."""
    for _ in range(requests // 10):
        subject.call(body)
    taken: dict[str, list[float]] = {"all": [], "model": [], "beside": []}
    for _ in range(requests):
        started = time.perf_counter()
        subject.call(body)
        whole = time.perf_counter() - started
        taken["all"].append(whole)
        taken["model"].append(subject.predicting())
        taken["beside"].append(whole - subject.predicting() - subject.putting())
    return {
        f"{name}_{of}_p{percent}_s": sorted(times)[len(times) * percent // 100]
        for of, times in taken.items()
        for percent in (50, 99)
    }


if __name__ == "__main__":
    # Logs and metrics are written, to nowhere.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        measured = main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(measured))
