"""From a frame to a bundle: fit, calibrate, export, prove, measure, freeze."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pandas as pd
import skl2onnx
import sklearn

from drift_core.bundle import (
    ATTRIBUTION_FILE,
    BASELINE_FILE,
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    MODEL_FILE,
    SAMPLE_FILE,
    FileEntry,
    Manifest,
)
from drift_core.errors import LEVELS, ErrorBaseline
from drift_core.expected_error import ExpectedErrorBaseline
from drift_core.freeze import freeze
from drift_core.interval import IntervalRule
from drift_core.monitor_settings import MonitorSettings
from drift_core.policy import QualityPolicy, RetrainingPolicy
from drift_core.schema import Matrix
from drift_core.segment_cells import NoRoomError
from training.attribute import attribute
from training.bundle import Bundle, version_of
from training.data import DataError
from training.expected_error import expected_error
from training.export import check_parity, run, to_onnx
from training.fit import Split, conformal_offset, fit, importance, predict, split
from training.sample import sample_parquet
from training.segments import rows_by_segment, segments_by
from training.table import Table, tabulate

_VERSIONS = {library.__name__: library.__version__ for library in (sklearn, skl2onnx, onnx, onnxruntime, np)}


def train(
    frame: pd.DataFrame,
    *,
    target: str,
    model_name: str,
    created_at: datetime,
    time_column: str | None = None,
    coverage: float = 0.9,
    seed: int = 0,
    monitor: MonitorSettings | None = None,
    quality: QualityPolicy | None = None,
    segments: Sequence[str] = (),
    retraining: RetrainingPolicy | None = None,
    units: Mapping[str, str] | None = None,
    source: Mapping[str, Any] | None = None,
    calibrate: Callable[[float], None] | None = None,
) -> Bundle:
    """Train a regression model. The same arguments give the same bytes.

    Every figure is measured on the exported model's answers, since these are what is served.

    Parameters
    ----------
    frame : one row per observation; every column but the target and the time is a feature.
    created_at : with a time zone; it becomes part of the version.
    coverage : promised share of labels inside the interval.
    quality : how labels will be judged; the clumping of errors is measured in windows of its length.
    retraining : what an incident may lead to.
    segments : columns by whose values predictions are judged apart as well.
    units : what a number counts, by column; for people.
    source : where the data comes from; for people.
    calibrate : as in `drift_core.freeze.freeze`: told how far the simulation of thresholds is, or None to
        do without it.

    Raises
    ------
    DataError
        If the data cannot be trained on.
    ParityError
        If the exported model does not predict what scikit-learn predicts.
    """
    units = units or {}
    table = tabulate(frame, target=target, time_column=time_column, units=units)
    apart = segments_by(segments, table.schema, table.matrix)
    parts = split(len(table.labels), table.times, coverage=coverage, seed=seed)
    features = table.matrix.astype(np.float32)
    labels = table.labels
    if np.ptp(labels[parts.test]) == 0:
        raise DataError(
            f"target {target!r} is {labels[parts.test][0]:g} in all {len(parts.test)} test rows; quality "
            f"cannot be measured on them: give rows with varied labels, also among the newest"
        )
    models = fit(table.schema, features[parts.fit], labels[parts.fit], coverage=coverage, seed=seed)

    model = to_onnx(models, len(table.schema.features))
    held_out = parts.held_out
    answers = run(model, features[held_out])
    difference = check_parity(predict(models, features[held_out]), answers, float(labels.std()))

    calibrating = np.arange(len(held_out)) < len(parts.calibration)
    rule, served = _serve(answers, labels[held_out], calibrating, coverage)
    monitor, quality = monitor or MonitorSettings(), quality or QualityPolicy()
    guess = expected_error(
        table.schema,
        features,
        labels,
        parts.fit,
        held_out=held_out,
        predictions=served["prediction"],
        calibration_rows=len(parts.calibration),
        seed=seed,
    )
    windows = None if table.times is None else quality.windows(table.times[held_out])
    grouped = rows_by_segment(apart, table.schema, table.matrix[held_out])
    errors = _errors(
        served, labels[held_out], guess.estimates, calibrating, windows=windows, segments=grouped
    )
    try:
        unnamed = freeze(
            model_name=model_name,
            model_version="unnamed",
            schema=table.schema,
            matrix=table.matrix,
            predictions=served["prediction"],
            interval_widths=served["interval_upper"] - served["interval_lower"],
            held_out=held_out,
            times=table.times,
            settings=monitor,
            segments=apart,
            seed=seed,
            calibrate=calibrate,
        )
    except NoRoomError as error:
        raise DataError(str(error)) from error
    attributions = attribute(
        model,
        table.schema.names,
        features[held_out],
        None if table.times is None else table.times[held_out],
        seed=seed,
    )
    created_at = created_at.astimezone(UTC)
    baseline = replace(unnamed, model_version=version_of(model, unnamed, created_at))
    files = {
        MODEL_FILE: model,
        BASELINE_FILE: baseline.to_json().encode(),
        SAMPLE_FILE: sample_parquet(table, held_out, served, seed=seed),
        ERRORS_FILE: errors.to_json().encode(),
        EXPECTED_ERROR_FILE: guess.onnx,
        ATTRIBUTION_FILE: attributions.to_json().encode(),
    }
    manifest = Manifest(
        model_name=model_name,
        model_version=baseline.model_version,
        created_at=f"{created_at:%Y-%m-%dT%H:%M:%SZ}",
        target=target,
        target_unit=units.get(target),
        schema=table.schema,
        interval=rule,
        monitor=monitor,
        quality=quality,
        retraining=retraining or RetrainingPolicy(),
        segments=apart,
        metrics={
            **_metrics(
                {name: values[~calibrating] for name, values in served.items()},
                labels[parts.test],
                guess=float(np.median(labels[parts.fit])),
            ),
            "estimated_mae": float(guess.estimates[~calibrating].mean()),
        },
        importance=importance(
            models["prediction"], table.schema, features[parts.test], labels[parts.test], seed=seed
        ),
        training={
            **(source or {}),
            **_rows(table, parts),
            "seed": seed,
            "largest_onnx_difference": max(difference, guess.difference),
            "versions": _VERSIONS,
        },
        files={name: FileEntry.of(content) for name, content in files.items()},
    )
    return Bundle(manifest=manifest, baseline=baseline, files=files)


def _serve(
    answers: Mapping[str, Matrix], labels: Matrix, calibrating: Any, coverage: float
) -> tuple[IntervalRule, dict[str, Matrix]]:
    """Calibrate the interval on some held-out rows and serve it for all of them."""
    offset = conformal_offset(
        answers["lower"][calibrating], answers["upper"][calibrating], labels[calibrating], coverage
    )
    rule = IntervalRule(coverage=coverage, offset=offset, width_quantiles=())
    lower, upper = rule.bounds(answers["prediction"], answers["lower"], answers["upper"])
    quantiles = np.percentile(upper - lower, np.arange(101))
    served = {"prediction": answers["prediction"], "interval_lower": lower, "interval_upper": upper}
    return replace(rule, width_quantiles=tuple(quantiles.tolist())), served


def _errors(
    served: Mapping[str, Matrix],
    labels: Matrix,
    estimates: Matrix,
    calibrating: npt.NDArray[np.bool_],
    *,
    windows: npt.NDArray[np.int64] | None,
    segments: Mapping[str, npt.NDArray[np.bool_]],
) -> ErrorBaseline:
    return ErrorBaseline.of(
        served["prediction"],
        labels,
        (labels < served["interval_lower"]) | (labels > served["interval_upper"]),
        calibration_rows=int(calibrating.sum()),
        windows=windows,
        expected=ExpectedErrorBaseline.of(estimates, LEVELS, windows),
        segments=segments,
    )


def _metrics(served: Mapping[str, Matrix], labels: Matrix, *, guess: float) -> dict[str, float]:
    """Errors and coverage on the test rows; `mae_of_median` is what always answering `guess` would reach."""
    errors = served["prediction"] - labels
    lower, upper = served["interval_lower"], served["interval_upper"]
    return {
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "r2": float(1 - (errors**2).sum() / ((labels - labels.mean()) ** 2).sum()),
        "mae_of_median": float(np.abs(guess - labels).mean()),
        "interval_coverage": float(((lower <= labels) & (labels <= upper)).mean()),
        "interval_width_mean": float((upper - lower).mean()),
    }


def _rows(table: Table, parts: Split) -> dict[str, Any]:
    counts = {
        "rows": len(table.labels),
        "rows_fit": len(parts.fit),
        "rows_calibration": len(parts.calibration),
        "rows_test": len(parts.test),
        "missing": {
            name: int(np.isnan(table.matrix[:, i]).sum()) for i, name in enumerate(table.schema.names)
        },
    }
    if table.times is None:
        return {**counts, "split": "random"}
    first, last = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (table.times.min(), table.times.max()))
    return {**counts, "split": "time", "first_time": first.isoformat(), "last_time": last.isoformat()}
