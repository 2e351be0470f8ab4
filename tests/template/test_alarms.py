"""Alarms: what they watch exists, and their text helps whoever is woken."""

import importlib.util
import json
import re
from typing import Any

import pytest
from typer.main import get_group

from drift_core.causes import ALARMS as CAUSES
from ingest_lambda.metrics import Count
from scripts import redrive
from scripts.local_template import read
from scripts.question import question_names
from scripts.stack import PROJECT

RESOURCES = read(PROJECT / "sam_template.yaml")["Resources"]
ALARMS = {name: found["Properties"] for name, found in RESOURCES.items() if name.endswith("Alarm")}
MODEL = [{"Name": "ModelName", "Value": {"Ref": "ModelName"}}]


def text_of(value: Any) -> str:
    found: str = value["Fn::Sub"] if isinstance(value, dict) else value
    return found


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_happened_where_to_look_and_what_to_do(name: str) -> None:
    alarm = ALARMS[name]
    assert text_of(alarm["AlarmName"]).startswith("driftline-${ModelName}-")
    assert re.fullmatch(r".+\. Look: .+\. Do: .+\.", text_of(alarm["AlarmDescription"]).strip())
    assert len(text_of(alarm["AlarmDescription"])) < 1024 - 100  # CloudWatch's limit, and room for names
    if name != "IncidentAlarm":
        told = ["AlarmTopic", "IncidentTopic"] if name == "AlertsAlarm" else ["AlarmTopic"]
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic} for topic in told]
        assert "TreatMissingData" in alarm


@pytest.mark.parametrize("name", ALARMS)
def test_the_commands_in_an_alarms_text_exist(name: str) -> None:
    commands = re.findall(r"python -m ([\w.]+)(?: ([a-z_]+))?", text_of(ALARMS[name]["AlarmDescription"]))
    for module, word in commands:
        assert importlib.util.find_spec(module) is not None, module
        if module == "scripts.query":
            assert word in question_names()
        elif module == "scripts.redrive":
            assert word in get_group(redrive.app).commands


def test_alarms_name_both_ways_back() -> None:
    text = " ".join(text_of(alarm["AlarmDescription"]) for alarm in ALARMS.values())
    assert set(re.findall(r"scripts.redrive (\w+)", text)) == {"queue", "batches"}


@pytest.mark.parametrize(
    ("name", "metric", "statistic", "comparison", "threshold"),
    [
        ("DriftAlarm", "DriftScore", "Maximum", "GreaterThanThreshold", 1),
        ("GrossShiftAlarm", "MeanShiftSigma", "Maximum", "GreaterThanThreshold", {"Ref": "DriftThreshold"}),
        (
            "PredictionRangeAlarm",
            "OutOfRangePredictionPercent",
            "Maximum",
            "GreaterThanThreshold",
            {"Ref": "OutOfRangePercent"},
        ),
        ("QuarantineAlarm", "QuarantinedRecords", "Sum", "GreaterThanThreshold", 0),
        ("UnaccountedAlarm", "UnaccountedRecords", "Maximum", "GreaterThanThreshold", 0),
        ("QualityAlarm", "QualityScore", "Maximum", "GreaterThanThreshold", 1),
        ("LabelArrivalAlarm", "LabelArrivalScore", "Maximum", "GreaterThanThreshold", 1),
        ("EstimatedErrorAlarm", "EstimatedErrorScore", "Maximum", "GreaterThanThreshold", 1),
        ("AttributionAlarm", "AttributionNdcg", "Minimum", "LessThanThreshold", 0.9),
        ("AttributionShiftAlarm", "AttributionScore", "Maximum", "GreaterThanThreshold", 1),
        ("CaptureFailedAlarm", Count.CAPTURE_FAILED, "Sum", "GreaterThanThreshold", 0),
        ("CaptureLostAlarm", Count.CAPTURE_LOST, "Sum", "GreaterThanThreshold", 0),
        ("BundleRefusedAlarm", Count.BUNDLE_REFUSED, "Sum", "GreaterThanThreshold", 0),
    ],
)
def test_alarms_on_our_own_metrics(
    name: str, metric: str, statistic: str, comparison: str, threshold: object
) -> None:
    alarm = ALARMS[name]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Driftline", metric, statistic)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (comparison, threshold)
    assert alarm["Dimensions"] == MODEL


@pytest.mark.parametrize(
    "name",
    [
        "DriftAlarm",
        "GrossShiftAlarm",
        "PredictionRangeAlarm",
        "QualityAlarm",
        "LabelArrivalAlarm",
        "EstimatedErrorAlarm",
        "AttributionAlarm",
        "AttributionShiftAlarm",
    ],
)
def test_an_alarm_on_verdicts_keeps_its_state_between_windows(name: str) -> None:
    assert ALARMS[name]["TreatMissingData"] == "ignore"


