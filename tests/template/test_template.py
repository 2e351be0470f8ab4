"""What the template promises and no emulator checks."""

import json
import re
from typing import Any

import pytest

from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import request_envelope
from drift_core.shadow import NO_SHADOW
from ingest_lambda.bundle import NO_BUNDLE
from ingest_lambda.feedback import LABELS_ENVELOPE
from scripts.local_template import Template

FUNCTIONS = (
    "IngestFunction",
    "ConsumerFunction",
    "EvaluatorFunction",
    "ReconcilerFunction",
    "QualityFunction",
    "AlertFunction",
)
BUCKETS = ("ModelsBucket", "ArchiveBucket", "FailedBatchesBucket")


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: found["Properties"] for name, found in resources.items() if found["Type"] == kind}


# ---- parameters ----


def test_every_parameter_is_described_grouped_and_fits_its_own_rule(template: Template) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        assert "AllowedValues" in parameter or "MinValue" in parameter or "AllowedPattern" in parameter, name
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(parameter["Default"])), name


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ModelName", "m-1", "Model"),
        ("GraceSeconds", "1", "0"),
        ("MinSamples", "30", "29"),
        ("MinSamples", "100", "030"),
        ("MinSamples", "", "1"),
        ("FalseAlarmsPerMonth", "0.5", "-1"),
        ("FalseAlarmsPerMonth", "100", "0"),
        ("FalseAlarmsPerMonth", "100.0", "0.0"),
        ("FalseAlarmsPerMonth", ".05", ".0"),
        ("FalseAlarmsPerMonth", "99.9", "100.1"),
        ("FalseAlarmsPerMonth", "10", "101"),
        ("FalseAlarmsPerMonth", "", "1e1"),
        ("AlarmEmail", "a@b.org", "a.b.org"),
        ("SlackWebhookSecret", "driftline/slack", "arn:aws:secretsmanager:us-east-1:1:secret:slack"),
        ("SlackWebhookSecret", "", "https://hooks.slack.com/services/T/B/X"),
        ("RunbookUrl", "https://wiki.example.org/runbook", "wiki.example.org"),
        ("FeatureTypes", "a:string,b:double", "a:string,b"),
        ("FeatureTypes", "new:boolean", "a:struct<b:double>"),
    ],
)
def test_patterns_of_parameters(template: Template, name: str, good: str, bad: str) -> None:
    pattern = template["Parameters"][name]["AllowedPattern"]
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


def test_windows_are_as_long_as_the_monitor_takes(template: Template) -> None:
    allowed = template["Parameters"]["WindowSeconds"]["AllowedValues"]
    assert allowed == ["", *(str(seconds) for seconds in range(10, 3601) if 3600 % seconds == 0)]
    for seconds in allowed[1:]:
        assert MonitorSettings(window_seconds=int(seconds)).window_seconds == int(seconds)


# ---- the API ----


def test_the_edge_checks_the_envelope_of_every_model(resources: dict[str, Any]) -> None:
    body = resources["PredictionApi"]["Properties"]["DefinitionBody"]
    schemas = body["components"]["schemas"]
    assert schemas["PredictRequest"] == request_envelope({"type": "object"})
    labels = schemas["FeedbackRequest"]
    assert labels["properties"]["labels"].pop("items") == {"type": "object"}
    assert labels == {**LABELS_ENVELOPE, "properties": {"labels": without_items(LABELS_ENVELOPE)}}
    validator = body["x-amazon-apigateway-request-validators"][body["x-amazon-apigateway-request-validator"]]
    assert validator["validateRequestBody"] is True


def without_items(envelope: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in envelope["properties"]["labels"].items() if key != "items"}


@pytest.mark.parametrize(
    ("path", "schema"), [("/predict", "PredictRequest"), ("/feedback", "FeedbackRequest")]
)
def test_a_body_is_required_and_checked(resources: dict[str, Any], path: str, schema: str) -> None:
    body = resources["PredictionApi"]["Properties"]["DefinitionBody"]["paths"][path]["post"]["requestBody"]
    reference = body["content"]["application/json"]["schema"]
    assert (body["required"], reference) == (True, {"$ref": f"#/components/schemas/{schema}"})


def test_what_the_edge_refuses_is_answered_as_the_function_would(resources: dict[str, Any]) -> None:
    responses = resources["PredictionApi"]["Properties"]["DefinitionBody"]
    refused = responses["x-amazon-apigateway-gateway-responses"]["BAD_REQUEST_BODY"]
    assert refused["statusCode"] == "422"
    assert list(json.loads(refused["responseTemplates"]["application/json"])) == ["message"]


