"""Sending: all of it, once, in order, at the pace, and again only what was refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from drift_core.event import Event, LabelEvent, PredictionEvent, decode
from scripts.event_ids import derived_event_id
from scripts.kinesis_writer import MAX_BYTES, MAX_RECORDS, KinesisWriter, NotAcceptedError, Record
from scripts.pace import Pace
from scripts.recorded import Entry
from scripts.sending import Progress, Sender


class FakeKinesis:
    """A stream that refuses records as a script says: one set of refused positions a call."""

    def __init__(self, *refusals: set[int] | Exception) -> None:
        self.refusals = list(refusals)
        self.taken: list[bytes] = []
        self.calls: list[int] = []

    def put_records(self, *, StreamName: str, Records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        assert StreamName == "stream"
        assert 0 < len(Records) <= MAX_RECORDS
        assert sum(len(record["Data"]) + len(record["PartitionKey"]) for record in Records) <= MAX_BYTES
        self.calls.append(len(Records))
        refused = self.refusals.pop(0) if self.refusals else set()
        if isinstance(refused, Exception):
            raise refused
        self.taken += [record["Data"] for i, record in enumerate(Records) if i not in refused]
        code = "ProvisionedThroughputExceededException"
        return {"Records": [{"ErrorCode": code} if i in refused else {} for i in range(len(Records))]}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def writer(kinesis: FakeKinesis, **options: Any) -> KinesisWriter:
    return KinesisWriter(client=kinesis, stream="stream", sleep=Clock().sleep, uniform=lambda: 1.0, **options)


def event(i: int, text: str = "") -> PredictionEvent:
    return PredictionEvent(
        event_id=derived_event_id(1_000 * i, i),
        event_time=1_000 * i,
        model_name="m",
        model_version="v1",
        features={"text": text},
        prediction=float(i),
    )


def entries(number: int) -> list[Entry]:
    return [Entry(piece=0, row=i, events=(event(i),)) for i in range(1, number + 1)]


def sender(kinesis: FakeKinesis, tmp_path: Path, **options: Any) -> Sender:
    progress = options.pop("progress", Progress(recording="r", stream="stream"))
    return Sender(
        writer=writer(kinesis, attempts=options.pop("attempts", 10)),
        pace=options.pop("pace", Pace(rate=None, speed=None)),
        progress=progress,
        progress_file=tmp_path / "progress.json",
        **options,
    )


def times(taken: Sequence[bytes]) -> list[int]:
    return [decode(data).event_time for data in taken]


RECORDS = [Record(b"%d" % i, str(i)) for i in range(5)]


def test_only_what_was_refused_is_sent_again() -> None:
    kinesis = FakeKinesis({1, 3}, {0})
    assert writer(kinesis).put(RECORDS) == 3
    assert kinesis.calls == [5, 2, 1]
    assert sorted(kinesis.taken) == [b"0", b"1", b"2", b"3", b"4"]


def test_pauses_grow_and_are_bounded() -> None:
    clock = Clock()
    kinesis = FakeKinesis(*[{0}] * 11)
    KinesisWriter(client=kinesis, stream="stream", attempts=12, sleep=clock.sleep, uniform=lambda: 1.0).put(
        RECORDS
    )
    assert clock.slept[:3] == [0.1, 0.2, 0.4]
    assert max(clock.slept) == 5.0
    assert clock.slept == sorted(clock.slept)


def test_the_last_attempt_tells_what_was_taken() -> None:
    kinesis = FakeKinesis({2, 4}, {0, 1}, {0, 1})
    with pytest.raises(
        NotAcceptedError, match=r"did not take 2 of 5 records \(Provisioned.*in 3 attempts"
    ) as caught:
        writer(kinesis, attempts=3).put(RECORDS)
    assert (caught.value.accepted, caught.value.prefix) == (3, 2)


def test_a_connection_that_fails_is_tried_again() -> None:
    kinesis = FakeKinesis(EndpointConnectionError(endpoint_url="http://x"))
    assert writer(kinesis).put(RECORDS) == 5


def test_a_missing_stream_is_not_tried_again() -> None:
    gone = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no stream"}}, "PutRecords")
    kinesis = FakeKinesis(gone)
    with pytest.raises(NotAcceptedError, match=r"did not take 5 of 5 records \(ResourceNotFoundException\)"):
        writer(kinesis).put(RECORDS)
    assert kinesis.calls == [5]


def test_calls_hold_500_records_at_most(tmp_path: Path) -> None:
    kinesis = FakeKinesis()
    counts = sender(kinesis, tmp_path).send(entries(1_201))
    assert kinesis.calls == [500, 500, 201]
    assert (counts.rows, counts.sent, counts.accepted, counts.bad) == (1_201, 1_201, 1_201, 0)
    assert times(kinesis.taken) == [1_000 * i for i in range(1, 1_202)]


def test_calls_hold_five_mebibytes_at_most(tmp_path: Path) -> None:
    kinesis = FakeKinesis()
    large = [Entry(piece=0, row=i, events=(event(i, "x" * 1_000_000),)) for i in range(1, 13)]
    sender(kinesis, tmp_path).send(large)
    assert kinesis.calls == [5, 5, 2]


def test_a_record_beyond_a_mebibyte_is_a_bad_row(tmp_path: Path) -> None:
    kinesis = FakeKinesis()
    bad: list[Entry] = []
    large = Entry(piece=0, row=1, events=(event(1, "x" * 2**20),))
    counts = sender(kinesis, tmp_path, told=bad.append).send([large, *entries(1)])
    assert (counts.bad, counts.accepted) == (1, 1)
    assert bad[0].problem == "it is larger than a record may be, 1,048,576 bytes; shorten its values"


def test_bad_rows_are_told_and_sent_nowhere(tmp_path: Path) -> None:
    kinesis = FakeKinesis()
    bad: list[Entry] = []
    broken = Entry(piece=0, row=2, problem="rooms is 'x'; give a number", raw=b'{"rooms": "x"}')
    counts = sender(kinesis, tmp_path, told=bad.append).send([entries(1)[0], broken])
    assert bad == [broken]
    assert (counts.rows, counts.bad, counts.sent, len(kinesis.taken)) == (2, 1, 1, 1)


def test_bad_rows_are_sent_as_they_are_if_asked(tmp_path: Path) -> None:
    kinesis = FakeKinesis()
    broken = Entry(piece=0, row=1, problem="rooms is 'x'; give a number", raw=b'{"rooms": "x"}')
    counts = sender(kinesis, tmp_path, keep_bad=True, pace=Pace(rate=None, speed=1.0)).send(
        [broken, *entries(1)]
    )
    assert kinesis.taken[0] == b'{"rooms": "x"}'
    assert (counts.bad, counts.sent, counts.accepted) == (1, 2, 2)


def test_rebased_to_a_time_the_distances_stay(tmp_path: Path) -> None:
    kinesis = FakeKinesis()
    sender(kinesis, tmp_path, rebase_ms=5_000_000).send(entries(3))
    assert times(kinesis.taken) == [5_000_000, 5_001_000, 5_002_000]


@given(
    number=st.integers(1, 40),
    fail_after=st.integers(0, 3),
    refused=st.sets(st.integers(0, 39), min_size=1),
    labelled=st.booleans(),
)
def test_resumed_after_any_failure_every_record_arrives(
    tmp_path_factory: pytest.TempPathFactory, number: int, fail_after: int, refused: set[int], labelled: bool
) -> None:
    """No record is left out; what was sent twice has the same id, so that it is recognised."""
    folder = tmp_path_factory.mktemp("resume")
    rows = [Entry(piece=0, row=i, events=told(i, labelled=labelled)) for i in range(1, number + 1)]
    kinesis = FakeKinesis(*[set()] * fail_after, refused)
    first = sender(kinesis, folder, attempts=1, rebase_ms=0, pace=Pace(rate=None, speed=1.0))
    clock = Clock()
    first.clock, first.sleep = clock, clock.sleep  # a row a second: a call for each
    try:
        first.send(rows)
    except NotAcceptedError:
        saved = folder / "progress.json"
        again = Progress.load(saved)
        sender(kinesis, folder, progress=again, rebase_ms=99).send(row for row in rows if row.row > again.row)
    expected = [part.event_id for row in rows for part in row.events]
    taken = [decode(data) for data in kinesis.taken]
    distinct = dict.fromkeys(part.event_id for part in taken)
    assert len(distinct) == len(expected)
    assert {part.event_time for part in taken} == {
        part.event_time - 1_000 for row in rows for part in row.events
    }


def told(i: int, *, labelled: bool) -> tuple[Event, ...]:
    prediction = event(i)
    label = LabelEvent(
        event_id=derived_event_id(1_000 * i, i, "label"),
        event_time=1_000 * i,
        model_name="m",
        prediction_id=prediction.event_id,
        label=1.0,
    )
    return (prediction, label) if labelled else (prediction,)


def test_progress_is_kept_only_up_to_the_first_refusal(tmp_path: Path) -> None:
    kinesis = FakeKinesis({2})
    with pytest.raises(NotAcceptedError):
        sender(kinesis, tmp_path, attempts=1).send(entries(5))
    saved = json.loads((tmp_path / "progress.json").read_text())
    assert saved == {"recording": "r", "stream": "stream", "shift_ms": 0, "piece": 0, "row": 2}


@pytest.mark.parametrize(
    ("rate", "speed", "seconds"),
    [(None, None, 0.0), (10.0, None, 9.9), (None, 2.0, 49.5), (100.0, 10.0, 9.9), (1.0, 100.0, 99.0)],
)
def test_a_hundred_rows_a_second_apart_take(
    tmp_path: Path, rate: float | None, speed: float | None, seconds: float
) -> None:
    clock = Clock()
    sending = sender(FakeKinesis(), tmp_path, pace=Pace(rate=rate, speed=speed))
    sending.clock, sending.sleep = clock, clock.sleep
    sending.send(entries(100))
    assert clock.now == pytest.approx(seconds, abs=0.06)


def test_a_call_that_takes_longer_than_the_pause_leaves_none(tmp_path: Path) -> None:
    """Rows a second apart, calls of two: behind its pace, it goes on at once."""
    clock = Clock()
    kinesis = FakeKinesis()
    put_records = kinesis.put_records

    def slow(**request: Any) -> dict[str, Any]:
        clock.now += 2.0
        return put_records(**request)

    kinesis.put_records = slow  # type: ignore[method-assign]
    sending = sender(kinesis, tmp_path, pace=Pace(rate=1.0, speed=None))
    sending.clock, sending.sleep = clock, clock.sleep
    sending.send(entries(5))
    assert len(kinesis.taken) == 5
    assert min(clock.slept) >= 0


def test_a_pace_is_above_zero() -> None:
    with pytest.raises(ValueError, match="--rate is 0; give a number above 0"):
        Pace(rate=0, speed=None)
