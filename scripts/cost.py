"""What a stack costs in a month, from list prices; docs/cost.md holds what this prints."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import typer

DAYS = 30
HOURS = DAYS * 24
SECONDS = HOURS * 3600

PRICES = {
    "API Gateway, REST request": 3.50e-6,
    "Lambda request": 0.20e-6,
    "Lambda GB-second, x86_64": 1.66667e-5,
    "Kinesis shard-hour": 0.015,
    "Kinesis shard-hour of retention beyond 24 hours": 0.020,
    "Kinesis put of up to 25 KB": 0.014e-6,
    "DynamoDB write of 1 KB, on demand": 0.625e-6,
    "DynamoDB read of 4 KB, on demand": 0.125e-6,
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
}
"""List prices of us-east-1 in USD, without free tiers."""

ALARM_METRICS = 18
"""Metrics that the template's alarms watch; two alarms watch two."""

MODEL_METRICS = 7 + 5 + 7 + 1
"""Custom metrics of a model: of verdicts, of the API, of the event source mapping, and of the reconciler. A
feature adds one."""

SHARD_RECORDS = 1000
"""Records a second that a shard takes."""

LOADS = (0, 10_000, 100_000, 1_000_000, 10_000_000)
"""Predictions a day in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a model has to do; the defaults are measured in the demo or set in the template.

    Attributes
    ----------
    peak : busiest second against the mean one.
    ingest_ms, consumer_ms, evaluator_ms, reconciler_ms : billed for a request, a batch, a run.
    footer_ms : billed beside, for each object that the reconciler looks at.
    classifier_ms : billed beside, for each hour and each day.
    state_kb, memory_kb : a window's state and the charts in DynamoDB.
    row_bytes : an archived row as Parquet.
    log_bytes : written for one request, by the function and the API.
    archive_days : for how long rows are kept.
    """

    predictions_a_day: int
    instances: int = 10
    features: int = 10
    window_seconds: int = 300
    batching_seconds: int = 10
    peak: float = 3.0
    ingest_ms: int = 25
    consumer_ms: int = 500
    evaluator_ms: int = 200
    reconciler_ms: int = 300
    footer_ms: int = 2
    classifier_ms: int = 1_500
    state_kb: int = 11
    memory_kb: int = 4
    row_bytes: int = 58
    log_bytes: int = 1_300
    archive_days: int = 365

    @property
    def predictions(self) -> int:
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


def monthly(load: Load) -> dict[str, float]:
    """USD in a month, by service."""
    price = PRICES
    runs = SECONDS / 60
    verdicts = min(load.requests, SECONDS / load.window_seconds)
    spans = min(load.requests, HOURS + DAYS)
    traces = _traced(load.requests) + _traced(load.batches) + _traced(runs) + _traced(HOURS)
    gb_seconds = (
        load.requests * load.ingest_ms / 1000 * 1.0
        + load.batches * load.consumer_ms / 1000 * 1769 / 1024
        + (runs * load.evaluator_ms + spans * load.classifier_ms) / 1000 * 1769 / 1024
        + (HOURS * load.reconciler_ms + load.batches * load.footer_ms) / 1000 * 1.0
    )
    return {
        "API Gateway": load.requests * price["API Gateway, REST request"],
        "Lambda": (load.requests + load.batches + runs + HOURS) * price["Lambda request"]
        + gb_seconds * price["Lambda GB-second, x86_64"],
        "Kinesis": load.shards
        * HOURS
        * (price["Kinesis shard-hour"] + price["Kinesis shard-hour of retention beyond 24 hours"])
        + load.predictions * price["Kinesis put of up to 25 KB"],
        "DynamoDB": load.batches
        * (
            (load.state_kb + 1) * price["DynamoDB write of 1 KB, on demand"]
            + load.state_kb / 4 * price["DynamoDB read of 4 KB, on demand"]
        )
        # A window is read for its own verdict, for its hour's and for its day's.
        # The reconciler reads it once more, and writes a mark and takes it off.
        + (runs * (1 + load.memory_kb / 4) + HOURS * 3 + verdicts * 4 * load.state_kb / 4)
        * price["DynamoDB read of 4 KB, on demand"]
        # A transaction writes twice: the cursor with the charts, and what was judged.
        + (verdicts * (2 * load.state_kb + 3) + (verdicts + spans) * 2 * (load.memory_kb + 2))
        * price["DynamoDB write of 1 KB, on demand"],
        # The reconciler lists each hour of windows, reads the end of each object and writes the counts.
        "S3": (load.batches + verdicts + 4 * min(load.requests, HOURS)) * price["S3 put"]
        + load.batches * price["S3 get"]
        + load.predictions / DAYS * load.archive_days * load.row_bytes / 1e9 * price["S3 GB-month"],
        "CloudWatch": (MODEL_METRICS + load.features) * price["CloudWatch custom metric"]
        + ALARM_METRICS * price["CloudWatch metric watched by an alarm"]
        + price["CloudWatch composite alarm"]
        + price["CloudWatch dashboard"]
        + (verdicts + HOURS) * price["CloudWatch PutMetricData call"]
        + (load.requests * load.log_bytes + (load.batches + runs + HOURS) * 800)
        / 1e9
        * price["CloudWatch Logs GB"],
        "X-Ray": traces * price["X-Ray trace"],
    }


def _traced(calls: float) -> float:
    """X-Ray's default rule: the first call of a second, and 5 % of the others."""
    first = min(calls, SECONDS)
    return first + 0.05 * (calls - first)


def table() -> str:
    """The costs of `LOADS` as a Markdown table."""
    columns = [monthly(Load(predictions_a_day=number)) for number in LOADS]
    lines = [
        "| USD a month | " + " | ".join(f"{number:,} a day" if number else "idle" for number in LOADS) + " |",
        "|---|" + "---:|" * len(LOADS),
    ]
    lines += [
        f"| {service} | " + " | ".join(f"{column[service]:,.2f}" for column in columns) + " |"
        for service in columns[0]
    ]
    lines.append("| **all** | " + " | ".join(f"**{sum(column.values()):,.0f}**" for column in columns) + " |")
    lines.append(
        "| for a million predictions | "
        + " | ".join(
            f"{sum(column.values()) / number / DAYS * 1e6:,.2f}" if number else ""
            for number, column in zip(LOADS, columns, strict=True)
        )
        + " |"
    )
    return "\n".join(lines) + "\n"


def prices() -> str:
    """The unit prices as a Markdown table."""
    rows = [f"| {name} | {price:.10f}".rstrip("0").rstrip(".") + " |" for name, price in PRICES.items()]
    return "\n".join(["| unit | USD |", "|---|---:|", *rows]) + "\n"


app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def cost() -> None:
    """Print both tables."""
    sys.stdout.write(f"{table()}\n{prices()}")


if __name__ == "__main__":
    app(prog_name="python -m scripts.cost")
