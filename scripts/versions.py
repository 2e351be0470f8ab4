"""The versions of a stack's model: what there is, and how another one comes to be served."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from drift_core.bundle import Manifest
from scripts.bundles import watched_model
from scripts.stack import Stack
from training.store import BundleStore


class VersionError(ValueError):
    """A version that cannot be served in place of another; the text says why and what to do."""


def store_of(stack: Stack) -> BundleStore:
    """The bundles of a stack's model."""
    return BundleStore(
        s3=stack.client("s3"),
        ssm=stack.client("ssm"),
        bucket=stack.outputs["ModelsBucketName"],
        parameter=stack.outputs["ActiveBundleParameterName"],
        model_name=watched_model(stack),
    )


def before(versions: Sequence[Manifest], active: str) -> str:
    """The version that another one was made from, or else the next older one.

    A challenger that was never served is older than what was trained after it, so age alone would not do.

    Raises
    ------
    VersionError
        If there is none.
    """
    known = {one.model_version: one for one in versions}
    if active in known:
        made_from = known[active].training.get(_how(known[active]), {}).get("of")
        if made_from in known:
            return str(made_from)
    older = [name for name in known if name < active]
    if not older:
        raise VersionError(f"there is no bundle before {active}; name one, or deploy another")
    return max(older)


def listed(versions: Sequence[Manifest], active: str) -> Table:
    """What there is, the newest first."""
    table = Table("version", "created", "how", "mean absolute error", "", box=None, pad_edge=False)
    table.columns[3].justify = "right"
    for one in sorted(versions, key=lambda manifest: manifest.model_version, reverse=True):
        how = _how(one)
        facts = one.training.get(how, {})
        table.add_row(
            one.model_version,
            one.created_at,
            f"{how} from {facts['of']}" if facts else how,
            f"{one.metrics['mae']:.6g}" if "mae" in one.metrics else "",
            "is served" if one.model_version == active else "",
        )
    return table


def switch(console: Console, stack: Stack, version: str, *, active: str, word: str, yes: bool) -> None:
    """Serve a version whose files are whole, unless the person declines, and tell the topic.

    Parameters
    ----------
    active : the version that is served now; nothing is changed if it no longer is.
    word : what is done, for texts: "promoted".

    Raises
    ------
    VersionError
        If the version is served already.
    BundleError, StoreError
        If a file is not whole, or another version is served meanwhile.
    """
    if version == active:
        raise VersionError(f"{version} is served already; name another version")
    store = store_of(stack)
    manifest = store.verified(version)
    if not yes:
        typer.confirm(f"serve {version} of {manifest.model_name} instead of {active}?", abort=True)
    store.activate(version, instead_of=active)
    who = stack.client("sts").get_caller_identity()["Arn"]
    stack.client("sns").publish(
        TopicArn=stack.outputs["AlarmTopicArn"],
        Subject=f"{manifest.model_name}: {word}"[:100],
        Message=f"{version} is served instead of {active}: {word} by {who}.",
    )
    console.print(
        f"{manifest.model_name} {version} is active, with its windows and charts as they were.\n"
        f"Producers that write to the stream themselves must send model_version {version} from now on.",
        soft_wrap=True,
        markup=False,
    )


def _how(manifest: Manifest) -> str:
    """What a version comes from: a retrained one may hold what it was accepted from, and the other way."""
    found = [how for how in ("retrained", "accepted") if how in manifest.training]
    return max(found, key=lambda how: str(manifest.training[how].get("at", ""))) if found else "trained"
