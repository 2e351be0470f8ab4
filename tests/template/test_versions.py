"""Deployments are safe: callers invoke an alias, ingest's moves gradually and goes back on alarms."""

import copy
from typing import Any

import pytest

from tests.template.transform import Resources, from_sam, of_type, transformed

CALLED = {
    "IngestFunction": {"PredictionApi", "ApiInvokesIngest"},
    "ConsumerFunction": {"ConsumerFunctionStream"},
    "EvaluatorFunction": {"EvaluatorSchedule", "EvaluatorScheduleRole"},
    "QualityFunction": {"QualitySchedule", "QualityScheduleRole"},
    "AlertFunction": {
        "AlertSchedule",
        "AlertScheduleRole",
        "AlarmsReachAlerts",
        "AlarmTopicInvokesAlerts",
    },
}
"""What invokes each function, or is allowed to."""

OF_THE_FUNCTION_ITSELF = {
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",  # has the alias as its qualifier
    "AWS::CloudWatch::Alarm",  # its metrics are those of all versions together
    "AWS::CloudWatch::Dashboard",
}


@pytest.fixture(scope="module")
def created() -> Resources:
    return transformed()


def referring(resources: Resources, name: str) -> set[str]:
    """Resources that refer to another one."""
    return {other for other, found in resources.items() if name in references(found)}


def references(value: Any) -> set[str]:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return {name}
        case {"Fn::Sub": str(text)}:
            return {part.partition("}")[0].partition(".")[0] for part in text.split("${")[1:]}
        case dict():
            return set().union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
    return set()


@pytest.mark.parametrize("function", CALLED)
def test_callers_invoke_the_alias_and_nothing_else(created: Resources, function: str) -> None:
    alias = f"{function}Aliaslive"
    assert {name for name in referring(created, alias) if name != f"{function}EventInvokeConfig"} == CALLED[
        function
    ]
    direct = {created[name]["Type"] for name in referring(created, function)}
    assert direct <= OF_THE_FUNCTION_ITSELF | ({"AWS::IAM::Role"} if function == "IngestFunction" else set())


@pytest.mark.parametrize("function", CALLED)
def test_an_alias_points_to_the_version_of_this_deployment(created: Resources, function: str) -> None:
    alias = created[f"{function}Aliaslive"]["Properties"]
    version = alias["FunctionVersion"]["Fn::GetAtt"][0]
    assert created[version]["Properties"]["FunctionName"] == {"Ref": function}
    assert created[version]["DeletionPolicy"] == "Retain"  # what is rolled back to must be there
    assert (alias["Name"], alias["FunctionName"]) == ("live", {"Ref": function})


@pytest.mark.parametrize("function", CALLED)
def test_a_changed_parameter_makes_a_new_version(
    template: dict[str, Any], created: Resources, function: str
) -> None:
    """SAM makes one when code or template change, but looks into no parameter: without this, a stack's new
    parameter would change the function and the alias would go on invoking the old version. CloudFormation
    replaces a version whose description changes."""
    described = {**template["Globals"]["Function"], **template["Resources"][function]["Properties"]}
    settings = {name: described[name] for name in ("Environment", "Architectures", "KmsKeyArn")}
    parameters = references(settings) & set(template["Parameters"])
    assert parameters == references(described["VersionDescription"])
    alias = created[f"{function}Aliaslive"]["Properties"]
    version = created[alias["FunctionVersion"]["Fn::GetAtt"][0]]["Properties"]
    assert version["Description"] == described["VersionDescription"]


def test_a_changed_setting_makes_a_new_version(template: dict[str, Any], created: Resources) -> None:
    """Not only changed code: else a setting would change under the version that is gone back to."""
    changed = copy.deepcopy(template)
    for function in CALLED:
        changed["Resources"][function]["Properties"]["MemorySize"] += 1
    after = from_sam(changed)
    for alias in (f"{function}Aliaslive" for function in CALLED):
        assert (
            created[alias]["Properties"]["FunctionVersion"] != after[alias]["Properties"]["FunctionVersion"]
        )


@pytest.mark.parametrize("function", ["EvaluatorFunction", "QualityFunction"])
def test_only_one_judgement_runs_whatever_the_version(created: Resources, function: str) -> None:
    assert created[function]["Properties"]["ReservedConcurrentExecutions"] == 1
    config = created[f"{function}EventInvokeConfig"]["Properties"]
    assert (config["Qualifier"], config["MaximumRetryAttempts"]) == ("live", 0)


