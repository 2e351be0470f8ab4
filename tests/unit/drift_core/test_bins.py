"""Bins: every value has one, and the frozen layout survives JSON to the bit."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_core.bins import Column, Layout, quantile_edges
from drift_core.described import Described
from drift_core.schema import Feature, Kind

RNG = np.random.default_rng(3)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def test_continuous_values_fall_into_sixteen_even_bins() -> None:
    column = Column.freeze("x", Kind.NUMERIC, RNG.normal(size=16_000))
    assert column.inner == 16
    assert np.all(np.abs(np.array(column.reference[:16]) - 1_000) <= 1)
    assert sum(column.reference[16:]) == 0


def test_a_heavy_value_is_alone_in_its_bin() -> None:
    values = np.concatenate([np.zeros(500), RNG.uniform(1, 2, 1_500)])
    column = Column.freeze("x", Kind.NUMERIC, values)
    zero = int(column.index(np.array([0.0]))[0])
    assert column.reference[zero] == 500
    assert column.index(np.array([math.nextafter(0.0, 1.0)]))[0] != zero


@given(st.lists(st.floats(-3e38, 3e38), min_size=1, max_size=60), st.lists(NUMBERS, max_size=20))
def test_every_number_has_a_bin_and_training_values_an_inner_one(
    training: list[float], live: list[float]
) -> None:
    column = Column.freeze("x", Kind.NUMERIC, np.array(training))
    assert sum(column.reference) == sum(column.reference[: column.inner]) == len(training)
    for value in live:
        found = int(column.index(np.array([value]))[0])
        if math.isnan(value):
            assert found == column.special("missing")
        elif math.isinf(value):
            assert found == column.special("non_finite")
        elif value < min(training):
            assert found == column.special("below")
        elif value > max(training):
            assert found == column.special("above")
        else:
            assert column.edges[found] <= value < column.edges[found + 1]


def test_categories_kept_other_unseen_and_missing() -> None:
    names = tuple(f"c{i}" for i in range(40))
    feature = Feature(name="area", kind=Kind.CATEGORICAL, categories=names)
    column = Column.of_feature(feature, feature.codes(names))
    assert column.index(feature.codes(["c0", "c29", "c30", "c39", "new", None])).tolist() == [
        0,
        29,
        30,
        30,
        column.special("unseen"),
        column.special("missing"),
    ]


def test_a_rare_category_has_no_bin_of_its_own_and_those_seen_once_are_counted() -> None:
    names = ("often", "seldom", "twice", "once", "lonely")
    feature = Feature(name="area", kind=Kind.CATEGORICAL, categories=names)
    values = ["often"] * 980 + ["seldom"] * 16 + ["twice"] * 2 + ["once", "lonely", None]
    column = Column.of_feature(feature, feature.codes(values))
    assert (column.categories, column.known) == (("often", "seldom"), 5)
    assert (column.singletons, column.doubletons) == (2, 1)
    assert column.reference == (980, 16, 4, 0, 1)


def test_booleans_are_two_categories() -> None:
    feature = Feature(name="new", kind=Kind.BOOLEAN)
    column = Column.of_feature(feature, feature.codes([True, False, True, None]))
    assert column.reference == (1, 2, 0, 0, 1)


def test_scores_are_normal_quantiles_of_midranks() -> None:
    column = Column.freeze("x", Kind.NUMERIC, RNG.normal(size=16_000))
    scores = column.scores() / 1024
    assert np.allclose(scores[:16], -scores[15::-1], atol=2e-3)
    assert scores[15] == pytest.approx(1.86, abs=0.01)  # Φ⁻¹(31/32)
    assert scores[column.special("above")] == 3
    assert scores[column.special("missing")] == 0


def test_json_round_trip_is_exact_and_fingerprints_tell_layouts_apart() -> None:
    column = Column.freeze("x", Kind.NUMERIC, RNG.normal(size=1_000))
    read = Column.from_json(Described(json.loads(json.dumps(column.to_json()))))
    assert read == column
    other = Column.freeze("x", Kind.NUMERIC, RNG.normal(size=1_000))
    assert Layout((read,)).fingerprint == Layout((column,)).fingerprint
    assert Layout((other,)).fingerprint != Layout((column,)).fingerprint


def test_constant_and_empty_columns() -> None:
    constant = Column.freeze("x", Kind.NUMERIC, np.full(10, 5.0))
    assert (constant.inner, constant.center, constant.scale) == (1, 5.0, 1.0)
    tenth = Column.freeze("x", Kind.NUMERIC, np.full(1_000, 0.1))  # numpy's deviation of it is not 0
    assert (tenth.center, tenth.scale) == (0.1, 1.0)
    with pytest.raises(ValueError, match="no finite value"):
        Column.freeze("x", Kind.NUMERIC, np.full(10, np.nan))


def test_edges_increase_strictly_even_at_the_largest_float() -> None:
    edges = quantile_edges(np.array([0.0, 1e308, 1.7976931348623157e308]))
    assert np.all(np.diff(edges[:-1]) > 0)
    assert edges[-1] == math.inf


def test_numbers_whose_squares_vanish_still_have_a_scale() -> None:
    column = Column.freeze("x", Kind.NUMERIC, np.array([0.0, 1e-300, 2e-300] * 50))
    assert column.scale > 0
    assert column.log_scale > 0
