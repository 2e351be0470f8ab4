"""What a stack costs in a month: a list of items, each a quantity of something that has a price."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scripts.prices import PRICES

DAYS = 30
HOURS = DAYS * 24
SECONDS = HOURS * 3600

ALARM_METRICS = 30
"""Metrics that the template's alarms watch; three alarms watch two, one three."""

MAPPING_METRICS = 7
"""Event counts of the event source mapping, which are paid for as custom metrics."""

MODEL_METRICS = 8 + 5 + 1 + 9 + 1 + MAPPING_METRICS
"""Custom metrics of a model: of verdicts and what is counted with them, of the API, of the reconciler, of
labels and estimates, of alerts, and of the mapping. A feature adds one, a challenger two while in shadow."""

ALERT_RUNS = SECONDS // 300
"""Runs of the alert function in a month: one in five minutes; incidents add few."""

LABEL_DAYS = 35
"""Days for which the windows of labels are remembered, and read every hour."""

SMALLEST_QUERY_GB = 0.01
"""Athena charges for 10 MB at least."""

SHARD_RECORDS = 1000
"""Records a second that a shard takes."""

_GB = 1769 / 1024  # the consumer's and the evaluator's memory: one whole processor


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a model has to do; the defaults are measured in the demo or set in the template.

    Attributes
    ----------
    peak : busiest second against the mean one.
    ingest_ms, consumer_ms, evaluator_ms, reconciler_ms, quality_ms, alert_ms : billed for a request, a batch,
        a run.
    footer_ms : billed beside, for each object that the reconciler looks at.
    classifier_ms : billed beside, for each hour and each day.
    state_kb, memory_kb : a window's state and the charts in DynamoDB, as the benchmark measures them.
    row_bytes : an archived row as Parquet.
    retrainings : in a month, each `retraining_minutes` of a build.
    log_bytes : written for one request, by the function and the API.
    archive_days : for how long rows are kept.
    """

    predictions_a_day: float
    state_kb: int
    memory_kb: int
    instances: int = 10
    features: int = 10
    window_seconds: int = 300
    batching_seconds: int = 10
    peak: float = 3.0
    ingest_ms: int = 25
    consumer_ms: int = 500
    evaluator_ms: int = 200
    reconciler_ms: int = 300
    quality_ms: int = 8_000
    alert_ms: int = 200
    footer_ms: int = 2
    classifier_ms: int = 1_500
    retrainings: int = 1
    retraining_minutes: int = 10
    row_bytes: int = 58
    log_bytes: int = 1_300
    archive_days: int = 365

    @property
    def predictions(self) -> float:
        """In a month."""
        return self.predictions_a_day * DAYS

    @property
    def requests(self) -> float:
        """In a month."""
        return self.predictions / self.instances

    @property
    def shards(self) -> int:
        """Shards that the busiest second needs."""
        return max(1, math.ceil(self.predictions_a_day / 86_400 * self.peak / SHARD_RECORDS))

    @property
    def batches(self) -> float:
        """Batches of the consumer in a month: one each time records have been gathered, on each shard."""
        return min(self.requests, self.shards * SECONDS / self.batching_seconds)

    @property
    def runs(self) -> float:
        """Runs of the evaluator in a month: one a minute."""
        return SECONDS / 60

    @property
    def verdicts(self) -> float:
        """Windows with records in a month."""
        return min(self.requests, SECONDS / self.window_seconds)

    @property
    def spans(self) -> float:
        """Hours and days with records in a month."""
        return min(self.requests, HOURS + DAYS)


def _writes(load: Load) -> float:
    """A batch writes a state; taking it off the pending ones and taking its mark off write it again.

    A mark is an item of an index, written and removed. A transaction writes cursor and verdict twice, and so
    it does with what is remembered of labels: charts and track record, and a window.
    """
    states = (load.batches + 2 * load.verdicts) * (load.state_kb + 1) + 2 * load.verdicts
    judged = (load.verdicts + load.spans) * 2 * (load.memory_kb + 2)
    return states + judged + min(load.requests, HOURS) * (2 * (32 + 2) + 2)


def _reads(load: Load) -> float:
    """A batch reads a state, a run the charts; a window is read for itself, hour, day and the reconciler.

    The quality function reads the windows of labels, half a kB each.
    """
    states = (load.batches + 4 * load.verdicts) * load.state_kb / 4
    labels = min(load.requests, LABEL_DAYS * 86_400 / load.window_seconds) * load.shards * 0.5 / 4
    return states + load.runs * (1 + load.memory_kb / 4) + 3 * ALERT_RUNS + 3 * HOURS + HOURS * (10 + labels)


def _scanned(load: Load) -> float:
    """GB that Athena reads for labels: the hours that had new ones, three of predictions for each."""
    hours = min(load.requests, HOURS)
    return hours * max(SMALLEST_QUERY_GB, 4 * load.predictions / HOURS * load.row_bytes / 1e9)


def _traced(calls: float) -> float:
    """X-Ray's default rule: the first call of a second, and 5 % of the others."""
    first = min(calls, SECONDS)
    return first + 0.05 * (calls - first)


