"""Attributions of a trained model: those of the shap library, quiet without drift, and loud with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import shap

from drift_core.attribution import BACKGROUND_ROWS, PERMUTATIONS, AttributionBaseline
from drift_core.attribution_drift import AttributionMemory, AttributionVerdict, judge_attribution
from drift_core.quality_budget import quality_windows
from drift_core.schema import Matrix
from drift_core.shapley import Predict, shapley
from training.attribute import attribute, predictor
from training.export import run, to_onnx
from training.fit import fit
from training.generator import TARGET, TIME_COLUMN, houses
from training.table import Table, tabulate

HOUR = 3_600_000
FIT_ROWS, HELD_OUT = 3_000, 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model of house prices, and rows that it was not fitted on."""

    table: Table
    onnx: bytes
    held_out: npt.NDArray[np.float32]
    baseline: AttributionBaseline

    @property
    def predict(self) -> Predict:
        return predictor(self.onnx)

    def verdicts(self, hours: list[npt.NDArray[np.float32]]) -> list[AttributionVerdict]:
        """Of hours in a row, at one false alarm a month."""
        memory, found = AttributionMemory.start(self.baseline), []
        for hour, rows in enumerate(hours):
            values = self.baseline.explained(self.predict, rows, seed=hour).values
            verdict, memory = judge_attribution(
                values, self.baseline, memory, quality_windows(1.0, 1), start=hour * HOUR
            )
            found.append(verdict)
        return found


@pytest.fixture(scope="module")
def trained() -> Trained:
    sales = houses(FIT_ROWS + HELD_OUT, seed=4)
    table = tabulate(sales, target=TARGET, time_column=TIME_COLUMN, units={})
    features = table.matrix.astype(np.float32)
    models = fit(table.schema, features[:FIT_ROWS], table.labels[:FIT_ROWS], coverage=0.9, seed=0)
    onnx = to_onnx(models, features.shape[1])
    assert table.times is not None
    baseline = attribute(onnx, table.schema.names, features[FIT_ROWS:], table.times[FIT_ROWS:], seed=0)
    return Trained(table=table, onnx=onnx, held_out=features[FIT_ROWS:], baseline=baseline)


def test_the_prediction_alone_is_what_the_whole_model_says(trained: Trained) -> None:
    expected = run(trained.onnx, trained.held_out)["prediction"]
    assert (trained.predict(trained.held_out) == expected).all()


def exact(predict: Predict, rows: npt.NDArray[np.float32], background: npt.NDArray[np.float32]) -> Matrix:
    """What shap finds by trying all 512 subsets of the nine features."""
    masker = shap.maskers.Independent(background.astype(float), max_samples=len(background))
    explainer = shap.explainers.Exact(lambda x: predict(x.astype(np.float32)), masker)
    return np.asarray(explainer(rows.astype(float), silent=True).values, float)


def test_values_are_those_of_shap_within_the_sampling_error(trained: Trained) -> None:
    """Against its exact explainer: standard errors are true on average, none is exceeded fivefold."""
    rows, background = trained.held_out[:20], trained.baseline.background
    found = shapley(trained.predict, rows, background, permutations=PERMUTATIONS, seed=1)
    expected = exact(trained.predict, rows, background)
    known = found.standard_error > 0
    deviation = (found.values - expected)[known] / found.standard_error[known]
    assert found.values[~known] == pytest.approx(expected[~known])
    assert np.sqrt((deviation**2).mean()) == pytest.approx(1, abs=0.25)
    assert np.abs(deviation).max() < 5
    assert np.abs(found.values - expected).mean() < 0.05 * np.abs(expected).mean()


def test_values_agree_with_shaps_own_sampling(trained: Trained) -> None:
    """Both sample permutations in antithetic pairs; shap takes ten over the whole background each."""
    rows, background = trained.held_out[:5], trained.baseline.background
    masker = shap.maskers.Independent(background.astype(float), max_samples=len(background))
    predict = trained.predict
    explainer = shap.explainers.Permutation(lambda x: predict(x.astype(np.float32)), masker, seed=3)
    evaluations = 10 * (2 * rows.shape[1] + 1)
    theirs = np.asarray(explainer(rows.astype(float), max_evals=evaluations, silent=True).values)
    found = shapley(predict, rows, background, permutations=10 * PERMUTATIONS, seed=1)
    truth = exact(predict, rows, background)
    assert found.values.sum(1) == pytest.approx(theirs.sum(1), rel=1e-4)
    our_error, their_error = np.abs(found.values - truth).mean(), np.abs(theirs - truth).mean()
    assert np.abs(found.values - theirs).mean() <= our_error + their_error
    assert max(our_error, their_error) < 0.03 * np.abs(truth).mean()


def test_what_training_freezes_is_what_it_found(trained: Trained) -> None:
    baseline = trained.baseline
    assert baseline.features == trained.table.schema.names
    assert baseline.background.shape == (BACKGROUND_ROWS, len(baseline.features))
    assert baseline.rows == 1_024
    assert baseline.permutations == PERMUTATIONS
    assert next(iter(baseline.by_feature(baseline.importance))) == "living_area_m2"
    assert (baseline.standard_error < 0.25 * baseline.importance).all()
    again = AttributionBaseline.from_json(baseline.to_json(), baseline.features)
    assert again.to_json() == baseline.to_json()


def test_hours_without_drift_are_quiet(trained: Trained) -> None:
    """12 hours at one false alarm in 14,400: one run in 1,200 alarms at most, whatever the features do."""
    rng = np.random.default_rng(7)
    found = trained.verdicts([rng.permutation(trained.held_out)[:100] for _ in range(12)])
    assert max(verdict.score for verdict in found) < 1
    assert min(verdict.ndcg for verdict in found) > 0.99


def test_a_world_with_other_weights_is_found_and_named(trained: Trained) -> None:
    """Distances half as long again: the model's answers turn on them more than in training."""
    rng = np.random.default_rng(8)
    place = trained.table.schema.names.index("distance_km")
    hours = []
    for _ in range(4):
        rows = rng.permutation(trained.held_out)[:256].copy()
        rows[:, place] *= 1.5
        hours.append(rows)
    found = trained.verdicts(hours)
    assert found[-1].score > 1
    assert "distance_km" in found[-1].guilty
    assert found[-1].importance["distance_km"] > trained.baseline.importance[place]
