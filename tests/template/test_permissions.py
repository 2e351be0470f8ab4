"""Least privilege: each role may do what its function calls, on what it calls it on, and nothing else."""

import re
from collections import Counter
from typing import Any

import pytest

from scripts.stack import PROJECT

type Grants = dict[str, set[str]]

PLATFORM = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
"""What Lambda itself does for any function."""

READING = {
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:SubscribeToShard",
    "s3:PutObject FailedBatchesBucket",
    "s3:ListBucket FailedBatchesBucket",
}
"""What the event source mapping does in the consumer's name."""

ASKING = {
    "athena:StartQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:StopQueryExecution",
    "glue:GetDatabase",
    "glue:GetTable",
    "glue:GetPartitions",
    "s3:ListBucket ArchiveBucket",
    "s3:GetBucketLocation ArchiveBucket",
    "s3:GetObject ArchiveBucket",
    "s3:PutObject ArchiveBucket",
    "s3:AbortMultipartUpload ArchiveBucket",
    "s3:ListMultipartUploadParts ArchiveBucket",
}
"""What the quality function calls in queries/athena.py, and what Athena does in its name."""

CALLS = {
    "IngestRole": {
        "ssm:GetParameter": "ssm.get_parameter(",
        "s3:GetObject ModelsBucket": "s3.get_object(",
        "kinesis:PutRecords": "_kinesis.put_records(",
        "sqs:SendMessage": "_sqs.send_message_batch(",
    },
    "ConsumerRole": {
        "s3:GetObject ModelsBucket": "_s3.get_object(",
        "s3:ListBucket ModelsBucket": '"NoSuchKey"',  # without it S3 answers AccessDenied
        "s3:PutObject ArchiveBucket": "_s3.put_object(",
        "s3:DeleteObject ArchiveBucket": "_s3.delete_object(",
        "dynamodb:GetItem": "_dynamodb.get_item(",
        "dynamodb:PutItem": "_dynamodb.put_item(",
    },
    "EvaluatorRole": {
        "s3:GetObject ModelsBucket": "_s3.get_object(",
        "s3:PutObject ArchiveBucket": "_s3.put_object(",
        "dynamodb:GetItem": "_dynamodb.get_item(",
        "dynamodb:PutItem": "dynamodb.transact_write_items(",  # a transaction of puts needs no other action
        "dynamodb:UpdateItem": "_dynamodb.update_item(",
        "dynamodb:Query": "_dynamodb.query(",
        "cloudwatch:PutMetricData": "_cloudwatch.put_metric_data(",
    },
    "ReconcilerRole": {
        "s3:ListBucket ArchiveBucket": '_s3.get_paginator("list_objects_v2")',
        "s3:ListBucket FailedBatchesBucket": '_s3.get_paginator("list_objects_v2")',
        "s3:GetObject ArchiveBucket": "_s3.get_object(",
        "s3:GetObject FailedBatchesBucket": "_s3.get_object(",
        "s3:DeleteObject ArchiveBucket": "_s3.delete_object(",
        "s3:PutObject ArchiveBucket": "_s3.put_object(",
        "dynamodb:Query": 'dynamodb.get_paginator("query")',
        "dynamodb:UpdateItem": "_dynamodb.update_item(",
        "cloudwatch:PutMetricData": "_cloudwatch.put_metric_data(",
    },
    "RetrainingRole": {
        "s3:GetObject ModelsBucket": "s3.get_object(",
        "s3:PutObject ModelsBucket": "s3.put_object(",
        "s3:ListBucket ModelsBucket": '"NoSuchKey"',
        "ssm:GetParameter": "ssm.get_parameter(",
        "ssm:PutParameter": "ssm.put_parameter(",
        "dynamodb:GetItem": "dynamodb.get_item(",
        "dynamodb:PutItem": "dynamodb.put_item(",
        "athena:StartQueryExecution": "client.start_query_execution(",
        "athena:GetQueryExecution": "client.get_query_execution(",
        "athena:GetQueryResults": "client.get_query_results(",
        "athena:StopQueryExecution": "client.stop_query_execution(",
        "sns:Publish": "sns.publish(",
    },
    "QualityRole": {
        "s3:GetObject ModelsBucket": "_s3.get_object(",
        "s3:PutObject ArchiveBucket": "_s3.put_object(",
        "dynamodb:GetItem": "_dynamodb.get_item(",
        "dynamodb:PutItem": "dynamodb.transact_write_items(",
        "dynamodb:Query": "_dynamodb.query(",
        "cloudwatch:PutMetricData": "_cloudwatch.put_metric_data(",
        "events:PutEvents": "events.put_events(",
    },
    "AlertRole": {
        "s3:GetObject ModelsBucket": "_s3.get_object(",
        "s3:GetObject ArchiveBucket": "s3.get_object(",
        "s3:ListBucket ArchiveBucket": "s3.list_objects_v2(",
        "s3:PutObject ArchiveBucket": "_s3.put_object(",
        "dynamodb:GetItem": "_dynamodb.get_item(",
        "dynamodb:PutItem": "_dynamodb.put_item(",
        "cloudwatch:DescribeAlarms": 'cloudwatch.get_paginator("describe_alarms")',
        "cloudwatch:PutMetricData": "_cloudwatch.put_metric_data(",
        "sns:Publish": "sns.publish(",
    },
}
"""The call in the code that needs an action; an S3 action names its bucket."""

