"""The fallback queue: a message is deleted when its record was accepted, and only then."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from scripts.kinesis_writer import MAX_RECORD_BYTES, NotAcceptedError
from scripts.queue_redrive import QueueCounts, QueueRedrive
from tests.unit.scripts.fake_stream import FakeStream


class FakeQueue:
    """Messages that a receiver hides until it shows or deletes them."""

    def __init__(self, bodies: list[str]) -> None:
        self.messages = {f"id-{i}": body for i, body in enumerate(bodies)}
        self.hidden: set[str] = set()
        self.undeletable: Counter[str] = Counter()
        self.again: list[str] = []

    def receive_message(
        self, *, QueueUrl: str, MaxNumberOfMessages: int, VisibilityTimeout: int, WaitTimeSeconds: int
    ) -> dict[str, Any]:
        assert QueueUrl == "queue"
        assert 0 < MaxNumberOfMessages <= 10
        assert VisibilityTimeout > 60, "longer than a call with its retries"
        assert WaitTimeSeconds > 0, "a short poll may find nothing in a queue that has messages"
        given = [name for name in self.messages if name not in self.hidden][:MaxNumberOfMessages]
        self.hidden |= set(given)
        if not given and self.again and self.again[-1] not in self.messages:
            given = [self.again.pop()]  # a copy that the deletion did not reach
        found = [
            {"MessageId": name, "ReceiptHandle": name, "Body": self.messages.get(name, "")} for name in given
        ]
        return {"Messages": found} if found else {}

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        assert 0 < len(Entries) <= 10
        failed = []
        for entry in Entries:
            if self.undeletable[entry["ReceiptHandle"]]:
                self.undeletable[entry["ReceiptHandle"]] -= 1
                failed.append({"Id": entry["Id"], "Code": "InternalError"})
            else:
                self.messages.pop(entry["ReceiptHandle"], None)
        return {"Failed": failed}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:
        assert 0 < len(Entries) <= 10
        for entry in Entries:
            assert entry["VisibilityTimeout"] == 0
            self.hidden.discard(entry["ReceiptHandle"])

    @property
    def visible(self) -> list[str]:
        return [body for name, body in self.messages.items() if name not in self.hidden]


def bodies(number: int) -> list[str]:
    return [f'{{"n": {i}, "area": "Zürich"}}' for i in range(number)]


def redrive(queue: FakeQueue, stream: FakeStream, *, attempts: int = 10) -> QueueRedrive:
    return QueueRedrive(sqs=queue, queue_url="queue", writer=stream.writer(attempts))


def test_all_messages_are_put_as_they_were_and_deleted() -> None:
    queue, stream = FakeQueue(bodies(1_203)), FakeStream()
    advanced: list[int] = []
    made = redrive(queue, stream)
    made.advanced = advanced.append
    assert made.redrive(10_000) == QueueCounts(received=1_203, accepted=1_203, deleted=1_203)
    assert stream.taken == [body.encode() for body in bodies(1_203)]
    assert len(set(stream.keys)) == 1_203, "the keys spread the records over the shards"
    assert not queue.messages
    assert sum(advanced) == 1_203


def test_an_empty_queue_is_done() -> None:
    assert redrive(FakeQueue([]), FakeStream()).redrive(10) == QueueCounts()


def test_only_what_was_refused_is_put_again() -> None:
    queue, stream = FakeQueue(bodies(5)), FakeStream({1, 3}, {0})
    assert redrive(queue, stream).redrive(10) == QueueCounts(received=5, accepted=5, deleted=5)
    assert Counter(stream.taken) == Counter(body.encode() for body in bodies(5))


def test_what_the_stream_does_not_take_is_left_for_the_next_run() -> None:
    queue, stream = FakeQueue(bodies(5)), FakeStream({1, 3})
    made = redrive(queue, stream, attempts=1)
    with pytest.raises(NotAcceptedError, match=r"did not take 2 of 5 records .*; run it again$"):
        made.redrive(10)
    assert made.counts == QueueCounts(received=5, accepted=3, deleted=3)
    assert queue.visible == [bodies(5)[1], bodies(5)[3]]
    assert redrive(queue, stream).redrive(10) == QueueCounts(received=2, accepted=2, deleted=2)
    assert Counter(stream.taken) == Counter(body.encode() for body in bodies(5))


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_run_that_breaks_off_deletes_nothing_that_it_does_not_know_accepted(
    error: type[BaseException],
) -> None:
    queue, stream = FakeQueue(bodies(3)), FakeStream()

    def breaking(**_: Any) -> Any:
        raise error

    stream.put_records = breaking  # type: ignore[method-assign]
    made = redrive(queue, stream)
    with pytest.raises(error):
        made.redrive(10)
    assert queue.visible == bodies(3)
    assert made.counts == QueueCounts(received=3)


def test_a_run_ends_at_its_limit() -> None:
    queue, stream = FakeQueue(bodies(40)), FakeStream()
    assert redrive(queue, stream).redrive(25) == QueueCounts(received=25, accepted=25, deleted=25)
    assert queue.visible == bodies(40)[25:]


def test_a_message_that_comes_a_second_time_is_put_once() -> None:
    queue, stream = FakeQueue(bodies(3)), FakeStream()
    queue.again = ["id-1"]
    made = redrive(queue, stream)
    assert made.redrive(10) == QueueCounts(received=3, accepted=3, deleted=3)
    assert len(stream.taken) == 3


def test_a_deletion_that_fails_is_tried_again_and_told_if_it_never_works() -> None:
    queue, stream = FakeQueue(bodies(12)), FakeStream()
    queue.undeletable = Counter({"id-1": 2, "id-11": 99})
    assert redrive(queue, stream).redrive(20) == QueueCounts(received=12, accepted=12, deleted=11)
    assert list(queue.messages) == ["id-11"]


def test_a_message_larger_than_a_record_is_left_and_counted() -> None:
    large = "x" * MAX_RECORD_BYTES
    queue, stream = FakeQueue([large, *bodies(3)]), FakeStream()
    assert redrive(queue, stream).redrive(10) == QueueCounts(received=4, accepted=3, deleted=3, too_large=1)
    assert queue.visible == [large]
    assert stream.taken == [body.encode() for body in bodies(3)]


def test_large_messages_travel_in_several_calls() -> None:
    queue, stream = FakeQueue(["x" * 1_000_000] * 12), FakeStream()
    assert redrive(queue, stream).redrive(20).deleted == 12
    assert stream.calls == [5, 5, 2]
