"""The simulated mapping keeps the rules that AWS documents; each test names the page of the Lambda guide.

Parameters: "services-kinesis-parameters". Failures: "kinesis-on-failure-destination" and
"services-kinesis-batchfailurereporting". Shards: "kinesis-using-sdk-java-after-resharding" (Kinesis guide).
"""

from __future__ import annotations

from typing import Any

import pytest

from scripts.failed_batch import FailedBatch
from tests.faults.mapping import ITERATOR_MS, MAX_BYTES, EventSourceMapping, MappingSettings, Poller
from tests.faults.scheduler import Gate
from tests.faults.stream import Stream, StreamRecord

MINUTE = 60_000


class Setting:
    """A stream with one shard, its mapping, and a clock that a test sets."""

    def __init__(self, *, retention: int = 72 * 60 * MINUTE, **settings: Any) -> None:
        self.now = 1_767_268_800_000
        self.stream = Stream(Gate(), lambda: self.now, retention=retention)
        self.objects: dict[str, bytes] = {}
        self.mapping = EventSourceMapping(
            stream=self.stream,
            settings=MappingSettings(**settings),
            put=self.objects.__setitem__,
            clock=lambda: self.now,
        )

    @property
    def poller(self) -> Poller:
        """Of the first shard."""
        return self.mapping.ready()[0]

    def put(self, count: int, size: int = 1) -> list[int]:
        """Sequence numbers of new records."""
        return [self.stream.accept(b"x" * size, f"key-{i}").sequence for i in range(count)]

    def invoke(
        self,
        poller: Poller | None = None,
        *,
        failed: bool = False,
        limit: int | None = None,
        told: Any = None,
    ) -> list[int] | None:
        """One invocation that ends at once; the sequence numbers of its batch, or None if none is due."""
        poller = poller or self.poller
        due = poller.poll(limit)
        if due is None:
            return None
        batch, life = due
        numbers = [record.sequence for record in batch.records]
        poller.finished(batch, life, told, failed=failed)
        return numbers


def reported(*sequences: object) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(sequence)} for sequence in sequences]}


def test_a_shard_is_read_in_order_and_a_batch_has_at_most_its_size() -> None:
    one = Setting(batch_size=3)
    numbers = one.put(7)
    assert [one.invoke(), one.invoke(), one.invoke()] == [numbers[:3], numbers[3:6], numbers[6:]]
    assert one.invoke() is None
    assert one.poller.checkpoint == numbers[-1]


def test_one_batch_of_a_shard_is_under_way_at_a_time() -> None:
    one = Setting(batch_size=1)
    one.put(2)
    assert one.poller.poll() is not None
    assert one.poller.poll() is None


def test_the_stream_may_give_fewer_records_than_a_batch_holds() -> None:
    one = Setting(batch_size=5)
    numbers = one.put(5)
    assert one.invoke(limit=2) == numbers[:2]
    assert one.invoke() == numbers[2:]


def test_a_batch_is_gathered_for_its_window_or_until_it_is_full() -> None:
    """MaximumBatchingWindowInSeconds and BatchSize."""
    one = Setting(batch_size=3, batching_seconds=10)
    numbers = one.put(1)
    assert one.invoke() is None
    one.now += 9_999
    numbers += one.put(1)
    assert one.invoke() is None
    one.now += 1
    assert one.invoke() == numbers
    full = one.put(3)
    assert one.invoke() == full


