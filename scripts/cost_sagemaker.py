"""What the same model costs on instances of SageMaker with an hourly monitoring job, by assumptions."""

from __future__ import annotations

import math

from scripts.cost_model import DAYS, HOURS, SECONDS, Item, Load

REQUESTS_A_SECOND = 100
"""Requests of ten instances that one ml.m5.large answers, with room to spare: scikit-learn takes 6 ms for one
on one of its two processors. An assumption; a model that is slower needs more instances."""

JOB_MINUTES = 6.0
"""What an hourly job is billed for if there is little to read: a container with Spark starts in minutes."""

JOB_RECORDS = 50_000
"""Captured records that one ml.m5.xlarge reads and tests in a second. An assumption."""

CAPTURED_BYTES = 416
"""A captured prediction as a line of JSON, kept for as long as our archive."""

REQUEST_BYTES = 3_000
"""Request and answer of ten instances."""


def instances(load: Load) -> int:
    """Endpoint instances that the busiest second needs; one at least, though two would be prudent."""
    return max(1, math.ceil(load.requests / SECONDS * load.peak / REQUESTS_A_SECOND))


def job_hours(load: Load) -> float:
    """Instance-hours of the monitoring jobs in a month."""
    return HOURS * (JOB_MINUTES / 60) + load.predictions / JOB_RECORDS / 3600


ITEMS = (
    Item("endpoint", "SageMaker endpoint hour, ml.m5.large", lambda x: instances(x) * HOURS),
    Item("endpoint", "SageMaker endpoint data, GB", lambda x: x.requests * REQUEST_BYTES / 1e9),
    Item("monitoring job", "SageMaker processing hour, ml.m5.xlarge", job_hours),
    Item("capture in S3", "S3 put", lambda x: min(x.requests, instances(x) * SECONDS / 60)),
    Item(
        "capture in S3",
        "S3 GB-month",
        lambda x: x.predictions / DAYS * x.archive_days * CAPTURED_BYTES / 1e9,
    ),
    Item("CloudWatch", "CloudWatch custom metric", lambda x: x.features),
    Item("CloudWatch", "CloudWatch metric watched by an alarm", lambda x: x.features),
)
"""One line for each thing that is paid for."""
