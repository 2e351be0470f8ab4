"""Splitting, calibrating and the importance of features, against definitions and oracles."""

import numpy as np
import pytest

from drift_core.schema import Feature, FeatureSchema, Kind
from training.data import DataError
from training.fit import conformal_offset, fit, importance, predict, split


def test_parts_are_disjoint_and_complete() -> None:
    parts = split(1_003, None, coverage=0.9, seed=0)
    together = np.concatenate([parts.fit, parts.held_out])
    assert sorted(together.tolist()) == list(range(1_003))
    assert [len(parts.fit), len(parts.calibration), len(parts.test)] == [601, 201, 201]


def test_with_times_the_oldest_rows_fit_and_the_newest_test() -> None:
    times = np.random.default_rng(0).permutation(500).astype(np.int64)
    parts = split(500, times, coverage=0.9, seed=0)
    assert times[parts.fit].max() < times[parts.calibration].min()
    assert times[parts.calibration].max() < times[parts.test].min()


def test_without_times_the_seed_decides() -> None:
    first, again, other = (split(500, None, coverage=0.9, seed=seed).fit.tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("rows", "coverage", "message"),
    [
        (199, 0.9, "199 rows; training needs at least 200: give more"),
        (400, 0.99, "400 rows cannot calibrate a coverage of 0.99; give 500, or lower --coverage"),
    ],
)
def test_too_few_rows_are_refused(rows: int, coverage: float, message: str) -> None:
    with pytest.raises(DataError) as refusal:
        split(rows, None, coverage=coverage, seed=0)
    assert str(refusal.value) == message


@pytest.mark.parametrize(("coverage", "asked"), [(0.98, 250), (0.99, 500), (0.999, 5_000)])
def test_the_number_of_rows_asked_for_is_enough_and_nearly_the_least(coverage: float, asked: int) -> None:
    with pytest.raises(DataError, match=f"; give {asked}, or lower"):
        split(200, None, coverage=coverage, seed=0)
    assert split(asked, None, coverage=coverage, seed=0)
    with pytest.raises(DataError):
        split(asked - 10, None, coverage=coverage, seed=0)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_exactly_the_promised_share_of_calibration_rows_lies_inside(coverage: float) -> None:
    rng = np.random.default_rng(1)
    labels, lower, upper = rng.normal(size=999), rng.normal(-1, 1, 999), rng.normal(1, 1, 999)
    offset = conformal_offset(lower, upper, labels, coverage)
    inside = int(((lower - offset <= labels) & (labels <= upper + offset)).sum())
    assert inside == round(1_000 * coverage)


def test_coverage_of_new_rows_is_the_promise_on_average() -> None:
    # Conformal theory: over calibrations, coverage is Beta(k, n + 1 - k) with mean k / (n + 1).
    rng = np.random.default_rng(2)
    n, coverage, repeats = 99, 0.9, 400
    found = []
    for _ in range(repeats):
        labels = rng.exponential(size=n)
        offset = conformal_offset(np.full(n, 0.2), np.full(n, 0.8), labels, coverage)
        found.append(np.exp(-max(0.0, 0.2 - offset)) - np.exp(-(0.8 + offset)))
    deviation = np.sqrt(coverage * (1 - coverage) / (n + 2) / repeats)
    assert abs(np.mean(found) - coverage) < 4 * deviation


def test_importance_ranks_the_drivers_and_gives_noise_none() -> None:
    rng = np.random.default_rng(3)
    n = 1_500
    x = rng.normal(size=(n, 3)).astype(np.float32)
    labels = 0.5 * x[:, 0].astype(float) + 3 * x[:, 2] + 0.1 * rng.normal(size=n)
    names = ("weak", "noise", "strong")
    schema = FeatureSchema(tuple(Feature(name=name, kind=Kind.NUMERIC) for name in names))
    models = fit(schema, x[:1000], labels[:1000], coverage=0.9, seed=0)
    found = importance(models["prediction"], schema, x[1000:], labels[1000:], seed=0)
    assert list(found) == ["strong", "weak", "noise"]
    assert abs(found["noise"]) < 0.02 < found["weak"]


def test_the_quantiles_enclose_their_share_and_categories_matter() -> None:
    rng = np.random.default_rng(4)
    n = 4_000
    codes = rng.integers(0, 3, n).astype(np.float32)
    labels = np.array([0.0, 5.0, -5.0])[codes.astype(int)] + rng.normal(size=n)
    schema = FeatureSchema((Feature(name="area", kind=Kind.CATEGORICAL, categories=("a", "b", "c")),))
    models = fit(schema, codes[:, None], labels, coverage=0.8, seed=0)
    said = predict(models, np.array([[0], [1], [2]], np.float32))
    assert said["prediction"] == pytest.approx([0, 5, -5], abs=0.15)
    assert said["upper"] - said["lower"] == pytest.approx(2 * 1.2816, abs=0.3)
