"""Who is let in: nobody by plain HTTP, nobody of another account."""

from typing import Any

import pytest

from tests.template.transform import EVERYTHING, Resources, of_type, statements, transformed

ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}

POLICIES = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket", "s3:*"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues", "sqs:*"),
    "AWS::SNS::Topic": (
        "AWS::SNS::TopicPolicy",
        "Topics",
        "sns:Publish",
    ),  # all that a topic's policy can deny by http
}
"""The type of a resource's policy, the property that names the resource, and what plain HTTP is denied."""

TRUSTED = {
    "ApiLogRole": ("apigateway.amazonaws.com", None),
    "IngestRole": ("lambda.amazonaws.com", None),
    "ConsumerRole": ("lambda.amazonaws.com", None),
    "EvaluatorRole": ("lambda.amazonaws.com", None),
    "EvaluatorScheduleRole": ("scheduler.amazonaws.com", ACCOUNT),
    "ReconcilerRole": ("lambda.amazonaws.com", None),
    "ReconcilerScheduleRole": ("scheduler.amazonaws.com", ACCOUNT),
    "QualityRole": ("lambda.amazonaws.com", None),
    "QualityScheduleRole": ("scheduler.amazonaws.com", ACCOUNT),
    "AlertRole": ("lambda.amazonaws.com", None),
    "AlertScheduleRole": ("scheduler.amazonaws.com", ACCOUNT),
    "RetrainingRole": ("codebuild.amazonaws.com", ACCOUNT),
    "RetrainingRuleRole": ("events.amazonaws.com", ACCOUNT),
    "IngestDeploymentRole": ("codedeploy.amazonaws.com", None),
}
"""The one service that may take each role; nobody can give it one without iam:PassRole in this account."""


@pytest.fixture(scope="module")
def created() -> Resources:
    return transformed(**EVERYTHING)


@pytest.mark.parametrize("kind", POLICIES)
def test_plain_http_is_refused(created: Resources, kind: str) -> None:
    policy_kind, names, action = POLICIES[kind]
    resources = of_type(created, kind)
    assert resources
    for name in resources:
        (policy,) = (p for p in of_type(created, policy_kind).values() if {"Ref": name} in listed(p[names]))
        (denied,) = (one for one in statements(policy["PolicyDocument"]) if one["Effect"] == "Deny")
        assert (denied["Principal"], denied["Action"]) == ("*", [action])
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert denied["Resource"] == reached(kind, name)


def reached(kind: str, name: str) -> list[Any]:
    if kind == "AWS::S3::Bucket":
        return [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    return [{"Ref": name} if kind == "AWS::SNS::Topic" else {"Fn::GetAtt": [name, "Arn"]}]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_policies_of_resources_let_in_alarms_of_this_account_and_nobody_else(created: Resources) -> None:
    """So a principal of another account has no way: it needs to be allowed on both sides."""
    allowed = [
        (name, one["Principal"], one["Action"], one["Condition"])
        for name, found in created.items()
        if found["Type"].endswith("Policy")
        for one in statements(found["Properties"]["PolicyDocument"])
        if one["Effect"] != "Deny"
    ]
    assert allowed == [
        (policy, {"Service": "cloudwatch.amazonaws.com"}, ["sns:Publish"], ACCOUNT)
        for policy in ("AlarmTopicPolicy", "IncidentTopicPolicy")
    ]


def test_each_role_is_taken_by_one_service(created: Resources) -> None:
    found = {}
    for name, role in of_type(created, "AWS::IAM::Role").items():
        (trust,) = statements(role["AssumeRolePolicyDocument"])
        assert (trust["Effect"], trust["Action"]) == ("Allow", ["sts:AssumeRole"])
        found[name] = (trust["Principal"]["Service"], trust.get("Condition"))
        assert list(trust["Principal"]) == ["Service"]
    assert found == TRUSTED


def test_functions_are_invoked_by_this_stacks_api_topic_and_schedules_alone(created: Resources) -> None:
    """A schedule does it with a role; a function has no URL and no policy but these."""
    own = "${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
    permissions = of_type(created, "AWS::Lambda::Permission")
    assert set(permissions) == {"ApiInvokesIngest", "AlarmTopicInvokesAlerts"}
    assert permissions["AlarmTopicInvokesAlerts"] == {
        "FunctionName": {"Ref": "AlertFunctionAliaslive"},
        "Action": "lambda:InvokeFunction",
        "Principal": "sns.amazonaws.com",
        "SourceArn": {"Ref": "AlarmTopic"},
    }
    assert permissions["ApiInvokesIngest"] == {
        "FunctionName": {"Ref": "IngestFunctionAliaslive"},
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": {"Fn::Sub": f"arn:{own}:${{PredictionApi}}/v1/*"},
    }
    assert of_type(created, "AWS::Lambda::Url") == {}


def test_no_bucket_can_become_public(created: Resources) -> None:
    for bucket in of_type(created, "AWS::S3::Bucket").values():
        blocked = bucket["PublicAccessBlockConfiguration"]
        names = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
        assert blocked == dict.fromkeys(names, True)
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
