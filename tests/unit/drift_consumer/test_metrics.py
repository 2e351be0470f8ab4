"""What CloudWatch would refuse never reaches it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drift_consumer.metrics import BATCH, Metric, Publisher, verdict_metrics
from drift_core.span import Span
from drift_core.window import WindowState, hash_event_ids
from tests.unit.drift_consumer.fake_aws import Calls, FakeCloudWatch
from tests.unit.drift_consumer.fixture_traffic import World


class Counting(FakeCloudWatch):
    def __init__(self) -> None:
        super().__init__(Calls())
        self.sizes: list[int] = []

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
        self.sizes.append(len(MetricData))
        super().put_metric_data(Namespace=Namespace, MetricData=MetricData)


def published(*metrics: Metric) -> Counting:
    cloudwatch: Any = Counting()
    Publisher(cloudwatch, namespace="Driftline", model_name="m").publish(metrics, 1_000)
    result: Counting = cloudwatch
    return result


def test_many_metrics_go_in_several_requests() -> None:
    metrics = [Metric(name="FeatureDriftScore", value=i, feature=f"f{i}") for i in range(2 * BATCH + 1)]
    cloudwatch = published(*metrics)
    assert cloudwatch.sizes == [BATCH, BATCH, 1]
    assert cloudwatch.values("FeatureDriftScore") == [metric.value for metric in metrics]


def test_an_infinite_score_still_alarms() -> None:
    assert published(Metric(name="DriftScore", value=math.inf)).values("DriftScore") == [2.0**360]


def test_what_is_not_a_number_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="FeatureDriftScore of area is not a number"):
        published(Metric(name="FeatureDriftScore", value=math.nan, feature="area"))


def test_a_feature_may_have_any_name() -> None:
    [datum] = published(Metric(name="FeatureDriftScore", value=1, feature="größe" * 300)).data
    name = datum["Dimensions"][1]["Value"]
    assert name.isascii()
    assert len(name) == 1024
    assert datum["Dimensions"][0] == {"Name": "ModelName", "Value": "m"}


def test_a_model_whose_predictions_are_not_watched_has_no_metric_of_them() -> None:
    world = World()
    monitor = world.monitor()
    ids = hash_event_ids(np.array([str(i) for i in range(100)], "S36"))
    rows = np.ones((100, len(monitor.baseline.columns)))
    state = WindowState.of(monitor.baseline.layout, rows, np.arange(100), ids)
    verdict = monitor.judge(state, span=Span.WINDOW, start=0, end=300_000, memory=monitor.start()).verdict
    counts = {"new": 100, "late": 0, "duplicates": 0}
    watched = {metric.name for metric in verdict_metrics(verdict, **counts)}
    alone = replace(verdict, prediction=None, interval_width=None, multivariate=None)
    assert watched - {metric.name for metric in verdict_metrics(alone, **counts)} == {
        "OutOfRangePredictionPercent"
    }
