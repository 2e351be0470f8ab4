"""Event ids that can be made again: the same row of the same recording always has the same id."""

from __future__ import annotations

import hashlib
import uuid

from drift_core.event import event_id_time


def derived_event_id(time_ms: int, *parts: object) -> str:
    """A UUID version 7 whose random bits are a digest.

    Parameters
    ----------
    time_ms : UTC milliseconds of the event.
    parts : what tells this event from all others.

    >>> derived_event_id(1_000, "file", 7) == derived_event_id(1_000, "file", 7)
    True
    >>> derived_event_id(1_000, "file", 7) == derived_event_id(1_000, "file", 8)
    False
    """
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    value = (time_ms & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(digest[:10])
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return str(uuid.UUID(int=value))


def moved_event_id(event_id: str, shift_ms: int) -> str:
    """The id of an event that is told again at another time.

    The time within the id moves too, because a label finds its prediction's window by it. Not moved, an event
    keeps its id, so that a second delivery is seen as one.

    >>> event_id_time(moved_event_id(derived_event_id(1_000, 1), 500))
    1500
    """
    if shift_ms == 0:
        return event_id
    return derived_event_id(event_id_time(event_id) + shift_ms, event_id, shift_ms)
