"""A classifier tells rows apart where no column by itself does, names the columns, and holds its level."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from drift_core import adversarial
from drift_core.adversarial import FEWEST_ROWS, Separation, _placements, separate

type Rows = np.ndarray

R, K, J = 512, 256, 10


def separated(
    reference: Rows, window: Rows, *, categorical: tuple[int, ...] = (), seed: int = 0
) -> Separation:
    width = reference.shape[1]
    return separate(
        reference.astype(np.float32),
        window.astype(np.float32),
        [f"x{i}" for i in range(width)],
        np.isin(np.arange(width), categorical),
        seed=seed,
    )


@pytest.fixture
def few_refits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Student's law allows for how few they are, so level and edges can be tested with less work."""
    monkeypatch.setattr(adversarial, "_RELABELLINGS", 5)
    monkeypatch.setattr(adversarial, "_BOOSTING", adversarial._BOOSTING | {"max_iter": 5})


@pytest.mark.usefixtures("few_refits")
def test_it_holds_its_level() -> None:
    """Without drift, p-values are uniform and z > 1 and z > 2 as rare as the normal law says."""
    rng, runs = np.random.default_rng(1), 200
    found = []
    for seed in range(runs):
        rows = rng.normal(size=(160, 2))
        rows[:, 1] = np.where(rng.random(160) < 0.2, np.nan, rng.integers(0, 4, 160))
        found.append(separated(rows[:100], rows[100:], categorical=(1,), seed=seed))
    assert stats.kstest([one.p_value for one in found], "uniform").pvalue > 1e-3
    assert abs(np.mean([one.auc for one in found]) - 0.5) < 4 * 0.06 / np.sqrt(runs)
    for height in (1, 2):
        alarms, rate = sum(one.z > height for one in found), stats.norm.sf(height)
        assert stats.binom.ppf(1e-3, runs, rate) <= alarms <= stats.binom.isf(1e-3, runs, rate)
    # Each call names a column falsely with a chance of 0.05.
    assert sum(bool(one.features) for one in found) <= stats.binom.isf(1e-3, runs, 0.05)


def correlated(rng: np.random.Generator) -> Rows:
    rows = rng.normal(size=(K, J))
    rows[:, 1] = 0.8 * rows[:, 0] + 0.6 * rows[:, 1]
    return rows


def agreeing_signs(rng: np.random.Generator) -> Rows:
    """Exclusive or: both columns are as before, only that now they are positive together."""
    rows = rng.normal(size=(K, J))
    rows[:, 1] = np.copysign(rows[:, 1], rows[:, 0])
    return rows


@pytest.mark.parametrize("change", [correlated, agreeing_signs])
def test_it_finds_and_names_a_change_that_no_column_shows(
    change: Callable[[np.random.Generator], Rows],
) -> None:
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        reference, window = rng.normal(size=(R, J)), change(rng)
        assert (
            max(abs(stats.ks_2samp(a, b).statistic) for a, b in zip(reference.T, window.T, strict=True))
            < 0.15
        )
        found.append(separated(reference, window, seed=seed))
    assert np.median([one.z for one in found]) > 3.5
    assert all({"x0", "x1"} == set(one.features[:2]) for one in found)
    assert sum(len(one.features) - 2 for one in found) <= 2


def test_evidence_grows_beyond_what_counting_permutations_could_say() -> None:
    rng = np.random.default_rng(2)
    one = separated(rng.normal(size=(R, 3)), rng.normal([0, 1.5, 0], 1, (K, 3)))
    assert 0.75 < one.auc < stats.norm.cdf(1.5 / np.sqrt(2)) + 0.03  # that of the best classifier
    assert one.z > 7
    assert one.p_value == pytest.approx(stats.norm.sf(one.z))
    assert one.features[0] == "x1"


