"""The model of a bundle: a matrix in, predictions with their intervals out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import onnxruntime as ort

from drift_core.bundle import MODEL_FILE, MODEL_INPUT, MODEL_OUTPUTS, BundleError, Manifest
from drift_core.schema import Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What the model says of n instances; arrays of shape (n,), in the target's unit but for confidence.

    Attributes
    ----------
    lower, upper : the interval as served, with the bundle's promised coverage.
    confidence : in [0, 1]; see `IntervalRule.confidence`.
    """

    values: Matrix
    lower: Matrix
    upper: Matrix
    confidence: Matrix


class Model:
    """One version of a model, loaded."""

    def __init__(self, manifest: Manifest, session: ort.InferenceSession) -> None:
        self._rule = manifest.interval
        self._session = session

    @classmethod
    def load(cls, manifest: Manifest, onnx: bytes) -> Self:
        """Load an ONNX graph and run it once, so that a graph of another shape is found here.

        Raises
        ------
        BundleError
            If it cannot be loaded or does not take and give what the manifest promises.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1  # a Lambda has a core or less, a request a handful of rows
        options.inter_op_num_threads = 1
        try:
            session = ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
            model = cls(manifest, session)
            model.predict(np.zeros((1, len(manifest.schema.features))))
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            raise BundleError(
                f"{MODEL_FILE} of {manifest.model_version} does not run ({type(error).__name__}): "
                f"it must take {MODEL_INPUT!r} and give {', '.join(MODEL_OUTPUTS)}; train the bundle again"
            ) from error
        return model

    def predict(self, matrix: Matrix) -> Predictions:
        """Predict.

        Parameters
        ----------
        matrix : shape (n, number of features), coded by the bundle's schema.
        """
        outputs = self._session.run(MODEL_OUTPUTS, {MODEL_INPUT: matrix.astype(np.float32)})
        values, low, high = (output.reshape(len(matrix)).astype(np.float64) for output in outputs)
        lower, upper = self._rule.bounds(values, low, high)
        return Predictions(
            values=values, lower=lower, upper=upper, confidence=self._rule.confidence(upper - lower)
        )
