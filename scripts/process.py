"""Other programs: run to their end, with their last lines when they fail."""

from __future__ import annotations

import os
import shlex
import subprocess  # nosec B404 # it is what this module is for
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from scripts.stack import PROJECT

SHOWN_LINES = 20
"""Lines of a failed program's output that the error repeats."""


class ProcessError(RuntimeError):
    """A program that failed; the text has its command, exit code and last lines."""


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] = os.environ,
    on_line: Callable[[str], None] = lambda _: None,
) -> str:
    """Run a program in the checkout.

    Parameters
    ----------
    on_line : told each line of its output and errors as it is printed.

    Returns
    -------
    The last line that it printed.

    Raises
    ------
    ProcessError
        If it cannot be started or its exit code is not 0.
    """
    last: deque[str] = deque(maxlen=SHOWN_LINES)
    try:
        with subprocess.Popen(  # nosec B603 # noqa: S603 - our own commands, and no shell reads them
            command,
            cwd=PROJECT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                last.append(line.rstrip())
                on_line(last[-1])
    except FileNotFoundError as error:
        raise ProcessError(
            f"{command[0]} is missing; run: make test (it prepares the environments)"
        ) from error
    if process.returncode:
        shown = "\n".join(f"  {line}" for line in last)
        raise ProcessError(f"{shlex.join(command)}\nfailed with exit code {process.returncode}:\n{shown}")
    return last[-1] if last else ""