@dataclass(frozen=True, slots=True)
class Item:
    """So much a month of something in the table of prices."""

    service: str
    price: str
    quantity: Callable[[Load], float]


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda: calls a month, milliseconds in all, and GB of memory."""

    calls: Callable[[Load], float]
    milliseconds: Callable[[Load], float]
    gb: float


FUNCTIONS = (
    Function(lambda x: x.requests, lambda x: x.requests * x.ingest_ms, 1.0),
    Function(lambda x: x.batches, lambda x: x.batches * x.consumer_ms, _GB),
    Function(lambda x: x.runs, lambda x: x.runs * x.evaluator_ms + x.spans * x.classifier_ms, _GB),
    Function(lambda _: HOURS, lambda x: HOURS * x.reconciler_ms + x.batches * x.footer_ms, 1.0),
    Function(lambda _: HOURS, lambda x: HOURS * x.quality_ms, _GB),
    Function(lambda _: ALERT_RUNS, lambda x: ALERT_RUNS * x.alert_ms, 1.0),
)
"""One line for each Lambda; requests, GB-seconds and traces follow."""

ITEMS = (
    Item("API Gateway", "API Gateway, REST request", lambda x: x.requests),
    Item("Lambda", "Lambda request", lambda x: sum(f.calls(x) for f in FUNCTIONS)),
    Item(
        "Lambda",
        "Lambda GB-second, x86_64",
        lambda x: sum(f.milliseconds(x) / 1000 * f.gb for f in FUNCTIONS),
    ),
    Item("Kinesis", "Kinesis shard-hour", lambda x: x.shards * HOURS),
    Item("Kinesis", "Kinesis shard-hour of retention beyond 24 hours", lambda x: x.shards * HOURS),
    Item("Kinesis", "Kinesis put of up to 25 KB", lambda x: x.predictions),
    Item("DynamoDB", "DynamoDB write of 1 KB, on demand", _writes),
    Item("DynamoDB", "DynamoDB read of 4 KB, on demand", _reads),
    Item("Athena", "Athena GB scanned", _scanned),
    # The reconciler lists the objects of an hour, of each kind, and writes its counts; of labels there
    # are an answer of Athena, its metadata and two documents.
    Item("S3", "S3 put", lambda x: x.batches + x.verdicts + 8 * min(x.requests, HOURS)),
    Item("S3", "S3 get", lambda x: x.batches),
    Item("S3", "S3 GB-month", lambda x: x.predictions / DAYS * x.archive_days * x.row_bytes / 1e9),
    Item("CloudWatch", "CloudWatch custom metric", lambda x: MODEL_METRICS + x.features),
    Item("CloudWatch", "CloudWatch metric watched by an alarm", lambda _: ALARM_METRICS),
    Item("CloudWatch", "CloudWatch composite alarm", lambda _: 1),
    Item("CloudWatch", "CloudWatch dashboard", lambda _: 1),
    Item("CloudWatch", "CloudWatch PutMetricData call", lambda x: x.verdicts + 3 * HOURS),
    Item(
        "CloudWatch",
        "CloudWatch Logs GB",
        lambda x: (x.requests * x.log_bytes + (x.batches + x.runs + ALERT_RUNS + 2 * HOURS) * 800) / 1e9,
    ),
    Item("CodeBuild", "CodeBuild minute, general1.medium", lambda x: x.retrainings * x.retraining_minutes),
    Item("X-Ray", "X-Ray trace", lambda x: sum(_traced(f.calls(x)) for f in FUNCTIONS)),
)
"""One line for each thing that is paid for."""


def monthly(load: Load, items: Sequence[Item] = ITEMS) -> Mapping[str, float]:
    """USD in a month, by service."""
    costs: dict[str, float] = {}
    for item in items:
        costs[item.service] = costs.get(item.service, 0.0) + item.quantity(load) * PRICES[item.price]
    return costs
