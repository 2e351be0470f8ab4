"""The traffic of an experiment, judged by what the functions run: inputs, labels, errors, attributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pandas as pd

from drift_core.attribution import AttributionBaseline
from drift_core.attribution_drift import AttributionMemory, AttributionVerdict, judge_attribution
from drift_core.baseline import INTERVAL_WIDTH, PREDICTION, served_matrix
from drift_core.bundle import (
    ATTRIBUTION_FILE,
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    EXPECTED_ERROR_OUTPUT,
    MODEL_FILE,
    MODEL_INPUT,
    MODEL_OUTPUTS,
)
from drift_core.error_sums import ErrorSums
from drift_core.errors import ErrorBaseline
from drift_core.expected_error import EstimateMemory, EstimateVerdict, judge_estimate
from drift_core.monitor import Monitor
from drift_core.quality import QualityMonitor, QualityVerdict
from drift_core.quality_budget import for_inputs, quality_windows
from drift_core.schema import Matrix
from drift_core.signals import RELATIONS
from drift_core.span import Span
from drift_core.verdict import ColumnVerdict, RelationsVerdict, Verdict
from ingest_lambda.model import Predictions
from scripts.backtest_watch import Watch
from scripts.backtest_windows import by_length
from scripts.experiment_story import Experiment, Model
from scripts.experiment_world import loaded, traffic, trained
from training.bundle import Bundle

type Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What one model's functions said.

    Attributes
    ----------
    windows : the verdict on each window.
    days : on each day.
    quality, estimates, attributions : by window, of its labels and of its sampled rows.
    training_mae : the error that training promised.
    """

    experiment: Experiment
    model: Model
    windows: tuple[Verdict, ...]
    days: tuple[Verdict, ...]
    quality: tuple[QualityVerdict, ...]
    estimates: tuple[EstimateVerdict, ...]
    attributions: tuple[AttributionVerdict, ...]
    training_mae: float

    @property
    def mae(self) -> Matrix:
        """The true mean absolute error of each window, shape (windows,)."""
        return np.array([one.measures["mae"] for one in self.quality], float)

    @property
    def scores(self) -> Mapping[str, Matrix]:
        """Of each column, and of how the features go together, shape (windows,)."""
        rows = [_judged(verdict) for verdict in self.windows]
        return {name: np.array([row[name].score for row in rows]) for name in rows[0]}


def play(experiment: Experiment, model: Model, *, seed: int = 0) -> Played:
    """Draw the traffic and judge it; the same seed gives the same verdicts."""
    bundle = trained(model)
    rows = traffic(experiment, model, seed)
    served = loaded(bundle)
    matrix = served.manifest.schema.encode(served.instances(rows))
    answers = served.model.predict(matrix)
    times = rows["event_time"].to_numpy()
    settings = for_inputs(bundle.manifest.monitor, bundle.files)
    watch = Watch(
        monitor=Monitor(baseline=bundle.baseline, settings=settings),
        rows=served_matrix(matrix, answers.values, answers.upper - answers.lower),
        times=times,
    )
    told = list(watch.verdicts(by_length(times, settings).judged))
    windows = [one for one in told if one.verdict.span is Span.WINDOW]
    samples = [watch.state(one.window).sample for one in windows]
    starts = [one.verdict.start for one in windows]
    errors = ErrorBaseline.from_json(bundle.files[ERRORS_FILE])
    return Played(
        experiment=experiment,
        model=model,
        windows=tuple(one.verdict for one in windows),
        days=tuple(one.verdict for one in told if one.verdict.span is Span.DAY),
        quality=_quality(bundle, errors, rows, answers),
        estimates=_estimates(bundle, errors, samples, starts),
        attributions=_attributions(bundle, samples, starts) if experiment.attributed else (),
        training_mae=errors.mae,
    )


