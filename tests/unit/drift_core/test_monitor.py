"""Verdicts: silent without drift, loud and pointing at the right feature with it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from drift_core.bins import Column
from drift_core.budget import MONTH_SECONDS, alpha
from drift_core.bundle import MonitorSettings
from drift_core.schema import UNSEEN, Feature, Kind, Matrix
from drift_core.span import Span
from tests.unit.drift_core.fixture_house import (
    REFERENCE,
    first_verdict,
    of_column,
    rows,
    single,
    verdict_of,
)


@pytest.mark.parametrize("n", [100, 500, 5_000])
def test_false_alarms_stay_within_the_budget(n: int) -> None:
    """With a budget of 1 % a window, at most 1 % of windows without drift alarm, and their binomial error."""
    share = 0.01
    hours = MONTH_SECONDS / 3600
    settings = MonitorSettings(window_seconds=3600, false_alarms_per_month=share * hours * 6)
    assert alpha(Span.WINDOW, settings) == pytest.approx(share)
    runs = 400
    alarms = sum(verdict_of(rows(n, 1_000 + run), settings).drift for run in range(runs))
    assert alarms <= stats.binom.ppf(0.9999, runs, share)


def long_tail(n: int, seed: int) -> npt.NDArray[np.intp]:
    """A heavy tail: however many categories training saw, the next window brings new ones."""
    return np.random.default_rng(seed).zipf(1.3, n) % 100_000


@pytest.mark.parametrize(("n", "m"), [(500, 2_000), (5_000, 20_000)])
def test_a_long_tail_of_categories_stays_within_the_budget(n: int, m: int) -> None:
    def column_of(values: npt.NDArray[np.intp], known: list[int]) -> Matrix:
        codes = {value: float(i) for i, value in enumerate(known)}
        return np.array([codes.get(value, UNSEEN) for value in values.tolist()])

    alarms, runs = 0, 60
    for run in range(runs):
        seen, counts = np.unique(long_tail(m, run), return_counts=True)
        known = seen[np.argsort(-counts, kind="stable")].tolist()
        column = Column.freeze("id", Kind.CATEGORICAL, column_of(long_tail(m, run), known), known)
        baseline = of_column(column, column_of(long_tail(m, run), known), usual=n)
        live = column_of(long_tail(n, 10_000 + run), known)
        assert (live == UNSEEN).any()
        alarms += first_verdict(baseline, live[:, None]).drift
    assert alarms == 0  # the default budget: one in 26,000 windows


def scaled(features: Matrix) -> None:
    features[:, 0] *= 1_000


def shifted(features: Matrix) -> None:
    features[:, 0] += 0.4 * REFERENCE[:, 0].std()


def lost(features: Matrix) -> None:
    features[:60, 1] = np.nan


def moved(features: Matrix) -> None:
    features[:12, 2] = UNSEEN


def mixed(features: Matrix) -> None:
    features[:120, 2] = 2


def flipped(features: Matrix) -> None:
    features[:, 3] = 1 - features[:, 3]


def broken(features: Matrix) -> None:
    features[:12, 1] = np.inf


@pytest.mark.parametrize(
    ("change", "feature", "tests"),
    [
        (scaled, "size", {"out_of_range", "shape"}),
        (shifted, "size", {"location", "shape"}),
        (lost, "age", {"missing"}),
        (moved, "area", {"unseen", "other"}),
        (mixed, "area", {"category:hills", "category:centre", "shape"}),
        (flipped, "garden", {"category:true", "category:false"}),
        (broken, "age", {"non_finite"}),
    ],
)
def test_drift_is_found_in_its_first_window_and_the_feature_named(
    change: Callable[[Matrix], None], feature: str, tests: set[str]
) -> None:
    live = rows(500, 77)
    assert not verdict_of(live).drift
    change(live)
    verdict = verdict_of(live)
    assert verdict.drift
    assert verdict.drift_score > 1
    caused = {"size", "prediction", "interval_width"} if feature == "size" else {feature}
    assert set(verdict.guilty) == caused
    assert verdict.features[feature].top_contrast in tests


def test_a_few_values_beyond_the_range_of_a_small_training_set_are_no_drift() -> None:
    """The extremes of 200 rows promise little: thirteen of 100 beyond are rare, but within the budget."""
    rng = np.random.default_rng(4)
    baseline = single(Feature(name="x", kind=Kind.NUMERIC), rng.uniform(0, 1, 200))
    live = rng.uniform(0.01, 0.99, 100)
    live[:13] = np.where(np.arange(13) % 2, 1.01, -0.01)
    assert not first_verdict(baseline, live[:, None]).drift
    live[:22] = np.where(np.arange(22) % 2, 1.01, -0.01)
    assert first_verdict(baseline, live[:, None]).drift


def test_rare_categories_that_grow_are_found_together() -> None:
    rng = np.random.default_rng(4)
    names = ("east", "west", "rare", "rarer")
    training = np.array([0.0] * 4_995 + [1.0] * 4_995 + [2.0] * 6 + [3.0] * 4)
    baseline = single(Feature(name="x", kind=Kind.CATEGORICAL, categories=names), training)
    assert baseline.columns[0].categories == ("east", "west")
    live = rng.permutation(np.array([0.0] * 245 + [1.0] * 245 + [2.0] * 5 + [3.0] * 5))
    verdict = first_verdict(baseline, live[:, None])
    assert verdict.drift
    assert verdict.features["x"].top_contrast == "other"


@pytest.mark.parametrize("value", [1e9, -1e9])
def test_values_out_of_range_count_as_the_nearest_that_training_saw(value: float) -> None:
    live = rows(500, 6)
    live[:, 1] = value
    age = verdict_of(live).features["age"]
    assert age.out_of_range_share == 1
    assert age.ks == pytest.approx(15 / 16, abs=0.01)
    assert age.mean_shift_sigma == pytest.approx(np.sign(value) * 100)  # where single values are cut


def test_the_strongest_drift_is_named_first() -> None:
    live = rows(500, 7)
    live[:, 1] += 20
    flipped(live)
    weak, strong = sorted(("age", "garden"), key=lambda name: verdict_of(live).features[name].score)
    assert verdict_of(live).guilty == (strong, weak)
    assert verdict_of(live).features[strong].score == verdict_of(live).drift_score


def test_a_gross_shift_is_one_beyond_the_threshold() -> None:
    live = rows(500, 5)
    live[:, 0] += 2.5 * REFERENCE[:, 0].std()
    verdict = verdict_of(live)
    assert verdict.gross_shift
    assert verdict.mean_shift_sigma == pytest.approx(2.5, abs=0.2)
    assert not verdict_of(live, MonitorSettings(drift_threshold=3)).gross_shift


def test_an_empty_state_is_refused() -> None:
    with pytest.raises(ValueError, match="no rows between 0 and 300000"):
        verdict_of(rows(0, 1))


def test_a_window_of_missing_values_only_is_judged() -> None:
    live = rows(200, 3)
    live[:, :2] = np.nan
    verdict = verdict_of(live)
    assert verdict.features["age"].missing_share == 1
    assert verdict.features["age"].ks is None
    assert verdict.features["age"].mean_shift_sigma is None
    assert verdict.features["age"].top_contrast == "missing"


def test_a_handful_of_values_has_no_shape_but_its_shares_are_judged() -> None:
    live = rows(29, 3)
    live[:, 0] = live[0, 0]  # twenty-nine times the same value
    size = verdict_of(live).features["size"]
    assert size.score == 0 or size.top_contrast in {"missing", "non_finite", "out_of_range"}
    assert not size.drift
    live[:, 0] = np.nan
    assert verdict_of(live).features["size"].drift
