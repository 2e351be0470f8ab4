"""A failed batch as Lambda writes it to S3."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.drift_consumer.fixture_traffic import kinesis_event

SHARD = "shardId-000000000000"
KEY = (
    f"aws/lambda/11111111-2222-3333-4444-555555555555/{SHARD}/2026/01/01/"
    "2026-01-01T12.05.00-66666666-7777-8888-9999-000000000000"
)
TWIN = KEY[:-1] + "1"
"""Another object, for destinations may be told twice."""


def event_of(payloads: list[bytes], first: int) -> dict[str, Any]:
    event = kinesis_event(payloads, first=first, shard=SHARD)
    for i, record in enumerate(event["Records"]):
        record["kinesis"]["partitionKey"] = f"key-{first + i}"
    return event


def described(event: dict[str, Any]) -> dict[str, Any]:
    """What Lambda writes to S3 about a batch that it gives up."""
    sequences = [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
    return {
        "requestContext": {
            "requestId": "c9b8fa9f-5a7f-4000-af9c-0c604cde93a5",
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:consumer",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 11,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-01-01T12:05:00.021Z",
        "KinesisBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": sequences[0],
            "endSequenceNumber": sequences[-1],
            "approximateArrivalOfFirstRecord": "2026-01-01T12:00:10.000Z",
            "approximateArrivalOfLastRecord": "2026-01-01T12:00:10.000Z",
            "batchSize": len(sequences),
            "streamArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/stream",
        },
        "payload": json.dumps(event),
    }
