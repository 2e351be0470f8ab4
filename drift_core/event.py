"""The stream contract: what a producer writes to Kinesis, one JSON object a record.

Any producer may write these events; the ingest Lambda is one of them. `schema_version` grows when an optional
field is added, so readers take every version from 1 and ignore fields that they do not know. A field never
changes its meaning: what means something else is a new `event_type`, which readers refuse.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from drift_core.schema import Scalar

SCHEMA_VERSION = 1
"""What is written; see docs/decisions/0009-later-versions-only-add.md."""

PREDICTION = "prediction"
LABEL = "label"
SHADOW = "shadow"

FUTURE_LIMIT_MS = 3_600_000
"""Milliseconds that an event may lie after its arrival: clocks differ, but not by more than an hour."""


EARLIEST_MS = 946_684_800_000
"""2000-01-01 as UTC milliseconds: nothing that happened earlier is an event. The archive's tables begin
there, so older rows would lie where no query looks; and most such times are seconds, not milliseconds."""


class EventError(ValueError):
    """An event that breaks the contract; the text names field, value and remedy."""


def new_event_id(now_ms: int) -> str:
    """A UUID version 7 (RFC 9562): sorts by time, unique without coordination.

    >>> sorted([new_event_id(2_000), new_event_id(1_000)])[0].startswith("00000000-03e8-7")
    True
    """
    random = int.from_bytes(os.urandom(10))
    value = (now_ms & 0xFFFFFFFFFFFF) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return str(uuid.UUID(int=value))


def event_id_time(event_id: str) -> int:
    """UTC milliseconds at which an event id was made.

    >>> event_id_time(new_event_id(1_234))
    1234
    """
    return uuid.UUID(event_id).int >> 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A prediction interval: the label lies within it with probability `coverage`."""

    lower: float
    upper: float
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionEvent:
    """One prediction as it was served.

    Attributes
    ----------
    event_id : UUID version 7; the `prediction_id` of the response.
    event_time : UTC milliseconds, from `EARLIEST_MS` to `FUTURE_LIMIT_MS` after the event's arrival.
    features : value by feature name, as received; None or absent is a missing value.
    prediction : a number (regression) or a class label (classification).
    interval, confidence : optional; confidence lies in [0, 1].
    probabilities : by class; classification only.
    source : what wrote it ("api", "replay", a server's name).
    """

    event_type: ClassVar[str] = PREDICTION

    event_id: str
    event_time: int
    model_name: str
    model_version: str
    features: Mapping[str, Scalar]
    prediction: float | str
    interval: Interval | None = None
    confidence: float | None = None
    probabilities: Mapping[str, float] | None = None
    source: str = "unknown"

    def encode(self) -> bytes:
        """One stream record."""
        return _encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEvent:
    """The truth about one prediction, arrived later.

    Attributes
    ----------
    event_id : UUID version 7 of this event.
    event_time : UTC milliseconds at which the label became known.
    prediction_id : `event_id` of the prediction that it belongs to.
    label : a number (regression) or a class label (classification).
    """

    event_type: ClassVar[str] = LABEL

    event_id: str
    event_time: int
    model_name: str
    prediction_id: str
    label: float | str
    source: str = "unknown"

    def encode(self) -> bytes:
        """One stream record."""
        return _encode(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowEvent(PredictionEvent):
    """What a challenger would have answered to a request that the served version answered.

    Attributes
    ----------
    event_id, model_version, prediction, ... : of the challenger's own prediction, which nobody was told.
    prediction_id : `event_id` of the served prediction of the same instance; its label is this one's too.
    """

    event_type: ClassVar[str] = SHADOW

    prediction_id: str


type Event = PredictionEvent | LabelEvent | ShadowEvent


def _encode(event: Event) -> bytes:
    fields = {key: value for key, value in asdict(event).items() if value is not None}
    described = {"schema_version": SCHEMA_VERSION, "event_type": event.event_type, **fields}
    return json.dumps(described, separators=(",", ":"), allow_nan=False).encode()


def decode(payload: bytes) -> Event:
    """Read one stream record.

    Raises
    ------
    EventError
        If it is not JSON, or a field is absent, mistyped or out of range. Feature values are left to the
        model's schema.

    >>> decode(b'{"schema_version": "one"}')
    Traceback (most recent call last):
    drift_core.event.EventError: schema_version is 'one'; write the version of the event, an integer from 1
    """
    try:
        described = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise EventError(f"not JSON ({error}); write one JSON object a record") from None
    if not isinstance(described, dict):
        raise EventError(f"a JSON {type(described).__name__}; write one JSON object a record")
    read = _Reader(described)
    version = described.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise read.refuse("schema_version", "the version of the event, an integer from 1")
    match described.get("event_type"):
        case "prediction":
            return PredictionEvent(**read.common(), **read.predicted())
        case "shadow":
            return ShadowEvent(
                **read.common(), **read.predicted(), prediction_id=read.identifier("prediction_id")
            )
        case "label":
            return LabelEvent(
                **read.common(), prediction_id=read.identifier("prediction_id"), label=read.value("label")
            )
        case other:
            raise EventError(f'event_type is {_shown(other)}; write "prediction", "label" or "shadow"')


class _Reader:
    """Typed access to a decoded object; each refusal names the field.

    Parameters
    ----------
    inside : the field that the object stands in, with a dot; empty for the event itself.
    """

    def __init__(self, described: Mapping[str, Any], inside: str = "") -> None:
        self.described = described
        self.inside = inside

    def refuse(self, name: str, needed: str) -> EventError:
        field = f"{self.inside}{name[:100]}"
        if name not in self.described:
            return EventError(f"{field} is absent; write {needed}")
        return EventError(f"{field} is {_shown(self.described[name], as_text=True)}; write {needed}")

    def number(self, name: str) -> float:
        """A finite number; `value` takes class labels as well."""
        value = self.value(name)
        if isinstance(value, str):
            raise EventError(f"{self.inside}{name[:100]} is {value[:100]!r}; write a number")
        return value

    def common(self) -> dict[str, Any]:
        return {
            "event_id": self.identifier("event_id"),
            "event_time": self.milliseconds("event_time"),
            "model_name": self.text("model_name"),
            "source": self.text("source") if self.described.get("source") is not None else "unknown",
        }

    def predicted(self) -> dict[str, Any]:
        return {
            "model_version": self.text("model_version"),
            "features": self.mapping("features"),
            "prediction": self.value("prediction"),
            "interval": self.interval(),
            "confidence": self.confidence(),
            "probabilities": self.probabilities(),
        }

    def text(self, name: str) -> str:
        value = self.described.get(name)
        if not isinstance(value, str) or not value:
            raise self.refuse(name, "a string that is not empty")
        return value

    def identifier(self, name: str) -> str:
        value = self.described.get(name)
        try:
            if isinstance(value, str) and len(value) == 36:
                return str(uuid.UUID(value))
        except ValueError:
            pass  # refused below, with the field's name
        raise self.refuse(name, "a UUID (version 7) of 36 characters")

    def milliseconds(self, name: str) -> int:
        value = self.described.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**47:
            raise self.refuse(name, "UTC milliseconds since 1970 as an integer")
        return value

    def value(self, name: str) -> float | str:
        value = self.described.get(name)
        if isinstance(value, str) and value:
            return value
        limit = sys.float_info.max  # NaN, infinity and whole numbers beyond a float64 fail the comparison
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= limit:
            raise self.refuse(name, "a finite number or a class label")
        return float(value)

    def confidence(self) -> float | None:
        if self.described.get("confidence") is None:
            return None
        value = self.number("confidence")
        if not 0 <= value <= 1:
            raise self.refuse("confidence", "a number from 0 to 1")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.described.get(name)
        if not isinstance(value, dict):  # the text goes to the quarantine's reasons, values do not
            found = "not an object" if name in self.described else "absent"
            raise EventError(f"{name} is {found}; write an object, value by name")
        return value

    def interval(self) -> Interval | None:
        if self.described.get("interval") is None:
            return None
        inner = _Reader(self.mapping("interval"), "interval.")
        lower, upper, coverage = (inner.number(key) for key in ("lower", "upper", "coverage"))
        if lower > upper:
            raise EventError("interval has its lower end above its upper; write them in order")
        if not 0 < coverage <= 1:
            raise EventError(f"interval.coverage is {coverage:g}; write a share above 0, at most 1")
        return Interval(lower=lower, upper=upper, coverage=coverage)

    def probabilities(self) -> dict[str, float] | None:
        if self.described.get("probabilities") is None:
            return None
        inner = _Reader(self.mapping("probabilities"), "probabilities.")
        return {name: inner.number(name) for name in inner.described}


def _shown(value: Any, *, as_text: bool = False) -> str:
    """A value for a refusal: objects and lists are named only, for the features may stand in them."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return repr(value[:100])
        case _:
            return repr(str(value)[:100]) if as_text else str(value)[:100]