PACKAGES = {
    "IngestRole": "ingest_lambda",
    "ConsumerRole": "drift_consumer",
    "EvaluatorRole": "drift_consumer",
    "ReconcilerRole": "drift_consumer",
    "RetrainingRole": "training queries",
    "QualityRole": "drift_consumer",
    "AlertRole": "drift_consumer",
}

CODEBUILD = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObjectVersion ModelsBucket",  # of its source
}
"""What CodeBuild itself does for a build."""

ATHENA = {
    "glue:GetDatabase",
    "glue:GetTable",
    "glue:GetPartitions",
    "s3:GetObject ArchiveBucket",
    "s3:PutObject ArchiveBucket",
    "s3:ListBucket ArchiveBucket",
    "s3:GetBucketLocation ArchiveBucket",
}
"""What Athena does in the name of who asks."""


def statements(resources: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """Those that a role always has; the others are of an own key, see test_encryption.py."""
    policies = resources[role]["Properties"]["Policies"]
    found = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return [statement for statement in found if "Fn::If" not in statement]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def granted(resources: dict[str, Any], role: str) -> set[str]:
    found = set()
    for statement in statements(resources, role):
        buckets = set(re.findall(r"\w+Bucket", str(statement["Resource"])))
        for action in listed(statement["Action"]):
            found |= {f"{action} {bucket}" for bucket in buckets} or {action}
    return found


def source(packages: str) -> str:
    return "".join(
        path.read_text() for package in packages.split() for path in sorted((PROJECT / package).glob("*.py"))
    )


@pytest.mark.parametrize("role", CALLS)
def test_a_role_may_do_what_its_function_calls_and_no_more(resources: dict[str, Any], role: str) -> None:
    beside = {
        "ConsumerRole": PLATFORM | READING,
        "QualityRole": PLATFORM | ASKING,
        "RetrainingRole": CODEBUILD | ATHENA,
    }
    needed = set(CALLS[role]) | beside.get(role, PLATFORM)
    assert granted(resources, role) == needed


@pytest.mark.parametrize("role", CALLS)
def test_every_call_of_the_table_is_in_the_code(role: str) -> None:
    code = source(PACKAGES[role])
    assert [call for call in CALLS[role].values() if call not in code] == []


@pytest.mark.parametrize("package", sorted(set(PACKAGES.values())))
def test_every_call_in_the_code_is_in_the_table(package: str) -> None:
    code = source(package).replace('get_paginator("query").paginate(', "query(")
    code = code.replace('s3.get_paginator("list_objects_v2").paginate(', "listed(")
    code = code.replace('cloudwatch.get_paginator("describe_alarms").paginate(', "surveyed(")
    clients = "s3|ssm|kinesis|sqs|dynamodb|cloudwatch|events|sns"
    found = set(re.findall(rf"\b_?(?:{clients})\.(?!exceptions|client|count)\w+\(", code))
    known = {call for role, of in PACKAGES.items() if of == package for call in CALLS[role].values()}
    assert {call.lstrip("_") for call in found} <= {call.lstrip("_") for call in known}


@pytest.mark.parametrize("role", CALLS)
def test_a_role_names_its_actions_and_its_resources(resources: dict[str, Any], role: str) -> None:
    unlimited = set()
    for statement in statements(resources, role):
        assert statement["Effect"] == "Allow"
        assert "*" not in "".join(listed(statement["Action"]))
        if statement["Resource"] == "*":
            unlimited |= set(listed(statement["Action"]))
    # neither has a resource; the namespace limits the metrics
    assert unlimited <= {
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "cloudwatch:PutMetricData",
        "cloudwatch:DescribeAlarms",
    }
    sids = Counter(statement["Sid"] for statement in statements(resources, role))
    assert max(sids.values()) == 1


def test_a_model_reads_its_own_bundles_only(resources: dict[str, Any]) -> None:
    for role in ("IngestRole", "ConsumerRole", "EvaluatorRole", "QualityRole", "AlertRole", "RetrainingRole"):
        read = next(s for s in statements(resources, role) if s["Sid"] == "ReadBundle")
        assert read["Resource"] == {"Fn::Sub": "${ModelsBucket.Arn}/bundles/${ModelName}/*"}


@pytest.mark.parametrize("name", ["Ingest", "Consumer", "Evaluator", "Reconciler", "Quality", "Alert"])
def test_a_function_has_its_own_role_and_may_write_its_own_log(resources: dict[str, Any], name: str) -> None:
    function = resources[f"{name}Function"]["Properties"]
    assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}LogGroup"}}
    log = next(s for s in statements(resources, f"{name}Role") if s["Sid"] == "Log")
    assert log["Resource"] == {"Fn::GetAtt": [f"{name}LogGroup", "Arn"]}


