"""What Lambda passes to the consumer: one shard's records of one window."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

MODEL, VERSION = "house-prices", "20260101T000000Z-0123abcd"

START = 1_767_268_800_000
"""2026-01-01 12:00 UTC in milliseconds, the start of a window."""

SHARD = "shardId-000000000000"
FIRST_SEQUENCE = 49590338271490256608559692538361571095921575989136588898


def kinesis(payloads: list[bytes]) -> dict[str, Any]:
    """Payloads of one shard as Lambda passes them to the consumer."""
    return {"Records": [_record(payload, i) for i, payload in enumerate(payloads)]}


def _record(payload: bytes, position: int) -> Mapping[str, Any]:
    sequence = str(FIRST_SEQUENCE + position * 1_000)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "0190a0b1-0000-7000-8000-000000000000",
            "sequenceNumber": sequence,
            "data": base64.b64encode(payload).decode(),
            "approximateArrivalTimestamp": (START + 300_000) / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{SHARD}:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/consumer",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/predictions",
    }
