"""One record at a time: the authority on what keeps the stream contract, and on what to tell who broke it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from drift_consumer.baselines import Baselines, Bundle, UnknownModelError, absent
from drift_consumer.series import NAMELESS
from drift_core.event import (
    EARLIEST_MS,
    FUTURE_LIMIT_MS,
    Event,
    EventError,
    LabelEvent,
    PredictionEvent,
    ShadowEvent,
    decode,
    event_id_time,
)
from drift_core.schema import Feature, Kind, Scalar

_KPL_MAGIC = b"\xf3\x89\x9a\xc2"
_VERSION_DIGIT = 14  # of a UUID
_JSON_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
_NEEDED = {Kind.NUMERIC: "a number", Kind.CATEGORICAL: "a string", Kind.BOOLEAN: "true or false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event that keeps the contract.

    Attributes
    ----------
    model_version : NAMELESS for a label.
    bundle : of a prediction, served or in shadow; None for a label.
    fields : by column of `columns.event_schema`, and `label_class`.
    """

    kind: str
    model_name: str
    model_version: str
    bundle: Bundle | None
    fields: dict[str, Any]


class KnownModels:
    """The stack's model and the bundles of one batch.

    Each version is asked for once. At the first that is absent all versions are listed, so that a batch of
    forged ones costs no call each.
    """

    def __init__(self, model_name: str, baselines: Baselines) -> None:
        self.model_name = model_name
        self._baselines = baselines
        self._found: dict[str, Bundle] = {}
        self._existing: set[str] | None = None

    def get(self, model_version: str) -> Bundle:
        """Load a bundle of the stack's model.

        Raises
        ------
        EventError
            If there is none; any other fault of `Baselines` passes through.
        """
        if model_version not in self._found:
            try:
                if self._existing is not None and model_version not in self._existing:
                    raise absent(self.model_name, model_version)
                self._found[model_version] = self._baselines.get(self.model_name, model_version)
            except UnknownModelError as unknown:
                if self._existing is None:
                    self._existing = set(self._baselines.versions(self.model_name))
                self._existing.discard(model_version)
                raise EventError(str(unknown)) from None
        return self._found[model_version]


def read(payload: bytes, arrival: int, models: KnownModels) -> Row:
    """Read one stream record.

    Parameters
    ----------
    arrival : UTC milliseconds at which Kinesis took it.

    Raises
    ------
    EventError
        If it breaks the contract, is of another model or its model version has no bundle; the text can be
        written as UTF-8.
    """
    try:
        event = _decode(payload)
        _check_model(event, models.model_name)
        _check_times(event, arrival)
        return _label(event) if isinstance(event, LabelEvent) else _prediction(event, models)
    except EventError as refusal:
        text = str(refusal).encode(errors="backslashreplace").decode()
        raise EventError(text[:1000]) from None


def _decode(payload: bytes) -> Event:
    if payload.startswith(_KPL_MAGIC):
        raise EventError("an aggregated record of the Kinesis Producer Library; turn its aggregation off")
    return decode(payload)


def _check_model(event: Event, watched: str) -> None:
    if event.model_name != watched:
        raise EventError(
            f"model_name is {event.model_name[:100]!r}, but this stack watches {watched!r}; "
            f"write to the stream of the model's own stack"
        )


def _check_times(event: Event, arrival: int) -> None:
    latest = arrival + FUTURE_LIMIT_MS
    if event.event_time < EARLIEST_MS:
        raise EventError(
            f"event_time is {event.event_time}, before the year 2000; write UTC milliseconds, not seconds"
        )
    if event.event_time > latest:
        raise EventError(
            f"event_time is {event.event_time}, more than an hour after its arrival at {arrival}; "
            f"write UTC milliseconds and set the producer's clock"
        )
    if isinstance(event, LabelEvent | ShadowEvent):
        made = event_id_time(event.prediction_id)
        if event.prediction_id[_VERSION_DIGIT] != "7" or not EARLIEST_MS <= made <= latest:
            raise EventError(
                f"prediction_id is {event.prediction_id!r}, which no prediction from 2000 to {arrival} has; "
                f"write the prediction_id of a response, a UUID of version 7"
            )


def _label(event: LabelEvent) -> Row:
    field = "label_class" if isinstance(event.label, str) else "label"
    value = whole_text("label", event.label) if isinstance(event.label, str) else event.label
    return Row(
        kind=event.event_type,
        model_name=event.model_name,
        model_version=NAMELESS,
        bundle=None,
        fields={**_common(event), "prediction_id": event.prediction_id, field: value},
    )


def _prediction(event: PredictionEvent, models: KnownModels) -> Row:
    bundle = models.get(event.model_version)
    if isinstance(event.prediction, str):
        raise EventError(
            f"prediction is {event.prediction[:100]!r}; write a number, "
            f"since {event.model_version} is a {bundle.manifest.task}"
        )
    fields = {
        **_common(event),
        "model_version": event.model_version,
        "features": _features(event, bundle),
        "prediction": event.prediction,
        "confidence": event.confidence,
    }
    if event.interval is not None:
        fields["interval"] = {name: getattr(event.interval, name) for name in ("lower", "upper", "coverage")}
    if isinstance(event, ShadowEvent):
        fields["prediction_id"] = event.prediction_id
    return Row(
        kind=event.event_type,
        model_name=event.model_name,
        model_version=event.model_version,
        bundle=bundle,
        fields=fields,
    )


def _common(event: Event) -> dict[str, Any]:
    return {
        "event_type": event.event_type,
        "event_id": event.event_id,
        "event_time": event.event_time,
        "model_name": event.model_name,
        "source": whole_text("source", event.source),
    }


def _features(event: PredictionEvent, bundle: Bundle) -> dict[str, Scalar]:
    schema = bundle.manifest.schema
    strangers = event.features.keys() - set(schema.names)
    if strangers:
        raise EventError(
            f"features has {min(strangers)[:100]!r}, which {event.model_version} does not know; "
            f"write {json.dumps(schema.names)}"
        )
    return {feature.name: _value(feature, event.features.get(feature.name)) for feature in schema.features}


def _value(feature: Feature, value: Any) -> Scalar:
    """A feature's value as the archive keeps it; what a refusal says must not give the value away."""
    where = f"features.{feature.name}"
    match feature.kind, value:
        case _, None:
            return None
        case Kind.BOOLEAN, bool():
            return value
        case Kind.CATEGORICAL, str():
            return whole_text(where, value)
        case Kind.NUMERIC, float():
            return None if math.isnan(value) else value
        case Kind.NUMERIC, int() if not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                raise EventError(f"{where} is a JSON number beyond 1.8e308; write a smaller one") from None
    raise EventError(f"{where} is a JSON {_JSON_TYPES[type(value)]}; write {_NEEDED[feature.kind]} or null")


def whole_text(name: str, text: str) -> str:
    """A text that UTF-8 can hold: JSON can escape half of a surrogate pair.

    Raises
    ------
    EventError
        If it cannot.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise EventError(f"{name} holds half of a surrogate pair; write whole characters") from None
    return text
