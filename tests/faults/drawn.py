"""Stories as hypothesis draws them.

Most come from one number, so that they are many and unlike each other; of one that fails, hypothesis cuts the
traffic and the schedule as short as it can. The others are drawn step by step.
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from tests.faults.checks import check
from tests.faults.mapping import MappingSettings
from tests.faults.reconciling import check_reconciled
from tests.faults.story import Plan, Step, Story
from tests.faults.traffic import WINDOWS

LONGEST, MOST_CHUNKS = 400, 14

_KINDS = ("prediction", "prediction", "prediction", "prediction", "shadow", "shadow", "label", "bad", "again")
_STEP: st.SearchStrategy[Step] = st.tuples(st.integers(0, 39), st.integers(0, 63), st.integers(0, 7))


def stories() -> st.SearchStrategy[tuple[Plan, list[Step]]]:
    """A plan and a schedule."""
    numbers = st.integers(0, 2**64 - 1)
    chunks = st.sampled_from([MOST_CHUNKS, *range(MOST_CHUNKS)]) | st.just(MOST_CHUNKS)
    length = st.integers(0, LONGEST) | st.just(LONGEST) | st.just(LONGEST)
    long = st.builds(at_random, numbers, chunks, length)
    plain = st.tuples(st.builds(plan, numbers, chunks), st.lists(_STEP, max_size=40))
    return st.one_of(long, long, long, plain)


def at_random(number: int, chunks: int, length: int) -> tuple[Plan, list[Step]]:
    """The story of a number, cut to so many chunks and steps."""
    random = Random(number)
    steps = [(random.randrange(40), random.randrange(64), random.randrange(8)) for _ in range(length)]
    return plan(number, chunks), steps


def plan(number: int, chunks: int) -> Plan:
    """The plan of a number: traffic, shards and settings of the mapping."""
    random = Random(number + 1)
    return Plan(
        mapping=MappingSettings(
            batch_size=random.choice([3, 8, 20]),
            batching_seconds=random.choice([0, 0, 10]),
            maximum_retries=random.choice([0, 1, 3]),
            bisect=random.random() < 0.5,
            report_failures=True,
        ),
        shards=random.choice([1, 1, 2]),
        mercy=random.choice([52, 34]),
        steady=random.choice([6, 16, 28]),
        evaluators=random.choice([1, 1, 1, 2]),
        chunks=tuple(
            (random.choice(_KINDS), random.randrange(WINDOWS), random.randrange(1, 10)) for _ in range(chunks)
        ),
    )


def live_through(plan: Plan, steps: list[Step]) -> Story:
    """A whole story, checked at its end."""
    story = Story(plan)
    with story.told(steps):
        check(story)
        check_reconciled(story)
    return story
