"""The steps of a deployment: build, deploy the stack, upload a bundle, activate it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from drift_core.bundle import MANIFEST_FILE, Manifest, bundle_prefix
from drift_core.schema import FeatureSchema, Kind
from scripts import local_template
from scripts.parameters import check
from scripts.process import run
from scripts.stack import LOCAL, PROJECT, Stack, Target

type Say = Callable[[str], None]

BUILD = PROJECT / ".aws-sam" / "build"
"""Where `make build` leaves the packages and the template."""

SAM = str(PROJECT / ".venv-sam" / "bin" / "sam")

CONFIG = PROJECT / "samconfig.toml"

MAX_PARAMETER_BYTES = 4096
"""Longest value of a CloudFormation parameter."""

_ATHENA = {Kind.NUMERIC: "double", Kind.CATEGORICAL: "string", Kind.BOOLEAN: "boolean"}


class DeploymentError(RuntimeError):
    """A deployment that must not go on; the text says why and what to do."""


def build(config_env: str, *, folder: Path = BUILD) -> None:
    """Build the functions' packages and the template into a folder.

    Raises
    ------
    ProcessError
        If `sam build` fails.
    """
    wanted = parameters_of(config_env).get("Architecture", "x86_64")
    architecture = "host" if config_env == LOCAL else wanted
    run(
        [SAM, "build", "--config-env", config_env, "--build-dir", str(folder)],
        environment={**os.environ, "ARCHITECTURE": architecture},
    )


def deploy_stack(
    target: Target,
    manifest: Manifest,
    *,
    say: Say,
    folder: Path = BUILD,
    parameters: Mapping[str, str] | None = None,
) -> Stack:
    """Deploy what was built into a folder, for the model of a bundle.

    Parameters
    ----------
    parameters : of the template, in place of those in samconfig.toml.

    Raises
    ------
    ProcessError
        If `sam deploy` fails.
    ParameterError
        If the template would refuse a parameter.
    """
    given = parameters_for(target.config_env, manifest, parameters or {})
    path = folder / "template.yaml"
    template = local_template.read(path)
    if target.config_env == LOCAL:
        path = folder / "local.yaml"  # beside the built one, because its paths are relative
        smaller, left_out = local_template.for_local(template)
        local_template.write(smaller, path)
        parts = (local_template.GRADUAL, local_template.PLACE)
        names = (f"{name}.{what}" if what in parts else name for name, what in left_out.items())
        say(f"left out, as the local AWS does not know them: {', '.join(names)}")
    command = [SAM, "deploy", "--config-file", str(CONFIG), "--config-env", target.config_env]
    command += ["--template-file", str(path), "--no-confirm-changeset", "--parameter-overrides"]
    run([*command, *(f"{name}={value}" for name, value in given.items())], environment=target.environment)
    stack = Stack.of(target)
    if target.config_env == LOCAL:
        _reserve_concurrency(stack, local_template.reserved_concurrency(template), say)
    return stack


def parameters_of(config_env: str) -> dict[str, str]:
    """Template parameters that samconfig.toml sets for an environment."""
    config = tomllib.loads(CONFIG.read_text())
    given = config[config_env]["deploy"]["parameters"].get("parameter_overrides", [])
    return dict(pair.split("=", 1) for pair in given)


def parameters_for(config_env: str, manifest: Manifest, given: Mapping[str, str]) -> dict[str, str]:
    """All template parameters of a deployment for a bundle's model, checked.

    Raises
    ------
    DeploymentError, ParameterError
        If the template would refuse one.
    """
    parameters = {
        **parameters_of(config_env),
        **given,
        "ModelName": manifest.model_name,
        "FeatureTypes": feature_types(manifest.schema),
    }
    check(parameters, manifest.monitor)
    return parameters


def feature_types(schema: FeatureSchema) -> str:
    """A model's features as the fields of an Athena struct.

    Raises
    ------
    DeploymentError
        If they do not fit a parameter.
    """
    types = ",".join(f"{feature.name}:{_ATHENA[feature.kind]}" for feature in schema.features)
    if len(types.encode()) > MAX_PARAMETER_BYTES:
        raise DeploymentError(
            f"the {len(schema.features)} features' names and types have {len(types.encode())} bytes, "
            f"a CloudFormation parameter has at most {MAX_PARAMETER_BYTES}: shorten names or drop features"
        )
    return types


def upload_bundle(stack: Stack, folder: Path) -> Manifest:
    """Upload a bundle, its manifest last: a bundle whose manifest is there is whole.

    Raises
    ------
    BundleError
        If a file is not the one that the manifest vouches for.
    DeploymentError
        If this version lies there with another content: a bundle is never changed.
    """
    content = (folder / MANIFEST_FILE).read_bytes()
    manifest = Manifest.from_json(content)
    prefix = bundle_prefix(manifest.model_name, manifest.model_version)
    files: Mapping[str, bytes] = {
        **{name: manifest.verify(name, (folder / name).read_bytes()) for name in manifest.files},
        MANIFEST_FILE: content,
    }
    s3, bucket = stack.client("s3"), stack.outputs["ModelsBucketName"]
    for name, body in files.items():
        try:
            s3.put_object(Bucket=bucket, Key=prefix + name, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            if s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read() != body:
                raise DeploymentError(
                    f"s3://{bucket}/{prefix}{name} exists with another content, and a bundle is never "
                    f"changed: train it again"
                ) from error
    return manifest


def activate(stack: Stack, manifest: Manifest) -> None:
    """Serve a version that was uploaded; the functions notice within a minute."""
    stack.client("ssm").put_parameter(
        Name=stack.outputs["ActiveBundleParameterName"], Value=manifest.model_version, Overwrite=True
    )


def _reserve_concurrency(stack: Stack, reserved: Mapping[str, int], say: Say) -> None:
    """The local CloudFormation leaves it out, but the local Lambda keeps it."""
    cloudformation, functions = stack.client("cloudformation"), stack.client("lambda")
    for logical_id, number in reserved.items():
        found = cloudformation.describe_stack_resource(
            StackName=stack.target.stack_name, LogicalResourceId=logical_id
        )
        functions.put_function_concurrency(
            FunctionName=found["StackResourceDetail"]["PhysicalResourceId"],
            ReservedConcurrentExecutions=number,
        )
        say(f"reserved concurrency {number} of {logical_id} set afterwards: the local stack leaves it out")
