"""Failed batches: after a redrive every record is counted exactly once, whatever was counted before."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest

from drift_consumer.archive import object_key
from drift_consumer.baselines import Baselines
from drift_consumer.consume import consume
from drift_consumer.series import NO_COLUMNS
from drift_consumer.window_store import WindowStore
from scripts.batch_redrive import KNOWN_SECONDS, BatchCounts, BatchRedrive
from scripts.failed_batch import FailedBatchError
from scripts.kinesis_writer import NotAcceptedError
from tests.unit.drift_consumer.fake_aws import CrashError
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    VERSION,
    World,
    label,
    prediction,
    sequence_number,
)
from tests.unit.scripts.fake_stream import FakeStream
from tests.unit.scripts.fixture_failed_batch import KEY, SHARD, TWIN, described, event_of

WINDOW = 300_000


def good(number: int, window: int = 0) -> bytes:
    return prediction(number, NOON - window * WINDOW + number).encode()


def bad(number: int) -> bytes:
    return b"{" * (number + 1)


BATCH = [good(0), label(1).encode(), good(2, 1), bad(3), good(4), good(5, 1), good(6, 2), label(7).encode()]
"""Three windows of predictions, one of labels and one of the quarantine."""

LATER = [good(10), label(11).encode(), good(12, 1), bad(13), good(14, 2)]
"""The next batch of the shard, in the same windows."""


class Failure:
    """The consumer's world, with the bucket that holds what it failed on."""

    def __init__(self) -> None:
        self.world = World()
        self.s3 = self.world.s3
        self.stream = FakeStream(around=self.world.calls.around)
        self.now = NOON + 3_600_000
        self.read = 0

    def consume(self, payloads: list[bytes]) -> dict[str, Any]:
        """The next batch of the shard, as it was given to the consumer; a crash makes it a failed one."""
        event = event_of(payloads, self.read)
        self.read += len(payloads)
        try:
            consume(event, self.world.resources())
        except CrashError:
            self.world.calls.heal()
        return event

    def put_aside(self, event: dict[str, Any], key: str = KEY) -> None:
        self.s3.objects["failed", key] = json.dumps(described(event)).encode()

    def redrive(self, key: str = KEY, *, attempts: int = 10, dry_run: bool = False) -> BatchCounts:
        s3: Any = self.s3
        dynamodb: Any = self.world.dynamodb
        return BatchRedrive(
            s3=s3,
            bucket="failed",
            writer=self.stream.writer(attempts),
            model_name=MODEL,
            baselines=Baselines(s3, "models"),
            windows=WindowStore(dynamodb, "windows"),
            window_seconds=None,
            clock=lambda: self.now,
        ).redrive(key, dry_run=dry_run)

    def counted(self) -> Counter[bytes]:
        """How often the windows counted each record: by the rows of the objects that their items list."""
        dynamodb: Any = self.world.dynamodb
        store = WindowStore(dynamodb, "windows")
        layout = self.world.resources().baselines.get(MODEL, VERSION).baseline.layout
        archived = self.world.archived()
        found: Counter[bytes] = Counter()
        for series in [*store.series_of(MODEL), *store.series_of("-")]:
            columns = layout if series.kind == "prediction" else NO_COLUMNS
            for window in store.span(series, columns, 0, 10**13 - 1):
                rows = [row for ends in window.ranges for row in archived[object_key(window.key, ends)]]
                assert window.state.n == len(rows)
                assert window.state.duplicates == 0
                found.update(IDENTITIES[row.get("event_id") or row["payload"]] for row in rows)
        return found


def identity(payload: bytes) -> str:
    try:
        return str(json.loads(payload)["event_id"])
    except ValueError:
        return b64encode(payload).decode()


IDENTITIES = {identity(payload): payload for payload in [*BATCH, *LATER]}


@cache
def calls_of_a_clean_run() -> int:
    failure = Failure()
    failure.consume(BATCH)
    return failure.world.calls.count


