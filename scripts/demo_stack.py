"""How a demo begins: a model is trained, a local AWS started, and the stack deployed to it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drift_core.bundle import MANIFEST_FILE, Manifest
from scripts.demo_screen import Screen
from scripts.deployment import activate, build, deploy_stack, upload_bundle
from scripts.local_aws import LocalAws
from scripts.package import PACKAGES
from scripts.process import run
from scripts.stack import LOCAL, Stack, Target


def prepared(screen: Screen, aws: LocalAws, folder: Path, training: tuple[str, ...]) -> Path:
    """Train and, meanwhile, build and start the local AWS.

    Parameters
    ----------
    folder : the packages go to its `sam`.
    training : options of `python -m training`.

    Returns
    -------
    The bundle's folder.
    """
    with screen.step("train, build, start") as tell, ThreadPoolExecutor() as threads:
        building = threads.submit(build, LOCAL, folder=folder / "sam")
        aws.start(0)
        bundle = Path(run([sys.executable, "-m", "training", *training]))
        building.result()
        manifest = Manifest.from_json((bundle / MANIFEST_FILE).read_bytes())
        tell(
            f"{manifest.model_name}: {len(manifest.schema.features)} features, "
            f"MAE {readable(manifest.metrics['mae'])} {manifest.target_unit or ''}".rstrip(),
            f"{len(PACKAGES)} packages were built without Docker",
        )
    return bundle


def deployed(
    screen: Screen,
    aws: LocalAws,
    folder: Path,
    bundle: Path,
    parameters: Mapping[str, str] | None = None,
) -> Stack:
    """Deploy the packages of `prepared`, and serve its bundle.

    Parameters
    ----------
    parameters : of the template, in place of samconfig.toml's.
    """
    with screen.step("deploy") as tell:
        target = Target.load(LOCAL, state=aws.state)
        manifest = Manifest.from_json((bundle / MANIFEST_FILE).read_bytes())
        stack = deploy_stack(
            target, manifest, say=lambda _: None, folder=folder / "sam", parameters=parameters or {}
        )
        activate(stack, upload_bundle(stack, bundle))
        found = stack.client("cloudformation").describe_stack_resources(StackName=target.stack_name)
        tell(
            f"{len(found['StackResources'])} resources with sam deploy, IAM is enforced",
            "it is the template that AWS gets",
        )
    return stack


def readable(value: float) -> str:
    """A number of some digits.

    >>> readable(0.123456), readable(21_778.186)
    ('0.1235', '21,778')
    """
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
