"""Traffic of a story: events of a few windows, and where each of them belongs."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from functools import cache

from drift_core.event import Event
from tests.unit.drift_consumer.fixture_traffic import NOON, event_id, healthy, label, prediction, shadow_of

WINDOW = 300_000
WINDOWS = 3
"""Windows that events belong to; quarantined records belong to those in which they arrive."""

SHIFTED = 1.5
"""σ of a drift in every other window, so that charts have something to remember."""

_EACH = 400  # events of a kind and window, more than any story sends


@dataclass(frozen=True, slots=True)
class Broken:
    """What a producer writes that breaks the contract, under the id of a good event."""

    event_id: str
    payload: bytes

    def encode(self) -> bytes:
        """The stream record's data."""
        return self.payload


type Sent = Event | Broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """Where a payload belongs.

    Attributes
    ----------
    time : by which it is windowed, UTC milliseconds; None for its arrival.
    identity : what makes it distinct in the archive.
    """

    kind: str
    time: int | None
    identity: str


@cache
def events(kind: str, window: int) -> list[Sent]:
    """Events of one kind and window, each another one."""
    start = NOON + window * WINDOW
    numbers = range(1000 * window, 1000 * window + _EACH)
    if kind == "label":
        return [label(i, start + i) for i in numbers]
    if kind == "bad":
        return [Broken(event_id(5_000_000 + i), _broken(i)) for i in numbers]
    shift = SHIFTED if window % 2 else 0.0
    served = healthy(_EACH, start, first=1000 * window, shift=shift)
    if kind == "shadow":  # of the version that is served: only the kind tells them apart
        return [
            shadow_of(replace(event, event_id=event_id(7_000_000 + i, event.event_time)), event.event_id)
            for i, event in zip(numbers, served, strict=True)
        ]
    return list(served)


def _broken(number: int) -> bytes:
    """Not JSON, not an event, or of a model version that has no bundle."""
    if number % 3 == 0:
        return b"{" * (number + 1)
    if number % 3 == 1:
        return b'{"number": %d}' % number
    return prediction(number, model_version="v9").encode()


@cache
def belongings() -> dict[bytes, Belonging]:
    """Of every payload that a story may send."""
    found = {}
    for window in range(WINDOWS):
        for sent in events("prediction", window):
            time = NOON + window * WINDOW
            found[sent.encode()] = Belonging(kind="prediction", time=time, identity=sent.event_id)
        for kind in ("label", "shadow"):
            for sent in events(kind, window):
                time = NOON + window * WINDOW
                found[sent.encode()] = Belonging(kind=kind, time=time, identity=sent.event_id)
        for sent in events("bad", window):
            payload = sent.encode()
            identity = base64.b64encode(payload).decode()
            found[payload] = Belonging(kind="quarantine", time=None, identity=identity)
    return found
