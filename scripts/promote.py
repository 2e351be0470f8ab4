"""Serve a challenger that waits for approval: `python -m scripts.promote VERSION`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from drift_core.bundle import Manifest
from scripts.rollback import FAILURES
from scripts.stack import LOCAL, Stack
from scripts.telling import ended
from scripts.versions import VersionError, store_of, switch

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=f"{__doc__}\n\nExit code 0: it is served; 1: a step failed; 2: the version is refused.")
def promote(
    version: Annotated[str, typer.Argument(help="A version that was uploaded; see scripts.rollback --list.")],
    *,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show what the comparison found, verify, ask, activate, tell."""
    console = Console(highlight=False)
    try:
        stack = Stack.load(config_env)
        store = store_of(stack)
        active = store.active()
        for line in _facts(store.manifest(version), active):
            console.print(line, soft_wrap=True, markup=False)
        switch(console, stack, version, active=active, word="promoted", yes=yes)
    except VersionError as error:
        raise ended(error, 2) from None
    except FAILURES as error:
        raise ended(error, 1) from None


def _facts(manifest: Manifest, active: str) -> list[str]:
    """What its manifest says of the comparison, and whether that was with what is served."""
    about = manifest.training.get("retrained")
    if about is None:
        return [f"{manifest.model_version} was not retrained: nothing compares it with {active}."]
    lines = [
        f"{manifest.model_version} was retrained from {about['of']} at {about['at']}: {about['why']}.",
        f"Mean absolute error {about['mae_before']:.6g} before, {about['mae_after']:.6g} after, on "
        f"{about['rows_compared']:,} predictions.",
    ]
    if about["of"] != active:
        lines.append(f"But {active} is served now, and the two have not been compared.")
    return lines


if __name__ == "__main__":
    app(prog_name="python -m scripts.promote")