@pytest.mark.parametrize("role", ["EvaluatorRole", "ReconcilerRole", "QualityRole", "AlertRole"])
def test_metrics_are_limited_to_the_namespace(resources: dict[str, Any], role: str) -> None:
    publish = next(s for s in statements(resources, role) if s["Sid"] == "Publish")
    assert publish["Condition"] == {"StringEqualsIfExists": {"cloudwatch:namespace": "Driftline"}}


def test_the_quality_function_asks_its_own_workgroup_about_two_tables(resources: dict[str, Any]) -> None:
    """And reads no other folder of the archive; where it writes, nobody else does."""
    found = {one["Sid"]: one for one in statements(resources, "QualityRole")}
    own = "${AWS::Region}:${AWS::AccountId}"
    workgroup = {"Fn::Sub": f"arn:${{AWS::Partition}}:athena:{own}:workgroup/${{AthenaWorkgroup}}"}
    assert found["Ask"]["Resource"] == found["HearAnswers"]["Resource"] == workgroup
    glue = [
        one["Fn::Sub"].removeprefix(f"arn:${{AWS::Partition}}:glue:{own}:")
        for one in found["FindTables"]["Resource"]
    ]
    database = "${GlueDatabase}"
    assert glue == [
        "catalog",
        "database/default",
        f"database/{database}",
        f"table/{database}/prediction_files",
        f"table/{database}/label_files",
    ]
    folders = {
        sid: [one["Fn::Sub"].partition("/")[2] for one in listed(found[sid]["Resource"])]
        for sid in ("ReadRows", "KeepAnswers", "KeepDocuments")
    }
    assert folders == {
        "ReadRows": ["predictions/*", "labels/*", "athena-results/*"],
        "KeepAnswers": ["athena-results/*"],
        "KeepDocuments": ["quality/*", "explained/*"],
    }
    location = resources["AthenaWorkgroup"]["Properties"]["WorkGroupConfiguration"]["ResultConfiguration"]
    assert location["OutputLocation"] == {"Fn::Sub": "s3://${ArchiveBucket}/athena-results/"}