def partly_counted() -> Failure:
    """Half of the batch was counted; the consumer went on."""
    failure = Failure()
    failure.world.calls.crash_at(calls_of_a_clean_run() // 2, "before")
    failure.put_aside(failure.consume(BATCH))
    failure.consume(LATER)
    assert 0 < len(failure.counted()) - len(LATER) < len(BATCH)
    return failure


@pytest.mark.parametrize("when", ["before", "after"])
def test_wherever_the_consumer_failed_each_record_is_counted_once(when: str) -> None:
    seen = set()
    for number in range(1, calls_of_a_clean_run() + 1):
        failure = Failure()
        failure.world.calls.crash_at(number, when)
        failure.put_aside(failure.consume(BATCH))
        before = len(failure.counted())
        failure.consume(LATER)  # its last sequence numbers lie above those that were not counted

        counts = failure.redrive()
        assert counts == BatchCounts(records=len(BATCH), counted=before, put=len(BATCH) - before)
        assert ("failed", KEY) not in failure.s3.objects
        failure.consume(failure.stream.taken)
        assert failure.counted() == Counter([*BATCH, *LATER])
        seen.add(before)
    assert seen - {len(BATCH)} == {0, 1, 3, 5, 7}, "each window but the last was the last one counted"


def test_records_keep_their_bytes_and_partition_keys() -> None:
    failure = Failure()
    failure.put_aside(event_of(BATCH, 0))
    failure.redrive()
    assert failure.stream.taken == BATCH
    assert failure.stream.keys == [f"key-{i}" for i in range(len(BATCH))]


def test_what_the_stream_refuses_stays_and_the_next_run_puts_only_that() -> None:
    failure = Failure()
    failure.put_aside(event_of(BATCH, 0))
    failure.stream.refusals = [{1, 5}]
    with pytest.raises(
        NotAcceptedError, match=r"did not take 2 of 8 records .* in 1 attempts; run it again$"
    ):
        failure.redrive(attempts=1)
    assert ("failed", KEY) in failure.s3.objects
    assert failure.redrive() == BatchCounts(records=8, put_before=6, put=2)
    assert Counter(failure.stream.taken) == Counter(BATCH)
    assert failure.stream.taken[-2:] == [BATCH[1], BATCH[5]]
    assert ("failed", KEY) not in failure.s3.objects


def test_a_receipt_holds_sequence_numbers_and_nothing_of_the_records() -> None:
    failure = Failure()
    failure.put_aside(event_of(BATCH, 0))
    failure.redrive()
    (key,) = failure.s3.keys("failed")
    assert key == f"redriven/{SHARD}/{sequence_number(0)}-{sequence_number(7)}.json"
    assert json.loads(failure.s3.objects["failed", key]) == {
        "put": [str(sequence_number(i)) for i in range(8)]
    }


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_of_the_redrive_loses_nothing_and_doubles_one_call_at_most(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.kinesis_writer.MAX_RECORDS", 2)
    clean = partly_counted()
    begun = clean.world.calls.count
    assert clean.redrive().put == 5, "there are three calls"
    doubled = set()
    for number in range(1, clean.world.calls.count - begun + 1):
        failure = partly_counted()
        failure.world.calls.crash_at(number, when)
        with suppress(CrashError):
            failure.redrive()
        failure.world.calls.heal()
        if ("failed", KEY) in failure.s3.objects:
            failure.redrive()
        assert set(failure.stream.taken) == set(clean.stream.taken)
        doubled.add(len(failure.stream.taken) - 5)
    assert doubled == {0, 1, 2}, "a call is doubled if its receipt was not written"


def test_a_batch_that_lambda_wrote_twice_is_put_once() -> None:
    failure = partly_counted()
    failure.s3.objects["failed", TWIN] = failure.s3.objects["failed", KEY]
    first = failure.redrive()
    second = failure.redrive(TWIN)
    assert (second.put, second.put_before) == (0, first.put)
    assert len(failure.stream.taken) == first.put


def test_a_dry_run_counts_and_changes_nothing() -> None:
    failure = partly_counted()
    objects, items = dict(failure.s3.objects), dict(failure.world.dynamodb.items)
    told = failure.redrive(dry_run=True)
    assert (failure.s3.objects, failure.world.dynamodb.items, failure.stream.taken) == (objects, items, [])
    assert failure.redrive() == told


def test_the_event_itself_as_payload_is_read_as_well() -> None:
    failure = Failure()
    event = event_of(BATCH, 0)
    failure.s3.objects["failed", KEY] = json.dumps({**described(event), "payload": event}).encode()
    assert failure.redrive().put == len(BATCH)


def test_a_batch_whose_windows_are_forgotten_is_left() -> None:
    failure = partly_counted()
    failed_at = NOON + 300_021
    failure.now = failed_at + KNOWN_SECONDS * 1000
    assert failure.redrive(dry_run=True).records == len(BATCH)
    failure.now += 1
    with pytest.raises(FailedBatchError, match="older than 32 days, so what was counted of it is forgotten"):
        failure.redrive()
    assert not failure.stream.taken


type Change = Callable[[dict[str, Any]], object]


def in_info(name: str, value: object) -> Change:
    return lambda found: found["KinesisBatchInfo"].update({name: value})


def in_payload(change: Callable[[dict[str, Any]], object]) -> Change:
    def changed(found: dict[str, Any]) -> None:
        event = json.loads(found["payload"])
        change(event["Records"][0])
        found["payload"] = json.dumps(event)

    return changed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: found.clear(), "a field version is absent or of another type than Lambda writes"),
        (lambda found: found.update(version="2.0"), "its version is not 1.0"),
        (lambda found: found.pop("KinesisBatchInfo"), "a field KinesisBatchInfo is absent"),
        (lambda found: found.pop("payload"), "it has no payload: only the place of the records is known"),
        (lambda found: found.update(payload="{"), "a field is absent or of another type"),
        (lambda found: found.update(payload="[]"), "its payload is not an event with Records"),
        (lambda found: found.update(payload="{}"), "a field Records is absent"),
        (lambda found: found.update(timestamp="noon"), "a field is absent or of another type"),
        (
            in_info("streamArn", "arn:aws:kinesis:eu-west-1:1:stream/other"),
            "its batch is not of stream stream, which KinesisBatchInfo.streamArn should name",
        ),
        (in_info("shardId", "a/../b"), "KinesisBatchInfo.shardId is no shard"),
        (in_info("shardId", "shardId-000000000001"), "its payload has records of another shard"),
        (in_info("batchSize", 7), "its payload has not KinesisBatchInfo.batchSize records"),
        (in_info("startSequenceNumber", "1"), "does not begin and end with the sequence numbers"),
        (in_info("endSequenceNumber", "x"), "a field is absent or of another type"),
        (in_payload(lambda record: record["kinesis"].pop("data")), "a field data is absent"),
        (
            in_payload(lambda record: record["kinesis"].update(data="coast")),
            "a field is absent or of another",
        ),
        (in_payload(lambda record: record["kinesis"].update(partitionKey=1)), "partitionKey is no text"),
        (
            in_payload(lambda record: record["kinesis"].update(approximateArrivalTimestamp="x")),
            "approximateArrivalTimestamp is no number",
        ),
        (
            in_payload(lambda record: record["kinesis"].update(sequenceNumber=str(sequence_number(3)))),
            "does not begin and end with the sequence numbers",
        ),
    ],
)
def test_an_object_of_another_form_is_refused_and_left(change: Change, told: str) -> None:
    failure = Failure()
    found = described(event_of(BATCH, 0))
    change(found)
    content = json.dumps(found).encode()
    failure.s3.objects["failed", KEY] = content
    with pytest.raises(FailedBatchError) as caught:
        failure.redrive()
    assert told in str(caught.value)
    assert "coast" not in str(caught.value)
    assert not failure.stream.taken
    assert failure.s3.objects["failed", KEY] == content


