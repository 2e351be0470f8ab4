"""How fast the prediction API is, warm and cold, beside the handler that one would write with scikit-learn.

One bundle is trained; the same regressors are dumped with joblib, as pipelines over a frame. Each figure
comes from fresh processes, the two in turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np
import onnxruntime as ort
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from benchmarks.speed.machine import MIB, described
from benchmarks.speed.report import Figure, Part, Target
from drift_core.bundle import MODEL_FILE, MODEL_OUTPUTS
from drift_core.schema import UNSEEN, FeatureSchema, Kind
from training.bundle import write
from training.fit import fit, split
from training.generator import TARGET, TIME_COLUMN, houses
from training.table import tabulate
from training.train import train

MODEL_NAME = "house-prices"
COVERAGE = 0.9
LIBRARIES = ("driftline", "scikit-learn")

BESIDE_MODEL = Target(of="value", limit=0.5)
COLD = Target(of="ratio", limit=0.5)

RUNS, REQUESTS, ROWS = 5, 300, 20_000

TEXT = """
The whole handler behind API Gateway's event: JSON, checks against the schema, model, answer, PutRecords, log
and metrics. The alternative is what one writes first: `pd.DataFrame(instances)`, `pipeline.predict` on
pipelines from joblib, boto3; it checks, logs and measures nothing. Both serve the same predictions from the
same regressors, and put records with a real client whose answers come from memory, so that signing counts and
the network does not. "Beside model and Kinesis" is a request without its calls of both. A cold start is a
fresh process, from the first import to the first answer, with bytecode compiled and files in the disk cache;
Lambda's own start is not in it.
""".strip()


def measure(*, short: bool = False) -> Part:
    """Medians over fresh processes."""
    runs, requests, rows = (1, 10, 2_000) if short else (RUNS, REQUESTS, ROWS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = prepare(Path(temporary), rows)
        found: dict[str, list[dict[str, float]]] = {library: [] for library in LIBRARIES}
        for run in range(runs + 1):
            for library in LIBRARIES:
                measured = probe(library, folder, requests)
                if run:  # the first compiles bytecode and fills the disk cache
                    found[library].append(measured)
    return Part(
        name="ingest",
        title="Ingest: one request",
        text=TEXT,
        figures=[
            _figure(found, "beside model and Kinesis, p50", "one_beside_p50_s", target=BESIDE_MODEL),
            _figure(found, "beside model and Kinesis, p99", "one_beside_p99_s"),
            _figure(found, "one instance, p50", "one_all_p50_s"),
            _figure(found, "one instance, p99", "one_all_p99_s"),
            _figure(found, "the model's call in it, p50", "one_model_p50_s"),
            _figure(found, "500 instances, p50", "many_all_p50_s"),
            _figure(found, "500 instances, p99", "many_all_p99_s"),
            _figure(found, "cold start: import, load, first answer", "cold_s", target=COLD),
            _figure(found, "peak memory after the first answer", "peak_bytes", unit="MiB", scale=1 / MIB),
        ],
        machine=described(
            ("numpy", "onnxruntime", "scikit-learn", "joblib", "pandas", "boto3", "aws-lambda-powertools")
        ),
    )


def _figure(
    found: dict[str, list[dict[str, float]]],
    name: str,
    key: str,
    *,
    unit: str = "ms",
    scale: float = 1e3,
    target: Target | None = None,
) -> Figure:
    ours, theirs = ([scale * one[key] for one in found[library]] for library in LIBRARIES)
    return Figure(
        name=name,
        value=median(ours),
        unit=unit,
        beside="scikit-learn + pandas",
        other=median(theirs),
        ratio=median(one / other for one, other in zip(ours, theirs, strict=True)),
        target=target,
    )


def prepare(folder: Path, rows: int) -> Path:
    """Train a bundle and, on the same rows, the same pipelines for joblib; the bundle's folder."""
    frame = houses(rows, seed=1)
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    bundle = train(
        frame, target=TARGET, time_column=TIME_COLUMN, model_name=MODEL_NAME, created_at=created_at
    )
    final = write(bundle, folder)
    table = tabulate(frame, target=TARGET, time_column=TIME_COLUMN)
    parts = split(len(table.labels), table.times, coverage=COVERAGE, seed=0)
    features = table.matrix.astype(np.float32)
    models = fit(table.schema, features[parts.fit], table.labels[parts.fit], coverage=COVERAGE, seed=0)
    given = frame.drop(columns=[TARGET, TIME_COLUMN])[list(table.schema.names)]
    pipelines = {name: over_frames(table.schema, model) for name, model in models.items()}
    _check_same(final, pipelines, features[-500:], given.tail(500))
    joblib.dump(pipelines, final / "pipelines.joblib")
    instances = [_instance(row) for row in given.tail(500).to_dict("records")]
    for number in (1, 500):
        (final / f"{number}.json").write_text(json.dumps({"instances": instances[:number]}))
    return final


def over_frames(schema: FeatureSchema, model: Pipeline) -> Pipeline:
    """A fitted pipeline that takes a frame of values instead of a matrix of codes."""
    texts = [feature for feature in schema.features if feature.kind is Kind.CATEGORICAL]
    coding = ColumnTransformer(
        [
            (
                feature.name,
                OrdinalEncoder(
                    categories=[list(feature.categories)],
                    handle_unknown="use_encoded_value",
                    unknown_value=int(UNSEEN),
                    encoded_missing_value=np.nan,
                )
                if feature in texts
                else "passthrough",
                [feature.name],
            )
            for feature in schema.features
        ]
    )
    example = {
        feature.name: feature.categories[0] if feature in texts else 0.0 for feature in schema.features
    }
    coding.fit(pd.DataFrame([example]))
    # In the precision that is served: a value beside a tree's split would fall to another side.
    return Pipeline([("codes", coding), ("precision", FunctionTransformer(np.float32)), *model.steps])


def _check_same(folder: Path, pipelines: dict[str, Pipeline], rows: Any, frame: pd.DataFrame) -> None:
    """Both serve the same predictions, or the race would mean nothing."""
    session = ort.InferenceSession(folder / MODEL_FILE)
    found = session.run(MODEL_OUTPUTS, {"features": rows})
    for name, values in zip(MODEL_OUTPUTS, found, strict=True):
        np.testing.assert_allclose(values[:, 0], pipelines[name].predict(frame), rtol=1e-4)


def _instance(row: dict[Any, Any]) -> dict[str, Any]:
    return {name: None if pd.isna(value) else value for name, value in row.items()}


def probe(library: str, folder: Path, requests: int) -> dict[str, float]:
    """One fresh process."""
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "Driftline",
        "POWERTOOLS_SERVICE_NAME": "ingest",
        "MODEL_NAME": MODEL_NAME,
        "MODELS_BUCKET": "models",
        "ACTIVE_BUNDLE_PARAMETER": "active",
        "SHADOW_BUNDLE_PARAMETER": "shadow",
        "STREAM_NAME": "stream",
        "FALLBACK_QUEUE_URL": "https://queue",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # compiled by the first run, for both
        "PYTHONDONTWRITEBYTECODE": "",
    }
    command = [sys.executable, "-m", "benchmarks.speed.ingest_probe", library, str(folder), str(requests)]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(run.stdout)
    return measured
