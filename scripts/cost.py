"""What a stack costs in a month, and what SageMaker's instances would: prints docs/cost.md, or writes it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from scripts.cost_page import page
from scripts.stack import PROJECT

PAGE = PROJECT / "docs" / "cost.md"

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def cost(*, write: Annotated[bool, typer.Option("--write", help="Write docs/cost.md.")] = False) -> None:
    """Print the page, or write it."""
    if write:
        PAGE.write_text(page())
    else:
        sys.stdout.write(page())


if __name__ == "__main__":
    app(prog_name="python -m scripts.cost")
