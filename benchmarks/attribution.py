"""Attributions: how long 50 features take on one core, how exact they are, and NDCG without drift."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnxruntime import InferenceSession, SessionOptions

from benchmarks.speed.machine import described
from drift_core.attribution import AttributionBaseline
from drift_core.attribution_drift import AttributionMemory, judge_attribution
from drift_core.quality_budget import quality_windows
from drift_core.schema import Feature, FeatureSchema, Kind
from training.attribute import attribute
from training.export import to_onnx
from training.fit import fit

RESULTS = Path(__file__).parent / "results"

FEATURES, ROWS, TARGET_SECONDS = 50, 256, 60.0
"""What an hour may take: the rows that a window samples at most, of a wide model."""

TRAINING_ROWS = 12_000

WITHOUT_DRIFT = {20: 60, 100: 12, 256: 6}
"""Rows an hour, and how many hours of so many: large ones take seconds."""


def houses_of_numbers(rows: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.float32], Any]:
    """Features of falling weight, two of which act together, and a noisy label."""
    features = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    weights = 1 / np.arange(1, FEATURES + 1)
    together = 2 * np.sin(3 * features[:, 0]) * features[:, 1]
    return features, features @ weights + together + 0.3 * rng.normal(size=rows)


def measured() -> dict[str, Any]:
    """All figures, and the machine."""
    rng = np.random.default_rng(0)
    features, labels = houses_of_numbers(TRAINING_ROWS, rng)
    schema = FeatureSchema(tuple(Feature(name=f"f{i:02}", kind=Kind.NUMERIC) for i in range(FEATURES)))
    onnx = to_onnx(fit(schema, features, labels, coverage=0.9, seed=0), FEATURES)
    held_out, _ = houses_of_numbers(TRAINING_ROWS, rng)
    began = time.process_time()
    baseline = attribute(onnx, schema.names, held_out, None, seed=0)
    training_seconds = time.process_time() - began
    live, _ = houses_of_numbers(ROWS, rng)
    predict = _whole(onnx)
    began = time.process_time()
    found = baseline.explained(predict, live, seed=1)
    seconds = time.process_time() - began
    importance = np.abs(found.values).mean(0)
    error = np.sqrt((found.standard_error**2).mean(0))
    return {
        "features": FEATURES,
        "rows": ROWS,
        "permutations": baseline.permutations,
        "background_rows": len(baseline.background),
        "seconds": round(seconds, 2),
        "target_seconds": TARGET_SECONDS,
        "training_rows_explained": baseline.rows,
        "training_seconds": round(training_seconds, 2),
        "sampling_error_of_importance": round(float(error.sum() / importance.sum()), 4),
        "without_drift": [_without_drift(onnx, baseline, rng, rows) for rows in WITHOUT_DRIFT],
        "machine": described(["numpy", "onnxruntime"]),
    }


def _whole(onnx: bytes) -> Any:
    """The model as the quality function runs it, intervals and all."""
    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    return lambda rows: session.run(["prediction"], {"features": rows})[0].ravel()


def _without_drift(
    onnx: bytes, baseline: AttributionBaseline, rng: np.random.Generator, rows: int
) -> dict[str, Any]:
    """NDCG and scores of healthy hours."""
    predict, memory = _whole(onnx), AttributionMemory.start(baseline)
    hours = WITHOUT_DRIFT[rows]
    ndcg, scores = [], []
    for hour in range(hours):
        live, _ = houses_of_numbers(rows, rng)
        values = baseline.explained(predict, live, seed=hour).values
        verdict, memory = judge_attribution(
            values, baseline, memory, quality_windows(1.0, 1), start=hour * 3_600_000
        )
        ndcg.append(verdict.ndcg)
        scores.append(verdict.score)
    return {
        "rows": rows,
        "hours": hours,
        "lowest_ndcg": round(min(ndcg), 4),
        "median_ndcg": round(float(np.median(ndcg)), 4),
        "highest_score": round(max(scores), 3),
    }


def page(found: dict[str, Any]) -> str:
    """The figures for people."""
    machine = found["machine"]
    lines = [
        "# Attributions: time, exactness, and hours without drift",
        "",
        f"`python -m benchmarks.attribution`, {machine['cpu']}, one thread, processor time.",
        "",
        f"- {found['features']} features × {found['rows']} rows: **{found['seconds']} s** of one core "
        f"(target {found['target_seconds']:.0f} s), {found['permutations']} permutations a row over "
        f"{found['background_rows']} background rows.",
        f"- Sampling error of a row's value: {found['sampling_error_of_importance']:.1%} of the mean |φ|.",
        f"- Training explains {found['training_rows_explained']} held-out rows in "
        f"{found['training_seconds']} s.",
        "",
        "Hours without drift, of that model, whose 50 features fall in weight as 1, 1/2, 1/3 …; NDCG alarms",
        "below 0.90, the charts above 1:",
        "",
        "| rows an hour | hours | lowest NDCG | median NDCG | highest score |",
        "| ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {one['rows']} | {one['hours']} | {one['lowest_ndcg']} | {one['median_ndcg']} | "
            f"{one['highest_score']} |"
            for one in found["without_drift"]
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, write and print."""
    found = measured()
    (RESULTS / "attribution.json").write_text(json.dumps(found, indent=2) + "\n")
    (RESULTS / "attribution.md").write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
