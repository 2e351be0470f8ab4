"""Every metric that the functions emit, found by running them over services in memory.

No list of names stands here. `unseen` tells which places of the code make a metric that no run came to.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import drift_consumer
import ingest_lambda
from drift_consumer.metrics import Metric
from ingest_lambda.metrics import Count, ModelMetrics
from tests.unit.drift_consumer.fixture_explained import ExplainedWorld
from tests.unit.drift_consumer.fixture_quality import QualityWorld
from tests.unit.drift_consumer.fixture_traffic import NOON, World, healthy, label, shadow_of

HOUR = 3_600_000
NAMESPACE = "Driftline"


@dataclass(frozen=True, slots=True, order=True)
class Emitted:
    """A metric as CloudWatch gets it; with its dimensions, which a price is paid for."""

    name: str
    unit: str
    dimensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Runs:
    """What all runs emitted, and in which lines the metrics were made, as (file, line)."""

    emitted: frozenset[Emitted]
    places: frozenset[tuple[str, int]]


@cache
def runs() -> Runs:
    """Run every function that emits metrics, once for all tests."""
    with _watched() as places:
        data = [*_of_verdicts(), *_of_labels(), *_of_samples()]
    sent = {
        Emitted(
            datum["MetricName"], datum["Unit"], tuple(dimension["Name"] for dimension in datum["Dimensions"])
        )
        for datum in data
    }
    return Runs(frozenset(sent | set(_of_requests())), frozenset(places))


def names() -> frozenset[str]:
    """Names of all emitted metrics."""
    return frozenset(one.name for one in runs().emitted)


def unseen() -> set[str]:
    """Places that make a metric and were not come to, as file:line."""
    made = {
        (str(file), node.lineno)
        for file in _files(drift_consumer)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Metric.__name__
    }
    return {f"{Path(file).name}:{line}" for file, line in made - runs().places}


def uncounted() -> set[str]:
    """Counts of the API that no line of its code adds to."""
    used = {
        node.attr
        for file in _files(ingest_lambda)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == Count.__name__
    }
    return set(Count.__members__) - used


def _files(package: Any) -> list[Path]:
    return sorted(Path(package.__file__).parent.glob("*.py"))


@contextlib.contextmanager
def _watched() -> Iterator[set[tuple[str, int]]]:
    """Lines in which metrics are made while the context lasts."""
    found: set[tuple[str, int]] = set()
    plain = Metric.__init__

    def watching(self: Metric, *args: Any, **named: Any) -> None:
        caller = sys._getframe(1)
        found.add((caller.f_code.co_filename, caller.f_lineno))
        plain(self, *args, **named)

    Metric.__init__ = watching  # type: ignore[method-assign]
    try:
        yield found
    finally:
        Metric.__init__ = plain  # type: ignore[method-assign]


def _of_verdicts() -> list[dict[str, Any]]:
    """Of the evaluator and the reconciler: predictions, a shadow of them, labels, a record that is none."""
    world = World()
    served = healthy(200)
    world.consume(served)
    world.consume([shadow_of(event, event.event_id) for event in healthy(200, first=1_000)])
    world.consume([label(number) for number in range(5)])
    world.consume([b"{"])
    world.evaluate(NOON + HOUR)
    world.reconcile(NOON + 30 * HOUR)
    return world.cloudwatch.data


def _of_labels() -> list[dict[str, Any]]:
    world = QualityWorld()
    served = healthy(100)
    world.consume(served)
    world.now = NOON + HOUR // 2
    world.consume(
        [
            replace(label(number, event_time=world.now), prediction_id=one.event_id)
            for number, one in enumerate(served)
        ]
    )
    world.judge(NOON + 2 * HOUR)
    return world.cloudwatch.data


def _of_samples() -> list[dict[str, Any]]:
    world = ExplainedWorld()
    world.now = NOON + 60_000
    world.consume(healthy(60))
    world.explain(NOON + HOUR + 60_000)
    return world.cloudwatch.data


def _of_requests() -> Iterator[Emitted]:
    """Of the API: what its log lines tell CloudWatch to count."""
    told = io.StringIO()
    environment = {"POWERTOOLS_METRICS_NAMESPACE": NAMESPACE}
    with contextlib.redirect_stdout(told), patch.dict(os.environ, environment):
        metrics = ModelMetrics("a-model")
        for count in Count:
            metrics.add(count)
        metrics.flush()
    for line in told.getvalue().splitlines():
        for group in json.loads(line)["_aws"]["CloudWatchMetrics"]:
            assert group["Namespace"] == NAMESPACE
            for metric in group["Metrics"]:
                for dimensions in group["Dimensions"]:
                    yield Emitted(metric["Name"], metric["Unit"], tuple(dimensions))
