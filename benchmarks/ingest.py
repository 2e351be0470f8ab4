"""How fast the prediction API is, and how fast it would be with scikit-learn and joblib.

    python -m benchmarks.ingest [--runs 5] [--rows 20000] [--out build/benchmarks/ingest.json]

One bundle is trained; its pipelines are also dumped with joblib. Each figure comes from fresh processes, the
two libraries in turn, and is the median over the runs. Targets: a warm request of one instance takes at most
1 ms beside Kinesis, and a cold start at most 0.6 of scikit-learn's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnxruntime as ort
import pandas as pd
from threadpoolctl import threadpool_limits

from drift_core.bundle import MODEL_FILE, MODEL_OUTPUTS
from training.bundle import write
from training.fit import fit, split
from training.generator import TARGET, TIME_COLUMN, houses
from training.table import tabulate
from training.train import train

MODEL_NAME = "house-prices"
COVERAGE = 0.9
LIBRARIES = ("onnx", "joblib")
LIBRARY_VERSIONS = (
    "numpy",
    "onnxruntime",
    "scikit-learn",
    "joblib",
    "boto3",
    "aws-lambda-powertools",
    "jsonschema",
)

COLD_TARGET = 0.6
"""Largest cold start beside scikit-learn's."""

WARM_TARGET_S = 1e-3
"""Longest median of a request of one instance, beside Kinesis."""


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
    joblib.dump(models, final / "models.joblib")
    _check_same(final, models, features[parts.test])

    instances = [
        _instance(row) for row in frame.drop(columns=[TARGET, TIME_COLUMN]).tail(500).to_dict("records")
    ]
    for number in (1, 500):
        (final / f"{number}.json").write_text(json.dumps({"instances": instances[:number]}))
    return final


def _check_same(folder: Path, models: Any, rows: Any) -> None:
    """Both libraries serve the same predictions, or the race would mean nothing."""
    session = ort.InferenceSession(folder / MODEL_FILE)
    found = session.run(MODEL_OUTPUTS, {"features": rows})
    for name, values in zip(MODEL_OUTPUTS, found, strict=True):
        np.testing.assert_allclose(values[:, 0], models[name].predict(rows), rtol=1e-4)


def _instance(row: dict[Any, Any]) -> dict[str, Any]:
    return {name: None if pd.isna(value) else value for name, value in row.items()}


def probe(scope: str, library: str, folder: Path) -> dict[str, float]:
    """One fresh process."""
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "POWERTOOLS_METRICS_NAMESPACE": "Driftline",
        "POWERTOOLS_SERVICE_NAME": "ingest",
        "MODEL_NAME": MODEL_NAME,
        "MODELS_BUCKET": "models",
        "ACTIVE_BUNDLE_PARAMETER": "active",
        "STREAM_NAME": "stream",
        "FALLBACK_QUEUE_URL": "https://queue",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),  # compiled by the first run, for both
        "PYTHONDONTWRITEBYTECODE": "",
        "OMP_NUM_THREADS": "1",  # a Lambda of this size has one core; scikit-learn is faster so, too
    }
    command = [sys.executable, "-m", "benchmarks.ingest_probe", scope, library, str(folder)]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(run.stdout)
    return measured


def measure(folder: Path, runs: int) -> dict[str, dict[str, float]]:
    """Medians over the runs, by "<scope> <library>"."""
    found: dict[str, list[dict[str, float]]] = {}
    for run in range(runs + 1):
        for scope in ("model", "function"):
            for library in LIBRARIES:
                measured = probe(scope, library, folder)
                if run:  # the first fills the disk cache
                    found.setdefault(f"{scope} {library}", []).append(measured)
    return {
        name: {key: statistics.median(one[key] for one in measured) for key in measured[0]}
        for name, measured in found.items()
    }


def ratios(medians: dict[str, dict[str, float]]) -> dict[str, float]:
    """Each figure beside scikit-learn's; below 1 is better."""
    return {
        f"{scope} {key}": value / medians[f"{scope} joblib"][key]
        for scope in ("model", "function")
        for key, value in medians[f"{scope} onnx"].items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/ingest.json"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(limits=1):
        medians = measure(prepare(Path(temporary), options.rows), options.runs)
    beside = ratios(medians)
    _print(medians, beside)
    met = {
        "one instance, p50 at most 1 ms beside Kinesis": medians["function onnx"]["one_p50_s"]
        <= WARM_TARGET_S,
        f"function cold start at most {COLD_TARGET} of joblib's": beside["function cold_s"] <= COLD_TARGET,
    }
    for target, reached in met.items():
        print(f"{'reached' if reached else 'MISSED '}  {target}")
    report = {
        "runs": options.runs,
        "rows": options.rows,
        "machine": {"python": platform.python_version(), "cpu": platform.machine(), "cores": os.cpu_count()},
        "versions": {name: version(name) for name in LIBRARY_VERSIONS},
        "medians": medians,
        "ratios": beside,
        "targets": met,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    print(options.out)


def _print(medians: dict[str, dict[str, float]], beside: dict[str, float]) -> None:
    print(f"{'':28}{'onnx':>12}{'joblib':>12}{'ratio':>8}")
    for figure, ratio in beside.items():
        scope, key = figure.split()
        onnx, peer = (_shown(key, medians[f"{scope} {library}"][key]) for library in LIBRARIES)
        print(f"{scope} {key[: key.rindex('_')]:{27 - len(scope)}}{onnx:>12}{peer:>12}{ratio:8.2f}")


def _shown(key: str, value: float) -> str:
    return f"{value / 2**20:.0f} MiB" if key.endswith("_bytes") else f"{value * 1e3:.2f} ms"


if __name__ == "__main__":
    main()