def test_no_request_is_low_volume() -> None:
    alarm = ALARMS["LowVolumeAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == ("Count", "Sum", 3600)
    assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("LessThanThreshold", "breaching")
    assert alarm["Threshold"] == {"Ref": "MinimumRequestsPerHour"}
    assert RESOURCES["LowVolumeAlarm"]["Condition"] == "WatchesVolume"


def test_the_api_is_watched_under_the_name_that_it_has() -> None:
    dimensions: list[dict[str, Any]] = [
        {"Name": "ApiName", "Value": {"Fn::Sub": "driftline-${ModelName}"}},
        {"Name": "Stage", "Value": "v1"},
    ]
    api = RESOURCES["PredictionApi"]["Properties"]
    assert (api["Name"], api["StageName"]) == (dimensions[0]["Value"], "v1")
    assert api["DefinitionBody"]["info"]["title"] == api["Name"]
    assert ALARMS["LowVolumeAlarm"]["Dimensions"] == dimensions
    rate = {metric["Id"]: metric for metric in ALARMS["ErrorRateAlarm"]["Metrics"]}
    assert rate["percent"]["Expression"] == "100 * errors / requests"
    assert {rate[name]["MetricStat"]["Metric"]["MetricName"] for name in ("errors", "requests")} == {
        "5XXError",
        "Count",
    }
    assert all(
        rate[name]["MetricStat"]["Metric"]["Dimensions"] == dimensions for name in ("errors", "requests")
    )


@pytest.mark.parametrize(
    ("name", "function", "period"),
    [
        ("EvaluatorAlarm", "EvaluatorFunction", 900),
        ("QualityFunctionAlarm", "QualityFunction", 3 * 3600),
        ("AlertsAlarm", "AlertFunction", 900),
    ],
)
def test_a_function_that_does_not_run_or_always_fails_alarms(name: str, function: str, period: int) -> None:
    alarm = ALARMS[name]
    watched = {metric["Id"]: metric for metric in alarm["Metrics"]}
    good = "FILL(runs, 0) - FILL(errors, 0)"
    lost = name == "AlertsAlarm"  # one message that is lost is too many
    assert watched["good"]["Expression"] == (f"IF(FILL(failed, 0) > 0, 0, {good})" if lost else good)
    for one in (watched["runs"]["MetricStat"], watched["errors"]["MetricStat"]):
        assert one["Metric"]["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
        assert one["Period"] == period
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"


def test_every_alarm_has_a_cause_and_every_cause_its_alarms() -> None:
    names = {text_of(alarm["AlarmName"]).removeprefix("driftline-${ModelName}-") for alarm in ALARMS.values()}
    assert names - {"incident"} == {alarm for alarms in CAUSES.values() for alarm in alarms}
    sections = re.findall(r"^## (.+)$", (PROJECT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert names <= set(sections)  # to which messages lead


def test_people_hear_of_the_alert_function_without_it() -> None:
    lost = next(one for one in ALARMS["AlertsAlarm"]["Metrics"] if one["Id"] == "failed")
    assert lost["MetricStat"]["Metric"]["MetricName"] == "AlertsFailed"
    assert '"AlertsFailed"' in (PROJECT / "drift_consumer" / "alert.py").read_text()
    subscribed = RESOURCES["IncidentSubscription"]["Properties"]
    assert (subscribed["TopicArn"], subscribed["Protocol"]) == ({"Ref": "IncidentTopic"}, "email")
    assert RESOURCES["AlarmsReachAlerts"]["Properties"]["TopicArn"] == {"Ref": "AlarmTopic"}


def test_a_reconciler_that_does_not_publish_alarms() -> None:
    """It publishes every hour, 0 too; and it publishes nothing where it could not look."""
    alarm = ALARMS["UnaccountedAlarm"]
    assert (alarm["Period"], alarm["TreatMissingData"]) == (3 * 3600, "breaching")
    assert RESOURCES["ReconcilerSchedule"]["Properties"]["ScheduleExpression"] == "rate(1 hour)"


def test_batches_put_aside_alarm_under_the_mappings_id() -> None:
    alarm = ALARMS["FailedBatchesAlarm"]
    assert alarm["MetricName"] == "OnFailureDestinationDeliveredEventCount"  # needs MetricsConfig EventCount
    assert alarm["Dimensions"] == [
        {"Name": "EventSourceMappingUUID", "Value": {"Ref": "ConsumerFunctionStream"}}
    ]


def test_the_incident_holds_every_other_alarm() -> None:
    rule = json.dumps(ALARMS["IncidentAlarm"]["AlarmRule"])
    assert set(re.findall(r"\$\{(\w+)\}", rule)) == set(ALARMS) - {"IncidentAlarm"}


def test_alarms_may_publish_and_only_those_of_the_account() -> None:
    allowed, denied = RESOURCES["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
