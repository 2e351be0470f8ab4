"""One fresh process of the ingest benchmark: a cold start, then warm requests; the last line is JSON.

    python -m benchmarks.ingest_probe <model|function> <onnx|joblib> <folder>

"model" is the model alone: import its library, load it, predict once. "function" is the whole handler over an
AWS in memory. With "joblib" the same handler runs on the scikit-learn pipelines that the bundle was made
from: only `ingest_lambda.model` is another.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

ONE_REQUESTS = 1_000
MANY_REQUESTS = 30

type Call = Callable[[str], Any]


def main(scope: str, library: str, folder: Path) -> dict[str, float]:
    """Seconds and bytes of this process."""
    started = time.perf_counter()
    if library == "joblib":
        sys.modules["ingest_lambda.model"] = joblib_model(folder)
    bodies = {number: (folder / f"{number}.json").read_text() for number in (1, 500)}
    if scope == "model":
        load_model(folder)
        return {"cold_s": time.perf_counter() - started, "peak_bytes": peak_bytes()}
    call = handler(folder, in_memory_stub())
    call(bodies[1])
    measured = {"cold_s": time.perf_counter() - started, "peak_bytes": peak_bytes()}
    measured |= percentiles("one", call, bodies[1], ONE_REQUESTS)
    measured |= percentiles("many", call, bodies[500], MANY_REQUESTS)
    through_client = handler(folder, in_memory_client())
    through_client(bodies[1])
    return measured | percentiles("one_with_client", through_client, bodies[1], ONE_REQUESTS)


def load_model(folder: Path) -> Any:
    """The model alone; loading predicts once."""
    model = importlib.import_module("ingest_lambda.model").Model
    manifest = importlib.import_module("drift_core.bundle").Manifest.from_json(
        (folder / "manifest.json").read_bytes()
    )
    return model.load(manifest, (folder / "model.onnx").read_bytes())


class WithoutPandas:
    """Hides pandas, which scikit-learn imports where it is installed: a Lambda would go without."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse pandas, and leave every other module to the other finders."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


def joblib_model(folder: Path) -> ModuleType:
    """What `ingest_lambda.model` would be with scikit-learn and joblib."""
    sys.meta_path.insert(0, WithoutPandas())
    np = importlib.import_module("numpy")
    joblib = importlib.import_module("joblib")

    class Model:
        def __init__(self, rule: Any, models: Any) -> None:
            self._rule = rule
            self._models = models

        @classmethod
        def load(cls, manifest: Any, _: bytes) -> Any:
            model = cls(manifest.interval, joblib.load(folder / "models.joblib"))
            model.predict(np.zeros((1, len(manifest.schema.features))))
            return model

        def predict(self, matrix: Any) -> Any:
            rows = matrix.astype(np.float32)
            values, low, high = (
                self._models[name].predict(rows) for name in ("prediction", "lower", "upper")
            )
            lower, upper = self._rule.bounds(values, low, high)
            return SimpleNamespace(
                values=values, lower=lower, upper=upper, confidence=self._rule.confidence(upper - lower)
            )

    module = ModuleType("ingest_lambda.model")
    vars(module).update(Model=Model, Predictions=SimpleNamespace)
    return module


def handler(folder: Path, kinesis: Any) -> Call:
    """The Lambda's handler, body to answer; its real clients are made and paid for, then replaced."""
    resources: Any = importlib.import_module("ingest_lambda.resources")
    app: Any = importlib.import_module("ingest_lambda.app")
    real = resources.resources()
    stored = SimpleNamespace(
        get_parameter=lambda **_: {"Parameter": {"Value": folder.name}},
        get_object=lambda **wanted: {"Body": (folder / wanted["Key"].rpartition("/")[2]).open("rb")},
    )
    built = resources.assemble(real.settings, ssm=stored, s3=stored, kinesis=kinesis, sqs=None)
    app.resources = lambda: built
    context = SimpleNamespace(
        function_name="ingest", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="request"
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

    return call


def in_memory_stub() -> Any:
    """A Kinesis that takes everything at once."""
    return SimpleNamespace(put_records=lambda **call: {"Records": [{}] * len(call["Records"])})


def in_memory_client() -> Any:
    """A real client of Kinesis whose answers come from memory: it signs and serialises, but sends nothing."""
    response = importlib.import_module("botocore.awsrequest").AWSResponse
    client = importlib.import_module("boto3").client("kinesis")

    def answer(request: Any, **_: Any) -> Any:
        sent = json.loads(request.body)["Records"]
        content = json.dumps({"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1"}] * len(sent)})
        raw = SimpleNamespace(stream=lambda **_: iter([content.encode()]))
        return response(request.url, 200, {"content-type": "application/x-amz-json-1.1"}, raw)

    client.meta.events.register("before-send.kinesis.PutRecords", answer)
    return client


def percentiles(name: str, call: Call, body: str, requests: int) -> dict[str, float]:
    """Seconds a request of a warm handler takes."""
    for _ in range(requests // 10):
        call(body)
    taken = []
    for _ in range(requests):
        started = time.perf_counter()
        call(body)
        taken.append(time.perf_counter() - started)
    taken.sort()
    return {f"{name}_p50_s": taken[requests // 2], f"{name}_p95_s": taken[requests * 95 // 100]}


def peak_bytes() -> int:
    """Peak memory of this process, from Linux; `getrusage` would count the parent's, too."""
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
    ):  # logs and metrics are written, to nowhere
        measured = main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    print(json.dumps(measured))
