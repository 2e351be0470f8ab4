"""Upload a trained bundle to a stack that is there, and serve it: `python -m scripts.upload FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from drift_core.bundle import MANIFEST_FILE, Manifest
from scripts.deploy import ERRORS
from scripts.deployment import activate, feature_types, upload_bundle
from scripts.retraining_source import upload_source
from scripts.stack import LOCAL, Stack
from scripts.telling import ended, say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=f"{__doc__}\n\nExit code 0: it is served; 1: a step failed.")
def upload(
    folder: Annotated[Path, typer.Argument(help="Of a bundle; python -m training prints it.", exists=True)],
    *,
    types: Annotated[
        bool, typer.Option("--types", help="Print the stack's parameter FeatureTypes, and do nothing.")
    ] = False,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
) -> None:
    """For a stack that something else has deployed: Terraform, or a pipeline of one's own."""
    console = Console(highlight=False)
    try:
        if types:
            manifest = Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
            say(console, feature_types(manifest.schema))
            return
        stack = Stack.load(config_env)
        upload_source(stack)
        manifest = upload_bundle(stack, folder)
        activate(stack, manifest)
    except ERRORS as error:
        raise ended(error, 1) from None
    say(console, f"{manifest.model_name} {manifest.model_version} is served")


if __name__ == "__main__":
    app()
