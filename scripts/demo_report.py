"""The report of a demo: as a file at its end, and live while windows are judged."""

from __future__ import annotations

import subprocess  # nosec B404 # it runs a command of ours
import sys
from pathlib import Path

from report.page import page
from report.phrases import headline
from scripts.demo_errors import DemoError
from scripts.report import Wanted, facts_of
from scripts.stack import PROJECT, Stack

SINCE = "3h"
"""Before now, so that it holds all windows of the demo."""


def served() -> str:
    """Start a process that serves the live report; it ends with the local AWS. Its URL.

    Raises
    ------
    DemoError
        If it ends at once.
    """
    process = subprocess.Popen(  # nosec B603 # noqa: S603 - our own command
        [sys.executable, "-m", "scripts.report", "--serve", "0", "--since", SINCE],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    url = process.stdout.readline().strip() if process.stdout else ""
    if not url.startswith("http://"):
        raise DemoError("the live report did not start; see python -m scripts.report --serve 0")
    return url


def written(stack: Stack, file: Path) -> str:
    """Write the report of all that was judged; its headline."""
    facts = facts_of(stack, Wanted(since=SINCE))
    file.write_text(page(facts))
    return headline(facts).title
