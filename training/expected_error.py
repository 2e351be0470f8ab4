"""The model of the model's error: fitted out of fold, exported, proven equal; its scale set on later rows.

The squared loss on |residual| aims at its mean, which is what a mean absolute error is made of; the absolute
loss would aim at its median, and be too small by a third where errors are normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.bundle import EXPECTED_ERROR_OUTPUT
from drift_core.schema import FeatureSchema, Matrix
from training.export import check_parity, run, to_onnx
from training.fit import Rows, fit_one, predict

FOLDS = 3
"""Each is predicted by a model of the others."""

_MEAN = {"loss": "squared_error"}

_SHAPE: dict[str, Any] = {"max_iter": 60, "min_samples_leaf": 50}
"""Fewer and broader leaves than the model's: the size of an error is mostly noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedError:
    """A fitted g(x, ŷ), as ONNX.

    Attributes
    ----------
    onnx : input `MODEL_INPUT`, the model's features and its prediction as the last column; output
        `EXPECTED_ERROR_OUTPUT`, in the target's unit, at least 0.
    estimates : shape (held-out rows,), of the exported model.
    difference : largest to scikit-learn, in standard deviations of the target.
    """

    onnx: bytes
    estimates: Matrix
    difference: float


def expected_error(
    schema: FeatureSchema,
    features: npt.NDArray[np.float32],
    labels: Matrix,
    fit_rows: Rows,
    *,
    held_out: Rows,
    predictions: Matrix,
    calibration_rows: int,
    seed: int,
) -> ExpectedError:
    """Fit g on the rows that fitted the model, with predictions by models that did not see them.

    Parameters
    ----------
    features, labels : of all rows.
    fit_rows : in the order of time; each fold is a stretch of them, so that none is predicted by its
        neighbours. Without times in any order.
    held_out, predictions : rows that the model did not see, and what its export says of them.
    calibration_rows : the first of the held-out rows, on which g's mean is set to the real one: the folds'
        models learned from fewer rows than the model, and err a little more.

    Raises
    ------
    ParityError
        If the exported g does not say what scikit-learn's says.
    """
    guessed = np.empty(len(fit_rows))
    for fold in np.array_split(np.arange(len(fit_rows)), FOLDS):
        others = np.delete(fit_rows, fold)
        model = fit_one(schema, features[others], labels[others], _MEAN, seed=seed)
        guessed[fold] = predict({"": model}, features[fit_rows[fold]])[""]
    residuals = np.abs(guessed - labels[fit_rows])
    g = fit_one(
        schema,
        with_prediction(features[fit_rows], guessed),
        residuals,
        _MEAN | _SHAPE,
        seed=seed,
    )
    seen = with_prediction(features[held_out], predictions)
    raw = np.maximum(predict({"": g}, seen)[""], 0.0)
    real = np.abs(predictions - labels[held_out])[:calibration_rows].mean()
    told = raw[:calibration_rows].mean()
    scale = float(real / told) if told > 0 else 1.0
    onnx = to_onnx({EXPECTED_ERROR_OUTPUT: g}, features.shape[1] + 1, size_scale=scale)
    served = run(onnx, seen, (EXPECTED_ERROR_OUTPUT,))
    difference = check_parity({EXPECTED_ERROR_OUTPUT: scale * raw}, served, float(labels.std()))
    return ExpectedError(onnx=onnx, estimates=served[EXPECTED_ERROR_OUTPUT], difference=difference)


def with_prediction(features: npt.NDArray[np.float32], predictions: Matrix) -> npt.NDArray[np.float32]:
    """What g is asked: the features, and the prediction as the last column.

    Parameters
    ----------
    features : shape (n, k).
    predictions : shape (n,).
    """
    return np.column_stack([features, predictions]).astype(np.float32)
