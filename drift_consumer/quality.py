"""The quality function: what sampled rows and labels say of the predictions, every hour.

It has parts, each of which does what is due within the time that is left. A part that fails does not stop
the others.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from drift_consumer.baselines import Baselines
from drift_consumer.error_baselines import ErrorBaselines
from drift_consumer.explained_document import ExplainedDocuments
from drift_consumer.explained_versions import ExplainedVersions
from drift_consumer.incident import Incidents
from drift_consumer.label_hours import AskedHours
from drift_consumer.labels import Labels
from drift_consumer.marks import Marks
from drift_consumer.metrics import Publisher
from drift_consumer.quality_document import QualityDocuments
from drift_consumer.quality_progress import QualityProgressStore
from drift_consumer.retraining import Retraining
from drift_consumer.sampled import Samples
from drift_consumer.sampled_store import SampledStore
from drift_consumer.settings import QualitySettings
from drift_consumer.window_store import WindowStore
from queries.athena import Athena

RESERVE = 60_000
"""Milliseconds before the end of the function's time at which no further window is begun."""

ATHENA_SECONDS = 300.0
"""After which a query is stopped: it reads the hours that changed, and no more than the workgroup allows."""

type Part = Callable[[Callable[[], bool]], Counter[str]]
"""Does what is due while there is enough time, and counts what it did."""

logger = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the quality function works with: its parts by name, in their order."""

    parts: dict[str, Part]


@cache
def resources() -> Resources:
    """The real ones, built at the first call of a Lambda environment."""
    settings = QualitySettings.from_env()
    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})
    s3, dynamodb = boto3.client("s3", config=config), boto3.client("dynamodb", config=config)
    cloudwatch, athena = boto3.client("cloudwatch", config=config), boto3.client("athena", config=config)
    baselines = Baselines(s3, settings.models_bucket)
    windows = WindowStore(dynamodb, settings.window_table)
    progress = QualityProgressStore(dynamodb, settings.window_table)
    publisher = Publisher(cloudwatch, namespace=settings.metrics_namespace, model_name=settings.model_name)
    samples = Samples(
        model_name=settings.model_name,
        windows=windows,
        marks=Marks(dynamodb, settings.window_table),
        versions=ExplainedVersions(baselines),
        store=SampledStore(dynamodb, settings.window_table),
        documents=ExplainedDocuments(s3, settings.archive_bucket),
        publisher=publisher,
        settings=settings.monitor,
        clock=_now,
    )
    labels = Labels(
        model_name=settings.model_name,
        windows=windows,
        asked=AskedHours(dynamodb, settings.window_table),
        store=progress,
        documents=QualityDocuments(s3, settings.archive_bucket),
        versions=ErrorBaselines(baselines, settings.false_alarms_per_month),
        athena=Athena(
            client=athena,
            workgroup=settings.athena_workgroup,
            database=settings.glue_database,
            timeout=ATHENA_SECONDS,
        ),
        publisher=publisher,
        clock=_now,
    )
    retraining = Retraining(
        model_name=settings.model_name,
        windows=windows,
        baselines=baselines,
        progress=progress,
        incidents=Incidents(
            s3=s3,
            dynamodb=dynamodb,
            events=boto3.client("events", config=config),
            archive=settings.archive_bucket,
            table=settings.window_table,
        ),
        clock=_now,
    )
    # Estimates come before labels, which they are compared with, and both before what follows from them.
    parts: dict[str, Part] = {
        "samples": samples.judge_due,
        "labels": labels.judge_due,
        "retraining": retraining.judge_due,
    }
    return Resources(parts=parts)


def _now() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, dict[str, int]]:
    """Serve the schedule; the event says nothing."""
    return judge(resources(), lambda: context.get_remaining_time_in_millis() > RESERVE)


def judge(to: Resources, enough_time: Callable[[], bool] = lambda: True) -> dict[str, dict[str, int]]:
    """Run the parts.

    Parameters
    ----------
    enough_time : whether another window can be begun.

    Returns
    -------
    What each part counted, by its name.

    Raises
    ------
    ExceptionGroup
        The faults of the parts that failed, after all others have run.
    """
    done: dict[str, dict[str, int]] = {}
    faults: list[Exception] = []
    for name, part in to.parts.items():
        try:
            done[name] = dict(part(enough_time))
        except Exception as fault:
            fault.add_note(f"in the part {name}")
            faults.append(fault)
    logger.info("judged", extra=done)
    if faults:
        raise ExceptionGroup("some parts failed; the next run tries again", faults)
    return done
