"""What all demos do around their steps: refuse a local AWS that runs, end it, and say what went wrong."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import typer
from rich.console import Console

from scripts.demo_errors import DemoError
from scripts.deploy import ERRORS
from scripts.functions import InvocationError
from scripts.local_aws import LocalAws, LocalAwsError
from scripts.scenarios import ScenarioError
from scripts.stack import PROJECT

INTERRUPTED = 130

_EXPECTED = (*ERRORS, DemoError, InvocationError, LocalAwsError, ScenarioError, ValueError)


class Summary(Protocol):
    """What a demo measured."""

    failure: str | None

    @property
    def passed(self) -> bool:
        """Whether all of it happened."""

    def write(self, path: Path) -> None:
        """Write the numbers as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a demo is played.

    Attributes
    ----------
    folder : for summary.json and, after an unexpected error, error.txt.
    """

    console: Console
    aws: LocalAws
    folder: Path

    def play(self, steps: Callable[[], None], summary: Summary, *, keep: bool) -> int:
        """Play the steps and clean up.

        Parameters
        ----------
        keep : leave the local AWS running.

        Returns
        -------
        The exit code: 0 if all happened that should, 1 if not, `INTERRUPTED`.
        """
        if self.aws.running():
            stop(
                self.console,
                "the local AWS runs already; stop it first: .venv/bin/python -m scripts.local down",
                1,
            )
        signal.signal(signal.SIGTERM, lambda number, frame: _interrupt())
        code = 1
        try:
            steps()
            code = 0 if summary.passed else 1
        except KeyboardInterrupt:
            summary.failure = "interrupted"
            self.console.print("\ninterrupted", style="yellow")
            code = INTERRUPTED
        except _EXPECTED as error:
            summary.failure = str(error)
            self.console.print(f"\n{error}", style="red", markup=False, soft_wrap=True)
        except Exception as error:  # whatever it is, the reader gets a sentence and the file the rest
            summary.failure = f"{type(error).__name__}: {error}"
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / "error.txt"
            file.write_text(traceback.format_exc())
            self.console.print(
                f"\n{summary.failure}\nsee {file.relative_to(PROJECT)}", style="red", markup=False
            )
        finally:
            summary.write(self.folder / "summary.json")
            self._clean_up(keep=keep)
        return code

    def _clean_up(self, *, keep: bool) -> None:
        """Stop the local AWS, or say how to go on with it."""
        if keep and self.aws.running():
            self.console.print(
                "It is left running. To ask more: .venv/bin/python -m scripts.query --list\n"
                "To stop it: .venv/bin/python -m scripts.local down",
                style="dim",
            )
            return
        try:
            self.aws.stop()
        except LocalAwsError as error:
            self.console.print(str(error), style="red", markup=False, soft_wrap=True)
        else:
            self.console.print("The local AWS is stopped; what it stored is gone.", style="dim")


def stop(console: Console, why: str, code: int) -> NoReturn:
    """End the program with a sentence."""
    console.print(why, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt
