"""Try a challenger in shadow: an uploaded version is scored on a share of requests, and answers none."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from drift_consumer.baselines import Baselines
from drift_core.bundle import MANIFEST_FILE, MODEL_FILE, BundleError, Manifest, check_size
from drift_core.shadow import NO_SHADOW, ShadowPlan, check_challenger
from ingest_lambda.model import Model
from scripts.bundles import BundleMissingError, active_version, reader, watched_model
from scripts.deployment import DeploymentError, upload_bundle
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_HELP = dedent("""
    Callers are answered by the served version alone. What the challenger would have answered is archived and
    judged apart; no alarm watches it. Both are compared on the same labels by
    python -m scripts.query shadow_comparison. The challenger must have the features of the served version.

    Without a version and without --off it says what is scored now. The functions notice within a minute.

    Exit code 0: done; 1: AWS failed; 2: an option or the bundle is refused.
""")


@app.command(help=f"{__doc__}\n{_HELP}")
def shadow(
    version: Annotated[str | None, typer.Argument(help="Version of an uploaded bundle.")] = None,
    *,
    bundle: Annotated[
        Path | None, typer.Option(help="Instead: folder of a bundle, which is uploaded first.", exists=True)
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="Share of the requests, above 0 and at most 1. Default: 0.1.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Score nothing in shadow any more.")] = False,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
) -> None:
    """Show, set or end the shadow."""
    console = Console(highlight=False)
    try:
        if bundle is not None and version is None:
            version = Manifest.from_json((bundle / MANIFEST_FILE).read_bytes()).model_version
        elif bundle is not None:
            raise ended(f"{version} and --bundle contradict each other; give one of them", 2)
        plan = _plan(version, share, off=off)
        stack = Stack.load(config_env)
        if plan is not None:
            if bundle is not None:
                upload_bundle(stack, bundle)
            served = verified(stack, plan.version)
            _set(stack, plan.text())
            told = f"{plan.version} is scored on {plan.share:.4g} of the requests beside {served}"
        elif off:
            _set(stack, NO_SHADOW)
            told = "nothing is scored in shadow any more"
        else:
            told = _shown(stack)
        console.print(told, soft_wrap=True, markup=False)
    except (ClientError, BotoCoreError) as error:
        raise ended(error, 1) from None
    except (StackError, BundleMissingError, DeploymentError, OSError, ValueError) as error:
        raise ended(error, 2) from None


def _plan(version: str | None, share: float | None, *, off: bool) -> ShadowPlan | None:
    """What is to be set; None if nothing new is."""
    if off and version is not None:
        raise ValueError(f"--off and {version} contradict each other; give one of them")
    if version is not None:
        return ShadowPlan(version=version, share=0.1 if share is None else share)
    if share is not None:
        raise ValueError("--share is of a challenger; name its version or give --bundle")
    return None


def verified(stack: Stack, version: str) -> str:
    """The version that is served, if this one can be scored beside it.

    All of the challenger's files are read: the consumer counts what it predicts by its baseline, and a
    damaged one would stop a shard for what is served too.

    Raises
    ------
    BundleError
        If a file is damaged, the model does not run, or it is not of the served version's kind.
    BundleMissingError
        If nothing is served, or the challenger was not uploaded.
    """
    served, name = active_version(stack), watched_model(stack)
    if version == served:
        raise BundleError(f"{version} is what is served; name another version")
    champion = Manifest.from_json(reader(stack, served)(MANIFEST_FILE))
    read = reader(stack, version)
    challenger = Manifest.from_json(check_size(MANIFEST_FILE, read(MANIFEST_FILE)))
    challenger.check_place(name, version)
    check_challenger(champion, challenger)
    files = {file: challenger.verify(file, read(file)) for file in challenger.files}
    Model.load(challenger, check_size(MODEL_FILE, challenger.verify(MODEL_FILE, files.get(MODEL_FILE, b""))))
    Baselines(stack.client("s3"), stack.outputs["ModelsBucketName"]).get(name, version)
    return served


def _shown(stack: Stack) -> str:
    ssm = stack.client("ssm")
    text = ssm.get_parameter(Name=stack.outputs["ShadowBundleParameterName"])["Parameter"]["Value"]
    plan = ShadowPlan.parse(text)
    if plan is None:
        return "nothing is scored in shadow"
    if plan.version == active_version(stack):
        return f"{plan.version} is served itself now, so nothing is scored in shadow; end it: --off"
    return f"{plan.version} is scored on {plan.share:.4g} of the requests"


def _set(stack: Stack, value: str) -> None:
    stack.client("ssm").put_parameter(
        Name=stack.outputs["ShadowBundleParameterName"], Value=value, Overwrite=True
    )


if __name__ == "__main__":
    app(prog_name="python -m scripts.shadow")
