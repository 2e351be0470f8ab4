"""What Lambda delivers from Kinesis: payloads with their place in the stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pybase64 import b64decode

from drift_core.bins import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Records of one shard, in the order of the stream.

    Attributes
    ----------
    payloads : n payloads, as the producer wrote them.
    sequences : n sequence numbers, decimal, of up to 56 digits.
    arrivals : shape (n,), UTC milliseconds at which Kinesis took them.
    """

    shard_id: str
    payloads: list[bytes]
    sequences: list[str]
    arrivals: Counts

    @classmethod
    def by_shard(cls, event: Mapping[str, Any]) -> list[Records]:
        """The records of a Kinesis event; Lambda sends one shard's at a time.

        Parameters
        ----------
        event : as Lambda passes it to the handler of a Kinesis event source mapping.
        """
        shards: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for record in event["Records"]:
            shards[record["eventID"].partition(":")[0]].append(record["kinesis"])
        return [cls._of(shard_id, kinesis) for shard_id, kinesis in shards.items()]

    @classmethod
    def _of(cls, shard_id: str, kinesis: Sequence[Mapping[str, Any]]) -> Records:
        arrivals = np.array([record["approximateArrivalTimestamp"] for record in kinesis], float)
        return cls(
            shard_id=shard_id,
            # validate=True, by position: for so small payloads a keyword costs half as much as decoding.
            payloads=[b64decode(record["data"], None, True) for record in kinesis],
            sequences=[record["sequenceNumber"] for record in kinesis],
            arrivals=np.rint(arrivals * 1000).astype(np.int64),
        )
