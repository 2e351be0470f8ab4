"""What an AWS account must allow before a stack can be deployed to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from scripts.stack import Stack, StackError, Target

LOWEST_UNRESERVED = 10
"""Concurrent executions that Lambda always keeps for functions without a reserve; most accounts keep 100."""

USUAL_UNRESERVED = 100


class AccountError(RuntimeError):
    """An account that would refuse the stack; the text says what to ask AWS for."""


def check_concurrency(target: Target, reserved: Mapping[str, int], say: Callable[[str], None]) -> None:
    """Do nothing, if the stack exists already or the account's quota leaves room for what it reserves.

    Parameters
    ----------
    reserved : concurrency by function.

    Raises
    ------
    AccountError
        If Lambda would refuse to reserve it. A new account's quota is often 10, all of which Lambda keeps.
    """
    try:
        Stack.of(target)
    except StackError:
        limit = target.client("lambda").get_account_settings()["AccountLimit"]
    else:
        return  # it was counted when the stack came
    free: int = limit["UnreservedConcurrentExecutions"]
    needed = sum(reserved.values())
    left = free - needed
    told = (
        f"the account has {free} unreserved concurrent executions of Lambda in {target.session.region_name}, "
        f"and {' and '.join(reserved)} {'reserve' if len(reserved) > 1 else 'reserves'} {needed}"
    )
    least = USUAL_UNRESERVED + needed
    remedy = f"ask for a higher quota: Service Quotas, AWS Lambda, Concurrent executions, at least {least}"
    if left < LOWEST_UNRESERVED:
        raise AccountError(f"{told}; Lambda keeps at least {LOWEST_UNRESERVED} unreserved: {remedy}")
    if left < USUAL_UNRESERVED:
        say(f"{told}; if Lambda refuses, {remedy}")