def _judged(verdict: Verdict) -> dict[str, ColumnVerdict | RelationsVerdict]:
    """What has a score of its own."""
    further = {
        RELATIONS: verdict.multivariate,
        PREDICTION: verdict.prediction,
        INTERVAL_WIDTH: verdict.interval_width,
    }
    return {**verdict.features, **{name: one for name, one in further.items() if one is not None}}


def _quality(
    bundle: Bundle, errors: ErrorBaseline, rows: pd.DataFrame, answers: Predictions
) -> tuple[QualityVerdict, ...]:
    """What labels will say of each window; all of them come."""
    manifest = bundle.manifest
    monitor = QualityMonitor(
        errors, manifest.interval.coverage, manifest.quality, manifest.monitor.false_alarms_per_month
    )
    memory, told = monitor.start(), []
    labels, window = rows[manifest.target].to_numpy(), rows["window"].to_numpy()
    length = manifest.monitor.window_seconds * 1000
    for number in range(window.max() + 1):
        at = window == number
        start = int(rows["event_time"].to_numpy()[at][0]) // length * length
        sums = _sums(errors, answers, labels, at)
        judged = monitor.judge(sums, memory, start=start, end=start + length)
        memory = judged.memory
        told.append(judged.verdict)
    return tuple(told)


def _sums(
    errors: ErrorBaseline, answers: Predictions, labels: Matrix, at: npt.NDArray[np.bool_]
) -> ErrorSums:
    """The sums over some rows, all of them labelled, as Athena would answer."""
    label = labels[at]
    error = answers.values[at] - label
    size, n = np.abs(error), int(at.sum())
    return ErrorSums(
        predictions=n,
        labelled=n,
        error=float(error.sum()),
        absolute=float(size.sum()),
        squared=float((error**2).sum()),
        label=float((label - errors.centre).sum()),
        label_squared=float(((label - errors.centre) ** 2).sum()),
        with_interval=n,
        misses=int(((label < answers.lower[at]) | (label > answers.upper[at])).sum()),
        above=int((error > 0).sum()),
        beyond=tuple(int((size > one).sum()) for one in errors.quantiles),
    )


def _estimates(
    bundle: Bundle, errors: ErrorBaseline, samples: Sequence[Rows], starts: Sequence[int]
) -> tuple[EstimateVerdict, ...]:
    expected = errors.expected
    if expected is None:
        return ()
    memory, told = EstimateMemory.start(expected), []
    estimate = _runner(bundle.files[EXPECTED_ERROR_FILE], EXPECTED_ERROR_OUTPUT)
    until = len(bundle.manifest.schema.names) + 1  # the features and the prediction
    for sample, start in zip(samples, starts, strict=True):
        values = estimate(sample[:, :until])
        verdict, memory = judge_estimate(values, expected, memory, _hours(bundle), start=start)
        told.append(verdict)
    return tuple(told)


def _attributions(
    bundle: Bundle, samples: Sequence[Rows], starts: Sequence[int]
) -> tuple[AttributionVerdict, ...]:
    names = bundle.manifest.schema.names
    baseline = AttributionBaseline.from_json(bundle.files[ATTRIBUTION_FILE], names)
    memory, told = AttributionMemory.start(baseline), []
    predict = _runner(bundle.files[MODEL_FILE], MODEL_OUTPUTS[0])
    for sample, start in zip(samples, starts, strict=True):
        found = baseline.explained(predict, sample[:, : len(names)], seed=start)
        verdict, memory = judge_attribution(found.values, baseline, memory, _hours(bundle), start=start)
        told.append(verdict)
    return tuple(told)


def _hours(bundle: Bundle) -> float:
    return quality_windows(bundle.manifest.monitor.false_alarms_per_month, 1)


def _runner(onnx: bytes, output: str) -> Callable[[Rows], Matrix]:
    """One output of a graph as a function."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])

    def run(rows: Rows) -> Matrix:
        (values,) = session.run([output], {MODEL_INPUT: rows})
        return np.asarray(values, float).reshape(len(rows))

    return run
