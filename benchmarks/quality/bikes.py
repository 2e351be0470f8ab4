"""Bike sharing: a model of 2011 in 2012, labels a day late.

The data (Fanaee-T and Gama 2013, UCI, CC BY 4.0) has one row an hour, so a window is a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.baseline import served_matrix
from drift_core.bundle import ERRORS_FILE, EXPECTED_ERROR_FILE, EXPECTED_ERROR_OUTPUT, MODEL_FILE
from drift_core.error_sums import ErrorSums
from drift_core.errors import ErrorBaseline
from drift_core.expected_error import EstimateMemory, judge_estimate
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor
from drift_core.quality_budget import for_inputs, quality_windows
from drift_core.schema import Matrix
from drift_core.span import Span
from drift_core.track_record import TrackRecord
from drift_core.window import WindowState, hash_event_ids
from training.bundle import Bundle
from training.expected_error import with_prediction
from training.export import run
from training.train import train

UNKNOWN = ["instant", "dteday", "yr", "casual", "registered"]
"""Columns that are no input: counters, parts of the label, and the year, of which training has one."""

TARGET, TIME = "cnt", "timestamp"
DAY = 86_400_000
POLICY = QualityPolicy(window_hours=24, min_labels=12)
DELAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Rows of 2012 as they were served.

    Attributes
    ----------
    times : shape (n,), UTC milliseconds; all others by row too.
    rows : as the monitor of inputs counts them.
    """

    times: npt.NDArray[np.int64]
    labels: Matrix
    predictions: Matrix
    missed: npt.NDArray[np.bool_]
    estimates: Matrix
    rows: Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is known of one day once its labels are there.

    Attributes
    ----------
    start : UTC milliseconds.
    rows : hours with a label; some days lack some.
    quality, estimate, inputs : scores; above 1 is an alarm.
    charts : scores by name.
    """

    start: int
    rows: int
    mae: float
    estimated: float
    coverage: float
    quality: float
    estimate: float
    inputs: float
    charts: dict[str, float]


def read(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of 2011 and those of 2012."""
    frame = pd.read_csv(path, parse_dates=[TIME])
    late = frame["yr"] == 1
    known = frame.drop(columns=UNKNOWN)
    return known[~late], known[late]


def trained(frame: pd.DataFrame) -> Bundle:
    """A model of 2011: its first seven months fit, the rest calibrates and tests."""
    return train(
        frame,
        target=TARGET,
        time_column=TIME,
        model_name="bikes",
        created_at=datetime(2012, 1, 1, tzinfo=UTC),
        monitor=MonitorSettings(window_seconds=86_400, min_samples=12),
        quality=POLICY,
    )


def served(bundle: Bundle, frame: pd.DataFrame) -> Live:
    """Answer all rows."""
    schema, rule = bundle.manifest.schema, bundle.manifest.interval
    instances: Any = frame[list(schema.names)].to_dict("records")
    coded = schema.encode(instances)
    features = coded.astype(np.float32)
    answers = run(bundle.files[MODEL_FILE], features)
    predictions = answers["prediction"]
    lower, upper = rule.bounds(predictions, answers["lower"], answers["upper"])
    guess = run(
        bundle.files[EXPECTED_ERROR_FILE], with_prediction(features, predictions), (EXPECTED_ERROR_OUTPUT,)
    )
    labels = frame[TARGET].to_numpy(float)
    return Live(
        times=frame[TIME].to_numpy("datetime64[ms]").astype(np.int64),
        labels=labels,
        predictions=predictions,
        missed=(labels < lower) | (labels > upper),
        estimates=guess[EXPECTED_ERROR_OUTPUT],
        rows=served_matrix(coded, predictions, upper - lower),
    )


def days(bundle: Bundle, live: Live, false_alarms_per_month: float = 1.0) -> Iterator[Day]:
    """Judge day after day."""
    errors = ErrorBaseline.from_json(bundle.files[ERRORS_FILE])
    if errors.expected is None:
        raise ValueError("the bundle has no figures of the estimated error; train it again")
    settings = bundle.manifest.monitor.overridden({"false_alarms_per_month": false_alarms_per_month})
    inputs = Monitor(baseline=bundle.baseline, settings=for_inputs(settings, bundle.files))
    quality = QualityMonitor(errors, bundle.manifest.interval.coverage, POLICY, false_alarms_per_month)
    memory, known, guesses = quality.start(), inputs.start(), EstimateMemory.start(errors.expected)
    ids = hash_event_ids(np.arange(len(live.times)).astype("S"))
    starts = live.times // DAY * DAY
    for start in np.unique(starts).tolist():
        at = np.flatnonzero(starts == start)
        sums = _sums(live, at, errors)
        judged = quality.judge(sums, memory, start=start, end=start + DAY)
        guess, guesses = judge_estimate(
            live.estimates[at],
            errors.expected,
            guesses,
            quality_windows(false_alarms_per_month, POLICY.window_hours),
            start=start,
        )
        state = WindowState.of(bundle.baseline.layout, live.rows[at], live.times[at], ids[at])
        cells, counts = np.unique(bundle.baseline.seasonal.season.cell(live.times[at]), return_counts=True)
        seen = inputs.judge(
            state,
            span=Span.WINDOW,
            start=start,
            end=start + DAY,
            memory=known,
            cells=dict(zip(cells.tolist(), counts.tolist(), strict=True)),
        )
        memory, known = judged.memory, seen.memory
        yield Day(
            start=start,
            rows=len(at),
            mae=sums.absolute / sums.labelled,
            estimated=float(live.estimates[at].mean()),
            coverage=1 - sums.misses / sums.with_interval,
            quality=judged.verdict.score,
            estimate=guess.score,
            inputs=seen.verdict.drift_score,
            charts=dict(judged.verdict.charts),
        )


def record(found: list[Day]) -> TrackRecord:
    """Of the estimated error."""
    told = TrackRecord()
    for day in found:
        told = told.with_window(day.start, estimated=day.estimated, real=day.mae)
    return told


def _sums(live: Live, at: npt.NDArray[np.intp], errors: ErrorBaseline) -> ErrorSums:
    """Of one day, with all its labels."""
    error = live.predictions[at] - live.labels[at]
    size = np.abs(error)
    return ErrorSums(
        predictions=len(at),
        labelled=len(at),
        error=float(error.sum()),
        absolute=float(size.sum()),
        squared=float((error**2).sum()),
        with_interval=len(at),
        misses=int(live.missed[at].sum()),
        above=int((error > 0).sum()),
        beyond=tuple(int((size > quantile).sum()) for quantile in errors.quantiles),
        delay_seconds=len(at) * DELAY.total_seconds(),
    )
