"""Only failed records are sent again, in bounded time; then the queue; then they are named as lost."""

from __future__ import annotations

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from drift_core.event import LabelEvent, decode, new_event_id
from ingest_lambda.capture import MAX_RECORD_BYTES, QUEUE_SECONDS, Capture, Delivery
from tests.unit.ingest_lambda.fake_aws import Clock, FakeKinesis, FakeSqs, Faults, client_error

SLOW = "ProvisionedThroughputExceededException"


def events_of(number: int, *, source: str = "test") -> list[LabelEvent]:
    return [
        LabelEvent(
            event_id=new_event_id(i),
            event_time=i,
            model_name="m",
            prediction_id=new_event_id(i),
            label=float(i),
            source=source,
        )
        for i in range(number)
    ]


def capture(
    kinesis: FakeKinesis,
    sqs: FakeSqs | None = None,
    *,
    clock: Clock | None = None,
    seconds: float = 2.0,
    random: float = 1.0,
) -> Capture:
    clock = clock or Clock()
    return Capture(
        kinesis=kinesis,  # type: ignore[arg-type]
        stream="stream",
        sqs=sqs or FakeSqs(),  # type: ignore[arg-type]
        queue_url="queue",
        seconds=seconds,
        clock=clock,
        sleep=clock.sleep,
        random=lambda: random,
    )


def test_events_go_to_the_stream_in_one_call_and_in_order() -> None:
    kinesis, sqs, events = FakeKinesis(), FakeSqs(), events_of(500)
    delivery = capture(kinesis, sqs).put(events)
    assert delivery == Delivery(errors={})
    assert kinesis.calls == [[event.event_id for event in events]]
    assert [decode(data) for data in kinesis.taken] == events
    assert sqs.calls == []


def test_only_failed_records_are_sent_again() -> None:
    kinesis = FakeKinesis(Faults([{1: SLOW, 3: "InternalFailure"}, {0: SLOW}]))
    sqs, events = FakeSqs(), events_of(5)
    delivery = capture(kinesis, sqs).put(events)
    ids = [event.event_id for event in events]
    assert kinesis.calls == [ids, [ids[1], ids[3]], [ids[1]]]
    assert sorted(kinesis.taken) == sorted(event.encode() for event in events)
    assert delivery == Delivery(errors={SLOW: 2, "InternalFailure": 1})
    assert sqs.calls == []


def test_pauses_double_and_are_cut_by_chance() -> None:
    for random in (1.0, 0.5):
        clock = Clock()
        kinesis = FakeKinesis(Faults([{0: SLOW}] * 4))
        capture(kinesis, clock=clock, random=random, seconds=4).put(events_of(1))
        assert clock.slept == [random * pause for pause in (0.05, 0.1, 0.2, 0.4)]


def test_a_throttled_call_is_repeated_whole() -> None:
    kinesis = FakeKinesis(Faults([client_error(SLOW), ReadTimeoutError(endpoint_url="x")]))
    delivery = capture(kinesis).put(events_of(3))
    assert len(kinesis.calls) == 3
    assert len(kinesis.taken) == 3
    assert delivery == Delivery(errors={SLOW: 3, "ReadTimeoutError": 3})


def test_a_refused_call_is_not_repeated() -> None:
    kinesis, sqs = FakeKinesis(Faults(always=client_error("AccessDeniedException"))), FakeSqs()
    delivery = capture(kinesis, sqs).put(events_of(3))
    assert len(kinesis.calls) == 1
    assert delivery == Delivery(queued=3, errors={"AccessDeniedException": 3})


