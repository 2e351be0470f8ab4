"""Print where a stack's parts are: `python -m scripts.outputs ApiUrl`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from scripts.stack import LOCAL, Stack, StackError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def outputs(
    name: Annotated[str | None, typer.Argument(help="One output; without it, all.")] = None,
    *,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
) -> None:
    """Exit code 1: no stack; 2: no such output."""
    complain = Console(stderr=True)
    try:
        stack = Stack.load(config_env)
    except (StackError, ClientError, BotoCoreError) as error:
        complain.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    found = {**stack.outputs, "ApiUrl": stack.api_url}
    if name is None:
        width = max(map(len, found))
        sys.stdout.writelines(f"{key:<{width}}  {found[key]}\n" for key in sorted(found))
    elif name in found:
        sys.stdout.write(found[name] + "\n")
    else:
        complain.print(f"no output {name!r}; there are {', '.join(sorted(found))}", style="red", markup=False)
        raise typer.Exit(2)


if __name__ == "__main__":
    app(prog_name="python -m scripts.outputs")
