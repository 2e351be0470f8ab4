"""What CloudWatch is told: a few numbers a model, one a feature; every other number is in the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING

from drift_core.span import Span
from drift_core.verdict import Verdict

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.literals import StandardUnitType
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

BATCH = 250
"""Metrics a request: CloudWatch takes 1,000 and 1 MB, and one with the longest names takes 4 kB."""

LARGEST = 2.0**360
"""CloudWatch refuses what is larger, and infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number; `feature` is the second dimension where there is one."""

    name: str
    value: float
    unit: StandardUnitType = "None"
    feature: str | None = None


def verdict_metrics(verdict: Verdict, *, new: int, late: int, duplicates: int) -> list[Metric]:
    """The metrics of a verdict; an hour or a day adds only its evidence to that of its windows.

    Parameters
    ----------
    new : rows that no verdict before had.
    late : those of them that came after the first verdict.
    duplicates : deliveries left out of the rows since the verdict before.
    """
    metrics = [Metric(name="DriftScore", value=verdict.drift_score)]
    metrics += [
        Metric(name="FeatureDriftScore", value=column.score, feature=name)
        for name, column in verdict.features.items()
    ]
    if verdict.span is Span.WINDOW and verdict.prediction is not None:
        outside = 100 * verdict.prediction.out_of_range_share
        metrics.append(Metric(name="OutOfRangePredictionPercent", value=outside, unit="Percent"))
    if verdict.span is Span.WINDOW:
        metrics += [
            Metric(name="MeanShiftSigma", value=verdict.mean_shift_sigma),
            Metric(name="WindowRecords", value=new, unit="Count"),
            Metric(name="LateRecords", value=late, unit="Count"),
            Metric(name="DuplicateRecords", value=duplicates, unit="Count"),
        ]
    return metrics


def shadow_metrics(verdict: Verdict) -> list[Metric]:
    """The metrics of a verdict on a shadow: under a name that no alarm watches."""
    return [Metric(name="ShadowDriftScore", value=verdict.drift_score)]


class Publisher:
    """Metrics of one model in CloudWatch."""

    def __init__(self, cloudwatch: CloudWatchClient, *, namespace: str, model_name: str) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace
        self._model_name = model_name

    def publish(self, metrics: Iterable[Metric], at: int) -> None:
        """Put metrics.

        Parameters
        ----------
        at : UTC milliseconds of the judgement: an alarm never looks at the time of a past window.
        """
        time = datetime.fromtimestamp(at / 1000, UTC)
        for batch in batched(metrics, BATCH):  # noqa: B911 - the last batch may be shorter
            data = [self._datum(metric, time) for metric in batch]
            self._cloudwatch.put_metric_data(Namespace=self._namespace, MetricData=data)

    def _datum(self, metric: Metric, time: datetime) -> MetricDatumTypeDef:
        if math.isnan(metric.value):
            raise ValueError(f"{metric.name} of {metric.feature or self._model_name} is not a number")
        dimensions = [("ModelName", self._model_name)]
        if metric.feature is not None:
            # CloudWatch takes ASCII only.
            dimensions.append(("Feature", metric.feature.encode("ascii", "backslashreplace").decode()[:1024]))
        return {
            "MetricName": metric.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
            "Timestamp": time,
            "Value": min(max(metric.value, -LARGEST), LARGEST),
            "Unit": metric.unit,
        }
