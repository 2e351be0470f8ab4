"""The page on costs is what the model says, and the model counts what the template holds."""

from __future__ import annotations

import json
import math
import re

import pytest

from scripts import cost_compared, cost_model, cost_page, cost_sagemaker
from scripts.local_template import read
from scripts.prices import PRICES, SECOND_HAND
from tests.checkout import PROJECT

TEMPLATE = read(PROJECT / "sam_template.yaml")["Resources"]


def load(predictions_a_day: float) -> cost_model.Load:
    return cost_model.Load(predictions_a_day=predictions_a_day, state_kb=12, memory_kb=7)


def test_the_page_is_what_the_model_says() -> None:
    assert (PROJECT / "docs" / "cost.md").read_text() == cost_page.page(), (
        "run: python -m scripts.cost --write"
    )


def test_the_readme_quotes_the_table() -> None:
    found = re.search(
        r"About (\d+) dollars a month idle, (\d+) at 100,000 predictions a day, (\d+) at a million",
        (PROJECT / "README.md").read_text(),
    )
    assert found is not None
    costs = [cost_page.total(number) for number in (0, 100_000, 1_000_000)]
    assert [int(number) for number in found.groups()] == [round(number) for number in costs]


def test_sizes_come_from_the_benchmark() -> None:
    sizes = json.loads(cost_compared.MEASURED.read_text())["evaluator"]["facts"]["stored_bytes"]
    used = cost_compared.load_of(1e6)
    assert used.state_kb == math.ceil(sizes["10"]["state"] / 1024)
    assert used.memory_kb == math.ceil(sizes["10"]["memory"] / 1024)
    for features, one in sizes.items():
        told = f"{one['state'] / 1000:.0f} and {one['memory'] / 1000:.0f} kB at {features}"
        assert told in (PROJECT / "docs" / "cost.md").read_text()
        assert one["state"] + one["memory"] < 400_000  # two items of DynamoDB, with room
    decision = (PROJECT / "docs" / "decisions" / "0005-charts-beside-the-cursor.md").read_text()
    found = re.search(r"(\d+) kB for ten features, (\d+) kB for 50", decision)
    assert found is not None
    assert [int(n) for n in found.groups()] == [round(sizes[n]["memory"] / 1000) for n in ("10", "50")]
    with pytest.raises(LookupError, match="11 features"):
        cost_compared.stored_kb(11)


def test_the_alarms_are_all_counted() -> None:
    alarms = [resource for resource in TEMPLATE.values() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    watched = [
        sum("MetricStat" in metric for metric in alarm["Properties"].get("Metrics", [])) or 1
        for alarm in alarms
    ]
    assert sum(watched) == cost_model.ALARM_METRICS


def test_the_functions_are_all_counted_with_their_memory() -> None:
    memory = [
        resource["Properties"]["MemorySize"] / 1024
        for resource in TEMPLATE.values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    assert sorted(memory) == sorted(function.gb for function in cost_model.FUNCTIONS)


def test_the_template_has_what_is_priced() -> None:
    stream = TEMPLATE["PredictionStream"]["Properties"]
    assert stream["StreamModeDetails"]["StreamMode"] == "PROVISIONED"
    assert stream["RetentionPeriodHours"] > 24
    assert TEMPLATE["WindowTable"]["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_each_price_is_used_and_marked_if_it_is_second_hand() -> None:
    used = {item.price for item in (*cost_model.ITEMS, *cost_sagemaker.ITEMS)}
    assert used == set(PRICES)
    stars = re.findall(r"^\| (.+) \* \|", cost_page.prices(), re.MULTILINE)
    assert set(stars) == SECOND_HAND


@pytest.mark.parametrize(
    ("predictions", "shards"), [(0, 1), (10_000_000, 1), (28_000_000, 1), (40_000_000, 2), (100_000_000, 4)]
)
def test_shards_hold_the_busiest_second(predictions: int, shards: int) -> None:
    one = load(predictions)
    assert one.shards == shards
    assert one.shards * cost_model.SHARD_RECORDS >= predictions / 86_400 * one.peak


@pytest.mark.parametrize("items", [cost_model.ITEMS, cost_sagemaker.ITEMS], ids=["ours", "instances"])
def test_more_traffic_costs_more_and_less_for_each(items: tuple[cost_model.Item, ...]) -> None:
    costs = [sum(cost_model.monthly(load(number), items).values()) for number in cost_page.A_DAY]
    assert costs == sorted(costs)
    each = [total / number for total, number in zip(costs[1:], cost_page.A_DAY[1:], strict=True)]
    assert each == sorted(each, reverse=True)


def test_instances_answer_the_busiest_second() -> None:
    assert cost_sagemaker.instances(load(0)) == 1
    busy = load(10_000_000_000 / 30)
    number = cost_sagemaker.instances(busy)
    needed = busy.requests / cost_model.SECONDS * busy.peak / cost_sagemaker.REQUESTS_A_SECOND
    assert number - 1 < needed <= number


def test_the_order_changes_at_the_crossover_and_not_before() -> None:
    found = cost_compared.crossover()
    assert found is not None

    def cheaper(predictions: float) -> bool:
        ours, theirs = cost_compared.both(predictions)
        return sum(ours.values()) < sum(theirs.values())

    assert all(cheaper(share * found) for share in (0.001, 0.01, 0.1, 0.5, 0.99))
    assert not cheaper(1.01 * found)
    assert f"{round(found / 10 ** (len(str(int(found))) - 2)):g}"[:2] in cost_page.crossing()


def test_without_a_change_of_sign_there_is_no_crossover() -> None:
    assert cost_compared.root(lambda _: -1.0, 5, 11) is None
