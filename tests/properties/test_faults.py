"""Whatever breaks and whoever else is at work: nothing lost, nothing doubled, each window judged in its turn.

Real producers' capture, consumer, evaluator and redrive over a simulated AWS (`tests/faults`), in an order
that hypothesis draws, with a fault at every third write. FAULT_SEEDS=first:end tells the seeds, of 300
schedules each; `make faults` runs 17 of them.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, seed, settings

from drift_consumer import consume, evaluate, reconcile
from drift_core import classified
from tests.faults.drawn import live_through, stories
from tests.faults.scheduler import Fault
from tests.faults.story import Plan, Step

SCHEDULES = 300
"""Of one seed."""

FIRST, END = map(int, os.environ.get("FAULT_SEEDS", "0:1").split(":"))

RULES = (
    *("a batch is tried again", "a batch is bisected", "a batch is given up", "a batch waits to be gathered"),
    *("a checkpoint is lost", "an answer comes to nobody", "an iterator expires", "a second poller"),
    "a child begins after its parents",
)
"""Of the mapping, each of which stories must meet."""

LOST_ANSWERS = (Fault.CRASHED_AFTER, Fault.TIMED_OUT, Fault.REPEATED)

MET: dict[tuple[str, ...], int] = {
    **{(fault,): 10 for fault in Fault},
    **{
        (fault, write): 1
        for fault in (Fault.REFUSED, *LOST_ANSWERS, Fault.LATE)
        for write in ("PutItem", "PutObject", "PutRecords")
    },
    **{
        (operation,): 5 for operation in ("TransactWriteItems", "UpdateItem", "PutMetricData", "DeleteObject")
    },
    **{(operation,): 1 for operation in ("SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch")},
    **{(operation,): 5 for operation in ("GetItem", "GetObject", "Query", "QueryIndex")},
    **{(rule,): 5 for rule in RULES},
}
"""How often the stories must have met a fault, a fault of an operation, or a rule; else they prove little."""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No classifier, which takes seconds an hour and has no memory; and no million lines of log."""
    monkeypatch.setattr(classified, "FEWEST_ROWS", 10**9)
    for module in (consume, evaluate, reconcile):
        monkeypatch.setattr(module, "logger", logging.getLogger("driftline.quiet"))


@pytest.mark.parametrize("number", range(FIRST, END))
@pytest.mark.timeout(3_000)
def test_whatever_breaks_each_record_is_counted_once(number: int) -> None:
    met: Counter[tuple[str, ...]] = Counter()

    @seed(number)
    @settings(
        max_examples=SCHEDULES,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(stories())
    def story(drawn: tuple[Plan, list[Step]]) -> None:
        told = live_through(*drawn)
        met.update((rule,) for rule in told.world.mapping.hits.elements())
        for _, fault, operation in told.world.gate.befallen:
            met.update([(fault,), (operation,), (fault, operation)])
        met["stories",] += 1

    story()
    lines = sorted(f"{times:7} {' '.join(what)}" for what, times in met.items())
    sys.stdout.write("\n".join([f"seed {number}", *lines, ""]))
    assert met["stories",] >= SCHEDULES
    assert {what: met[what] for what, least in MET.items() if met[what] < least} == {}
