"""The page on security says what the template says."""

from __future__ import annotations

import re

import pytest

from tests.checkout import PROJECT
from tests.template.transform import EVERYTHING, KEY_ARN, of_type, statements, transformed

TEXT = (PROJECT / "docs" / "security.md").read_text()

ROW = re.compile(r"^\| `(\w+Role)` \| `([\w.]+)` \| (.+) \|$", re.MULTILINE)


def test_the_table_of_roles_is_the_templates() -> None:
    told = {
        role: (service, set(re.findall(r"`[^`]+`(?: \(`\*`\))?", may)))
        for role, service, may in ROW.findall(TEXT)
    }
    found = {}
    for role, properties in of_type(transformed(**EVERYTHING), "AWS::IAM::Role").items():
        (trust,) = statements(properties["AssumeRolePolicyDocument"])
        may = set()
        for policy in properties.get("Policies", []):
            for one in statements(policy["PolicyDocument"]):
                mark = " (`*`)" if one["Resource"] == ["*"] else ""
                may |= {f"`{action}`{mark}" for action in one["Action"]}
        for managed in properties.get("ManagedPolicyArns", []):
            may.add(f"`{managed['Fn::Sub'].rpartition('/')[2]}`")
        found[role] = (trust["Principal"]["Service"], may)
    assert told == found


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("buckets, results of Athena", "AWS::S3::Bucket"),
        ("stream", "AWS::Kinesis::Stream"),
        ("fallback queue", "AWS::SQS::Queue"),
        ("window table", "AWS::DynamoDB::Table"),
        ("logs", "AWS::Logs::LogGroup"),
        ("topics of alarms, incidents and chat", "AWS::SNS::Topic"),
        ("environment variables of the functions", "AWS::Lambda::Function"),
    ],
)
def test_what_the_page_calls_your_key_uses_it(row: str, kind: str) -> None:
    assert re.search(rf"^\| {row} \| .+ \| your key \|$", TEXT, re.MULTILINE)
    for found in of_type(transformed(KmsKeyArn=KEY_ARN), kind).values():
        assert "{'Ref': 'KmsKeyArn'}" in str(found)


def test_the_logs_that_the_keys_policy_names_are_the_stacks() -> None:
    assert 'log-group:/driftline/*"' in TEXT
    for group in of_type(transformed(), "AWS::Logs::LogGroup").values():
        assert group["LogGroupName"]["Fn::Sub"].startswith("/driftline/")
