"""One trained bundle from every side: figures recomputed, files vouched for, bytes repeated."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from drift_core import calibrate
from drift_core.baseline import INTERVAL_WIDTH, PREDICTION, Baseline
from drift_core.bundle import (
    BASELINE_FILE,
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    MODEL_FILE,
    SAMPLE_FILE,
    Manifest,
)
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Kind
from training.bundle import Bundle
from training.data import DataError
from training.export import run
from training.generator import TARGET, TIME_COLUMN, UNITS, houses
from training.train import train

ROWS = 4_000
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def trained(
    frame: pd.DataFrame,
    *,
    seed: int = 0,
    created_at: datetime = CREATED,
    coverage: float = 0.9,
    monitor: MonitorSettings | None = None,
    calibrate: Callable[[float], None] | None = None,
) -> Bundle:
    return train(
        frame,
        target=TARGET,
        time_column=TIME_COLUMN,
        model_name="house-prices",
        created_at=created_at,
        coverage=coverage,
        seed=seed,
        units=UNITS,
        monitor=monitor or MonitorSettings(window_seconds=60),
        calibrate=calibrate,
    )


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    return houses(ROWS, seed=11)


@pytest.fixture(scope="module")
def bundle(sales: pd.DataFrame) -> Bundle:
    return trained(sales)


@pytest.fixture(scope="module")
def sample(bundle: Bundle) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(io.BytesIO(bundle.files[SAMPLE_FILE])).to_pandas()
    return frame


def test_the_model_is_worth_having(bundle: Bundle) -> None:
    metrics = bundle.manifest.metrics
    assert metrics["r2"] > 0.85
    assert metrics["mae"] < metrics["mae_of_median"] / 3


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_measured_coverage_is_the_promise_within_binomial_error(coverage: float) -> None:
    metrics = trained(houses(12_000, seed=2), coverage=coverage).manifest.metrics
    deviation = np.sqrt(
        coverage * (1 - coverage) * (1 / 2_400 + 1 / 2_400)
    )  # of calibration and of test rows
    assert abs(metrics["interval_coverage"] - coverage) < 4 * deviation


def test_the_main_driver_is_found(bundle: Bundle) -> None:
    assert next(iter(bundle.manifest.importance)) == "living_area_m2"
    assert set(bundle.manifest.importance) == set(bundle.manifest.schema.names)


def test_the_metrics_are_those_of_the_sample(bundle: Bundle, sample: pd.DataFrame) -> None:
    test = sample.iloc[-ROWS // 5 :]  # with so few rows the sample holds all that were held out, in order
    errors = test["prediction"] - test[TARGET]
    inside = test[TARGET].between(test["interval_lower"], test["interval_upper"])
    metrics = bundle.manifest.metrics
    assert metrics["mae"] == pytest.approx(errors.abs().mean())
    assert metrics["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert metrics["r2"] == pytest.approx(1 - (errors**2).mean() / test[TARGET].var(ddof=0))
    assert metrics["interval_coverage"] == pytest.approx(inside.mean())


def test_the_sample_is_the_newest_rows_and_their_served_answers(
    bundle: Bundle, sample: pd.DataFrame, sales: pd.DataFrame
) -> None:
    names = list(bundle.manifest.schema.names)
    served = ["prediction", "interval_lower", "interval_upper"]
    assert sample.columns.tolist() == [*names, TARGET, *served, "event_time"]
    newest = sales.iloc[-len(sample) :].reset_index(drop=True)
    assert len(sample) == ROWS * 2 // 5
    pd.testing.assert_frame_equal(sample[names], newest[names], check_dtype=False)
    assert (sample["event_time"] == newest[TIME_COLUMN]).all()

    instances = pq.read_table(io.BytesIO(bundle.files[SAMPLE_FILE]), columns=names).to_pylist()
    matrix = bundle.manifest.schema.encode(instances).astype(np.float32)
    answers = run(bundle.files[MODEL_FILE], matrix)
    lower, upper = bundle.manifest.interval.bounds(
        *(answers[name] for name in ("prediction", "lower", "upper"))
    )
    for name, values in zip(served, (answers["prediction"], lower, upper), strict=True):
        np.testing.assert_array_equal(sample[name], values)


def test_the_width_quantiles_give_the_confidence(bundle: Bundle, sample: pd.DataFrame) -> None:
    widths = (sample["interval_upper"] - sample["interval_lower"]).to_numpy()
    confidence = bundle.manifest.interval.confidence(widths)
    wider = (widths[None, :] >= widths[:, None]).mean(axis=1)
    assert np.abs(confidence - wider).max() < 0.011  # one percentile


def test_the_baseline_counts_every_row_once(bundle: Bundle) -> None:
    columns = bundle.baseline.columns
    assert [column.name for column in columns] == [*bundle.manifest.schema.names, PREDICTION, INTERVAL_WIDTH]
    for column in columns:
        held_out = column.name in (PREDICTION, INTERVAL_WIDTH)
        assert sum(column.reference) == (ROWS * 2 // 5 if held_out else ROWS)
    energy = next(column for column in columns if column.name == "energy_kwh_m2")
    assert (
        energy.reference[energy.special("missing")]
        == bundle.manifest.training["missing"]["energy_kwh_m2"]
        > 0
    )


def test_the_files_are_those_that_the_manifest_vouches_for(bundle: Bundle) -> None:
    manifest = bundle.manifest
    names = {MODEL_FILE, BASELINE_FILE, SAMPLE_FILE, ERRORS_FILE, EXPECTED_ERROR_FILE}
    assert set(manifest.files) == set(bundle.files) == names
    for name, content in bundle.files.items():
        assert manifest.verify(name, content) == content
    assert Baseline.from_json(bundle.files[BASELINE_FILE]) == bundle.baseline
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_manifest_says_what_was_asked(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert (manifest.model_name, manifest.target, manifest.target_unit) == ("house-prices", "price", "EUR")
    assert manifest.created_at == "2026-01-02T03:04:05Z"
    assert manifest.monitor.window_seconds == 60
    assert manifest.interval.coverage == 0.9
    kinds = {feature.name: feature.kind for feature in manifest.schema.features}
    assert (kinds["area"], kinds["has_garden"], kinds["rooms"]) == (
        Kind.CATEGORICAL,
        Kind.BOOLEAN,
        Kind.NUMERIC,
    )
    facts = manifest.training
    assert (facts["rows_fit"], facts["rows_calibration"], facts["rows_test"]) == (2_400, 800, 800)
    assert facts["split"] == "time"


def test_the_same_data_seed_and_time_give_the_same_bytes(bundle: Bundle, sales: pd.DataFrame) -> None:
    again = trained(sales)
    assert again.files == bundle.files
    assert again.manifest.to_json() == bundle.manifest.to_json()


@pytest.fixture
def short_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("POOL", 60), ("STREAMS", 20), ("WINDOWS", 180)):
        monkeypatch.setattr(calibrate, name, value)


@pytest.mark.usefixtures("short_simulation")
def test_calibrated_thresholds_are_repeated_too_and_told_while_they_are_found() -> None:
    sales = houses(1_000, seed=3)

    def calibrated(seed: int) -> tuple[Bundle, list[float]]:
        told: list[float] = []
        settings = MonitorSettings(min_samples=20)  # so that training's 100 blocks can tell the noise
        bundle = trained(sales, seed=seed, monitor=settings, calibrate=told.append)
        return bundle, told

    first, told = calibrated(1)
    assert first.baseline.calibration is not None
    assert first.baseline.calibration.windows == 20 * (180 - calibrate.BURN_IN)
    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] <= 1
    assert calibrated(1)[0].files == first.files


def test_predictions_are_counted_when_they_were_held_out(bundle: Bundle, sales: pd.DataFrame) -> None:
    """The held-out rows are the newest, so their predictions lie in the cells of the newest times."""
    seasonal, layout = bundle.baseline.seasonal, bundle.baseline.layout
    times = sales[TIME_COLUMN].iloc[-ROWS * 2 // 5 :].astype("int64").to_numpy()
    expected = np.bincount(seasonal.season.cell(times), minlength=seasonal.season.cells)
    position = [column.name for column in bundle.baseline.columns].index(PREDICTION)
    np.testing.assert_array_equal(seasonal.counts[:, layout.slice(position)].sum(1), expected)


def test_the_version_is_time_and_content(bundle: Bundle, sales: pd.DataFrame) -> None:
    stamp, content = bundle.manifest.model_version.split("-")
    assert stamp == "20260102T030405Z"
    assert bundle.baseline.model_version == bundle.manifest.model_version
    later = trained(sales, created_at=CREATED + timedelta(days=1)).manifest.model_version
    assert later == f"20260103T030405Z-{content}"
    other = sales.assign(price=sales["price"] + 100)
    assert trained(other).manifest.model_version.split("-")[1] != content


def test_without_time_the_sample_has_none_and_the_seed_decides(sales: pd.DataFrame) -> None:
    frame = sales.drop(columns=TIME_COLUMN)

    def bundle_of(seed: int) -> Bundle:
        return train(frame, target=TARGET, model_name="m", created_at=CREATED, seed=seed)

    first, other = bundle_of(0), bundle_of(1)
    assert "event_time" not in pq.read_table(io.BytesIO(first.files[SAMPLE_FILE])).column_names
    assert first.manifest.training["split"] == "random"
    assert first.manifest.model_version != other.manifest.model_version


def test_a_large_sample_is_thinned_to_ten_thousand_rows() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=26_000)
    at = pd.Series(pd.date_range("2024-01-01", periods=26_000, freq="min", tz="UTC"))
    frame = pd.DataFrame({"x": x, "y": 2 * x + rng.normal(size=26_000), "at": at})
    bundle = train(frame, target="y", time_column="at", model_name="m", created_at=CREATED)
    sample = pq.read_table(io.BytesIO(bundle.files[SAMPLE_FILE])).to_pandas()
    assert len(sample) == 10_000
    assert sample["event_time"].is_monotonic_increasing
    assert sample["event_time"].is_unique


def test_a_target_that_stopped_varying_is_refused(sales: pd.DataFrame) -> None:
    frame = sales.assign(price=np.where(np.arange(ROWS) < ROWS * 0.7, sales["price"], 1_000.0))
    with pytest.raises(DataError) as refusal:
        trained(frame)
    assert str(refusal.value) == (
        "target 'price' is 1000 in all 800 test rows; quality cannot be measured on them: give rows with "
        "varied labels, also among the newest"
    )
