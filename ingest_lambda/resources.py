"""What the function holds between requests, built once."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import boto3
from aws_lambda_powertools import Logger

from drift_core.bundle import BundleError
from ingest_lambda.active import ActiveBundle
from ingest_lambda.aws import bounded
from ingest_lambda.bundle import BundleStore, NoBundleError
from ingest_lambda.capture import QUEUE_SECONDS, Capture
from ingest_lambda.metrics import Count, ModelMetrics
from ingest_lambda.settings import Settings

PARAMETER_SECONDS = 1.0
"""Longest time for asking once which version is active, in seconds."""

BUNDLE_SECONDS = 5.0
"""Longest time for connecting to S3 and waiting for the next bytes of a bundle, in seconds."""

logger = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything that talks to the world outside.

    Attributes
    ----------
    now_ms : UTC milliseconds.
    """

    settings: Settings
    active: ActiveBundle
    capture: Capture
    metrics: ModelMetrics
    now_ms: Callable[[], int]


@cache
def resources() -> Resources:
    """The function's resources, from its environment."""
    settings = Settings.from_env()
    session = boto3.session.Session()
    metrics = ModelMetrics(settings.model_name)

    def refused(error: Exception) -> None:
        metrics.add(Count.BUNDLE_REFUSED)
        logger.error("the active bundle was not refreshed", extra=description(error))

    store = BundleStore(
        s3=session.client("s3", config=bounded(BUNDLE_SECONDS, attempts=2)),
        ssm=session.client("ssm", config=bounded(PARAMETER_SECONDS, attempts=2)),
        bucket=settings.models_bucket,
        parameter=settings.active_bundle_parameter,
        model_name=settings.model_name,
    )
    return Resources(
        settings=settings,
        active=ActiveBundle(
            store, refresh_seconds=settings.refresh_seconds, clock=time.monotonic, refused=refused
        ),
        capture=Capture(
            kinesis=session.client("kinesis", config=bounded(settings.capture_seconds / 2)),
            stream=settings.stream_name,
            sqs=session.client("sqs", config=bounded(QUEUE_SECONDS / 2)),
            queue_url=settings.fallback_queue_url,
            seconds=settings.capture_seconds,
            clock=time.monotonic,
            sleep=time.sleep,
            random=random.random,
        ),
        metrics=metrics,
        now_ms=lambda: time.time_ns() // 1_000_000,
    )


def description(error: Exception) -> dict[str, object]:
    """An error for the log: its kind and where it arose, and its text only where the text is ours.

    A library's text may quote a value ("could not convert string to float: ..."), and values are private.
    """
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return {
        "error": [_kind(link) for link in chain],
        "stack": [line for link in chain for line in traceback.format_tb(link.__traceback__)],
    }


def _kind(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, BundleError | NoBundleError) else name
