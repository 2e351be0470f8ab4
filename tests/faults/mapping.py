"""Lambda's event source mapping for a Kinesis stream, by the rules that AWS documents.

A shard is read in order by one poller, one batch at a time. A batch is gathered until it has `batch_size`
records, 6 MB, or `batching_seconds` have passed; a batch that fails is tried again, in halves if `bisect`,
and after `maximum_retries` it goes to the destination. The checkpoint moves behind what is done with.

What AWS does not rule out happens when a test says so: a poller forgets its last checkpoints, which
delivers records again in other batches, and a second poller reads a shard at the same time.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.faults.stream import Shard, Stream, StreamRecord

MAX_BYTES = 6 << 20
"""Of an invocation's payload."""

ITERATOR_MS = 300_000
"""An iterator that nobody has read with for so long has expired."""

STREAM_ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/stream"
_MAPPING = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSettings:
    """What the template tells Lambda; `maximum_retries` -1 is for ever."""

    batch_size: int = 10_000
    batching_seconds: int = 0
    maximum_retries: int = -1
    bisect: bool = False
    report_failures: bool = False


@dataclass(slots=True, kw_only=True)
class Batch:
    """Records on their way; `failures` are the tries that count against the limit."""

    records: list[StreamRecord]
    failures: int = 0

    @property
    def last(self) -> int:
        """Its largest sequence number."""
        return self.records[-1].sequence


@dataclass(slots=True, kw_only=True)
class Discarded:
    """A batch that was given up, as the destination got it."""

    shard: Shard
    records: Sequence[StreamRecord]


@dataclass(slots=True, kw_only=True)
class EventSourceMapping:
    """The pollers of a stream's shards.

    Attributes
    ----------
    put : takes an object's key and content, at the on-failure destination; None if there is none.
    clock : UTC milliseconds.
    hits : how often each rule was used.
    """

    stream: Stream
    settings: MappingSettings
    put: Callable[[str, bytes], None] | None
    clock: Callable[[], int]
    pollers: dict[str, Poller] = field(default_factory=dict)
    rivals: list[Poller] = field(default_factory=list)
    discarded: list[Discarded] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)

    def ready(self) -> list[Poller]:
        """The pollers that may read: a shard's parents have been read to their ends before."""
        for shard in self.stream.shards:
            parents = [self.pollers.get(parent.name) for parent in shard.parents]
            if shard.name not in self.pollers and all(p is not None and p.drained for p in parents):
                self.hits["a child begins after its parents"] += bool(parents)
                self.pollers[shard.name] = Poller(self, shard)
        return [*self.pollers.values(), *self.rivals]

    def rival(self, poller: Poller) -> None:
        """Let a second poller read a shard: from where the first is at work, or from a checkpoint before."""
        self.hits["a second poller"] += 1
        before = poller.checkpoints[-1 if poller.busy else max(0, len(poller.checkpoints) - 2)]
        self.rivals.append(Poller(self, poller.shard, before))

    def give_up(self, shard: Shard, batch: Batch) -> None:
        """Send a batch to the destination."""
        self.hits["a batch is given up"] += 1
        self.discarded.append(Discarded(shard=shard, records=tuple(batch.records)))
        if self.put is not None:
            key, content = on_failure_object(shard, batch, self.clock(), len(self.discarded))
            self.put(key, content)


