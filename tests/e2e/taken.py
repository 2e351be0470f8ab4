"""Roles that a test takes. The local AWS lets root take any role, but none whose trust has a condition."""

from __future__ import annotations

import json
from typing import Any

import boto3

from scripts.stack import Stack


def clients_of(stack: Stack, arn: str) -> Any:
    """A maker of clients with the rights of a role."""
    given = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="taken")["Credentials"]
    session: Any = boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=stack.session.region_name,
    )
    target = stack.target
    return lambda service: session.client(service, endpoint_url=target.endpoint, verify=target.ca_bundle)


def physical(stack: Stack, logical_id: str) -> str:
    """A resource's name."""
    found = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.target.stack_name, LogicalResourceId=logical_id
    )
    name: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return name


def role_with(stack: Stack, name: str, *statements: Any) -> str:
    """The ARN of a role with these rights, which root may take; one of this name is replaced."""
    iam = stack.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    try:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
    except iam.exceptions.EntityAlreadyExistsException:
        iam.delete_role_policy(RoleName=name, PolicyName="all")
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=_document(*statements))
    arn: str = iam.get_role(RoleName=name)["Role"]["Arn"]
    return arn


def twin(stack: Stack, logical_id: str) -> str:
    """The ARN of a role with the rights of one of the stack's, which root may take.

    The local AWS does not see to which workgroup the answer to a query belongs.
    """
    iam, name = stack.client("iam"), physical(stack, logical_id)
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    allowed = [
        {**one, "Resource": "*"} if one["Sid"] == "HearAnswers" else one for one in document["Statement"]
    ]
    return role_with(stack, f"twin-of-{logical_id}", *allowed)


def _document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
