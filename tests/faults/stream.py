"""A Kinesis stream in memory: shards that own ranges of hash keys, and are split and merged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.faults.scheduler import Call, Gate

HASH_KEYS = 1 << 128

FIRST_SEQUENCE = 10**55 - 12
"""Sequence numbers soon have a digit more, where comparing texts goes wrong."""

_STEP = 3  # between sequence numbers: they increase, but not by one


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """A record as Kinesis keeps it; `arrival` in UTC milliseconds, `writer` for the tests."""

    sequence: int
    data: bytes
    key: str
    arrival: int
    writer: str


@dataclass(slots=True, kw_only=True)
class Shard:
    """Records in their order; a closed shard takes no more, its children do."""

    name: str
    low: int
    high: int
    parents: tuple[Shard, ...] = ()
    closed: bool = False
    records: list[StreamRecord] = field(default_factory=list)

    def after(self, sequence: int, limit: int, since: int) -> list[StreamRecord]:
        """Records above a sequence number that arrived at `since` or later."""
        found = [r for r in self.records if r.sequence > sequence and r.arrival >= since]
        return found[:limit]


class Stream:
    """Shards, and the call that writes to them.

    Parameters
    ----------
    clock : UTC milliseconds.
    retention : milliseconds after which a record can no longer be read.
    """

    def __init__(
        self, gate: Gate, clock: Callable[[], int], *, shards: int = 1, retention: int = 72 * 3_600_000
    ) -> None:
        self._gate = gate
        self._clock = clock
        self._retention = retention
        self._sequence = FIRST_SEQUENCE
        self.shards: list[Shard] = []
        for i in range(shards):
            self._open(HASH_KEYS * i // shards, HASH_KEYS * (i + 1) // shards - 1)

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        writer = self._gate.caller

        def put(refused: int = 0) -> dict[str, Any]:
            told: list[dict[str, Any]] = []
            for i, record in enumerate(Records):
                if refused >> i % 8 & 1:
                    code = "ProvisionedThroughputExceededException"
                    told.append({"ErrorCode": code, "ErrorMessage": "slow down"})
                    continue
                kept = self.accept(record["Data"], record["PartitionKey"], writer)
                told.append({"SequenceNumber": str(kept.sequence)})
            return {"Records": told}

        call = Call(operation="PutRecords", effect=put, writes=True, outlives=True, partial=put)
        answer: dict[str, Any] = self._gate.make(call)
        return answer

    def accept(self, data: bytes, key: str, writer: str = "") -> StreamRecord:
        """Take one record into the open shard that owns its key."""
        number = int.from_bytes(hashlib.md5(key.encode()).digest())
        [shard] = [s for s in self.shards if not s.closed and s.low <= number <= s.high]
        self._sequence += _STEP
        record = StreamRecord(
            sequence=self._sequence, data=data, key=key, arrival=self._clock(), writer=writer
        )
        shard.records.append(record)
        return record

    def read(self, shard: Shard, sequence: int, limit: int) -> list[StreamRecord]:
        """What GetRecords gives after a sequence number: what is past the retention is gone."""
        return shard.after(sequence, limit, self._clock() - self._retention)

    def split(self, shard: Shard) -> None:
        """Close a shard; two children share its keys."""
        middle = (shard.low + shard.high) // 2
        shard.closed = True
        self._open(shard.low, middle, shard)
        self._open(middle + 1, shard.high, shard)

    def merge(self, one: Shard, other: Shard) -> None:
        """Close two neighbours; one child owns the keys of both."""
        assert one.high + 1 == other.low
        one.closed = other.closed = True
        self._open(one.low, other.high, one, other)

    def neighbours(self) -> list[tuple[Shard, Shard]]:
        """Open shards that can be merged."""
        opened = sorted((s for s in self.shards if not s.closed), key=lambda s: s.low)
        return [(a, b) for a, b in pairwise(opened) if a.high + 1 == b.low]

    @property
    def records(self) -> list[tuple[Shard, StreamRecord]]:
        """All that was ever accepted."""
        return [(shard, record) for shard in self.shards for record in shard.records]

    def _open(self, low: int, high: int, *parents: Shard) -> None:
        name = f"shardId-{len(self.shards):012d}"
        self.shards.append(Shard(name=name, low=low, high=high, parents=parents))
