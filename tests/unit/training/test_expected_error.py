"""The model of the model's error: out of fold, honest on later rows, and blind to concept drift."""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from drift_core.bundle import (
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    EXPECTED_ERROR_OUTPUT,
    MODEL_FILE,
)
from drift_core.error_sums import ErrorSums
from drift_core.errors import LEVELS, ErrorBaseline
from drift_core.expected_error import EstimateMemory, judge_estimate
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor
from drift_core.quality_budget import quality_windows
from drift_core.schema import Matrix
from training.bundle import Bundle
from training.expected_error import with_prediction
from training.export import run
from training.train import train

ROWS = 6_000
HOUR = 3_600_000


def world(n: int, seed: int, *, concept: bool = False, centre: float = 0.0) -> pd.DataFrame:
    """A label whose noise grows with |x|; with another concept the same inputs have other labels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(centre, 1, n)
    kind = rng.choice(["a", "b"], n)
    y = 10 * x + 5 * (kind == "a") + (0.5 + np.abs(x)) * rng.normal(size=n)
    if concept:
        y += 2.2 * np.where(kind == "a", 1, -1)
    return pd.DataFrame({"x": x, "kind": kind, "y": y})


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return train(world(ROWS, 0), target="y", model_name="m", created_at=datetime(2026, 1, 2, tzinfo=UTC))


def served(bundle: Bundle, frame: pd.DataFrame) -> tuple[npt.NDArray[np.float32], Matrix]:
    """Coded rows and predictions."""
    schema = bundle.manifest.schema
    coded = schema.encode(frame[list(schema.names)].to_dict("records")).astype(np.float32)  # type: ignore[arg-type]
    return coded, run(bundle.files[MODEL_FILE], coded)["prediction"]


def estimated(bundle: Bundle, frame: pd.DataFrame) -> Matrix:
    rows = with_prediction(*served(bundle, frame))
    return run(bundle.files[EXPECTED_ERROR_FILE], rows, (EXPECTED_ERROR_OUTPUT,))[EXPECTED_ERROR_OUTPUT]


def test_the_estimate_follows_the_size_of_the_error_row_by_row(bundle: Bundle) -> None:
    live = world(4_000, 1)
    values = estimated(bundle, live)
    truth = (0.5 + np.abs(live["x"].to_numpy())) * np.sqrt(2 / np.pi)
    assert values.min() >= 0
    assert np.corrcoef(values, truth)[0, 1] > 0.7
    inner, outer = (values[np.abs(live["x"]) < 0.3].mean(), values[np.abs(live["x"]) > 1.5].mean())
    assert outer > 2 * inner


@pytest.mark.parametrize("centre", [0.0, 1.0])
def test_it_is_near_the_real_error_where_the_concept_is_the_same(bundle: Bundle, centre: float) -> None:
    live = world(4_000, 2, centre=centre)
    _, predictions = served(bundle, live)
    real = np.abs(predictions - live["y"].to_numpy()).mean()
    assert estimated(bundle, live).mean() == pytest.approx(real, rel=0.15)


def test_the_bundle_tells_estimated_and_real_error_of_rows_that_neither_saw(bundle: Bundle) -> None:
    metrics = bundle.manifest.metrics
    assert metrics["estimated_mae"] == pytest.approx(metrics["mae"], rel=0.1)
    errors = ErrorBaseline.from_json(bundle.files[ERRORS_FILE])
    assert errors.rows == ROWS * 0.4
    assert errors.calibration_rows == ROWS * 0.2
    assert errors.expected is not None
    assert errors.expected.levels == LEVELS
    assert errors.expected.mean == pytest.approx(errors.mae, rel=0.1)


def test_a_model_that_knows_its_rows_by_heart_is_not_believed() -> None:
    # Pure noise: what the model errs on its own rows is far less than on others.
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=1_500) for i in range(8)} | {"y": rng.normal(size=1_500)})
    bundle = train(frame, target="y", model_name="m", created_at=datetime(2026, 1, 2, tzinfo=UTC))
    own = frame.iloc[np.random.default_rng(0).permutation(1_500)[:900]]  # those that fitted it
    _, predictions = served(bundle, own)
    assert np.abs(predictions - own["y"]).mean() < 0.75 * bundle.manifest.metrics["mae"]
    assert estimated(bundle, own).mean() == pytest.approx(bundle.manifest.metrics["mae"], rel=0.1)


def test_another_concept_is_invisible_without_labels_and_plain_with_them(bundle: Bundle) -> None:
    errors = ErrorBaseline.from_json(bundle.files[ERRORS_FILE])
    assert errors.expected is not None
    monitor = QualityMonitor(errors, bundle.manifest.interval.coverage, QualityPolicy(), 1.0)
    memory, estimates = monitor.start(), EstimateMemory.start(errors.expected)
    real, guessed, alarm = [], [], None
    for hour in range(24):
        live = world(256, 100 + hour, concept=True)
        _, predictions = served(bundle, live)
        size = np.abs(predictions - live["y"].to_numpy())
        judged = monitor.judge(
            ErrorSums(
                predictions=256,
                labelled=256,
                absolute=float(size.sum()),
                beyond=tuple(int((size > quantile).sum()) for quantile in errors.quantiles),
            ),
            memory,
            start=hour * HOUR,
            end=(hour + 1) * HOUR,
        )
        memory = judged.memory
        alarm = hour if alarm is None and judged.verdict.degraded else alarm
        estimate, estimates = judge_estimate(
            estimated(bundle, live), errors.expected, estimates, quality_windows(1.0, 1), start=hour * HOUR
        )
        assert estimate.score <= 1
        assert estimate.mae is not None
        real.append(size.mean())
        guessed.append(estimate.mae)
    assert np.mean(real) > 1.9 * errors.mae
    assert np.mean(guessed) == pytest.approx(errors.mae, rel=0.1)
    assert alarm is not None
    assert alarm <= 2


def test_traffic_that_is_hard_is_seen_without_labels(bundle: Bundle) -> None:
    expected = ErrorBaseline.from_json(bundle.files[ERRORS_FILE]).expected
    assert expected is not None
    memory = EstimateMemory.start(expected)
    live = world(256, 7, centre=1.5)
    verdict, _ = judge_estimate(estimated(bundle, live), expected, memory, quality_windows(1.0, 1), start=0)
    assert verdict.score > 1
    assert verdict.since == 0
