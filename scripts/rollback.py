"""Serve an earlier version of the model again: `python -m scripts.rollback`."""

from __future__ import annotations

from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from drift_core.bundle import BundleError
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended
from scripts.versions import VersionError, before, listed, store_of, switch
from training.store import StoreError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

FAILURES = (BundleError, StoreError, StackError, ClientError, BotoCoreError, OSError)
"""What ends the command with exit code 1."""


@app.command(help=f"{__doc__}\n\nExit code 0: it is served; 1: a step failed; 2: the version is refused.")
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="Default: the version that the served one was made from.")
    ] = None,
    *,
    list_: Annotated[bool, typer.Option("--list", help="List the versions, and change nothing.")] = False,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """List, verify, ask, activate, tell."""
    console = Console(highlight=False)
    try:
        stack = Stack.load(config_env)
        store = store_of(stack)
        active, versions = store.active(), store.versions()
        console.print(listed(versions, active))
        if not list_:
            wanted = version or before(versions, active)
            switch(console, stack, wanted, active=active, word="rolled back", yes=yes)
    except VersionError as error:
        raise ended(error, 2) from None
    except FAILURES as error:
        raise ended(error, 1) from None


if __name__ == "__main__":
    app(prog_name="python -m scripts.rollback")
