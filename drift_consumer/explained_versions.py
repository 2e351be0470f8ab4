"""What a version's sampled rows are explained with: its model, and what training found of it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from drift_consumer.baselines import Baselines, Bundle
from drift_consumer.error_baselines import errors_of
from drift_core.attribution import AttributionBaseline
from drift_core.bundle import (
    ATTRIBUTION_FILE,
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    EXPECTED_ERROR_OUTPUT,
    MODEL_FILE,
    MODEL_INPUT,
    MODEL_OUTPUTS,
    BundleError,
    Manifest,
)
from drift_core.expected_error import ExpectedErrorBaseline
from drift_core.schema import Matrix
from drift_core.shapley import Predict

KEPT_VERSIONS = 3
"""Versions in memory with their models: the active one, a challenger, and one that labels still come for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedVersion:
    """One version of a model, loaded.

    Attributes
    ----------
    predict : rows of features to predictions.
    attribution : None of a bundle without attributions.
    estimate, expected : the model of its errors, rows of features and prediction to errors, and what it said
        in training; None of a bundle without.
    """

    predict: Predict
    attribution: AttributionBaseline | None
    estimate: Predict | None
    expected: ExpectedErrorBaseline | None


class ExplainedVersions:
    """Versions from the models bucket, the least recently used forgotten first."""

    def __init__(self, baselines: Baselines) -> None:
        self._baselines = baselines
        self._kept: OrderedDict[tuple[str, str], ExplainedVersion] = OrderedDict()

    def bundle(self, model_name: str, model_version: str) -> Bundle | None:
        """The manifest and the baseline of a version; None if its bundle has nothing to explain rows with.

        Raises
        ------
        drift_consumer.baselines.UnknownModelError
            If the bucket holds no such bundle.
        BundleError
            If a file is not the one that the manifest vouches for, or not a bundle's.
        """
        found = self._baselines.get(model_name, model_version)
        return found if _explains(found.manifest) or _estimates(found.manifest) else None

    def get(self, manifest: Manifest) -> ExplainedVersion:
        """Load a version's models.

        Raises
        ------
        BundleError
            If a file is not the one that the manifest vouches for, or cannot be used.
        """
        key = (manifest.model_name, manifest.model_version)
        if key not in self._kept:
            self._kept[key] = self._load(manifest)
            if len(self._kept) > KEPT_VERSIONS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _load(self, manifest: Manifest) -> ExplainedVersion:
        predict = _runner(manifest, MODEL_FILE, self._baselines.file(manifest, MODEL_FILE), MODEL_OUTPUTS[0])
        attribution, estimate, expected = None, None, None
        if _explains(manifest):
            content = self._baselines.file(manifest, ATTRIBUTION_FILE)
            try:
                attribution = AttributionBaseline.from_json(content, manifest.schema.names)
            except ValueError as error:
                raise BundleError(f"{ATTRIBUTION_FILE} of {manifest.model_version}: {error}") from None
        if _estimates(manifest):
            expected = errors_of(self._baselines, manifest).expected
            onnx = self._baselines.file(manifest, EXPECTED_ERROR_FILE)
            estimate = _runner(manifest, EXPECTED_ERROR_FILE, onnx, EXPECTED_ERROR_OUTPUT)
        return ExplainedVersion(
            predict=predict, attribution=attribution, estimate=estimate, expected=expected
        )


def _explains(manifest: Manifest) -> bool:
    return ATTRIBUTION_FILE in manifest.files


def _estimates(manifest: Manifest) -> bool:
    return {ERRORS_FILE, EXPECTED_ERROR_FILE} <= manifest.files.keys()


def _runner(manifest: Manifest, name: str, onnx: bytes, output: str) -> Predict:
    """One output of a graph as a function; it is run once, so that a graph of another shape is found here."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the function has one core
    options.inter_op_num_threads = 1
    columns = len(manifest.schema.features) + (name == EXPECTED_ERROR_FILE)

    try:
        session = ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        session.run([output], {MODEL_INPUT: np.zeros((1, columns), np.float32)})
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        raise BundleError(
            f"{name} of {manifest.model_version} does not run ({type(error).__name__}): it must take "
            f"{columns} columns {MODEL_INPUT!r} and give {output!r}; train the bundle again"
        ) from error

    def run(rows: npt.NDArray[np.float32]) -> Matrix:
        (values,) = session.run([output], {MODEL_INPUT: rows})
        return np.asarray(values, float).reshape(len(rows))

    return run