def test_a_batch_ends_before_six_megabytes() -> None:
    """The payload limit of an invocation, which needs no window to pass."""
    one = Setting(batch_size=100, batching_seconds=10)
    numbers = one.put(3, MAX_BYTES // 2)
    assert one.invoke() == numbers[:2]
    assert one.invoke() is None


def test_a_failed_batch_comes_again_and_holds_up_its_shard() -> None:
    """MaximumRetryAttempts -1: until it succeeds."""
    one = Setting(batch_size=2)
    numbers = one.put(4)
    assert [one.invoke(failed=True) for _ in range(20)] == [numbers[:2]] * 20
    assert one.invoke() == numbers[:2]
    assert one.invoke() == numbers[2:]


def test_after_its_retries_a_batch_goes_to_the_destination_whole() -> None:
    """MaximumRetryAttempts does not count the first try; an S3 destination gets the records as well."""
    one = Setting(batch_size=2, maximum_retries=2)
    numbers = one.put(4)
    assert [one.invoke(failed=True) for _ in range(3)] == [numbers[:2]] * 3
    [(key, content)] = one.objects.items()
    batch = FailedBatch.read(key, content, "stream")
    assert batch.sequences == tuple(numbers[:2])
    assert batch.failed_at == one.now
    assert [(record.data, record.key) for record in batch.records] == [(b"x", "key-0"), (b"x", "key-1")]
    assert one.invoke() == numbers[2:]


def test_a_failed_batch_is_halved_and_halving_does_not_count_as_a_retry() -> None:
    """BisectBatchOnFunctionError."""
    one = Setting(batch_size=4, maximum_retries=0, bisect=True)
    a, b, c, d = one.put(4)

    def fails_with(numbers: list[int]) -> bool:
        return c in numbers

    seen = []
    while (due := one.poller.poll()) is not None:
        batch, life = due
        seen.append([record.sequence for record in batch.records])
        one.poller.finished(batch, life, None, failed=fails_with(seen[-1]))
    assert seen == [[a, b, c, d], [a, b], [c, d], [c], [d]]
    [content] = one.objects.values()
    assert FailedBatch.read(next(iter(one.objects)), content, "stream").sequences == (c,)


def test_the_checkpoint_is_the_lowest_reported_failure() -> None:
    """ReportBatchItemFailures: all before it is done, it and all after it come again."""
    one = Setting(batch_size=4, report_failures=True)
    a, b, c, d = one.put(4)
    assert one.invoke(told=reported(d, c)) == [a, b, c, d]
    assert one.poller.checkpoint == b
    assert one.invoke() == [c, d]


def test_a_partial_failure_cuts_at_its_place_and_not_in_the_middle() -> None:
    """With BisectBatchOnFunctionError too; it counts as a retry."""
    one = Setting(batch_size=4, report_failures=True, bisect=True, maximum_retries=1)
    a, b, c, d = one.put(4)
    assert one.invoke(told=reported(b)) == [a, b, c, d]
    assert one.invoke(told=reported(c)) == [b, c, d]
    assert [record.sequence for record in one.mapping.discarded[0].records] == [c, d]


@pytest.mark.parametrize("told", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_an_empty_report_is_a_success(told: Any) -> None:
    one = Setting(report_failures=True)
    numbers = one.put(2)
    one.invoke(told=told)
    assert one.poller.checkpoint == numbers[-1]


@pytest.mark.parametrize("told", [reported(""), reported("7"), {"batchItemFailures": [{"id": "1"}]}])
def test_a_report_that_cannot_be_read_is_a_failure_of_the_whole_batch(told: Any) -> None:
    one = Setting(report_failures=True)
    numbers = one.put(2)
    one.invoke(told=told)
    assert one.invoke() == numbers


def test_a_report_counts_only_where_it_is_asked_for() -> None:
    one = Setting(report_failures=False)
    numbers = one.put(2)
    one.invoke(told=reported(numbers[0]))
    assert one.poller.checkpoint == numbers[-1]


def test_a_lost_checkpoint_delivers_again_in_other_batches() -> None:
    """At least once: after a fault of the poller, from an earlier checkpoint, with what is there now."""
    one = Setting(batch_size=10)
    numbers = one.put(2)
    one.invoke(limit=1)
    one.invoke()
    numbers += one.put(1)
    one.poller.forget(2)
    assert one.invoke() == numbers


def test_who_answers_after_the_poller_was_replaced_is_not_heard() -> None:
    one = Setting(batch_size=2)
    numbers = one.put(4)
    due = one.poller.poll()
    assert due is not None
    one.poller.forget(1)
    one.poller.finished(*due, None, failed=False)
    assert one.poller.checkpoint == 0
    assert one.invoke() == numbers[:2]


def test_two_pollers_read_one_shard_each_at_its_own_pace() -> None:
    one = Setting(batch_size=3)
    numbers = one.put(6)
    one.invoke()
    one.mapping.rival(one.poller)
    _, rival = one.mapping.ready()
    assert one.invoke(rival, limit=2) == numbers[:2]
    assert one.invoke() == numbers[3:]
    assert one.invoke(rival) == numbers[2:5]


def test_children_are_read_after_their_parents_only() -> None:
    """A split, and a merge of the two: the parents' records come first."""
    one = Setting(batch_size=100)
    [parent] = one.stream.shards
    before = one.put(4)
    one.stream.split(parent)
    _, low, high = one.stream.shards
    one.put(20)
    one.stream.merge(low, high)
    one.put(4)
    assert [poller.shard for poller in one.mapping.ready()] == [parent]
    assert one.invoke() == before
    assert [poller.shard for poller in one.mapping.ready()] == [parent, low, high]
    for shard, poller in zip([low, high], one.mapping.ready()[1:], strict=True):
        assert one.invoke(poller) == [record.sequence for record in shard.records]
    child = one.stream.shards[3]
    assert child.parents == (low, high)
    assert one.invoke(one.mapping.ready()[3]) == [record.sequence for record in child.records]


def test_a_split_shards_keys_go_to_its_children_and_come_back_in_a_merge() -> None:
    one = Setting()
    one.stream.split(one.stream.shards[0])
    numbers = one.put(40)
    parent, low, high = one.stream.shards
    assert parent.records == []
    assert min(len(low.records), len(high.records)) > 5
    held: list[StreamRecord] = [*low.records, *high.records]
    assert sorted(record.sequence for record in held) == numbers


def test_an_iterator_that_expired_is_got_again_from_the_checkpoint() -> None:
    """GetRecords: five minutes. What was gathered is read again, nothing is skipped."""
    one = Setting(batch_size=10, batching_seconds=300)
    numbers = one.put(2)
    assert one.invoke() is None
    one.now += ITERATOR_MS + 1
    numbers += one.put(1)
    assert one.invoke() is None, "gathering begins anew"
    one.now += 300_000
    assert one.invoke() == numbers


def test_what_is_past_the_retention_is_gone() -> None:
    one = Setting(retention=60 * MINUTE)
    one.put(2)
    one.now += 60 * MINUTE + 1
    later = one.put(1)
    assert one.invoke() == later
