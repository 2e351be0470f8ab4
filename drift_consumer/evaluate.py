"""The evaluator: one verdict a window, over all shards, in the order of time.

For each window that is due: add up the states, judge, write the verdict, publish the metrics, move the cursor
and the monitor's memory together, and take the items off the pending ones if nothing has been counted into
them meanwhile. What a crash between any two steps leaves, `drift_consumer.judging` says.
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
from drift_consumer.counting import count_due
from drift_consumer.judging import Judge
from drift_consumer.metrics import Publisher
from drift_consumer.progress import ProgressStore
from drift_consumer.series import NAMELESS, Series
from drift_consumer.settings import EvaluatorSettings
from drift_consumer.verdict_store import VerdictStore
from drift_consumer.window_store import WindowStore
from drift_core.event import PREDICTION
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.quality_budget import for_inputs

RESERVE = 20_000
"""Milliseconds before the end of the function's time at which no further window is begun."""

logger = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the evaluator works with; `clock` is UTC milliseconds now."""

    settings: EvaluatorSettings
    baselines: Baselines
    windows: WindowStore
    progress: ProgressStore
    verdicts: VerdictStore
    publisher: Publisher
    clock: Callable[[], int]


@cache
def resources() -> Resources:
    """The real ones, built at the first call of a Lambda environment."""
    settings = EvaluatorSettings.from_env()
    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})
    s3, dynamodb = boto3.client("s3", config=config), boto3.client("dynamodb", config=config)
    cloudwatch = boto3.client("cloudwatch", config=config)
    return Resources(
        settings=settings,
        baselines=Baselines(s3, settings.models_bucket),
        windows=WindowStore(dynamodb, settings.window_table),
        progress=ProgressStore(dynamodb, settings.window_table),
        verdicts=VerdictStore(s3, settings.archive_bucket),
        publisher=Publisher(cloudwatch, namespace=settings.metrics_namespace, model_name=settings.model_name),
        clock=lambda: time.time_ns() // 1_000_000,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Serve the schedule; the event says nothing."""
    return evaluate(resources(), lambda: context.get_remaining_time_in_millis() > RESERVE)


def evaluate(to: Resources, enough_time: Callable[[], bool] = lambda: True) -> dict[str, int]:
    """Judge what is due.

    Parameters
    ----------
    enough_time : whether another window can be begun.

    Returns
    -------
    How many windows were "judged" and "carried", "hour" and "day" verdicts given, and records of other kinds
    counted.

    Raises
    ------
    ExceptionGroup
        The faults of series that could not be judged, after all others were.
    """
    done: Counter[str] = Counter()
    faults: list[Exception] = []
    for series in [
        *to.windows.series_of(to.settings.model_name),
        *to.windows.series_of(NAMELESS),
    ]:
        try:
            done += _evaluate_series(series, to, enough_time)
        except Exception as fault:
            fault.add_note(f"while judging {series.key}")
            faults.append(fault)
    logger.info("evaluated", extra=dict(done))
    if faults:
        raise ExceptionGroup("some series could not be judged; the next run tries again", faults)
    return dict(done)


def _evaluate_series(series: Series, to: Resources, enough_time: Callable[[], bool]) -> Counter[str]:
    if series.kind != PREDICTION:
        grace = to.settings.monitor(MonitorSettings()).grace_seconds * 1000
        new = count_due(
            series,
            windows=to.windows,
            progress=to.progress,
            publisher=to.publisher,
            grace=grace,
            clock=to.clock,
            enough_time=enough_time,
        )
        return Counter({series.kind: new})
    bundle = to.baselines.get(series.model_name, series.model_version)
    settings = for_inputs(to.settings.monitor(bundle.manifest.monitor), bundle.manifest.files)
    settings = settings.overridden({"window_seconds": series.window_seconds})
    judge = Judge(
        series=series,
        monitor=Monitor(baseline=bundle.baseline, settings=settings),
        windows=to.windows,
        progress=to.progress,
        verdicts=to.verdicts,
        publisher=to.publisher,
        clock=to.clock,
    )
    return judge.judge_due(enough_time)
