"""The law of window states: counting the union is adding the parts, to the bit, in any order and grouping."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drift_core.bins import Column, Layout
from drift_core.schema import Feature, Kind, Matrix
from drift_core.segment_cells import MOST_COUNTS, SegmentCells, check_room
from drift_core.segment_section import read_section, section
from drift_core.window import WindowState, hash_event_ids

HEADER = 48
ADDED = struct.pack("<3q", 17, 4711, -1)
"""A section that only a later version knows."""
RNG = np.random.default_rng(11)
AREA = Feature(name="area", kind=Kind.CATEGORICAL, categories=("a", "b", "c"))
PLAIN = Layout(
    (
        Column.freeze("x", Kind.NUMERIC, RNG.lognormal(size=2_000)),
        Column.freeze("y", Kind.NUMERIC, RNG.integers(0, 6, 2_000).astype(float)),
        Column.of_feature(AREA, RNG.integers(0, 3, 2_000).astype(float)),
    )
)
LAYOUT = replace(PLAIN, segments=(SegmentCells(2, (1, 0), ("area=b", "area=a", "area=(rest)")),))
"""With segments: what holds of their counts holds of all else too."""
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


def state_of(rows: Matrix, first: int = 0, *, repeat: int = 1, layout: Layout = LAYOUT) -> WindowState:
    numbers = np.arange(first, first + len(rows))
    ids = hash_event_ids(np.array([f"event-{i}" for i in numbers], "S40"))
    return WindowState.of(layout, rows, 1_000 + numbers, ids, duplicates=repeat - 1)


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


@pytest.mark.parametrize("n", [20_000, 50])
def test_fifty_features_stay_below_64_kilobytes(n: int) -> None:
    """With two columns that make nine segments each, too; a version that knows of none reads past them."""
    columns = tuple(Column.freeze(f"x{i}", Kind.NUMERIC, RNG.normal(size=1_000)) for i in range(50))
    codes = RNG.integers(0, 12, (n, 2)).astype(float)
    names = tuple("abcdefghijkl")
    columns += tuple(Column.freeze(f"c{i}", Kind.CATEGORICAL, codes[:, i], names) for i in range(2))
    cells = tuple(SegmentCells(50 + i, tuple(range(8)), tuple(f"{i}{k}" for k in range(9))) for i in range(2))
    layout = Layout(columns, cells)
    check_room(layout)
    rows = np.column_stack([RNG.normal(size=(n, 50)), codes])
    ids = hash_event_ids(np.array([f"e{i}" for i in range(n)], "S40"))
    state = WindowState.of(layout, rows, np.arange(n), ids)
    assert len(state.to_bytes()) < 64_000
    older = Layout(columns)
    assert WindowState.from_bytes(older, state.to_bytes()) == WindowState.of(older, rows, np.arange(n), ids)


def test_values_far_beyond_a_narrow_column_are_cut_without_a_warning() -> None:
    layout = Layout((Column.freeze("x", Kind.NUMERIC, RNG.normal(0, 1e-5, 100)),))
    ids = hash_event_ids(np.array(["a", "b"], "S40"))
    state = WindowState.of(layout, np.array([[1e308], [-1e308]]), np.array([1, 2]), ids)
    assert state.moments[0, 0] == 0
    assert state.moments[0, 1] == 2 * 100**2 * 2**16


def test_without_segments_the_bytes_are_as_they_ever_were() -> None:
    rows = np.column_stack([RNG.lognormal(size=50), RNG.integers(0, 9, 50), RNG.integers(-1, 3, 50)])
    with_them, without = state_of(rows), state_of(rows, layout=PLAIN)
    assert LAYOUT.fingerprint == PLAIN.fingerprint
    inside = [zlib.decompress(state.to_bytes()[HEADER:]) for state in (with_them, without)]
    assert inside[0].startswith(inside[1])
    assert inside[0] != inside[1]
    assert np.array_equal(with_them.counts, without.counts)


def test_each_segment_has_the_counts_of_its_rows() -> None:
    rows = np.column_stack([RNG.lognormal(size=900), RNG.integers(0, 9, 900), RNG.integers(-1, 4, 900)])
    rows[::50, 2] = np.nan
    state = state_of(rows)
    assert state.segments is not None
    area = rows[:, 2]
    members = [area == 1, area == 0, ~np.isin(area, (0, 1))]
    for counts, member in zip(state.segments, members, strict=True):
        assert np.array_equal(counts, state_of(rows[member], layout=PLAIN).counts)
    assert state.segments[:, PLAIN.slice(0)].sum(1).tolist() == [int(member.sum()) for member in members]


def test_rows_that_an_older_version_counted_make_segments_unknown_and_nothing_else() -> None:
    rows = np.column_stack([RNG.lognormal(size=90), RNG.integers(0, 9, 90), RNG.integers(-1, 3, 90)])
    older = WindowState.from_bytes(LAYOUT, state_of(rows[:30], layout=PLAIN).to_bytes())
    newer, whole = state_of(rows[30:], 30), state_of(rows)
    assert older.segments is None
    for both in (older + newer, newer + older, older + newer + WindowState.empty(LAYOUT)):
        assert both.segments is None
        assert both == replace(whole, segments=None)
        assert WindowState.from_bytes(LAYOUT, both.to_bytes()) == both
    nothing = WindowState.from_bytes(LAYOUT, WindowState.empty(PLAIN).to_bytes())
    assert nothing + newer == newer, "no row was counted without its segment"


@pytest.mark.parametrize("n", [3, 60, 300, 3_000, 60_000])
def test_an_older_version_has_room_for_the_largest_segments(n: int) -> None:
    """It makes no more of a state than twice what it knows of it."""
    names = tuple("abcdefgh")
    numbers = tuple(Column.freeze(f"x{i}", Kind.NUMERIC, RNG.normal(size=1_000)) for i in range(31))
    codes = np.column_stack([RNG.integers(-1, 8, n) for _ in range(4)]).astype(float)
    texts = tuple(Column.freeze(f"c{i}", Kind.CATEGORICAL, np.arange(800.0) % 8, names) for i in range(4))
    cells = tuple(SegmentCells(31 + i, tuple(range(8)), tuple(f"{i}{k}" for k in range(9))) for i in range(4))
    layout = Layout((*numbers, *texts), cells)
    assert 0.93 * MOST_COUNTS < layout.cells * layout.offsets[-1] <= MOST_COUNTS
    rows = np.column_stack([RNG.normal(size=(n, 31)), codes])
    ids = hash_event_ids(np.array([f"e{i}" for i in range(n)], "S40"))
    state = WindowState.of(layout, rows, np.arange(n), ids)
    assert WindowState.from_bytes(Layout(layout.columns), state.to_bytes()).n == n
    assert WindowState.from_bytes(layout, state.to_bytes()) == state


def test_segments_of_another_kind_are_not_read_as_these_nor_added() -> None:
    rows = np.column_stack([RNG.lognormal(size=30), RNG.integers(0, 9, 30), RNG.integers(0, 3, 30)])
    other = replace(PLAIN, segments=(SegmentCells(2, (0, 1), ("area=a", "area=b", "area=(rest)")),))
    assert WindowState.from_bytes(other, state_of(rows).to_bytes()).segments is None
    with pytest.raises(ValueError, match="different segments cannot be added"):
        state_of(rows) + state_of(rows, layout=other)


@pytest.mark.parametrize("largest", [1, 255, 256, 65_535, 65_536, 2**40])
def test_counts_of_any_size_come_back(largest: int) -> None:
    counts = RNG.integers(0, largest, (LAYOUT.cells, LAYOUT.offsets[-1]), endpoint=True)
    counts[0, 0] = largest
    found = read_section(LAYOUT, section(LAYOUT, counts))
    assert found is not None
    assert np.array_equal(found, counts)


def test_a_damaged_section_of_segments_is_refused() -> None:
    whole = section(LAYOUT, np.ones((LAYOUT.cells, LAYOUT.offsets[-1]), np.int64))
    bomb = whole[:8] + struct.pack("<Q", 10**5) + b"\x01" + zlib.compress(bytes(50_000_000), 9)
    shorter = section(LAYOUT, np.ones((LAYOUT.cells, 3), np.int64))
    for spoiled in (
        whole[:-4],
        whole[:16],
        bomb,
        shorter,
        whole[:16] + b"\x03" + whole[17:],
        whole[:-9] + bytes(9),
    ):
        with pytest.raises(ValueError, match=r"packed (counts|bytes)"):
            read_section(LAYOUT, spoiled)
    for none in (b"", whole[:15], b"DLSX" + whole[4:], ADDED):
        assert read_section(LAYOUT, none) is None
