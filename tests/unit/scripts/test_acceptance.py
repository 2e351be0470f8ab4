"""Traffic becomes the baseline of a new version: what is kept, what changes, what is refused."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
import pytest

from drift_core.attribution import AttributionBaseline
from drift_core.baseline import INTERVAL_WIDTH, PREDICTION, Baseline, served_matrix
from drift_core.bundle import (
    ATTRIBUTION_FILE,
    BASELINE_FILE,
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    EXPECTED_ERROR_OUTPUT,
    MODEL_FILE,
    SAMPLE_FILE,
    Manifest,
)
from drift_core.errors import LEVELS, ErrorBaseline
from drift_core.expected_error import ExpectedErrorBaseline
from drift_core.freeze import freeze
from drift_core.interval import IntervalRule
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import UNSEEN, Feature, FeatureSchema, Kind, Matrix
from drift_core.span import Span
from drift_core.verdict import Verdict
from drift_core.window import WindowState, hash_event_ids
from scripts.acceptance import AcceptError, Decision, accepted, differences
from scripts.archived import Archived
from training.attribute import attribute
from training.expected_error import with_prediction
from training.export import to_onnx
from training.fit import fit_one
from training.table import Table

SCHEMA = FeatureSchema(
    (
        Feature(name="size", kind=Kind.NUMERIC, minimum=0.0, maximum=10.0),
        Feature(name="area", kind=Kind.CATEGORICAL, categories=("centre", "coast")),
    )
)
MANIFEST = Manifest(
    model_name="houses",
    model_version="v1",
    created_at="2026-01-01T00:00:00Z",
    target="price",
    schema=SCHEMA,
    interval=IntervalRule(coverage=0.9, offset=0.0, width_quantiles=(1.0, 2.0)),
    files={},
    monitor=MonitorSettings(min_samples=50, false_alarms_per_month=2),
    metrics={"mae": 1.5},
    training={"rows": 7},
)
KEPT = {MODEL_FILE: b"model"}
NOON = 1_767_268_800_000
MINUTE = 60_000
DECISION = Decision(
    by="ada", why="new market", at=datetime(2026, 1, 2, tzinfo=UTC), start=NOON, end=NOON + 200 * MINUTE
)


def houses(n: int, seed: int, *, shifted: bool) -> Matrix:
    """Size, area, prediction and width; shifted ones are larger, with a tenth missing and a new area."""
    rng = np.random.default_rng(seed)
    size = rng.normal(7 if shifted else 5, 1, n)
    area = rng.choice([0.0, 1.0, UNSEEN], n, p=[0.3, 0.5, 0.2] if shifted else [0.5, 0.5, 0.0])
    rows = served_matrix(np.column_stack([size, area]), 10 * size + rng.normal(0, 1, n), rng.gamma(20, 1, n))
    if shifted:
        rows[rng.random(n) < 0.1, 0] = np.nan
    return np.where(np.isnan(rows), np.where(np.arange(4) == 0, np.nan, 50.0), rows)


def traffic(n: int = 2_400, *, minutes: int = 200, intervals: bool = True) -> Archived:
    rows = houses(n, 2, shifted=True)
    width = rows[:, 3] if intervals else np.full(n, np.nan)
    names = np.array(["coast", "centre", "moor"], object)
    return Archived(
        table=Table(
            schema=SCHEMA,
            target="price",
            values={"size": rows[:, 0], "area": names[np.array([1, 0, 2])[rows[:, 1].astype(int)]]},
            matrix=rows[:, :2],
            labels=np.where(np.arange(n) % 2, rows[:, 2] + 1, np.nan),
            times=NOON + np.arange(n) * minutes * MINUTE // n,
        ),
        served={"prediction": rows[:, 2], "interval_lower": rows[:, 2], "interval_upper": rows[:, 2] + width},
        window_seconds=300,
        copies=0,
    )


@pytest.fixture(scope="module")
def old() -> Baseline:
    rows = houses(20_000, 1, shifted=False)
    return freeze(
        model_name="houses",
        model_version="v1",
        schema=SCHEMA,
        matrix=rows[:, :2],
        predictions=rows[:, 2],
        interval_widths=rows[:, 3],
    )


def judged(baseline: Baseline, rows: Matrix) -> Verdict:
    monitor = Monitor(baseline=baseline, settings=MANIFEST.monitor)
    n = len(rows)
    ids = hash_event_ids(np.array([f"id-{i}" for i in range(n)], "S"))
    state = WindowState.of(baseline.layout, rows, np.arange(n), ids)
    return monitor.judge(state, span=Span.WINDOW, start=0, end=5 * MINUTE, memory=monitor.start()).verdict


def test_the_accepted_traffic_is_normal_from_then_on_and_the_old_is_drift(old: Baseline) -> None:
    new = accepted(MANIFEST, KEPT, traffic(), DECISION).baseline
    for seed in range(100, 120):
        shifted = houses(60, seed, shifted=True)
        assert judged(old, shifted).drift
        assert not judged(new, shifted).drift
    assert judged(new, houses(60, 3, shifted=False)).drift


def test_noise_comes_from_the_windows_of_the_traffic() -> None:
    """200 minutes are 40 windows of 5; the version before had rows without times."""
    new = accepted(MANIFEST, KEPT, traffic(), DECISION).baseline
    assert new.noise[Span.WINDOW].count == 40
    minutes = replace(traffic(4_800), window_seconds=60)  # what the stack's parameter made of the manifest
    settings = replace(MANIFEST, monitor=replace(MANIFEST.monitor, min_samples=20))
    assert accepted(settings, KEPT, minutes, DECISION).baseline.noise[Span.WINDOW].count == 200


def test_the_new_bundle_is_the_old_model_and_says_who_accepted_what_and_why() -> None:
    bundle = accepted(MANIFEST, KEPT, traffic(), DECISION)
    manifest = bundle.manifest
    kept = ("model_name", "schema", "interval", "monitor", "metrics", "importance", "target", "task")
    assert all(getattr(manifest, name) == getattr(MANIFEST, name) for name in kept)
    assert manifest.training == {
        "rows": 7,
        "accepted": {
            "of": "v1",
            "by": "ada",
            "at": "2026-01-02T00:00:00Z",
            "why": "new market",
            "from": "2026-01-01T12:00:00Z",
            "to": "2026-01-01T15:20:00Z",
            "rows": 2_400,
        },
    }
    assert manifest.model_version.startswith("20260102T000000Z-")
    assert set(manifest.files) == {MODEL_FILE, BASELINE_FILE, SAMPLE_FILE}
    for name, content in bundle.files.items():
        assert manifest.verify(name, content) == content
    assert bundle.files[MODEL_FILE] == b"model"
    assert Baseline.from_json(bundle.files[BASELINE_FILE]).model_version == manifest.model_version
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_same_decision_on_the_same_traffic_gives_the_same_bytes() -> None:
    first, second = (accepted(MANIFEST, KEPT, traffic(), DECISION) for _ in range(2))
    assert first.files == second.files
    assert first.manifest.to_json() == second.manifest.to_json()


def test_the_sample_is_the_traffic_with_the_labels_that_have_come() -> None:
    content = accepted(MANIFEST, KEPT, traffic(), DECISION).files[SAMPLE_FILE]
    sample = pq.read_table(io.BytesIO(content)).to_pandas()
    served = ["prediction", "interval_lower", "interval_upper"]
    assert sample.columns.tolist() == ["size", "area", "price", *served, "event_time"]
    assert len(sample) == 2_400
    assert set(sample["area"]) == {"centre", "coast", "moor"}
    assert sample["price"].isna().sum() == 1_200
    assert (sample["price"] - sample["prediction"]).dropna().round(6).eq(1).all()


def test_traffic_without_intervals_is_watched_without_them() -> None:
    baseline = accepted(MANIFEST, KEPT, traffic(intervals=False), DECISION).baseline
    assert [column.name for column in baseline.columns] == ["size", "area", PREDICTION]
    with_them = accepted(MANIFEST, KEPT, traffic(), DECISION).baseline
    assert with_them.columns[-1].name == INTERVAL_WIDTH


def test_what_would_change_is_told_by_column(old: Baseline) -> None:
    size, area, prediction, width = differences(old, traffic())
    error = 5 / np.sqrt(2_400)
    assert size.mean_shift_sigma == pytest.approx(2, abs=error)
    assert size.missing[0] == 0
    assert size.missing[1] == pytest.approx(0.1, abs=0.03)
    assert (area.mean_shift_sigma, area.strange[0]) == (None, 0)
    assert area.strange[1] == pytest.approx(0.2, abs=0.04)
    assert prediction.mean_shift_sigma is not None
    assert prediction.mean_shift_sigma > 1
    assert width.mean_shift_sigma == pytest.approx(0, abs=error)
    assert None not in (size.js, area.js, width.js)
    assert size.js > area.js > width.js  # type: ignore[operator]


def test_intervals_that_no_longer_come_are_told_as_missing(old: Baseline) -> None:
    *_, width = differences(old, traffic(intervals=False))
    assert (width.missing, width.mean_shift_sigma, width.js) == ((0.0, 1.0), None, None)


def test_errors_in_training_stay_the_norm_and_those_estimated_become_the_traffics() -> None:
    rows = houses(4_000, 5, shifted=False)
    schema = FeatureSchema(SCHEMA.features)
    seen = with_prediction(rows[:, :2].astype(np.float32), rows[:, 2])
    g = fit_one(schema, seen, rows[:, 0], {"max_iter": 20}, seed=0)  # an error that grows with the size
    onnx = to_onnx({EXPECTED_ERROR_OUTPUT: g}, 3, size_scale=1.0)
    trained = ErrorBaseline.of(
        rows[:, 2],
        rows[:, 2] - rows[:, 0],
        np.zeros(4_000, bool),
        calibration_rows=2_000,
        windows=None,
        expected=ExpectedErrorBaseline.of(rows[:, 0], LEVELS, None),
        segments={"size=large": rows[:, 0] > np.median(rows[:, 0])},
    )
    assert trained.segments
    kept = {**KEPT, ERRORS_FILE: trained.to_json().encode(), EXPECTED_ERROR_FILE: onnx}
    bundle = accepted(MANIFEST, kept, traffic(), DECISION)
    assert bundle.files[EXPECTED_ERROR_FILE] == onnx
    assert set(bundle.manifest.files) == set(bundle.files) == {*kept, BASELINE_FILE, SAMPLE_FILE}
    found = ErrorBaseline.from_json(bundle.files[ERRORS_FILE])
    assert trained.expected is not None
    assert found.expected is not None
    assert replace(found, expected=None) == replace(trained, expected=None)
    assert found.expected.rows == 2_400
    assert found.expected.mean > trained.expected.mean + 1  # houses are larger by 2 there


def test_attributions_become_those_of_the_traffic() -> None:
    rows = houses(4_000, 5, shifted=False)
    model = fit_one(SCHEMA, rows[:, :2].astype(np.float32), 2 * rows[:, 0], {"max_iter": 20}, seed=0)
    onnx = to_onnx({"prediction": model}, 2)
    trained = attribute(onnx, SCHEMA.names, rows[:, :2].astype(np.float32), None, seed=0)
    kept = {MODEL_FILE: onnx, ATTRIBUTION_FILE: trained.to_json().encode()}
    bundle = accepted(MANIFEST, kept, traffic(), DECISION)
    found = AttributionBaseline.from_json(bundle.files[ATTRIBUTION_FILE], SCHEMA.names)
    assert found.to_json() != trained.to_json()
    assert found.background[:, 0].mean() > trained.background[:, 0].mean() + 1  # houses are larger by 2
    assert bundle.manifest.verify(ATTRIBUTION_FILE, bundle.files[ATTRIBUTION_FILE])


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(AcceptError) as caught:
        accepted(MANIFEST, KEPT, traffic(999), DECISION)
    assert str(caught.value) == (
        "999 rows of v1 are archived in this range; a baseline needs at least 1,000: give a longer one"
    )


def test_a_feature_without_any_value_is_refused() -> None:
    found = traffic()
    found.table.matrix[:, 0] = np.nan
    with pytest.raises(AcceptError, match=r"^feature 'size' is missing in all 2,400 rows; repair its source"):
        accepted(MANIFEST, KEPT, found, DECISION)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"why": " "}, "--why is empty; whoever reads it in a year wants to know"),
        ({"by": ""}, "--by is empty; whoever reads it in a year wants to know"),
        ({"end": NOON}, "--from does not lie before --to; give a range of time"),
    ],
)
def test_a_decision_needs_its_who_its_why_and_a_range(changes: dict[str, object], message: str) -> None:
    with pytest.raises(AcceptError) as caught:
        replace(DECISION, **changes)  # type: ignore[arg-type]
    assert str(caught.value) == message
