"""The exported model says what scikit-learn says, row by row."""

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from drift_core.bundle import MODEL_INPUT, MODEL_OUTPUTS
from drift_core.schema import UNSEEN, Feature, FeatureSchema, Kind, Matrix
from training.export import TOLERANCE, ParityError, check_parity, run, to_onnx
from training.fit import fit, predict

NUMBER = Feature(name="x", kind=Kind.NUMERIC)
CATEGORY = Feature(name="k", kind=Kind.CATEGORICAL, categories=("a", "b", "c"))
BOOLEAN = Feature(name="b", kind=Kind.BOOLEAN)


def rows(n: int, seed: int) -> npt.NDArray[np.float32]:
    """Coded rows of all three kinds, each with missing values."""
    rng = np.random.default_rng(seed)
    columns = [rng.normal(size=n), rng.integers(0, 3, n), rng.integers(0, 2, n)]
    matrix: npt.NDArray[np.float32] = np.column_stack(columns).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    return matrix


def labels_of(matrix: npt.NDArray[np.float32]) -> Matrix:
    known: Matrix = np.nan_to_num(matrix.astype(np.float64), nan=0.5)
    labels: Matrix = 300_000 + 50_000 * known[:, 0] * (1 + known[:, 2]) + 80_000 * (known[:, 1] == 2)
    return labels


@pytest.mark.parametrize(
    "positions", [(0, 1, 2), (0,), (1,), (2,), (1, 0)], ids=["all", "number", "category", "boolean", "moved"]
)
def test_parity_on_rows_with_missing_and_unseen_values(positions: tuple[int, ...]) -> None:
    schema = FeatureSchema(tuple((NUMBER, CATEGORY, BOOLEAN)[i] for i in positions))
    seen, new = rows(800, 0), rows(2_000, 1)
    new[::10, 1] = UNSEEN
    labels = labels_of(seen)
    models = fit(schema, seen[:, positions], labels, coverage=0.9, seed=0)
    model = to_onnx(models, len(positions))
    answers = run(model, new[:, positions])
    largest = check_parity(predict(models, new[:, positions]), answers, float(labels.std()))
    assert largest < 1e-5
    assert np.ptp(answers["prediction"]) > 0


def test_unseen_and_missing_categories_are_answered_alike() -> None:
    schema = FeatureSchema((CATEGORY,))
    seen = rows(800, 0)
    models = fit(schema, seen[:, [1]], labels_of(seen), coverage=0.9, seed=0)
    answers = run(to_onnx(models, 1), np.array([[UNSEEN], [np.nan]], np.float32))
    assert answers["prediction"][0] == answers["prediction"][1]


def test_a_threshold_between_neighbouring_floats_sends_none_of_them_astray() -> None:
    # Above 2**24 float32 holds even integers only: each threshold lies half way and rounds to one side.
    x = (2**24 + 2 * np.arange(1_000)).astype(np.float32)[:, None]
    labels = np.sin(np.arange(1_000) / 7) + np.arange(1_000.0) % 2
    schema = FeatureSchema((NUMBER,))
    models = fit(schema, x, labels, coverage=0.9, seed=0)
    before = predict(models, x)
    model = to_onnx(models, 1)
    assert check_parity(before, run(model, x), float(labels.std())) < 1e-5


def test_the_graph_has_the_promised_input_and_outputs() -> None:
    seen = rows(400, 0)
    schema = FeatureSchema((NUMBER, CATEGORY, BOOLEAN))
    model = onnx.load_from_string(to_onnx(fit(schema, seen, labels_of(seen), coverage=0.9, seed=0), 3))
    assert [given.name for given in model.graph.input] == [MODEL_INPUT]
    assert [said.name for said in model.graph.output] == list(MODEL_OUTPUTS)
    for tensor, width in [(model.graph.input[0], 3), *((said, 1) for said in model.graph.output)]:
        assert tensor.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        assert tensor.type.tensor_type.shape.dim[1].dim_value == width
    answers = run(model.SerializeToString(), seen)
    assert answers["lower"].mean() < answers["prediction"].mean() < answers["upper"].mean()


def test_parity_is_the_largest_difference_in_standard_deviations() -> None:
    expected = {"prediction": np.array([1.0, 2.0]), "lower": np.array([0.0, 0.0])}
    served = {"prediction": np.array([1.0, 2.0 + 2e-5]), "lower": np.array([4e-5, 0.0])}
    assert check_parity(expected, served, 2.0) == pytest.approx(2e-5)


@pytest.mark.parametrize("wrong", [2.0 + 2.1 * TOLERANCE, np.nan, np.inf])
def test_a_single_row_out_of_parity_is_refused(wrong: float) -> None:
    expected = {"upper": np.array([1.0, 2.0])}
    with pytest.raises(
        ParityError, match=r"^the ONNX model's upper is .* where scikit-learn's is 2 \(held-out row 2"
    ):
        check_parity(expected, {"upper": np.array([1.0, wrong])}, 2.0)
