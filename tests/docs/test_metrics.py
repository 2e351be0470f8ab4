"""docs/metrics.md, the code, the alarms, the dashboard and the model of costs tell of the same metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from scripts import cost_model
from scripts.prices import PRICES
from tests import emitted
from tests.checkout import PROJECT
from tests.template import watched
from tests.template.watched import Watched

TEXT = (PROJECT / "docs" / "metrics.md").read_text()
PRICE = PRICES["CloudWatch custom metric"]
OF_SHADOW = {"ShadowDriftScore", "ShadowFailed"}
"""Told only while a challenger is in shadow."""


def rows(columns: int) -> list[list[str]]:
    """The cells of all rows that begin with a metric and have so many cells."""
    found = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in TEXT.splitlines()
        if line.startswith("| `")
    ]
    return [cells for cells in found if len(cells) == columns]


OURS = rows(6)
OF_AWS = rows(4)


def documented() -> dict[Watched, tuple[set[str], str]]:
    """Every metric with its alarms and its section of the dashboard."""
    found = {}
    for name, _, dimensions, _, alarms, section in OURS:
        found[metric("Driftline " + name.strip("`"), dimensions)] = (listed(alarms), section)
    for name, dimensions, alarms, section in OF_AWS:
        found[metric(name.strip("`"), dimensions)] = (listed(alarms), section)
    return found


def metric(name: str, dimensions: str) -> Watched:
    namespace, _, of = name.partition(" ")
    return Watched(namespace, of, tuple(sorted(dimensions.split(", "))))


def listed(cell: str) -> set[str]:
    return set() if cell == "–" else set(cell.split(", "))


def test_what_is_documented_is_emitted_and_the_other_way_round() -> None:
    told = {(one.name, one.unit, ", ".join(one.dimensions)) for one in emitted.runs().emitted}
    assert {(name.strip("`"), unit, dimensions) for name, unit, dimensions, *_ in OURS} == told
    assert len(OURS) == len(told)


def test_alarms_and_page_name_each_other() -> None:
    by_metric: dict[Watched, set[str]] = {}
    for name, alarm in watched.alarms().items():
        for one in watched.by_alarm(alarm):
            by_metric.setdefault(one, set()).add(name)
    assert {one: alarms for one, (alarms, _) in documented().items() if alarms} == by_metric


def test_each_is_drawn_in_the_section_that_the_page_says() -> None:
    drawn: dict[Watched, set[str]] = {}
    for section, widgets in sections():
        for widget in widgets:
            for one in watched.by_widget(widget):
                if one.name != "*":
                    drawn.setdefault(one, set()).add(section)
    assert {one: {section} for one, (_, section) in documented().items() if section != "–"} == drawn


def sections() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """The widgets below each heading of the dashboard, by their place."""
    widgets = watched.body()["widgets"]
    heads = [
        (widget["y"], widget["properties"]["markdown"].removeprefix("## "))
        for widget in widgets
        if widget["properties"].get("markdown", "").startswith("## ")
    ]
    ends = [*(y for y, _ in heads[1:]), 10**6]
    for (y, name), end in zip(heads, ends, strict=True):
        yield name, [widget for widget in widgets if y < widget["y"] < end]


def test_the_model_of_costs_counts_the_same() -> None:
    of_model = {one.name for one in emitted.runs().emitted if one.dimensions == ("ModelName",)}
    assert len(of_model - OF_SHADOW) + cost_model.MAPPING_METRICS == cost_model.MODEL_METRICS
    of_feature = [one for one in emitted.runs().emitted if "Feature" in one.dimensions]
    assert len(of_feature) == 1  # `cost_model.ITEMS` adds the number of features once


def test_the_alarms_watch_as_many_as_the_page_and_the_model_of_costs_say() -> None:
    watching = sum(len(list(watched.by_alarm(alarm))) for alarm in watched.alarms().values())
    assert watching == cost_model.ALARM_METRICS
    assert f"the alarms watch {watching} metrics at" in TEXT


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ("of the model", cost_model.MODEL_METRICS - cost_model.MAPPING_METRICS),
        ("of the event source mapping", cost_model.MAPPING_METRICS),
        ("of each feature", 1),
        ("of a challenger, while it is in shadow", len(OF_SHADOW)),
        ("**10 features**", cost_model.MODEL_METRICS + 10),
        ("**50 features**", cost_model.MODEL_METRICS + 50),
        ("**200 features**, the most there can be", cost_model.MODEL_METRICS + 200),
    ],
)
def test_the_sums_are_right(row: str, number: int) -> None:
    found = re.search(rf"^\| {re.escape(row)} \| (\d+) \| ([\d.]+) \|$", TEXT, re.MULTILINE)
    assert found is not None
    assert int(found[1]) == number
    assert float(found[2]) == pytest.approx(number * PRICE)
