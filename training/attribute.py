"""What the exported model's answers are made of, on rows that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx.utils import Extractor
from onnxruntime import InferenceSession, SessionOptions

from drift_core.attribution import BACKGROUND_ROWS, PERMUTATIONS, AttributionBaseline
from drift_core.bundle import MODEL_INPUT, MODEL_OUTPUTS
from drift_core.schema import Matrix
from drift_core.shapley import Predict, shapley

EVALUATIONS = 1_000_000
"""Answers of the model that are spent, about: some 4 seconds at 50 features."""

FEWEST_ROWS, MOST_ROWS = 256, 1_024
"""Rows explained: fewer leave charts blind, more only cost time."""


def attribute(
    model: bytes,
    features: Sequence[str],
    held_out: npt.NDArray[np.float32],
    times: npt.NDArray[np.int64] | None,
    *,
    seed: int,
) -> AttributionBaseline:
    """Explain held-out rows, chosen at random; others of them are the background.

    Parameters
    ----------
    model : ONNX, as served.
    held_out : shape (h, features), h at least twice `BACKGROUND_ROWS`.
    times : shape (h,), UTC milliseconds, if there are any.
    """
    affordable = EVALUATIONS // (PERMUTATIONS * max(1, len(features) - 1))
    rows = min(max(affordable, FEWEST_ROWS), MOST_ROWS, len(held_out) - BACKGROUND_ROWS)
    chosen = np.random.default_rng(seed).permutation(len(held_out))[: BACKGROUND_ROWS + rows]
    background, explained = held_out[chosen[:BACKGROUND_ROWS]], chosen[BACKGROUND_ROWS:]
    found = shapley(predictor(model), held_out[explained], background, permutations=PERMUTATIONS, seed=seed)
    return AttributionBaseline.measured(
        tuple(features),
        found,
        background,
        permutations=PERMUTATIONS,
        times=None if times is None else times[explained],
    )


def predictor(model: bytes) -> Predict:
    """An ONNX model as a function for many calls: of its graph what the prediction needs, a third of it."""
    alone = Extractor(onnx.load_model_from_string(model)).extract_model([MODEL_INPUT], [MODEL_OUTPUTS[0]])
    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(alone.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def predict(rows: npt.NDArray[np.float32]) -> Matrix:
        (values,) = session.run(MODEL_OUTPUTS[:1], {MODEL_INPUT: rows})
        return np.asarray(values, float).reshape(len(rows))

    return predict
