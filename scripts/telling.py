"""What commands say: a line as it is, and the reason for which they end."""

from __future__ import annotations

import typer
from rich.console import Console


def say(console: Console, text: str, style: str | None = None) -> None:
    """Print a line as it is: nothing in it is markup, and it is never broken."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def ended(why: object, code: int, console: Console | None = None) -> typer.Exit:
    """The end of a command, its reason told; raise what this returns.

    Parameters
    ----------
    console : where it is told; standard error by default.
    """
    say(console or Console(stderr=True), str(why), style="red")
    return typer.Exit(code)
