"""Plans and schedules as hypothesis draws them; of one that fails little is left."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.faults.checks import check
from tests.faults.mapping import MappingSettings
from tests.faults.story import Plan, Step, Story
from tests.faults.traffic import WINDOWS

CHUNK_KINDS = ("prediction", "prediction", "prediction", "prediction", "label", "bad", "again")

_STEP: st.SearchStrategy[Step] = st.tuples(st.integers(0, 39), st.integers(0, 63), st.integers(0, 7))


def plans() -> st.SearchStrategy[Plan]:
    """Traffic, shards and settings of the mapping."""
    chunk = st.tuples(st.sampled_from(CHUNK_KINDS), st.integers(0, WINDOWS - 1), st.integers(1, 9))
    mapping = st.builds(
        MappingSettings,
        batch_size=st.sampled_from([3, 8, 20]),
        batching_seconds=st.sampled_from([0, 0, 10]),
        maximum_retries=st.sampled_from([3, 0, 1]),
        bisect=st.booleans(),
        report_failures=st.just(True),
    )
    return st.builds(
        Plan,
        chunks=st.one_of(st.lists(chunk, max_size=4), st.lists(chunk, min_size=6, max_size=14)).map(tuple),
        mapping=mapping,
        shards=st.integers(1, 2),
        mercy=st.sampled_from([52, 34]),
    )


def schedules() -> st.SearchStrategy[list[Step]]:
    """Steps; most schedules are long, and a failing one can become short."""
    short: Any = st.lists(_STEP, max_size=20)
    return st.one_of(
        st.lists(_STEP, min_size=100, max_size=320), st.lists(_STEP, min_size=40, max_size=160), short
    )


def live_through(plan: Plan, steps: list[Step]) -> Story:
    """A whole story, checked at its end."""
    story = Story(plan)
    with story.told(steps):
        check(story)
    return story
