"""The consumer or the evaluator in a process of its own, which can be killed."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
# Nothing of ours: all tests of a run share one server, and some want the core as it is on the disk.
CONTEXT.set_forkserver_preload(
    [
        *("numpy", "pytest", "boto3", "pyarrow.parquet", "pyarrow.json", "aws_lambda_powertools"),
        *("scipy.signal", "scipy.stats", "scipy.spatial.distance"),
    ]
)


class Child:
    """One environment of a function.

    Parameters
    ----------
    function : "consume" or "evaluate".
    environment : variables of the function, and the way to its AWS.
    """

    def __init__(self, function: str, environment: Mapping[str, str]) -> None:
        self._parent, child = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_serve, args=(child, function, dict(environment)), daemon=True)
        self._process.start()
        child.close()
        assert self._parent.recv() == "ready"

    def send(self, now: int, event: Any = None) -> None:
        """Begin an invocation at a time, UTC milliseconds."""
        self._parent.send((now, event))

    def answer(self, seconds: float | None = None) -> Any:
        """Its answer, or None if there is none in time.

        Raises
        ------
        RuntimeError
            If the function failed; the text is its fault.
        """
        if not self._parent.poll(seconds):
            return None
        told = self._parent.recv()
        ended, answer = told
        if not ended:
            raise RuntimeError(answer)
        return answer

    def kill(self) -> None:
        """SIGKILL: whatever it was about to do is not done."""
        self._process.kill()
        self._process.join()
        self._parent.close()


def _serve(connection: Connection, function: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    from drift_consumer import consume, evaluate  # noqa: PLC0415 - read in this process, with its environment

    to: Any = (consume if function == "consume" else evaluate).resources()
    connection.send("ready")
    while True:
        now, event = connection.recv()
        timed = replace(to, clock=partial(int, now))
        try:
            answer: Any = consume.consume(event, timed) if function == "consume" else evaluate.evaluate(timed)
        except Exception as fault:
            connection.send((False, repr(fault)))
        else:
            connection.send((True, answer))