def test_records_out_of_order_are_refused() -> None:
    failure = Failure()
    event = event_of(BATCH, 0)
    event["Records"][2:4] = reversed(event["Records"][2:4])
    failure.put_aside(event)
    with pytest.raises(FailedBatchError, match="the sequence numbers of its payload do not increase"):
        failure.redrive()


@pytest.mark.parametrize("key", ["template", "aws/lambda/x", KEY + "/more", KEY.replace("2026", "26")])
def test_an_object_of_another_name_is_refused(key: str) -> None:
    failure = Failure()
    failure.put_aside(event_of(BATCH, 0), key)
    with pytest.raises(FailedBatchError, match="its key is not one that Lambda gives to a failed batch"):
        failure.redrive(key)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{"])
def test_an_object_that_is_no_json_is_refused(content: bytes) -> None:
    failure = Failure()
    failure.s3.objects["failed", KEY] = content
    with pytest.raises(FailedBatchError, match="it is not JSON"):
        failure.redrive()


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"put": ["x"]}', b"[]"])
def test_a_foreign_receipt_is_refused(content: bytes) -> None:
    failure = Failure()
    failure.put_aside(event_of(BATCH, 0))
    receipt = f"redriven/{SHARD}/{sequence_number(0)}-{sequence_number(7)}.json"
    failure.s3.objects["failed", receipt] = content
    with pytest.raises(
        FailedBatchError, match=f"its receipt {receipt} is not one that python -m scripts.redrive writes"
    ):
        failure.redrive()
    assert not failure.stream.taken
