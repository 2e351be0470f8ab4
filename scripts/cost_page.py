"""The text of docs/cost.md around the tables of the cost model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from scripts import cost_sagemaker as instances
from scripts.cost_compared import MEASURED, both, crossover, load_of
from scripts.cost_model import ALARM_METRICS, DAYS, MODEL_METRICS, monthly
from scripts.prices import AS_OF, PRICES, SECOND_HAND

TEXT = Path(__file__).with_suffix(".md")
"""The page with a name of each number in its place."""

AS_SET = (
    "instances", "ingest_ms", "consumer_ms", "evaluator_ms", "batching_seconds", "row_bytes", "archive_days",
    "retrainings", "retraining_minutes",
)  # fmt: skip
"""Fields of `Load` that the text tells as they are."""

A_DAY = (0, 10_000, 100_000, 1_000_000, 10_000_000)
"""Predictions a day in the first table."""

A_MONTH = {1_000_000: "1 M", 100_000_000: "100 M", 10_000_000_000: "10 B"}
"""Predictions a month in the comparison."""


def page() -> str:
    """The whole page."""
    load, sizes = load_of(0), json.loads(MEASURED.read_text())["evaluator"]["facts"]["stored_bytes"]
    stored = ", ".join(
        f"{one['state'] / 1000:.0f} and {one['memory'] / 1000:.0f} kB at {features}"
        for features, one in sizes.items()
    )
    return Template(TEXT.read_text()).substitute(
        as_of=AS_OF,
        by_day=by_day(),
        compared=compared(),
        crossing=crossing(),
        prices=prices(),
        stored=stored,
        days=DAYS,
        model_metrics=MODEL_METRICS,
        alarm_metrics=ALARM_METRICS,
        classifier_s=f"{load.classifier_ms / 1000:g}",
        reconciler_s=f"{load.reconciler_ms / 1000:g}",
        footer_ms=load.footer_ms,
        log_kb=f"{load.log_bytes / 1000:g}",
        requests_a_second=instances.REQUESTS_A_SECOND,
        job_minutes=f"{instances.JOB_MINUTES:g}",
        job_records=f"{instances.JOB_RECORDS:,}",
        captured_bytes=instances.CAPTURED_BYTES,
        **{name: getattr(load, name) for name in AS_SET},
    )


def by_day() -> str:
    """Driftline's cost at the loads of `A_DAY` as a Markdown table."""
    columns = [monthly(load_of(DAYS * number)) for number in A_DAY]
    totals = [sum(column.values()) for column in columns]
    each = [
        f"{total / number / DAYS * 1e6:,.2f}" if number else ""
        for number, total in zip(A_DAY, totals, strict=True)
    ]
    return _table(
        ["USD a month", *(f"{number:,} a day" if number else "idle" for number in A_DAY)],
        [
            *([service, *(f"{column[service]:,.2f}" for column in columns)] for service in columns[0]),
            ["**all**", *(f"**{total:,.0f}**" for total in totals)],
            ["for a million predictions", *each],
        ],
    )


def compared() -> str:
    """Both at the loads of `A_MONTH`, component by component."""
    pairs = [both(number) for number in A_MONTH]
    names = [f"{name} predictions" for name in A_MONTH.values()]
    return "\n".join(
        _table(
            [title, *names],
            [
                *([service, *(f"{one[i][service]:,.2f}" for one in pairs)] for service in pairs[0][i]),
                ["**all**", *(f"**{sum(one[i].values()):,.0f}**" for one in pairs)],
            ],
        )
        for i, title in enumerate(("Driftline", "SageMaker-style"))
    )


def crossing() -> str:
    """Where the order changes, in a sentence."""
    found = crossover()
    front = frozenset({"API Gateway"})
    direct = crossover(front)
    if found is None:
        return "Driftline is the cheaper one at any traffic that was looked at."
    ours, theirs = (sum(one.values()) for one in both(found))
    rest = (
        "Without API Gateway, where callers reach the function directly, it stays the cheaper one."
        if direct is None
        else f"Without API Gateway, where callers reach the function directly, the crossover lies at "
        f"**{_millions(direct)}** a month."
    )
    return (
        f"**Above {_millions(found)} predictions a month the instances are cheaper**: both cost about "
        f"{(ours + theirs) / 2:,.0f} dollars there. What grows with each request, API Gateway first, then "
        f"outweighs instances that are busy all day.\n{rest}"
    )


def prices() -> str:
    """The unit prices as a Markdown table."""
    rows = [
        [f"{name}{' *' if name in SECOND_HAND else ''}", f"{price:.10f}".rstrip("0").rstrip(".")]
        for name, price in PRICES.items()
    ]
    return _table(["unit", "USD"], rows)


def _millions(number: float) -> str:
    """Two digits that count: 150 million."""
    digits = round(number, 2 - len(str(int(number))))
    return f"{digits / 1e6:,.0f} million" if digits >= 1e6 else f"{digits:,.0f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def total(predictions_a_day: float) -> float:
    """Driftline's USD in a month, as the README quotes them."""
    costs: Mapping[str, float] = monthly(load_of(DAYS * predictions_a_day))
    return sum(costs.values())
