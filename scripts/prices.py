"""List prices of us-east-1 in USD, without free tiers and taxes: all that docs/cost.md is made from."""

from __future__ import annotations

AS_OF = "2026-11-24"
"""When the table was last changed. Nothing reads AWS's price list: compare before you rely on a number."""

PRICES = {
    "API Gateway, REST request": 3.50e-6,
    "Lambda request": 0.20e-6,
    "Lambda GB-second, x86_64": 1.66667e-5,
    "Kinesis shard-hour": 0.015,
    "Kinesis shard-hour of retention beyond 24 hours": 0.020,
    "Kinesis put of up to 25 KB": 0.014e-6,
    "DynamoDB write of 1 KB, on demand": 0.625e-6,
    "DynamoDB read of 4 KB, on demand": 0.125e-6,
    "Athena GB scanned": 5.00 / 1024,
    "S3 put": 5e-6,
    "S3 get": 0.4e-6,
    "S3 GB-month": 0.023,
    "CloudWatch custom metric": 0.30,
    "CloudWatch metric watched by an alarm": 0.10,
    "CloudWatch composite alarm": 0.50,
    "CloudWatch PutMetricData call": 0.01e-3,
    "CloudWatch dashboard": 3.00,
    "CloudWatch Logs GB": 0.50,
    "X-Ray trace": 5.00e-6,
    "CodeBuild minute, general1.medium": 0.01,
    "SageMaker endpoint hour, ml.m5.large": 0.115,
    "SageMaker processing hour, ml.m5.xlarge": 0.230,
    "SageMaker endpoint data, GB": 0.016,
}

SECOND_HAND = frozenset(name for name in PRICES if name.startswith("SageMaker"))
"""Prices known from other people's pages alone."""

ATHENA_LEAST_BYTES = 10_000_000
"""What Athena charges for a query at least."""


def athena_dollars(scanned_bytes: int) -> float:
    """What a query costs by the bytes that it scanned.

    >>> athena_dollars(0) == athena_dollars(10_000_000) < athena_dollars(10_000_001)
    True
    """
    return max(scanned_bytes, ATHENA_LEAST_BYTES) / 2**30 * PRICES["Athena GB scanned"]
