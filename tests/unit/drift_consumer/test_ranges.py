"""Packed ranges are the ranges, until there are too many."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drift_consumer.ranges import PACKED_LIMIT, pack, unpack
from tests.unit.drift_consumer.fixture_traffic import kinesis_ranges


@given(st.lists(st.integers(0, 10**56), unique=True, max_size=40).map(sorted))
def test_what_was_packed_comes_out(ends: list[int]) -> None:
    ranges = tuple(f"{first}-{last}" for first, last in zip(ends[::2], ends[1::2], strict=False))
    assert unpack(pack(ranges)) == ranges


def test_the_numbers_of_kinesis_take_few_bytes() -> None:
    ranges = kinesis_ranges(10_000)
    assert all(len(end) == 56 for counted in ranges for end in counted.split("-"))
    assert len(pack(ranges)) < 8 * len(ranges)


def test_too_many_lose_the_boundaries_of_the_oldest() -> None:
    """Numbers without structure, so that fewer are needed."""
    rng = np.random.default_rng(5)
    ends = [0]
    for _ in range(20_000):
        ends.append(ends[-1] + 1 + int.from_bytes(rng.bytes(12)))
    ranges = tuple(f"{first}-{last}" for first, last in zip(ends[1::2], ends[2::2], strict=True))
    packed = pack(ranges)
    assert len(packed) <= PACKED_LIMIT
    kept = unpack(packed)
    assert kept == (f"{ends[1]}-{ranges[4_999].partition('-')[2]}", *ranges[5_000:])
    assert unpack(pack((*kept, f"{ends[-1] + 1}-{ends[-1] + 9}")))[:-1] == kept
    assert all(int(one.partition("-")[2]) < int(two.partition("-")[0]) for one, two in pairwise(kept))
