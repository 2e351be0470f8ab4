"""Split, fit and calibrate: three regressors and the rule that makes their outputs an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from drift_core.bundle import MODEL_OUTPUTS
from drift_core.schema import FeatureSchema, Kind, Matrix
from training.data import DataError

MIN_ROWS = 200
"""Fewer rows leave too few to measure anything on."""

FIT_SHARE, CALIBRATION_SHARE = 0.6, 0.2
"""Shares of the rows that fit the regressors and calibrate the interval; the rest measures both."""

_IMPORTANCE_ROWS = 2_000  # of the test rows; importance is for people and needs no more digits

_ONE_THREAD = {"limits": 1, "user_api": "openmp"}
"""On a shared machine, threads that wait for each other are many times slower than one."""

type Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Row numbers of three disjoint parts; the last two are held out."""

    fit: Rows
    calibration: Rows
    test: Rows

    @property
    def held_out(self) -> Rows:
        """Rows that no regressor saw."""
        return np.concatenate([self.calibration, self.test])


def split(n: int, times: npt.NDArray[np.int64] | None, *, coverage: float, seed: int) -> Split:
    """Cut n rows: the oldest fit, later ones calibrate, the latest test; at random without times.

    Raises
    ------
    DataError
        If there are too few rows, or too few to calibrate the coverage.
    """
    if n < MIN_ROWS:
        raise DataError(f"{n} rows; training needs at least {MIN_ROWS}: give more")
    order = np.random.default_rng(seed).permutation(n) if times is None else np.argsort(times, kind="stable")
    fit, calibration, test = np.split(order, [int(n * FIT_SHARE), int(n * (FIT_SHARE + CALIBRATION_SHARE))])
    if _conformal_rank(len(calibration), coverage) > len(calibration):
        rows = math.ceil(coverage / (1 - coverage) / CALIBRATION_SHARE) + 5
        raise DataError(
            f"{n} rows cannot calibrate a coverage of {coverage:g}; give {rows}, or lower --coverage"
        )
    return Split(fit=fit, calibration=calibration, test=test)


def fit(
    schema: FeatureSchema, features: npt.NDArray[np.float32], labels: Matrix, *, coverage: float, seed: int
) -> dict[str, Pipeline]:
    """Fit the mean and the two quantiles around it.

    Parameters
    ----------
    features : shape (n, number of features), coded by the schema, in the precision that is served.
    labels : shape (n,).

    Returns
    -------
    A fitted pipeline by name of the model's output: prediction, lower, upper.
    """
    tail = (1 - coverage) / 2
    losses: tuple[dict[str, Any], ...] = (
        {"loss": "squared_error"},
        {"loss": "quantile", "quantile": tail},
        {"loss": "quantile", "quantile": 1 - tail},
    )
    with threadpool_limits(**_ONE_THREAD):
        return {
            name: _pipeline(schema, seed, settings).fit(features, labels)
            for name, settings in zip(MODEL_OUTPUTS, losses, strict=True)
        }


def fit_one(
    schema: FeatureSchema,
    features: npt.NDArray[np.float32],
    labels: Matrix,
    settings: Mapping[str, Any],
    *,
    seed: int,
) -> Pipeline:
    """Fit one pipeline.

    Parameters
    ----------
    features : shape (n, k), the schema's columns first; further ones are numbers.
    labels : shape (n,).
    settings : of the regressor, its loss above all.
    """
    with threadpool_limits(**_ONE_THREAD):
        return _pipeline(schema, seed, settings).fit(features, labels)


def predict(models: Mapping[str, Pipeline], features: npt.NDArray[np.float32]) -> dict[str, Matrix]:
    """What each fitted pipeline says, by name of output, each of shape (n,)."""
    with threadpool_limits(**_ONE_THREAD):
        return {name: model.predict(features) for name, model in models.items()}


def conformal_offset(lower: Matrix, upper: Matrix, labels: Matrix, coverage: float) -> float:
    """The correction of both quantiles that gives the promised coverage.

    The ceil((n + 1) coverage)-th smallest of max(lower - y, y - upper): split-conformal quantile
    regression (Romano, Patterson, Candès 2019, arXiv 1905.03222).

    Parameters
    ----------
    lower, upper, labels : shape (n,), of rows that no regressor saw.

    >>> conformal_offset(np.zeros(4), np.ones(4), np.array([0.5, 1.5, -2.0, 0.1]), 0.6)
    0.5
    """
    misses = np.sort(np.maximum(lower - labels, labels - upper))
    return float(misses[_conformal_rank(len(misses), coverage) - 1])


def importance(
    model: Pipeline, schema: FeatureSchema, features: npt.NDArray[np.float32], labels: Matrix, *, seed: int
) -> Mapping[str, float]:
    """By feature, how much the mean absolute error grows when its values are shuffled; largest first."""
    with threadpool_limits(**_ONE_THREAD):
        found = permutation_importance(
            model,
            features[:_IMPORTANCE_ROWS],
            labels[:_IMPORTANCE_ROWS],
            scoring="neg_mean_absolute_error",
            n_repeats=3,
            random_state=seed,
        )
    growth = dict(zip(schema.names, found.importances_mean.tolist(), strict=True))
    return dict(sorted(growth.items(), key=lambda item: -item[1]))


def _conformal_rank(n: int, coverage: float) -> int:
    return math.ceil(round((n + 1) * coverage, 9))  # rounded: 0.9 is a little more than nine tenths


def _pipeline(schema: FeatureSchema, seed: int, settings: Mapping[str, Any]) -> Pipeline:
    """Categories become one column each; missing and unseen ones are zero in all. Trees take NaN as it is.

    The regressor's own handling of categories does not survive the conversion to ONNX: not used.
    """
    regressor = HistGradientBoostingRegressor(
        **{"max_iter": 150, "min_samples_leaf": 20, **settings}, early_stopping=False, random_state=seed
    )
    encoded = [
        (i, [float(code) for code in range(len(feature.categories))])
        for i, feature in enumerate(schema.features)
        if feature.kind is Kind.CATEGORICAL
    ]
    if not encoded:
        return Pipeline([("regressor", regressor)])
    one_hot = OneHotEncoder(
        categories=[codes for _, codes in encoded],
        handle_unknown="ignore",
        sparse_output=False,
        dtype=np.float32,
    )
    columns = ColumnTransformer([("one_hot", one_hot, [i for i, _ in encoded])], remainder="passthrough")
    return Pipeline([("columns", columns), ("regressor", regressor)])