def test_athena_is_called_as_the_role_may() -> None:
    called = set(re.findall(r"self[.]client[.](\w+)[(]", source("queries")))
    actions = {one.partition(":")[2] for one in ASKING if one.startswith("athena:")}
    assert {name.title().replace("_", "") for name in called} == actions


def test_no_role_has_a_managed_policy_but_api_gateways_own(resources: dict[str, Any]) -> None:
    managed = {
        name: found["Properties"]["ManagedPolicyArns"]
        for name, found in resources.items()
        if "ManagedPolicyArns" in found["Properties"]
    }
    assert list(managed) == ["ApiLogRole"]
    functions = [found for found in resources.values() if found["Type"] == "AWS::Serverless::Function"]
    assert all("Policies" not in found["Properties"] for found in functions)


@pytest.mark.parametrize("name", ["Evaluator", "Reconciler", "Quality", "Alert"])
def test_a_schedule_may_start_its_function_only(resources: dict[str, Any], name: str) -> None:
    (invoke,) = statements(resources, f"{name}ScheduleRole")
    assert invoke["Action"] == "lambda:InvokeFunction"
    assert invoke["Resource"] == {"Ref": f"{name}Function.Alias"}


def test_a_retraining_may_write_the_guard_and_no_window(resources: dict[str, Any]) -> None:
    keep_apart = next(s for s in statements(resources, "RetrainingRole") if s["Sid"] == "KeepApart")
    keys = {"dynamodb:LeadingKeys": [{"Fn::Sub": "retraining#${ModelName}"}]}
    assert keep_apart["Condition"] == {"ForAllValues:StringEquals": keys}


def test_alerts_write_their_own_item_and_no_window(resources: dict[str, Any]) -> None:
    keep = next(s for s in statements(resources, "AlertRole") if s["Sid"] == "KeepAlerts")
    keys = {"dynamodb:LeadingKeys": [{"Fn::Sub": "alerts#${ModelName}"}]}
    assert keep["Condition"] == {"ForAllValues:StringEquals": keys}


def test_alerts_read_the_one_secret_that_is_named(resources: dict[str, Any]) -> None:
    """And none without a name. The code reads it where the parameter says so."""
    policies = resources["AlertRole"]["Properties"]["Policies"]
    (found,) = (
        one["Fn::If"]
        for policy in policies
        for one in policy["PolicyDocument"]["Statement"]
        if "Fn::If" in one and one["Fn::If"][0] == "HasSlack"
    )
    assert found[1]["Action"] == "secretsmanager:GetSecretValue"
    own = "${AWS::Region}:${AWS::AccountId}:secret:${SlackWebhookSecret}-??????"
    assert found[1]["Resource"] == {"Fn::Sub": f"arn:${{AWS::Partition}}:secretsmanager:{own}"}
    assert found[2] == {"Ref": "AWS::NoValue"}
    assert "secrets.get_secret_value(" in source("drift_consumer")


def test_alerts_tell_people_and_never_the_topic_that_invokes_them(resources: dict[str, Any]) -> None:
    tell = next(s for s in statements(resources, "AlertRole") if s["Sid"] == "Tell")
    assert tell["Resource"] == [{"Ref": "IncidentTopic"}, {"Ref": "ChatTopic"}]


def test_the_rule_may_start_the_retraining_only(resources: dict[str, Any]) -> None:
    (start,) = statements(resources, "RetrainingRuleRole")
    assert start["Action"] == "codebuild:StartBuild"
    assert start["Resource"] == {"Fn::GetAtt": ["RetrainingProject", "Arn"]}


def test_only_this_api_may_invoke_ingest(resources: dict[str, Any]) -> None:
    allowed = resources["ApiInvokesIngest"]["Properties"]
    assert allowed["Principal"] == "apigateway.amazonaws.com"
    assert allowed["SourceArn"]["Fn::Sub"].endswith(":${PredictionApi}/v1/*")
