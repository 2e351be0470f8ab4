"""Train, build, deploy, upload, activate: `python -m scripts.deploy --data houses.csv --target price`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from drift_core.bundle import MANIFEST_FILE, BundleError, Manifest
from scripts import local_template
from scripts.account import AccountError, check_concurrency
from scripts.deployment import (
    DeploymentError,
    activate,
    build,
    deploy_stack,
    parameters_for,
    parameters_of,
    upload_bundle,
)
from scripts.parameters import TEMPLATE, ParameterError, check, named
from scripts.process import ProcessError, run
from scripts.retraining_source import upload_source
from scripts.stack import LOCAL, Stack, StackError, Target

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_console = Console(highlight=False)

DEFAULT_TRAINING = ("--generate", "20000")
"""What is trained when nothing is named: generated house sales."""

ERRORS = (
    AccountError,
    DeploymentError,
    ParameterError,
    ProcessError,
    StackError,
    BundleError,
    ClientError,
    BotoCoreError,
    OSError,
)


@app.command(
    help=f"{__doc__}\n\nOptions that are not listed here go to `python -m training`.",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def deploy(
    context: typer.Context,
    *,
    config_env: Annotated[
        str, typer.Option(help="Environment of samconfig.toml: local, dev or prod.")
    ] = LOCAL,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a trained bundle, instead of training one.", exists=True)
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="Parameter of the template, e.g. ShardCount=2; repeatable.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before changing an AWS account.")] = False,
) -> None:
    """Exit code 1: a step failed."""
    if bundle is not None and context.args:
        raise typer.BadParameter(f"--bundle is trained already; leave out {' '.join(context.args)}")
    pairs = [text.partition("=") for text in parameter or ()]
    if not all(separator for _, separator, _ in pairs):
        raise typer.BadParameter("--parameter is written as Name=Value")
    parameters = {name: value for name, _, value in pairs}
    try:
        target = Target.load(config_env)
        check({**parameters_of(config_env), **parameters})
        options = named(context.args)
        if config_env != LOCAL and not yes:
            account = target.client("sts").get_caller_identity()["Account"]
            question = (
                f"deploy {target.stack_name} to account {account}, region {target.session.region_name}?"
            )
            typer.confirm(question, abort=True)
        if config_env != LOCAL:
            check_concurrency(
                target, local_template.reserved_concurrency(local_template.read(TEMPLATE)), say=_detail
            )
        stack, manifest = deploy_all(target, bundle or train(options), parameters)
    except ERRORS as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    _console.print(
        f"{manifest.model_name} {manifest.model_version} is served at {stack.api_url}", soft_wrap=True
    )


def train(options: Sequence[str]) -> Path:
    """Train a bundle; its folder."""
    with step("train"):
        return Path(run([sys.executable, "-m", "training", *(options or DEFAULT_TRAINING)]))


def deploy_all(target: Target, folder: Path, parameters: Mapping[str, str]) -> tuple[Stack, Manifest]:
    """Build, deploy, upload the bundle in a folder and serve it."""
    manifest = Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    parameters_for(target.config_env, manifest, parameters)  # refuses before minutes of building
    with step("build the functions"):
        build(target.config_env)
    with step(f"deploy the stack {target.stack_name}"):
        stack = deploy_stack(target, manifest, say=_detail, parameters=parameters)
    with step(f"upload and activate {manifest.model_version}"):
        upload_source(stack)
        activate(stack, upload_bundle(stack, folder))
    return stack, manifest


def _detail(line: str) -> None:
    _console.print(f"  {line}", style="dim", soft_wrap=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what is done and how long it took."""
    started = time.monotonic()
    with _console.status(f"{name} ..."):
        yield
    _console.print(f"{name}: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    app(prog_name="python -m scripts.deploy")
