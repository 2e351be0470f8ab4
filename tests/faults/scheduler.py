"""Who goes next, and what befalls the call that it makes: true interleavings of real code, reproducible.

Each invocation runs in a thread of its own and stops before every call of AWS. One baton goes around, so
exactly one of them runs; a schedule says who gets it next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.unit.drift_consumer.fake_aws import CrashError, client_error


class Fault(StrEnum):
    """What can befall a call.

    The clients of the functions repeat a call by themselves (botocore's standard retries), so what a function
    sees is the end of several attempts.
    """

    REFUSED = "refused"  # throttled or failed, at each attempt: no effect
    CRASHED_BEFORE = "crashed before"
    CRASHED_AFTER = "crashed after"
    TIMED_OUT = "timed out"  # took effect, but no answer came
    REPEATED = "repeated"  # took effect, the answer was lost: others go on, then the client repeats it
    LATE = "late"  # no answer came, and it takes effect when nobody thinks of it any more
    PARTIAL = "partial"  # some entries of a batch are refused
    STALE = "stale"  # an index that lags behind; a queue that gives what another reader has


@dataclass(slots=True, kw_only=True)
class Call:
    """A call that is about to be made.

    Attributes
    ----------
    effect : makes it; its answer.
    writes : whether it changes anything, so that when it takes effect matters.
    outlives : whether it may take effect after its caller has given up.
    partial : makes it but for some entries, which are given as bits.
    stale : makes it as if the last writes, whose number is given, were not there yet.
    """

    operation: str
    effect: Callable[[], Any]
    writes: bool = False
    outlives: bool = False
    partial: Callable[[int], Any] | None = None
    stale: Callable[[int], Any] | None = None

    def faults(self) -> list[Fault]:
        """Those that make a difference here, the simplest first."""
        found = [Fault.REFUSED, Fault.CRASHED_BEFORE]
        if self.stale and not self.writes:
            found = [Fault.STALE, Fault.STALE, Fault.STALE, Fault.REFUSED]
        if self.writes:
            found += [Fault.CRASHED_AFTER, Fault.TIMED_OUT, Fault.REPEATED]
        if self.writes and self.outlives:
            found.append(Fault.LATE)
        if self.partial:
            found += [Fault.PARTIAL, Fault.PARTIAL]
        if self.writes and self.stale:
            found += [Fault.STALE, Fault.STALE]
        return found

    def befallen_by(self, drawn: int, mercy: int) -> Fault | None:
        """The fault of a number from 0 to 63; none for those below `mercy`, or below 62 for a mere read."""
        faults = self.faults()
        return faults[drawn % len(faults)] if drawn >= (mercy if self.writes or self.stale else 62) else None

    def unseen(self) -> None:
        """Make it for nobody: whether AWS refused it is never known."""
        try:
            self.effect()
        except ClientError:
            return


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How an invocation ended: with an answer, a fault, or not at all if it crashed."""

    answer: Any = None
    fault: BaseException | None = None

    @property
    def crashed(self) -> bool:
        """Whether the process was gone."""
        return isinstance(self.fault, CrashError)


class Invocation:
    """Real code in a thread that holds the baton only between two calls."""

    def __init__(self, name: str, work: Callable[[], Any], ended: Callable[[Outcome], None]) -> None:
        self.name = name
        self.ended = ended
        self.call: Call | None = None
        self.outcome: Outcome | None = None
        self._work = work
        self._baton, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._fault: tuple[Fault | None, int] = (None, 0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, gate: Gate) -> None:
        """Run to the first call."""
        gate.invocations[self._thread] = self
        self._thread.start()
        self._back.acquire()

    def go_on(self, fault: Fault | None = None, detail: int = 0) -> None:
        """Make the call, with a fault or without, and run to the next one or to the end."""
        self._fault = (fault, detail)
        self._baton.release()
        self._back.acquire()
        if self.outcome is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self.outcome = Outcome(answer=self._work())
        except BaseException as fault:  # a crash too: it is told to whoever scheduled this
            self.outcome = Outcome(fault=fault)
        self.call = None
        self._back.release()

    def make(self, call: Call, gate: Gate) -> Any:
        """Stop before a call, and make it when the baton comes."""
        while True:
            self.call = call
            self._back.release()
            self._baton.acquire()
            fault, detail = self._fault
            if fault is None:
                return call.effect()
            gate.befallen.append((self.name, fault, call.operation))
            if fault is Fault.REPEATED:
                call.unseen()
                continue
            return _befallen(call, fault, detail, gate)


def _befallen(call: Call, fault: Fault, detail: int, gate: Gate) -> Any:
    if fault in (Fault.CRASHED_AFTER, Fault.TIMED_OUT):
        call.unseen()
    if fault in (Fault.CRASHED_BEFORE, Fault.CRASHED_AFTER):
        raise CrashError
    if fault is Fault.REFUSED:
        raise client_error("ThrottlingException")
    if fault is Fault.PARTIAL and call.partial:
        return call.partial(detail)
    if fault is Fault.STALE and call.stale:
        return call.stale(detail)
    if fault is Fault.LATE:
        gate.late.append(call)
    raise ReadTimeoutError(endpoint_url="https://aws")


@dataclass(slots=True)
class Gate:
    """What every call passes.

    Attributes
    ----------
    late : calls that nobody waits for and that have not taken effect.
    befallen : each fault in its order: whom, at which operation.
    trace : each effect in its order: who had it, the operation, the request and the answer.
    """

    invocations: dict[threading.Thread, Invocation] = field(default_factory=dict)
    late: list[Call] = field(default_factory=list)
    befallen: list[tuple[str, Fault, str]] = field(default_factory=list)
    trace: list[tuple[str, str, Any, Any]] = field(default_factory=list)

    def make(self, call: Call) -> Any:
        """Make a call in its turn; who is no invocation waits for nobody."""
        invocation = self.invocations.get(threading.current_thread())
        return call.effect() if invocation is None else invocation.make(call, self)

    @property
    def caller(self) -> str:
        """Name of the invocation whose call this is."""
        invocation = self.invocations.get(threading.current_thread())
        return invocation.name if invocation else ""
