"""The page on costs is what the formula says, and the formula counts what the template holds."""

from __future__ import annotations

import re

import pytest

from scripts import cost
from scripts.local_template import read
from tests.checkout import PROJECT

TEMPLATE = read(PROJECT / "sam_template.yaml")["Resources"]


def test_the_page_holds_the_tables() -> None:
    page = (PROJECT / "docs" / "cost.md").read_text()
    assert cost.table() in page
    assert cost.prices() in page


def test_the_readme_quotes_the_table() -> None:
    found = re.search(
        r"About (\d+) dollars a month idle, (\d+) at 100,000 predictions a day, (\d+) at a million",
        (PROJECT / "README.md").read_text(),
    )
    assert found is not None
    costs = [sum(cost.monthly(cost.Load(predictions_a_day=n)).values()) for n in (0, 100_000, 1_000_000)]
    assert [int(number) for number in found.groups()] == [round(number) for number in costs]


def test_the_alarms_are_all_counted() -> None:
    alarms = [resource for resource in TEMPLATE.values() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    watched = [
        sum("MetricStat" in metric for metric in alarm["Properties"].get("Metrics", [])) or 1
        for alarm in alarms
    ]
    assert sum(watched) == cost.ALARM_METRICS


def test_the_template_has_what_is_priced() -> None:
    stream = TEMPLATE["PredictionStream"]["Properties"]
    assert stream["StreamModeDetails"]["StreamMode"] == "PROVISIONED"
    assert stream["RetentionPeriodHours"] > 24
    assert TEMPLATE["WindowTable"]["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert TEMPLATE["IngestFunction"]["Properties"]["MemorySize"] == 1024
    assert TEMPLATE["ConsumerFunction"]["Properties"]["MemorySize"] == 1769
    assert TEMPLATE["EvaluatorFunction"]["Properties"]["MemorySize"] == 1769


@pytest.mark.parametrize(
    ("predictions", "shards"), [(0, 1), (10_000_000, 1), (28_000_000, 1), (40_000_000, 2), (100_000_000, 4)]
)
def test_shards_hold_the_busiest_second(predictions: int, shards: int) -> None:
    load = cost.Load(predictions_a_day=predictions)
    assert load.shards == shards
    assert load.shards * cost.SHARD_RECORDS >= predictions / 86_400 * load.peak


def test_more_traffic_costs_more_and_less_for_each() -> None:
    costs = [sum(cost.monthly(cost.Load(predictions_a_day=n)).values()) for n in cost.LOADS]
    assert costs == sorted(costs)
    each = [total / number for total, number in zip(costs[1:], cost.LOADS[1:], strict=True)]
    assert each == sorted(each, reverse=True)
