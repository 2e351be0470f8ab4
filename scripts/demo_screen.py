"""How the demo looks: numbered steps with time and result, and below each what it proved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, RenderableType

from scripts.stack import PROJECT

_INDENT = " " * 32


@dataclass(slots=True, kw_only=True)
class Screen:
    """Prints the steps and keeps their times.

    Attributes
    ----------
    summary : file with the numbers, which the last line names.
    seconds : by step.
    """

    console: Console
    summary: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, *, spinner: bool = True) -> Iterator[Callable[[str, str], None]]:
        """One step; it must tell its result and what that proves."""
        number = len(self.seconds) + 1
        begun = time.monotonic()
        told: list[str] = []
        with self.console.status(f"{number} {name} ...") if spinner else nullcontext():
            yield lambda result, proof: told.extend((result, proof))
        self.seconds[name] = round(time.monotonic() - begun, 1)
        result, proof = told
        self.console.print(f"{number:>2} {name:<20}{self.seconds[name]:>5.1f} s  {result}", soft_wrap=True)
        self.console.print(f"{_INDENT}{proof}", style="dim", soft_wrap=True)

    def show(self, what: RenderableType) -> None:
        """Print a table with an empty line before it."""
        self.console.print()
        self.console.print(what)

    def note(self, text: str) -> None:
        """Print a line that belongs to the step above."""
        self.console.print(f"   {text}", markup=False, soft_wrap=True)

    def conclude(self, checks: Mapping[str, bool]) -> None:
        """Print what was to be shown and whether it was."""
        self.console.print("\nWhat was to be shown")
        for claim, held in checks.items():
            mark = "[green]yes[/green]" if held else "[bold red]NO[/bold red] "
            self.console.print(f"   {mark}  {claim}", soft_wrap=True)
        whole = sum(self.seconds.values())
        file = self.summary.relative_to(PROJECT)
        self.console.print(f"\n{whole // 60:.0f} min {whole % 60:.0f} s; the numbers are in {file}")
