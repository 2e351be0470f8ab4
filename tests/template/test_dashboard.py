"""The dashboard: it can be drawn, and all that it and the alarms name is really told to CloudWatch."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from scripts.prices import PRICES
from tests import emitted
from tests.template import watched
from tests.template.watched import RESOURCES, Watched

WIDGETS: list[dict[str, Any]] = watched.body()["widgets"]
METRICS = [widget for widget in WIDGETS if widget["type"] == "metric"]
TEXTS = [widget["properties"]["markdown"] for widget in WIDGETS if widget["type"] == "text"]

API = ("ApiName", "Stage")
FUNCTION = ("FunctionName",)

OF_AWS: dict[str, dict[str, list[tuple[str, ...]]]] = {
    "AWS/ApiGateway": {"Count": [API], "4XXError": [API], "5XXError": [API], "Latency": [API]},
    "AWS/CodeBuild": {"FailedBuilds": [("ProjectName",)]},
    "AWS/Events": {"FailedInvocations": [("RuleName",)]},
    "AWS/Kinesis": {
        "IncomingRecords": [("StreamName",)],
        "WriteProvisionedThroughputExceeded": [("StreamName",)],
    },
    "AWS/Lambda": {
        "DestinationDeliveryFailures": [FUNCTION],
        "Duration": [FUNCTION],
        "Errors": [FUNCTION, ("ExecutedVersion", "FunctionName", "Resource")],
        "Invocations": [FUNCTION],
        "IteratorAge": [FUNCTION],
        "OnFailureDestinationDeliveredEventCount": [("EventSourceMappingUUID",)],
    },
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible": [("QueueName",)]},
    "AWS/Usage": {"CallCount": [("Class", "Resource", "Service", "Type")]},
}
"""Metrics of AWS that are used, with the dimensions under which AWS documents them."""

VALUES = {
    "Stage": "v1",
    "Type": "API",
    "Resource": "PutMetricData",
    "Service": "CloudWatch",
    "Class": "None",
    "ApiName": "driftline-m",
    "ModelName": "m",
}
"""Values of dimensions that are no resource of the template."""

KINDS = {
    "StreamName": "AWS::Kinesis::Stream",
    "FunctionName": "AWS::Serverless::Function",
    "ProjectName": "AWS::CodeBuild::Project",
    "RuleName": "AWS::Events::Rule",
}
"""Types of the resources whose `Ref` is the value of a dimension."""

GIVEN = {"QueueName": {"FallbackQueue.QueueName"}, "EventSourceMappingUUID": {"ConsumerFunctionStream"}}
"""Other values that the template knows: an attribute, and a resource that SAM makes of an event."""


def by_widgets() -> set[Watched]:
    return {metric for widget in WIDGETS for metric in watched.by_widget(widget)}


def by_alarms() -> set[Watched]:
    return {metric for alarm in watched.alarms().values() for metric in watched.by_alarm(alarm)}


def told() -> set[Watched]:
    return {Watched("Driftline", one.name, tuple(sorted(one.dimensions))) for one in emitted.runs().emitted}


# ---- what is named is told ----


def test_the_runs_come_to_every_line_that_makes_a_metric() -> None:
    assert emitted.unseen() == set()
    assert emitted.uncounted() == set()


@pytest.mark.parametrize("named", [by_widgets, by_alarms])
def test_each_metric_of_ours_that_is_named_is_emitted_with_these_dimensions(named: Any) -> None:
    ours = {metric for metric in named() if metric.namespace == "Driftline" and metric.name != "*"}
    assert ours
    assert ours - told() == set()


def test_each_metric_of_aws_is_one_that_is_documented() -> None:
    used = {metric for metric in by_widgets() | by_alarms() if metric.namespace != "Driftline"}
    documented = {
        Watched(namespace, name, dimensions)
        for namespace, metrics in OF_AWS.items()
        for name, ways in metrics.items()
        for dimensions in ways
    }
    assert used == documented


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    assert told() - by_widgets() == set()


def test_every_metric_that_alarms_is_on_the_dashboard() -> None:
    shown = {(metric.namespace, metric.name) for metric in by_widgets()}
    not_shown = {(metric.namespace, metric.name) for metric in by_alarms()} - shown
    assert not_shown == {("AWS/Lambda", "Invocations")}  # that a judge does not run shows as no verdicts


def test_the_dimensions_have_the_values_of_this_stack() -> None:
    for widget in METRICS:
        for row in watched.rows(widget):
            if isinstance(row[0], dict):
                continue
            cells = [cell for cell in row if not isinstance(cell, dict)]
            for name, value in zip(cells[2::2], cells[3::2], strict=True):
                if name in KINDS:
                    assert RESOURCES[value]["Type"] == KINDS[name], (name, value)
                else:
                    assert value == VALUES.get(name) or value in GIVEN[name], (name, value)


def test_the_errors_of_every_function_are_shown() -> None:
    functions = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::Function"}
    for metric in ("Errors", "Duration"):
        shown = {
            row[3] for widget in METRICS for row in watched.rows(widget) if row[:2] == ["AWS/Lambda", metric]
        }
        assert shown == functions


# ---- alarms ----


@pytest.mark.parametrize("volume", [True, False])
def test_the_widget_of_alarms_has_all_that_the_stack_has(volume: bool) -> None:
    [widget] = [widget for widget in watched.body(volume=volume)["widgets"] if widget["type"] == "alarm"]
    arn = "arn:AWS::Partition:cloudwatch:AWS::Region:AWS::AccountId:alarm:driftline-m-"
    names = {*watched.alarms(), "incident"} - (set() if volume else {"low-volume"})
    assert Counter(widget["properties"]["alarms"]) == Counter(arn + name for name in names)


def test_a_line_marks_the_threshold_of_each_alarm_on_a_score() -> None:
    """Whoever looks at a graph sees where its alarm is raised."""
    thresholds = {"DriftThreshold": 2.0, "OutOfRangePercent": 5}
    for name in ("drift", "gross-shift", "prediction-range", "quality", "label-arrival", "estimated-error"):
        alarm = watched.alarms()[name]
        given = alarm["Threshold"]
        wanted = thresholds[given["Ref"]] if isinstance(given, dict) else given
        shown = [
            one
            for one in METRICS
            if alarm["MetricName"] in {row[1] for row in watched.rows(one) if len(row) > 1}
        ]
        lines = [line["value"] for one in shown for line in one["properties"]["annotations"]["horizontal"]]
        assert lines == [wanted], name


# ---- how it is drawn ----


def test_the_widgets_fill_the_dashboard_without_overlap() -> None:
    cells = Counter(
        (x, y)
        for widget in WIDGETS
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    )
    height = max(widget["y"] + widget["height"] for widget in WIDGETS)
    assert set(cells.values()) == {1}
    assert set(cells) == {(x, y) for x in range(24) for y in range(height)}


def test_what_cloudwatch_limits() -> None:
    """At most 500 widgets, 500 metrics in one and 2,500 in all, for a model with 200 features."""
    features = 200
    of_search = {False: len(told()), True: features}
    drawn = [
        sum(
            of_search["Feature" in row[0].get("expression", "")] if isinstance(row[0], dict) else 1
            for row in rows
        )
        for rows in map(watched.rows, METRICS)
    ]
    assert len(WIDGETS) <= 500
    assert features < max(drawn) <= 500
    assert sum(drawn) <= 2_500


def test_sections_have_headings_and_the_first_text_says_where_to_look() -> None:
    assert TEXTS[0].startswith("# ")
    assert "docs/runbook.md" in TEXTS[0]
    assert [text for text in TEXTS if text.startswith("## ")] == [
        "## Drift",
        "## Predictions and volume",
        "## Errors and latency",
        "## Quality, once labels come",
        "## What the metrics themselves cost",
    ]


def test_every_graph_has_a_title_of_its_own_a_period_and_a_statistic() -> None:
    titles = [widget["properties"]["title"] for widget in METRICS]
    assert len(set(titles)) == len(titles)
    for widget in METRICS:
        properties = widget["properties"]
        assert properties["region"] == "AWS::Region"
        assert properties["period"] in (60, 300, 3600)
        for row in watched.rows(widget):
            options = row[-1] if isinstance(row[-1], dict) else {}
            assert "expression" in options or "stat" in {**properties, **options}, properties["title"]


# ---- what the metrics cost ----


def test_the_graph_of_costs_counts_each_series_once_at_the_list_price() -> None:
    """Each series that has a value becomes 1; the two searches share no series and leave none out."""
    [widget] = [one for one in METRICS if one["properties"]["title"].startswith("Custom metrics told")]
    expressions = {row[0]["id"]: row[0]["expression"] for row in watched.rows(widget)}
    searched = {metric.dimensions for metric in watched.by_widget(widget)}
    assert searched == {tuple(sorted(one.dimensions)) for one in emitted.runs().emitted}
    assert {name for name, text in expressions.items() if "SampleCount" in text} == {
        "of_model",
        "of_features",
    }
    assert expressions["told"] == "FILL(SUM(of_model * 0 + 1), 0) + FILL(SUM(of_features * 0 + 1), 0)"
    factor = re.fullmatch(r"([\d.]+) \* told", expressions["dollars"])
    assert factor is not None
    assert float(factor[1]) == PRICES["CloudWatch custom metric"]
    assert widget["properties"]["period"] == 3600  # a metric is paid for by the hour


def test_expressions_refer_to_what_stands_above_them() -> None:
    for widget in METRICS:
        known: set[str] = set()
        for row in watched.rows(widget):
            if isinstance(row[0], dict):
                words = set(re.findall(r"\b[a-z_]+\b", re.sub(r"'[^']*'", "", row[0]["expression"])))
                assert words <= known, row[0]
                known.add(row[0].get("id", ""))
