"""Start, ask after and stop the local AWS: `python -m scripts.local up`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scripts.local_aws import DEFAULT_PORT, LocalAws, LocalAwsError
from scripts.stack import LOCAL_STATE, PROJECT
from scripts.telling import ended

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
_console = Console(highlight=False)

NOT_RUNNING = 3
"""Exit code of `status` when there is none, as of service scripts."""


@app.command()
def up(
    port: Annotated[
        int, typer.Option(help="Port on 127.0.0.1; 0 for any free one.", min=0, max=65535)
    ] = DEFAULT_PORT,
) -> None:
    """Start it, unless it runs already."""
    aws = LocalAws(LOCAL_STATE)
    already = aws.running()
    try:
        endpoint = aws.start(port)
    except LocalAwsError as error:
        raise ended(error, 1) from None
    _console.print(
        f"the local AWS {'runs already' if already else 'runs'} at {endpoint}, on this machine only"
    )
    _console.print(f"to reach it from a shell: source {_shown(LOCAL_STATE / 'env')}")
    _console.print(
        "to deploy to it: python -m scripts.deploy", "to stop it: python -m scripts.local down", sep="\n"
    )


@app.command()
def status() -> None:
    """Tell whether it runs, and where. Exit code 3 if it does not."""
    aws = LocalAws(LOCAL_STATE)
    if not aws.running():
        _console.print("the local AWS does not run; start it with: python -m scripts.local up")
        raise typer.Exit(NOT_RUNNING)
    _console.print(f"the local AWS runs at {aws.endpoint}; its log: {_shown(LOCAL_STATE / 'log')}")


@app.command()
def down() -> None:
    """Stop it; what it stored is gone."""
    try:
        ran = LocalAws(LOCAL_STATE).stop()
    except LocalAwsError as error:
        raise ended(error, 1) from None
    _console.print("the local AWS is stopped" if ran else "the local AWS does not run")


def _shown(path: Path) -> str:
    return str(path.relative_to(PROJECT, walk_up=True))


if __name__ == "__main__":
    app(prog_name="python -m scripts.local")