@pytest.mark.parametrize("call_seconds", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("number", [1, 400])
def test_the_stream_takes_no_longer_than_its_budget(call_seconds: float, number: int) -> None:
    """With calls that end within half of it, as the client's timeouts make sure."""
    clock = Clock()
    kinesis = FakeKinesis(Faults(always=client_error(SLOW), clock=clock, call_seconds=call_seconds))
    sqs, events = FakeSqs(), events_of(number, source="x" * 20_000)  # 8 MB: two calls
    delivery = capture(kinesis, sqs, clock=clock, seconds=2.0).put(events)
    assert clock.now - 1_000 <= 2.0
    assert len(kinesis.calls) >= 1
    assert delivery.queued == number
    assert len(sqs.taken) == number


def test_a_call_that_would_begin_too_late_is_left_to_the_queue() -> None:
    clock = Clock()
    kinesis = FakeKinesis(Faults(clock=clock, call_seconds=1.1))
    sqs, events = FakeSqs(), events_of(400, source="x" * 20_000)
    delivery = capture(kinesis, sqs, clock=clock, seconds=2.0).put(events)
    assert len(kinesis.calls) == 1
    assert delivery.errors == {"OutOfTime": 400 - len(kinesis.taken)}
    assert delivery.queued == 400 - len(kinesis.taken) > 0


def test_the_queue_takes_ten_messages_a_call_as_the_bytes_of_the_record() -> None:
    kinesis = FakeKinesis(Faults(always=client_error("AccessDeniedException")))
    sqs, events = FakeSqs(), events_of(23)
    delivery = capture(kinesis, sqs).put(events)
    assert [len(call) for call in sqs.calls] == [10, 10, 3]
    assert [decode(body.encode()) for body in sqs.taken] == events
    assert delivery.queued == 23


def test_the_queue_is_asked_twice_for_failed_messages_only() -> None:
    kinesis = FakeKinesis(Faults(always=client_error("AccessDeniedException")))
    sqs = FakeSqs(Faults([{2: "InternalError"}, client_error("ServiceUnavailable")]))
    events = events_of(12)
    delivery = capture(kinesis, sqs).put(events)
    assert [len(call) for call in sqs.calls] == [10, 2, 3]
    assert sqs.calls[2] == [events[i].encode().decode() for i in (2, 10, 11)]
    assert delivery.queued == 12
    assert delivery.errors == {"AccessDeniedException": 12, "InternalError": 1, "ServiceUnavailable": 2}


def test_what_the_queue_refuses_twice_is_named_as_lost() -> None:
    kinesis = FakeKinesis(Faults(always=client_error("AccessDeniedException")))
    sqs = FakeSqs(Faults([{0: "InternalError", 2: "InternalError"}, {1: "InternalError"}]))
    events = events_of(3)
    delivery = capture(kinesis, sqs).put(events)
    assert delivery.lost == (events[2].event_id,)
    assert delivery.queued == 2


def test_a_dead_queue_takes_no_longer_than_its_budget() -> None:
    clock = Clock()
    kinesis = FakeKinesis(Faults(always=client_error("AccessDeniedException")))
    sqs = FakeSqs(
        Faults(always=ReadTimeoutError(endpoint_url="x"), clock=clock, call_seconds=QUEUE_SECONDS / 2)
    )
    events = events_of(500)
    delivery = capture(kinesis, sqs, clock=clock).put(events)
    assert clock.now - 1_000 <= QUEUE_SECONDS
    assert delivery.lost == tuple(event.event_id for event in events)
    assert delivery.queued == 0


def test_a_record_that_no_stream_takes_does_not_stop_the_others() -> None:
    small, large = events_of(2), events_of(1, source="x" * MAX_RECORD_BYTES)
    kinesis, sqs = FakeKinesis(), FakeSqs(Faults(always=client_error("BatchRequestTooLong")))
    delivery = capture(kinesis, sqs).put([small[0], *large, small[1]])
    assert len(kinesis.taken) == 2
    assert delivery.lost == (large[0].event_id,)
    assert delivery.errors == {"RecordTooLarge": 1, "BatchRequestTooLong": 2}


@given(st.lists(st.integers(0, 900_000), min_size=1, max_size=12))
def test_no_call_is_larger_than_aws_takes(lengths: list[int]) -> None:
    events = [event for n in lengths for event in events_of(1, source="x" * n)]
    kinesis = FakeKinesis()
    capture(kinesis).put(events)
    sizes = {event.event_id: len(event.encode()) + len(event.event_id) for event in events}
    assert all(sum(sizes[key] for key in call) <= 5 << 20 for call in kinesis.calls)
    assert [key for call in kinesis.calls for key in call] == [event.event_id for event in events]


def test_messages_of_one_call_stay_below_the_queue_limit() -> None:
    kinesis = FakeKinesis(Faults(always=client_error("AccessDeniedException")))
    sqs = FakeSqs()
    capture(kinesis, sqs).put(events_of(10, source="x" * 60_000))
    assert [len(call) for call in sqs.calls] == [4, 4, 2]
    assert all(sum(map(len, call)) <= 256 << 10 for call in sqs.calls)
