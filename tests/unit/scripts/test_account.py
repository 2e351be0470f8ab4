"""An account whose quota is too small is told before anything is built."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from scripts.account import AccountError, check_concurrency
from scripts.stack import Target

TOLD = (
    "the account has {} unreserved concurrent executions of Lambda in eu-west-1, "
    "and EvaluatorFunction and ReconcilerFunction reserve 3; {}: "
    "ask for a higher quota: Service Quotas, AWS Lambda, Concurrent executions, at least 103"
)


class FakeAws:
    """An account with a quota; the stack is deployed or not."""

    def __init__(self, unreserved: int, *, deployed: bool = False) -> None:
        self.unreserved = unreserved
        self.deployed = deployed

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if not self.deployed:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": ""}}, "DescribeStacks")
        return {"Stacks": [{"StackName": StackName}]}

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.unreserved}}


def said(aws: FakeAws) -> list[str]:
    lines: list[str] = []
    target = SimpleNamespace(
        client=lambda _: aws,
        stack_name="s",
        config_env="dev",
        endpoint=None,
        session=SimpleNamespace(region_name="eu-west-1"),
    )
    check_concurrency(cast(Target, target), {"EvaluatorFunction": 1, "ReconcilerFunction": 2}, lines.append)
    return lines


def test_a_new_accounts_quota_of_ten_is_too_small() -> None:
    with pytest.raises(AccountError) as caught:
        said(FakeAws(10))
    assert str(caught.value) == TOLD.format(10, "Lambda keeps at least 10 unreserved")


def test_a_quota_that_may_be_too_small_is_told() -> None:
    assert said(FakeAws(100)) == [TOLD.format(100, "if Lambda refuses").replace("refuses: ", "refuses, ")]


def test_the_usual_quota_is_enough() -> None:
    assert said(FakeAws(103)) == []


def test_a_stack_that_is_there_has_its_reserve_already() -> None:
    assert said(FakeAws(10, deployed=True)) == []
