"""A deployed function: what it was told, and how to keep it from running for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from scripts.local_template import read, reserved_concurrency
from scripts.stack import PROJECT, Stack


def function_name(stack: Stack, logical_id: str) -> str:
    """The name that a function of the template has in this stack."""
    found = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.target.stack_name, LogicalResourceId=logical_id
    )
    name: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return name


def variables(stack: Stack, logical_id: str) -> Mapping[str, str]:
    """The environment variables of a function."""
    name = function_name(stack, logical_id)
    found = stack.client("lambda").get_function_configuration(FunctionName=name)
    told: Mapping[str, str] = found["Environment"]["Variables"]
    return told


class InvocationError(RuntimeError):
    """A function that failed; the text is what it answered."""


def invoke(stack: Stack, logical_id: str, patience: float) -> dict[str, Any]:
    """Run a scheduled function now, and wait for it; its answer.

    Parameters
    ----------
    patience : seconds to wait for a run of its schedule, beside which it has no room.

    Raises
    ------
    InvocationError
        If it fails, or the other run does not end in time.
    """
    client, name = stack.client("lambda"), function_name(stack, logical_id)
    end = time.monotonic() + patience
    while True:
        try:
            done = client.invoke(FunctionName=name, Payload=b"{}")
            break
        except client.exceptions.TooManyRequestsException:
            if time.monotonic() > end:
                raise InvocationError(f"{logical_id} is still running after {patience:.0f} s") from None
            time.sleep(0.5)
    told = done["Payload"].read().decode()
    if "FunctionError" in done:
        raise InvocationError(f"{logical_id} failed: {told[:500]}")
    answer: dict[str, Any] = json.loads(told)
    return answer


@contextmanager
def stopped(stack: Stack, logical_id: str) -> Iterator[None]:
    """Keep a function from being started: its reserved concurrency is 0, and afterwards what it was.

    Where an interrupted run has left 0, it becomes what the template says. A run that has begun goes on.
    """
    client, name = stack.client("lambda"), function_name(stack, logical_id)
    before = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    if before == 0:
        before = reserved_concurrency(read(PROJECT / "sam_template.yaml")).get(logical_id)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        _reserve(client, name, before)


def _reserve(client: Any, name: str, count: int | None) -> None:
    if count is None:
        client.delete_function_concurrency(FunctionName=name)
    else:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)
