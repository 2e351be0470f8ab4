"""How we call AWS: in bounded time, and with faults named without private details."""

from __future__ import annotations

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def bounded(seconds: float, *, attempts: int = 1) -> Config:
    """A client's settings with which each attempt of a call ends in time.

    Parameters
    ----------
    seconds : for connecting (two fifths of it) and for waiting on the answer (the rest), at each attempt.
    attempts : of one call; with more than one, the client itself repeats it after a passing fault.
    """
    return Config(
        connect_timeout=0.4 * seconds,
        read_timeout=0.6 * seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
    )


def fault_name(error: BotoCoreError | ClientError) -> str:
    """The kind of an AWS error, without the names of accounts, roles and resources in its text.

    >>> fault_name(ClientError({"Error": {"Code": "Throttling", "Message": "arn:..."}}, "PutRecords"))
    'Throttling'
    """
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__
