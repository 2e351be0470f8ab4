"""What is stored is encrypted: with the services' keys, or with an own key that each role uses as it must."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.template.transform import EVERYTHING, KEY_ARN, Resources, of_type, statements, transformed

type Properties = dict[str, Any]

KEY = {"Ref": "KmsKeyArn"}


def bucket(found: Properties) -> object:
    (rule,) = found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return rule["ServerSideEncryptionByDefault"], rule.get("BucketKeyEnabled")


def queue(found: Properties) -> object:
    return found.get("KmsMasterKeyId"), found.get("SqsManagedSseEnabled")


def results(found: Properties) -> object:
    return found["WorkGroupConfiguration"]["ResultConfiguration"]["EncryptionConfiguration"]


ENCRYPTION: dict[str, tuple[Callable[[Properties], object], object, object]] = {
    "AWS::S3::Bucket": (
        bucket,
        ({"SSEAlgorithm": "AES256"}, None),
        ({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}, True),
    ),
    "AWS::SQS::Queue": (queue, (None, True), (KEY, None)),
    # never alias/aws/sns: CloudWatch may not use that key, and no alarm would arrive
    "AWS::SNS::Topic": (lambda found: found.get("KmsMasterKeyId"), None, KEY),
    "AWS::Logs::LogGroup": (lambda found: found.get("KmsKeyId"), None, KEY),
    "AWS::DynamoDB::Table": (
        lambda found: found["SSESpecification"],
        {"SSEEnabled": True},
        {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
    ),
    "AWS::Kinesis::Stream": (
        lambda found: found["StreamEncryption"],
        {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        {"EncryptionType": "KMS", "KeyId": KEY},
    ),
    "AWS::Athena::WorkGroup": (
        results,
        {"EncryptionOption": "SSE_S3"},
        {"EncryptionOption": "SSE_KMS", "KmsKey": KEY},
    ),
    "AWS::CodeBuild::Project": (lambda found: found.get("EncryptionKey"), None, KEY),
    "AWS::Lambda::Function": (lambda found: found.get("KmsKeyArn"), None, KEY),
}
"""How a type of resource says which key it uses, and what it must say without and with an own key."""

STORE_NOTHING = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::ApiKey",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::UsagePlan",
    "AWS::ApiGateway::UsagePlanKey",
    "AWS::Athena::NamedQuery",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Events::Rule",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",  # the version that is served
    "AWS::Scheduler::Schedule",
}
"""Types whose resources hold settings and no data."""

NEEDED = {
    "IngestRole": {"kms:GenerateDataKey": {"kinesis", "sqs"}, "kms:Decrypt": {"s3", "sqs"}},
    "ConsumerRole": {"kms:GenerateDataKey": {"s3"}, "kms:Decrypt": {"kinesis", "s3", "dynamodb"}},
    "EvaluatorRole": {"kms:GenerateDataKey": {"s3"}, "kms:Decrypt": {"s3", "dynamodb"}},
    "ReconcilerRole": {"kms:GenerateDataKey": {"s3"}, "kms:Decrypt": {"s3", "dynamodb"}},
    "QualityRole": {"kms:GenerateDataKey": {"s3"}, "kms:Decrypt": {"s3", "dynamodb"}},
    "AlertRole": {
        "kms:GenerateDataKey": {"s3", "sns"},
        "kms:Decrypt": {"s3", "dynamodb", "sns", "secretsmanager"},
    },
    "RetrainingRole": {"kms:GenerateDataKey": {"s3", "sns"}, "kms:Decrypt": {"s3", "dynamodb", "sns"}},
}
"""Through which services each role uses the key. To write to S3, Kinesis and SQS a data key is made, to read
it is decrypted; SQS and SNS ask their senders for both, and DynamoDB decrypts its table's key for every
caller."""


@pytest.fixture(params=["", KEY_ARN], ids=["no key", "own key"])
def key(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def created(key: str) -> Resources:
    return transformed(KmsKeyArn=key, **EVERYTHING)


def test_every_type_of_resource_has_a_rule(created: Resources) -> None:
    assert {found["Type"] for found in created.values()} == set(ENCRYPTION) | STORE_NOTHING


@pytest.mark.parametrize("kind", ENCRYPTION)
def test_what_is_stored_is_encrypted_with_the_right_key(created: Resources, key: str, kind: str) -> None:
    read, without, with_key = ENCRYPTION[kind]
    found = {name: read(properties) for name, properties in of_type(created, kind).items()}
    assert found == dict.fromkeys(found, with_key if key else without)


def test_each_role_uses_the_key_as_it_must_and_no_more(created: Resources, key: str) -> None:
    found: dict[str, dict[str, set[str]]] = {}
    for role, properties in of_type(created, "AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            for one in statements(policy["PolicyDocument"]):
                for action in one["Action"]:
                    if action.startswith("kms:"):
                        assert one["Resource"] == [KEY]
                        found.setdefault(role, {})[action] = services(one["Condition"])
    assert found == (NEEDED if key else {})


def services(condition: dict[str, Any]) -> set[str]:
    """The services through which a key may be used."""
    assert list(condition) == ["StringEquals"]
    assert list(condition["StringEquals"]) == ["kms:ViaService"]
    via = condition["StringEquals"]["kms:ViaService"]
    names = [one["Fn::Sub"] for one in (via if isinstance(via, list) else [via])]
    assert all(name.endswith(".${AWS::Region}.${AWS::URLSuffix}") for name in names)
    return {name.partition(".")[0] for name in names}


def test_a_key_brings_its_own_permissions_alone() -> None:
    """So no other permission can hide behind the condition."""
    without, with_key = transformed(KmsKeyArn=""), transformed(KmsKeyArn=KEY_ARN)
    for name in of_type(without, "AWS::IAM::Role"):
        more = actions(with_key[name]) - actions(without[name])
        assert {action for action in more if not action.startswith("kms:")} == set()


def actions(role: dict[str, Any]) -> set[str]:
    documents = [policy["PolicyDocument"] for policy in role["Properties"].get("Policies", [])]
    return {action for document in documents for one in statements(document) for action in one["Action"]}
