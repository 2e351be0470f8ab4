"""ONNX: the three regressors as one graph, proven equal to scikit-learn before anything is written."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, compose, helper
from onnxruntime import InferenceSession, SessionOptions
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.pipeline import Pipeline

from drift_core.bundle import MODEL_INPUT, MODEL_OUTPUTS
from drift_core.schema import Matrix

OPSETS = {"": 17, "ai.onnx.ml": 3}
"""Old enough for every runtime of the last years."""

TOLERANCE = 1e-4
"""Largest difference to scikit-learn, in standard deviations of the target: float32 gives about 1e-6."""


class ParityError(RuntimeError):
    """The exported model does not predict what scikit-learn predicts."""


def to_onnx(models: Mapping[str, Pipeline], features: int, *, size_scale: float | None = None) -> bytes:
    """Join fitted pipelines into one ONNX model.

    Parameters
    ----------
    models : by name of output.
    features : columns of the input matrix.
    size_scale : the outputs are sizes: multiplied by this, and nothing below 0; None to leave them.

    Returns
    -------
    A model with the input `MODEL_INPUT`, float32 (n, features), and one float32 (n, 1) output per pipeline.
    """
    graphs = [_graph(name, model, features, size_scale) for name, model in models.items()]
    graph = helper.make_graph(
        nodes=[node for part in graphs for node in part.node],
        name="driftline",
        inputs=[helper.make_tensor_value_info(MODEL_INPUT, TensorProto.FLOAT, [None, features])],
        outputs=[helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in models],
        initializer=[tensor for part in graphs for tensor in part.initializer],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="driftline",
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def run(
    model: bytes, features: npt.NDArray[np.float32], names: Sequence[str] = MODEL_OUTPUTS
) -> dict[str, Matrix]:
    """The outputs of an ONNX model by name, each of shape (n,)."""
    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(model, options, providers=["CPUExecutionProvider"])
    outputs = session.run(list(names), {MODEL_INPUT: features})
    return {name: np.asarray(output, np.float64).ravel() for name, output in zip(names, outputs, strict=True)}


def check_parity(expected: Mapping[str, Matrix], served: Mapping[str, Matrix], scale: float) -> float:
    """The largest difference between two sets of outputs, in units of `scale`.

    Parameters
    ----------
    expected, served : by output, shape (n,), of scikit-learn and of the ONNX model.
    scale : standard deviation of the target.

    Raises
    ------
    ParityError
        If a row differs by more than `TOLERANCE`, or is not a number.
    """
    largest = 0.0
    for name, values in expected.items():
        difference = np.abs(served[name] - values) / scale
        if not np.all(difference <= TOLERANCE):
            row = int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
            raise ParityError(
                f"the ONNX model's {name} is {served[name][row]:.9g} where scikit-learn's is "
                f"{values[row]:.9g} (held-out row {row + 1}): {difference[row]:g} standard deviations of the "
                f"target, allowed {TOLERANCE:g}; nothing is written. A target far from 0 for its spread "
                f"loses digits in float32: subtract a constant from it"
            )
        largest = max(largest, float(difference.max()))
    return largest


def _graph(name: str, model: Pipeline, features: int, size_scale: float | None) -> onnx.GraphProto:
    """One pipeline's graph: its own names prefixed, the input shared, the output called `name`."""
    _round_thresholds(model)
    with warnings.catch_warnings():
        # The converter writes False where protobuf wants 0; protobuf 7 will refuse it, hence the pin.
        warnings.filterwarnings("ignore", "Field onnx.AttributeProto.ints", DeprecationWarning)
        converted = convert_sklearn(
            model, initial_types=[(MODEL_INPUT, FloatTensorType([None, features]))], target_opset=OPSETS
        )
    (output,) = converted.graph.output
    output_name = f"{name}_{output.name}"
    prefixed = compose.add_prefix_graph(converted.graph, prefix=f"{name}_", rename_inputs=False)
    if size_scale is None:
        prefixed.node.append(helper.make_node("Identity", [output_name], [name], name=f"{name}_output"))
        return prefixed
    factor, scaled = f"{name}_factor", f"{name}_scaled"
    prefixed.initializer.append(helper.make_tensor(factor, TensorProto.FLOAT, [1], [size_scale]))
    prefixed.node.append(helper.make_node("Mul", [output_name, factor], [scaled], name=f"{name}_scaling"))
    prefixed.node.append(helper.make_node("Relu", [scaled], [name], name=f"{name}_output"))
    return prefixed


def _round_thresholds(model: Pipeline) -> None:
    """Round each split's threshold down to float32; no float32 value changes sides.

    The converter rounds to the nearest instead, so that a value could cross a threshold just below it.
    """
    for (tree,) in model[-1]._predictors:
        thresholds = tree.nodes["num_threshold"]
        nearest = thresholds.astype(np.float32)
        above = nearest > thresholds
        nearest[above] = np.nextafter(nearest[above], np.float32(-np.inf))
        tree.nodes["num_threshold"] = nearest