@pytest.mark.usefixtures("few_refits")
@pytest.mark.parametrize(
    ("column", "before", "now"),
    [
        ("missing", 1.0, np.nan),
        ("infinite", 1.0, np.inf),
        ("minus infinite", 1.0, -np.inf),
        ("infinite as before", np.inf, 3e38),
    ],
)
def test_values_that_are_no_numbers_are_told_apart(column: str, before: float, now: float) -> None:
    rng = np.random.default_rng(3)
    reference, window = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    reference[:, 2] = before
    window[:, 2] = np.where(np.arange(200) % 2, before, now)
    one = separated(reference, window)
    assert one.z > 3, column
    assert one.features == ("x2",)


@pytest.mark.usefixtures("few_refits")
@pytest.mark.parametrize("code", [-1, 5, 60, 999])
def test_a_category_that_became_frequent_is_told_apart(code: int) -> None:
    """The unseen one, a frequent one, a rare one and one of the many that the classifier takes as one."""
    rng = np.random.default_rng(4)
    reference, window = rng.integers(0, 1_000, size=(2, 200, 2)).astype(float)
    window[::2, 1] = code
    one = separated(reference, window, categorical=(0, 1))
    if code == 999:  # nine in ten were rare before, too: one more rare one is no news
        assert one.z < 3
    else:
        assert one.z > 3
        assert one.features == ("x1",)


@pytest.mark.usefixtures("few_refits")
@pytest.mark.parametrize("value", [7.0, np.nan, np.inf])
@pytest.mark.parametrize("categorical", [(), (0, 1)], ids=["numbers", "codes"])
@pytest.mark.parametrize("width", [1, 2])
def test_columns_without_content_tell_nothing(value: float, categorical: tuple[int, ...], width: int) -> None:
    rows = np.full((100, width), value)
    assert separated(rows, rows, categorical=categorical) == Separation(
        auc=0.5, p_value=0.5, z=0.0, features=()
    )


@pytest.mark.usefixtures("few_refits")
def test_a_column_that_is_missing_but_in_one_row_hinders_nothing() -> None:
    rng = np.random.default_rng(8)
    reference, window = rng.normal(size=(100, 2)), rng.normal([3, 0], 1, (100, 2))
    reference[:, 1] = window[1:, 1] = np.nan
    assert separated(reference, window).features == ("x0",)


@pytest.mark.usefixtures("few_refits")
def test_a_single_column_is_enough() -> None:
    rng = np.random.default_rng(5)
    one = separated(rng.normal(size=(FEWEST_ROWS, 1)), rng.normal(5, 1, (FEWEST_ROWS, 1)))
    assert one.auc > 0.95
    assert one.features == ("x0",)


@pytest.mark.usefixtures("few_refits")
def test_the_same_seed_gives_the_same_answer() -> None:
    rng = np.random.default_rng(6)
    reference, window = rng.normal(size=(100, 2)), rng.normal(size=(100, 2))
    assert separated(reference, window, seed=1) == separated(reference, window, seed=1)
    assert separated(reference, window, seed=1) != separated(reference, window, seed=2)


@pytest.mark.parametrize(("r", "k"), [(FEWEST_ROWS - 1, 100), (100, FEWEST_ROWS - 1)])
def test_too_few_rows_are_refused_by_their_numbers(r: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"{r} reference rows and {k} of the window.* needs {FEWEST_ROWS}"):
        separated(np.zeros((r, 1)), np.zeros((k, 1)))


def test_placements_average_to_the_auc_of_either_side() -> None:
    rng = np.random.default_rng(7)
    labels = rng.random(60) < 0.3
    scores = rng.integers(0, 8, size=(4, 60)).astype(float)  # with ties
    for one, placements in zip(scores, _placements(scores, labels), strict=True):
        expected = roc_auc_score(labels, one)
        assert placements[labels].mean() == pytest.approx(expected)
        assert placements[~labels].mean() == pytest.approx(expected)


def test_importing_it_does_not_load_the_classifier() -> None:
    code = "import sys, drift_core.adversarial; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