def test_every_method_is_authorized_and_reaches_the_function(resources: dict[str, Any]) -> None:
    paths = resources["PredictionApi"]["Properties"]["DefinitionBody"]["paths"]
    methods = {(method, path): paths[path][method] for path in paths for method in paths[path]}
    assert set(methods) == {
        ("post", "/predict"),
        ("post", "/feedback"),
        ("get", "/model"),
        ("get", "/health"),
    }
    for described in methods.values():
        assert described["security"] == {"Fn::If": ["UseKey", [{"api_key": []}], [{"sigv4": []}]]}
        uri, names = described["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        assert uri.endswith("/functions/${Alias}/invocations")
        assert names == {"Alias": {"Ref": "IngestFunction.Alias"}}


def test_the_api_is_throttled_traced_and_logged_without_bodies(resources: dict[str, Any]) -> None:
    api = resources["PredictionApi"]["Properties"]
    settings = api["MethodSettings"][0]
    assert settings["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "ThrottleBurst"}
    assert "LoggingLevel" not in settings  # execution logs may hold bodies
    assert api["TracingEnabled"] is True
    logged = json.loads(api["AccessLogSetting"]["Format"])
    assert all("body" not in value.lower() for value in logged.values())
    assert {"status", "latencyMs", "requestId"} <= set(logged)


# ---- functions ----


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_traced_and_log_for_a_limited_time(template: Template, name: str) -> None:
    function = template["Resources"][name]["Properties"]
    group = function["LoggingConfig"]["LogGroup"]["Ref"]
    assert template["Resources"][group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert template["Globals"]["Function"]["Tracing"] == "Active"
    assert template["Globals"]["Function"]["Runtime"] == "python3.13"
    assert template["Globals"]["Function"]["Architectures"] == [{"Ref": "Architecture"}]


@pytest.mark.parametrize(("name", "rate"), [("Evaluator", "rate(1 minute)"), ("Reconciler", "rate(1 hour)")])
def test_runs_of_a_schedule_follow_one_another(resources: dict[str, Any], name: str, rate: str) -> None:
    evaluator = resources[f"{name}Function"]["Properties"]
    assert evaluator["ReservedConcurrentExecutions"] == 1
    assert evaluator["EventInvokeConfig"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    schedule = resources[f"{name}Schedule"]["Properties"]
    assert schedule["ScheduleExpression"] == rate
    assert schedule["Target"]["Arn"] == {"Ref": f"{name}Function.Alias"}


def test_the_stream_is_read_so_that_each_record_counts_once(resources: dict[str, Any]) -> None:
    mapping = resources["ConsumerFunction"]["Properties"]["Events"]["Stream"]["Properties"]
    assert mapping == {
        "Stream": {"Fn::GetAtt": ["PredictionStream", "Arn"]},
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 10000,
        "MaximumBatchingWindowInSeconds": {"Ref": "BatchingWindowSeconds"},
        "ParallelizationFactor": 1,
        "MaximumRetryAttempts": 10,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {
            "OnFailure": {"Type": "S3", "Destination": {"Fn::GetAtt": ["FailedBatchesBucket", "Arn"]}}
        },
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }


# ---- storage ----


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_kept_and_private(resources: dict[str, Any], name: str) -> None:
    bucket = resources[name]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert properties["LifecycleConfiguration"]["Rules"]


def test_no_other_bucket_exists(resources: dict[str, Any]) -> None:
    assert set(of_type(resources, "AWS::S3::Bucket")) == set(BUCKETS)


def test_archive_is_deleted_in_time(resources: dict[str, Any]) -> None:
    rules = resources["ArchiveBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expires = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    days = {"Ref": "ArchiveDays"}
    assert expires == {
        "predictions/": days,
        "labels/": days,
        "shadow/": days,
        "quarantine/": days,
        "verdicts/": days,
        "reconciled/": days,
        "quality/": days,
        "explained/": days,
        "incidents/": days,
        "reports/": days,
        "athena-results/": 7,
    }


def test_old_bundles_can_be_brought_back(resources: dict[str, Any]) -> None:
    bucket = resources["ModelsBucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "NoncurrentVersionExpiration" in bucket["LifecycleConfiguration"]["Rules"][0]


def test_records_and_windows_last_for_long_enough(resources: dict[str, Any]) -> None:
    assert resources["PredictionStream"]["Properties"]["RetentionPeriodHours"] >= 48
    table = resources["WindowTable"]["Properties"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


@pytest.mark.parametrize(("name", "value"), [("active-bundle", NO_BUNDLE), ("shadow-bundle", NO_SHADOW)])
def test_cloudformation_has_no_reason_to_reset_what_is_served(
    resources: dict[str, Any], name: str, value: str
) -> None:
    """It writes the value again when any property changes, so nothing there may depend on what changes."""
    assert resources[f"{name.title().replace('-', '')}Parameter"] == {
        "Type": "AWS::SSM::Parameter",
        "Properties": {
            "Name": {"Fn::Sub": f"/driftline/${{ModelName}}/{name}"},
            "Type": "String",
            "Value": value,
        },
    }


def test_queries_cannot_leave_the_workgroups_limits(resources: dict[str, Any]) -> None:
    workgroup = resources["AthenaWorkgroup"]["Properties"]["WorkGroupConfiguration"]
    assert workgroup["EnforceWorkGroupConfiguration"] is True
    assert workgroup["BytesScannedCutoffPerQuery"] == {"Ref": "QueryBytesLimit"}
    location = workgroup["ResultConfiguration"]["OutputLocation"]
    assert location == {"Fn::Sub": "s3://${ArchiveBucket}/athena-results/"}


def test_outputs_are_those_that_scripts_and_people_read(template: Template) -> None:
    assert set(template["Outputs"]) == {
        "ApiUrl",
        "ApiKeyId",
        "StreamName",
        "ModelsBucketName",
        "ArchiveBucketName",
        "FailedBatchesBucketName",
        "WindowTableName",
        "FallbackQueueUrl",
        "ActiveBundleParameterName",
        "ShadowBundleParameterName",
        "AlarmTopicArn",
        "IncidentTopicArn",
        "ChatTopicArn",
        "AthenaWorkgroupName",
        "GlueDatabaseName",
        "DashboardName",
    }
