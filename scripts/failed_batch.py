"""FailedBatch: what Lambda writes to S3 when it gives up a batch of a Kinesis stream.

The form is in the Lambda guide, under "Retain discarded batch records for a Kinesis Data Streams event
source": an object `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/<time>-<uuid>` of JSON, with the place of the
batch in `KinesisBatchInfo` and the whole event, as text of JSON, in `payload`.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from scripts.kinesis_writer import Record

FORM_VERSION = "1.0"
"""Of the object's form, as Lambda writes it."""

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(
    rf"aws/lambda/{_UUID}/shardId-\d{{12}}/\d{{4}}/\d\d/\d\d/\d{{4}}-\d\d-\d\dT\d\d\.\d\d\.\d\d-{_UUID}"
)
_SHARD = re.compile(r"shardId-\d{12}")


class FailedBatchError(ValueError):
    """An object that cannot be redriven; the text says which field is wrong and never what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBatch:
    """A batch that the consumer failed on.

    Attributes
    ----------
    failed_at : UTC milliseconds.
    event : what the consumer was given, with all records of one shard in the order of the stream.
    sequences : n sequence numbers.
    records : n records as they were written to the stream.
    """

    shard_id: str
    failed_at: int
    event: Mapping[str, Any]
    sequences: tuple[int, ...]
    records: tuple[Record, ...]

    @classmethod
    def read(cls, key: str, content: bytes, stream: str) -> Self:
        """Read an object.

        Parameters
        ----------
        stream : name of the stream that the batch must be of.

        Raises
        ------
        FailedBatchError
            If the key or the content is not what Lambda writes for this stream.
        """
        _need(_KEY.fullmatch(key) is not None, "its key is not one that Lambda gives to a failed batch")
        try:
            described = json.loads(content)
        except ValueError:
            raise FailedBatchError("it is not JSON") from None
        try:
            return cls._of(described, stream)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, FailedBatchError):
                raise
            name = f" {error.args[0]}" if isinstance(error, KeyError) else ""
            raise FailedBatchError(f"a field{name} is absent or of another type than Lambda writes") from None

    @classmethod
    def _of(cls, described: Mapping[str, Any], stream: str) -> Self:
        _need(described["version"] == FORM_VERSION, f"its version is not {FORM_VERSION}")
        info = described["KinesisBatchInfo"]
        _need(
            info["streamArn"].rpartition(":stream/")[2] == stream,
            f"its batch is not of stream {stream}, which KinesisBatchInfo.streamArn should name",
        )
        shard_id = info["shardId"]
        _need(_SHARD.fullmatch(shard_id) is not None, "KinesisBatchInfo.shardId is no shard")
        _need(
            "payload" in described,
            "it has no payload: only the place of the records is known, not what they held",
        )
        event = _event(described["payload"])
        kinesis = [record["kinesis"] for record in event["Records"]]
        sequences = tuple(int(record["sequenceNumber"]) for record in kinesis)
        _need(
            all(record["eventID"].partition(":")[0] == shard_id for record in event["Records"]),
            "its payload has records of another shard than KinesisBatchInfo.shardId",
        )
        _need(
            len(sequences) == info["batchSize"] > 0, "its payload has not KinesisBatchInfo.batchSize records"
        )
        _need(
            (sequences[0], sequences[-1])
            == (int(info["startSequenceNumber"]), int(info["endSequenceNumber"])),
            "its payload does not begin and end with the sequence numbers of KinesisBatchInfo",
        )
        _need(
            list(sequences) == sorted(set(sequences)), "the sequence numbers of its payload do not increase"
        )
        _need(
            all(isinstance(record["approximateArrivalTimestamp"], float | int) for record in kinesis),
            "approximateArrivalTimestamp is no number",
        )
        _need(all(isinstance(record["partitionKey"], str) for record in kinesis), "partitionKey is no text")
        return cls(
            shard_id=shard_id,
            failed_at=int(datetime.fromisoformat(described["timestamp"]).timestamp() * 1000),
            event=event,
            sequences=sequences,
            records=tuple(
                Record(b64decode(record["data"], validate=True), record["partitionKey"]) for record in kinesis
            ),
        )


def _event(payload: Any) -> Mapping[str, Any]:
    """The event of a payload: text of JSON by the guide; the object itself has been seen as well."""
    event = json.loads(payload) if isinstance(payload, str) else payload
    _need(isinstance(event, dict), "its payload is not an event with Records")
    found: Mapping[str, Any] = event
    return found


def _need(fulfilled: bool, otherwise: str) -> None:
    if not fulfilled:
        raise FailedBatchError(otherwise)
