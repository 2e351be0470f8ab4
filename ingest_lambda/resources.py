"""What the function holds between requests, built once."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import random as uniform
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger

from drift_core.bundle import BundleError
from ingest_lambda.active import ActiveBundle
from ingest_lambda.aws import bounded
from ingest_lambda.bundle import BundleStore, NoBundleError
from ingest_lambda.capture import QUEUE_SECONDS, Capture
from ingest_lambda.metrics import Count, ModelMetrics
from ingest_lambda.settings import Settings
from ingest_lambda.shadow import LateError, Shadow

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

PARAMETER_SECONDS = 1.0
"""Longest time for asking once which version is active, in seconds."""

BUNDLE_SECONDS = 5.0
"""Longest time for connecting to S3 and waiting for the next bytes of a bundle, in seconds."""

logger = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything that talks to the world outside."""

    settings: Settings
    active: ActiveBundle
    shadow: Shadow
    capture: Capture
    metrics: ModelMetrics


@cache
def resources() -> Resources:
    """The function's resources, from its environment."""
    settings = Settings.from_env()
    session = boto3.session.Session()
    return assemble(
        settings,
        ssm=session.client("ssm", config=bounded(PARAMETER_SECONDS, attempts=2)),
        s3=session.client("s3", config=bounded(BUNDLE_SECONDS, attempts=2)),
        kinesis=session.client("kinesis", config=bounded(settings.capture_seconds / 2)),
        sqs=session.client("sqs", config=bounded(QUEUE_SECONDS / 2)),
    )


def assemble(
    settings: Settings,
    *,
    ssm: SSMClient,
    s3: S3Client,
    kinesis: KinesisClient,
    sqs: SQSClient,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    random: Callable[[], float] = uniform,
) -> Resources:
    """Resources over these clients.

    Parameters
    ----------
    clock : seconds, monotonic.
    random : uniform in [0, 1).
    """
    metrics = ModelMetrics(settings.model_name)

    def refused(error: Exception) -> None:
        metrics.add(Count.BUNDLE_REFUSED)
        logger.error("the active bundle was not refreshed", extra=description(error))

    def failed(error: Exception, predictions: int) -> None:
        metrics.add(Count.SHADOW_FAILED, predictions)
        logger.warning("the shadow failed; what was served is right", extra=description(error))

    store = BundleStore(
        s3=s3,
        ssm=ssm,
        bucket=settings.models_bucket,
        parameter=settings.active_bundle_parameter,
        shadow_parameter=settings.shadow_bundle_parameter,
        model_name=settings.model_name,
    )
    return Resources(
        settings=settings,
        active=ActiveBundle(store, refresh_seconds=settings.refresh_seconds, clock=clock, refused=refused),
        shadow=Shadow(store, refresh_seconds=settings.refresh_seconds, clock=clock, failed=failed),
        capture=Capture(
            kinesis=kinesis,
            stream=settings.stream_name,
            sqs=sqs,
            queue_url=settings.fallback_queue_url,
            seconds=settings.capture_seconds,
            clock=clock,
            sleep=sleep,
            random=random,
        ),
        metrics=metrics,
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
    return f"{name}: {error}" if isinstance(error, BundleError | NoBundleError | LateError) else name