class Poller:
    """Reads one shard.

    Parameters
    ----------
    checkpoint : sequence number to read after; 0 is the trim horizon.
    """

    def __init__(self, mapping: EventSourceMapping, shard: Shard, checkpoint: int = 0) -> None:
        self.shard = shard
        self.checkpoints = [checkpoint]
        self.busy = False
        self._mapping = mapping
        self._position = checkpoint  # of the iterator, which is ahead of the checkpoint while gathering
        self._read_at = mapping.clock()
        self._gathered: list[StreamRecord] = []
        self._since = 0
        self._work: list[Batch] = []
        self._life = 0

    @property
    def checkpoint(self) -> int:
        """All up to here is done with."""
        return self.checkpoints[-1]

    @property
    def drained(self) -> bool:
        """Whether a closed shard has been read to its end."""
        return self.shard.closed and self.idle

    @property
    def idle(self) -> bool:
        """Whether there is nothing to read and nothing under way."""
        unread = self._mapping.stream.read(self.shard, self._position, 1)
        return not (self.busy or self._work or self._gathered or unread)

    @property
    def waits_until(self) -> int | None:
        """When the batch that is being gathered is due; None if none is."""
        if self.busy or self._work or not self._gathered:
            return None
        return self._since + 1000 * self._mapping.settings.batching_seconds

    def poll(self, limit: int | None = None) -> tuple[Batch, int] | None:
        """The next batch to invoke the function with, and which life of the poller it is of; None if not yet.

        Parameters
        ----------
        limit : records that the stream gives at once; it may give fewer than there are.
        """
        if self.busy:
            return None
        if not self._work:
            self._read(limit)
            if not self._due():
                return None
            self._work, self._gathered = [Batch(records=self._gathered)], []
        self.busy = True
        return self._work[0], self._life

    def _read(self, limit: int | None) -> None:
        settings, now = self._mapping.settings, self._mapping.clock()
        if now - self._read_at > ITERATOR_MS:
            self._mapping.hits["an iterator expires"] += bool(self._gathered)
            self._gathered, self._position = [], self.checkpoint
        self._read_at = now
        room = settings.batch_size - len(self._gathered)
        found = self._mapping.stream.read(self.shard, self._position, min(room, limit or room))
        if found and not self._gathered:
            self._since = now
        for record in found:
            if self._gathered and self._bytes() + len(record.data) > MAX_BYTES:
                break
            self._gathered.append(record)
            self._position = record.sequence

    def _due(self) -> bool:
        settings = self._mapping.settings
        if not self._gathered:
            return False
        if len(self._gathered) == settings.batch_size or self._full():
            return True
        waited = self._mapping.clock() - self._since >= 1000 * settings.batching_seconds
        self._mapping.hits["a batch waits to be gathered"] += not waited
        return waited

    def _full(self) -> bool:
        following = self._mapping.stream.read(self.shard, self._position, 1)
        return bool(following) and self._bytes() + len(following[0].data) > MAX_BYTES

    def _bytes(self) -> int:
        return sum(len(record.data) for record in self._gathered)

    def finished(self, batch: Batch, life: int, answer: Mapping[str, Any] | None, *, failed: bool) -> None:
        """Take the end of an invocation; nobody asks for that of a life before."""
        if life != self._life:
            self._mapping.hits["an answer comes to nobody"] += 1
            return
        self.busy = False
        first = None if failed else self._first_failure(batch, answer)
        if failed or first == batch.records[0].sequence:
            self._failed(batch, whole=True)
        elif first is None:
            self._done(batch.last)
            self._work.pop(0)
        else:
            self._mapping.hits["a batch fails in part"] += 1
            done = [record for record in batch.records if record.sequence < first]
            self._done(done[-1].sequence)
            batch.records = batch.records[len(done) :]
            self._failed(batch, whole=False)

    def _first_failure(self, batch: Batch, answer: Mapping[str, Any] | None) -> int | None:
        """The lowest sequence number reported; the first of the batch if the report cannot be read."""
        if not self._mapping.settings.report_failures:
            return None
        told = (answer or {}).get("batchItemFailures") or []
        known = {str(record.sequence): record.sequence for record in batch.records}
        named = [item.get("itemIdentifier") for item in told]
        if any(name not in known for name in named):
            return batch.records[0].sequence
        return min((known[name] for name in named), default=None)

    def _failed(self, batch: Batch, *, whole: bool) -> None:
        settings = self._mapping.settings
        if whole and settings.bisect and len(batch.records) > 1:
            self._mapping.hits["a batch is bisected"] += 1
            half = (len(batch.records) + 1) // 2
            parts = (batch.records[:half], batch.records[half:])
            self._work[:1] = [Batch(records=part, failures=batch.failures) for part in parts]
            return
        batch.failures += 1
        self._mapping.hits["a batch is tried again"] += 1
        if 0 <= settings.maximum_retries < batch.failures:
            self._mapping.give_up(self.shard, batch)
            self._done(batch.last)
            self._work.pop(0)

    def _done(self, sequence: int) -> None:
        self.checkpoints.append(sequence)

    def forget(self, checkpoints: int) -> None:
        """Begin again at an earlier checkpoint; what is under way goes on, and nobody hears its answer."""
        self._mapping.hits["a checkpoint is lost"] += 1
        del self.checkpoints[max(1, len(self.checkpoints) - checkpoints) :]
        self._life += 1
        self._work, self._gathered, self.busy = [], [], False
        self._position = self.checkpoint


def lambda_event(shard: Shard, records: Sequence[StreamRecord]) -> dict[str, Any]:
    """A batch as the function gets it."""
    return {
        "Records": [
            {
                "eventID": f"{shard.name}:{record.sequence}",
                "eventSource": "aws:kinesis",
                "kinesis": {
                    "partitionKey": record.key,
                    "data": base64.b64encode(record.data).decode(),
                    "sequenceNumber": str(record.sequence),
                    "approximateArrivalTimestamp": record.arrival / 1000,
                },
            }
            for record in records
        ]
    }


def on_failure_object(shard: Shard, batch: Batch, now: int, number: int) -> tuple[str, bytes]:
    """Key and content of what the destination gets."""
    time = datetime.fromtimestamp(now / 1000, UTC)
    name = f"{time:%Y-%m-%dT%H.%M.%S}-66666666-7777-8888-9999-{number:012x}"
    key = f"aws/lambda/{_MAPPING}/{shard.name}/{time:%Y/%m/%d}/{name}"
    first, last = batch.records[0], batch.records[-1]
    described = {
        "requestContext": {
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:consumer",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": batch.failures,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "KinesisBatchInfo": {
            "shardId": shard.name,
            "startSequenceNumber": str(first.sequence),
            "endSequenceNumber": str(last.sequence),
            "approximateArrivalOfFirstRecord": _iso(first.arrival),
            "approximateArrivalOfLastRecord": _iso(last.arrival),
            "batchSize": len(batch.records),
            "streamArn": STREAM_ARN,
        },
        "payload": json.dumps(lambda_event(shard, batch.records)),
    }
    return key, json.dumps(described).encode()


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
