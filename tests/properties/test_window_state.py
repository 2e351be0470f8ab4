"""The law of window states: counting the union is adding the parts, to the bit, in any order and grouping."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drift_core.bins import Column, Layout
from drift_core.schema import Feature, Kind, Matrix
from drift_core.window import WindowState, hash_event_ids

RNG = np.random.default_rng(11)
AREA = Feature(name="area", kind=Kind.CATEGORICAL, categories=("a", "b", "c"))
LAYOUT = Layout(
    (
        Column.freeze("x", Kind.NUMERIC, RNG.lognormal(size=2_000)),
        Column.freeze("y", Kind.NUMERIC, RNG.integers(0, 6, 2_000).astype(float)),
        Column.of_feature(AREA, RNG.integers(0, 3, 2_000).astype(float)),
    )
)
VALUE = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 1e300, 5e-324]
)


@st.composite
def split_of_rows(draw: st.DrawFn) -> tuple[Matrix, list[int], list[int]]:
    """Rows, where to cut them, and the order in which to add the parts."""
    n = draw(st.integers(0, 40))
    rows = draw(arrays(np.float64, (n, 3), elements=VALUE))
    rows[:, 2] = draw(arrays(np.float64, n, elements=st.sampled_from([0.0, 1.0, 2.0, -1.0, np.nan])))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=6)))
    order = draw(st.permutations(range(len(cuts) + 1)))
    return rows, cuts, list(order)


def state_of(rows: Matrix, first: int = 0, *, repeat: int = 1) -> WindowState:
    numbers = np.arange(first, first + len(rows))
    ids = hash_event_ids(np.array([f"event-{i}" for i in numbers], "S40"))
    return WindowState.of(LAYOUT, rows, 1_000 + numbers, ids, duplicates=repeat - 1)


@given(split_of_rows())
@settings(deadline=None)
def test_merging_equals_counting_the_union(split: tuple[Matrix, list[int], list[int]]) -> None:
    rows, cuts, order = split
    starts = [0, *cuts]
    parts = [state_of(part, start) for part, start in zip(np.split(rows, cuts), starts, strict=True)]
    whole = state_of(rows).to_bytes()
    assert WindowState.sum(LAYOUT, [parts[i] for i in order]).to_bytes() == whole
    right = parts[order[-1]]
    for i in reversed(order[:-1]):
        right = parts[i] + right
    assert right.to_bytes() == whole


@given(split_of_rows())
@settings(deadline=None)
def test_bytes_give_back_the_same_state(split: tuple[Matrix, list[int], list[int]]) -> None:
    state = state_of(split[0], repeat=3)
    read = WindowState.from_bytes(LAYOUT, state.to_bytes())
    assert read == state
    assert (read.n, read.duplicates) == (len(split[0]), 2)
    assert read + WindowState.empty(LAYOUT) == state


def test_large_windows_merge_to_the_bit_and_keep_the_same_sample() -> None:
    rows = np.column_stack([RNG.lognormal(size=9_000), RNG.integers(0, 9, 9_000), RNG.integers(-1, 3, 9_000)])
    whole = state_of(rows)
    thirds = [state_of(part, i * 3_000) for i, part in enumerate(np.split(rows, 3))]
    assert thirds[2] + (thirds[0] + thirds[1]) == whole
    assert len(whole.sample) == LAYOUT.sample_size == 256
    assert np.array_equal(whole.sample_ids, np.sort(whole.sample_ids))


def test_the_same_rows_delivered_twice_leave_one_sample_of_each() -> None:
    rows = RNG.lognormal(size=(50, 3))
    twice = state_of(rows, repeat=2) + state_of(rows, repeat=2)
    assert (twice.n, twice.duplicates) == (100, 2)
    assert len(twice.sample) == 50


def test_counts_and_moments_are_those_of_the_rows() -> None:
    rows = np.column_stack([RNG.lognormal(size=500), RNG.integers(0, 6, 500), RNG.integers(0, 3, 500)])
    state = state_of(rows)
    assert state.n == 500
    assert (state.first_event, state.last_event) == (1_000, 1_499)
    assert all(state.column(i).sum() == 500 for i in range(3))
    column = LAYOUT.columns[0]
    assert state.mean_shift(0) == pytest.approx((rows[:, 0].mean() - column.center) / column.scale, abs=1e-5)
    scores = LAYOUT.scores[column.index(rows[:, 0])]
    assert state.comoments[0, 0] == (scores**2).sum()
    assert state.moments[0, 2] / 2**16 == pytest.approx(np.log2(rows[:, 0]).sum(), abs=0.01)


def test_a_sample_is_spread_evenly_whatever_the_ids_look_like() -> None:
    rows = np.column_stack([np.arange(8_000.0), np.zeros(8_000), np.zeros(8_000)])
    kept = state_of(rows).sample[:, 0]
    assert 0.4 < np.mean(kept < 4_000) < 0.6
    assert abs(np.corrcoef(np.sort(kept), np.arange(256))[0, 1]) > 0.99


def test_states_of_different_baselines_are_kept_apart() -> None:
    other = Layout((Column.freeze("x", Kind.NUMERIC, RNG.normal(size=100)),))
    with pytest.raises(ValueError, match="different baselines cannot be added"):
        WindowState.empty(LAYOUT) + WindowState.empty(other)
    with pytest.raises(ValueError, match="counted with another baseline"):
        WindowState.from_bytes(other, WindowState.empty(LAYOUT).to_bytes())
    with pytest.raises(ValueError, match="a window state begins with"):
        WindowState.from_bytes(LAYOUT, b"x" * 80)


def test_a_counter_has_no_columns() -> None:
    layout = Layout(())
    counter = WindowState.of(layout, np.zeros((3, 0)), np.array([5, 6, 7]), np.arange(3, dtype=np.uint64))
    assert WindowState.from_bytes(layout, (counter + counter).to_bytes()).n == 6


def test_fifty_features_stay_below_64_kilobytes() -> None:
    columns = tuple(Column.freeze(f"x{i}", Kind.NUMERIC, RNG.normal(size=1_000)) for i in range(52))
    layout = Layout(columns)
    rows = RNG.normal(size=(20_000, 52))
    ids = hash_event_ids(np.array([f"e{i}" for i in range(20_000)], "S40"))
    assert len(WindowState.of(layout, rows, np.arange(20_000), ids).to_bytes()) < 64_000


def test_values_far_beyond_a_narrow_column_are_cut_without_a_warning() -> None:
    layout = Layout((Column.freeze("x", Kind.NUMERIC, RNG.normal(0, 1e-5, 100)),))
    ids = hash_event_ids(np.array(["a", "b"], "S40"))
    state = WindowState.of(layout, np.array([[1e308], [-1e308]]), np.array([1, 2]), ids)
    assert state.moments[0, 0] == 0
    assert state.moments[0, 1] == 2 * 100**2 * 2**16
