"""Target and Stack: how the scripts reach a deployment, on AWS or on the local AWS."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.session import get_session

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout."""

LOCAL_STATE = PROJECT / "build" / "local"
"""Where the local AWS keeps its process id, certificate, log and `env`."""

LOCAL = "local"
"""The samconfig environment that is served by `python -m scripts.local`."""


class StackError(RuntimeError):
    """A deployment that cannot be reached; the text says what to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One environment of samconfig.toml and the way to its AWS, whether or not a stack is deployed there.

    Attributes
    ----------
    config_env : name of the environment in samconfig.toml: "local", "dev" or "prod".
    environment : all environment variables of a process that talks to this AWS.
    session : credentials and region; `client` adds the endpoint, so make clients with it.
    """

    config_env: str
    stack_name: str
    environment: Mapping[str, str]
    session: boto3.Session

    @classmethod
    def load(cls, config_env: str = LOCAL, *, state: Path = LOCAL_STATE) -> Self:
        """Read samconfig.toml and, for the local AWS, the `env` that its start wrote.

        Raises
        ------
        StackError
            If samconfig.toml has no such environment or the local AWS is not running.
        """
        config = tomllib.loads((PROJECT / "samconfig.toml").read_text())
        try:
            settings = config[config_env]["global"]["parameters"]
        except KeyError:
            known = ", ".join(name for name in config if name not in ("version", "default"))
            raise StackError(f"samconfig.toml has no environment {config_env!r}; it has {known}") from None
        if config_env != LOCAL:
            environment, session = dict(os.environ), boto3.Session(region_name=settings["region"])
        else:
            environment = _local_environment(state)
            session = boto3.Session(
                botocore_session=get_session({"profile": (None, None, None, None)}),  # not AWS_PROFILE's
                aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                region_name=settings["region"],
            )
        return cls(
            config_env=config_env,
            stack_name=settings["stack_name"],
            environment=environment,
            session=session,
        )

    @property
    def endpoint(self) -> str | None:
        """URL of the local AWS; None on AWS."""
        return self.environment.get("AWS_ENDPOINT_URL")

    @property
    def ca_bundle(self) -> str | None:
        """File with the certificates to trust; None for the default."""
        return self.environment.get("AWS_CA_BUNDLE")

    def client(self, service: str) -> Any:
        """A boto3 client of this AWS."""
        make: Any = self.session.client  # its overloads want a literal name
        return make(service, endpoint_url=self.endpoint, verify=self.ca_bundle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A deployed stack: `Stack.load("local").outputs["StreamName"]`."""

    target: Target
    outputs: Mapping[str, str]

    @classmethod
    def load(cls, config_env: str = LOCAL, *, state: Path = LOCAL_STATE) -> Self:
        """The stack of an environment of samconfig.toml.

        Raises
        ------
        StackError
            If it is not deployed or the local AWS is not running.
        """
        return cls.of(Target.load(config_env, state=state))

    @classmethod
    def of(cls, target: Target) -> Self:
        """The stack at a target; see `load`."""
        try:
            found = target.client("cloudformation").describe_stacks(StackName=target.stack_name)
        except EndpointConnectionError as error:
            raise StackError(
                f"nothing answers at {target.endpoint}; run: python -m scripts.local up"
            ) from error
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise StackError(
                f"stack {target.stack_name!r} is not deployed; "
                f"run: python -m scripts.deploy --config-env {target.config_env}"
            ) from error
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found["Stacks"][0].get("Outputs", ())}
        return cls(target=target, outputs=outputs)

    @property
    def session(self) -> boto3.Session:
        """Credentials and region; make clients with `client`, which knows the endpoint."""
        return self.target.session

    def client(self, service: str) -> Any:
        """A boto3 client of this stack's AWS."""
        return self.target.client(service)

    @property
    def api_url(self) -> str:
        """URL of the API with its stage, without a slash at the end."""
        url = self.outputs["ApiUrl"]
        if self.target.endpoint is None:
            return url
        parts = re.fullmatch(r"https://([^.]+)\.[^/]+/([^/]+)", url)
        if parts is None:
            raise StackError(f"output ApiUrl is {url!r}; deploy the stack again")
        return f"{self.target.endpoint}/_aws/execute-api/{parts[1]}/{parts[2]}"


def _local_environment(state: Path) -> dict[str, str]:
    """Our own environment with the local AWS's settings in place of any other AWS settings."""
    try:
        lines = (state / "env").read_text().splitlines()
    except FileNotFoundError:
        raise StackError("the local AWS is not running; run: python -m scripts.local up") from None
    exported = dict(shlex.split(line)[1].split("=", 1) for line in lines if line.startswith("export "))
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | exported
