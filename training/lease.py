"""The right to train a model, held by one run at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from drift_core.guard import Guard
from queries.guard import read_guard, write_guard

_ATTEMPTS = 5  # to write the guard; each that fails lost to another's that succeeded


class RefusedError(ValueError):
    """A retraining that must not begin, or not now; the text says why and when it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """The guard of one model.

    Attributes
    ----------
    clock : UTC milliseconds.
    """

    dynamodb: Any
    table: str
    model_name: str
    clock: Callable[[], int]

    def change(self, change: Callable[[Guard], Guard]) -> None:
        """Write what follows from the guard, however often others write at the same time."""
        for _ in range(_ATTEMPTS):
            guard = read_guard(self.dynamodb, self.table, self.model_name)
            if write_guard(self.dynamodb, self.table, self.model_name, change(guard)):
                return
        raise RefusedError(
            f"the guard of {self.model_name} is written by others all the time; try again in a minute"
        )


class Lease:
    """A run's lease; what it does fails once another run has it."""

    def __init__(self, guarded: Guarded, run: str) -> None:
        self._guarded = guarded
        self._run = run
        self._held = True

    def renew(self) -> None:
        """Hold it anew, before a step that only its holder may take."""
        self._guarded.change(lambda guard: self._own(guard).renewed(self._guarded.clock()))

    def conclude(self, outcome: str) -> None:
        """Give it back with a decision, from which the cool-down counts."""
        self._guarded.change(lambda guard: self._own(guard).concluded(outcome, self._guarded.clock()))
        self._held = False

    def release(self) -> None:
        """Give it back without one, if it still is held."""
        if self._held:
            self._guarded.change(lambda guard: self._own(guard).released())
            self._held = False

    def _own(self, guard: Guard) -> Guard:
        if guard.run != self._run or not guard.lease_until:
            self._held = False
            raise RefusedError(
                f"{self._run} took too long, and {guard.run} has begun since; what that one finds counts"
            )
        return guard


@contextmanager
def lease(guarded: Guarded, run: str, *, cool_down_hours: int, force: bool) -> Iterator[Lease]:
    """Hold the lease of a model; a run that ends without a decision gives it back.

    Parameters
    ----------
    run : who trains; no two have the same name.
    force : begin though the last run has just concluded.

    Raises
    ------
    RefusedError
        If another run holds it, or the last one has just concluded.
    """

    def begun(guard: Guard) -> Guard:
        now = guarded.clock()
        why_not = guard.running(now) or (None if force else guard.resting(now, cool_down_hours))
        if why_not is not None:
            raise RefusedError(why_not)
        return guard.begun(run, now)

    guarded.change(begun)
    held = Lease(guarded, run)
    try:
        yield held
    finally:
        held.release()