# ---- ingest moves gradually ----


def test_ingest_moves_by_codedeploy_and_the_others_at_once(created: Resources) -> None:
    moved = [name for name, found in created.items() if "UpdatePolicy" in found]
    assert moved == [
        "IngestFunctionAliaslive"
    ]  # only an update of the alias: a first deployment needs no CodeDeploy
    assert created["IngestFunctionAliaslive"]["UpdatePolicy"] == {
        "CodeDeployLambdaAliasUpdate": {
            "ApplicationName": {"Ref": "ServerlessDeploymentApplication"},
            "DeploymentGroupName": {"Ref": "IngestFunctionDeploymentGroup"},
        }
    }


@pytest.mark.parametrize("kind", ["Canary10Percent5Minutes", "Linear10PercentEvery1Minute", "AllAtOnce"])
def test_the_way_of_moving_is_the_parameters(kind: str) -> None:
    group = transformed(IngestDeployment=kind)["IngestFunctionDeploymentGroup"]["Properties"]
    assert group["DeploymentConfigName"] == {
        "Fn::Sub": ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": kind}]
    }


def test_a_deployment_goes_back_on_the_alarms_that_a_bad_version_raises(created: Resources) -> None:
    group = created["IngestFunctionDeploymentGroup"]["Properties"]
    assert group["AutoRollbackConfiguration"] == {
        "Enabled": True,
        "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
    }
    names = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
    assert group["AlarmConfiguration"]["Enabled"] is True
    assert names == [
        "NewVersionAlarm",
        "ErrorRateAlarm",
        "CaptureFailedAlarm",
        "CaptureLostAlarm",
        "BundleRefusedAlarm",
    ]
    for name in names:
        alarm = created[name]["Properties"]
        periods = [
            alarm.get("Period"),
            *(m["MetricStat"]["Period"] for m in alarm.get("Metrics", []) if "MetricStat" in m),
        ]
        longest = max(period for period in periods if period)
        assert longest * alarm["EvaluationPeriods"] <= 300, name  # it must speak within the shortest canary


def test_all_at_once_deploys_while_an_alarm_is_raised() -> None:
    """Else a version that repairs what the alarm tells of could not be deployed."""
    group = transformed(IngestDeployment="AllAtOnce")["IngestFunctionDeploymentGroup"]["Properties"]
    assert group["AlarmConfiguration"] == {}


def test_the_new_version_is_watched_alone(created: Resources) -> None:
    alarm = created["NewVersionAlarm"]["Properties"]
    version = created["IngestFunctionAliaslive"]["Properties"]["FunctionVersion"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
    assert alarm["Dimensions"] == [
        {"Name": "FunctionName", "Value": {"Ref": "IngestFunction"}},
        {"Name": "Resource", "Value": {"Fn::Sub": "${IngestFunction}:live"}},
        {"Name": "ExecutedVersion", "Value": version},
    ]


def test_codedeploy_moves_this_alias_and_reads_alarms(created: Resources) -> None:
    assert created["IngestFunctionDeploymentGroup"]["Properties"]["ServiceRoleArn"] == {
        "Fn::GetAtt": ["IngestDeploymentRole", "Arn"]
    }
    assert (
        "CodeDeployServiceRole" not in created
    )  # SAM's own role may invoke functions and publish to any topic
    (policy,) = created["IngestDeploymentRole"]["Properties"]["Policies"]
    shift, watch = policy["PolicyDocument"]["Statement"]
    assert set(shift["Action"]) == {
        "lambda:GetAlias",
        "lambda:UpdateAlias",
        "lambda:GetProvisionedConcurrencyConfig",
    }
    assert shift["Resource"] == [
        {"Fn::GetAtt": ["IngestFunction", "Arn"]},
        {"Fn::Sub": "${IngestFunction.Arn}:*"},
    ]
    assert (watch["Action"], watch["Resource"]) == ("cloudwatch:DescribeAlarms", "*")


def test_alarms_and_the_dashboard_see_all_versions_together(created: Resources) -> None:
    """Lambda counts a function's invocations under its name, whatever version an alias chose."""
    for name, alarm in of_type(created, "AWS::CloudWatch::Alarm").items():
        watched = [alarm, *(m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m)]
        for metric in watched:
            dimensions = [one["Name"] for one in metric.get("Dimensions", [])]
            if "FunctionName" in dimensions and name != "NewVersionAlarm":
                assert dimensions == ["FunctionName"], name
