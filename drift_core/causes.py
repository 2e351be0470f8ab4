"""Causes: alarms that tell of the same thing make one incident."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Cause(StrEnum):
    """What alarms have in common."""

    DATA = "data"
    QUALITY = "quality"
    LABELS = "labels"
    SERVING = "serving"
    DELIVERY = "delivery"
    VOLUME = "volume"
    MONITORING = "monitoring"


ALARMS: Mapping[Cause, tuple[str, ...]] = {
    Cause.DATA: (
        *("drift", "gross-shift", "prediction-range"),
        *("estimated-error", "attribution", "attribution-shift"),
    ),
    Cause.QUALITY: ("quality",),
    Cause.LABELS: ("label-arrival",),
    Cause.SERVING: ("error-rate", "new-version", "bundle-refused"),
    Cause.DELIVERY: (
        *("capture-lost", "lost-batches", "unaccounted", "failed-batches"),
        *("capture-failed", "fallback-queue", "quarantine", "iterator-age"),
    ),
    Cause.VOLUME: ("low-volume",),
    Cause.MONITORING: ("evaluator", "quality-function", "retraining", "alerts"),
}
"""Names of alarms without the prefix that they share, by cause."""

GRAVE = frozenset({"capture-lost", "lost-batches"})
"""Alarms of what is gone for good: they are always told, however soon after another of their cause."""

_CAUSES = {alarm: cause for cause, alarms in ALARMS.items() for alarm in alarms}


def cause_of(alarm: str) -> Cause:
    """The cause of an alarm; one that nobody knows, of a later template or a person's own, is of monitoring.

    >>> cause_of("gross-shift").value
    'data'
    """
    return _CAUSES.get(alarm, Cause.MONITORING)
