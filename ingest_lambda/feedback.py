"""`POST /feedback`: the truth about earlier predictions becomes label events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drift_core.event import EARLIEST_MS, FUTURE_LIMIT_MS, LabelEvent, event_id_time, new_event_id
from drift_core.schema import MAX_CATEGORY_LENGTH, MAX_INSTANCES
from ingest_lambda.refusal import MAX_LISTED, Refusal, RequestError

_UUID7 = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}\Z"

MAX_LABEL = 1e308
"""Largest number: near a double's end, readers of decimal and of binary numbers differ in what is beyond."""

_NUMBER = {"type": "number", "minimum": -MAX_LABEL, "maximum": MAX_LABEL}
_CLASS = {"type": "string", "minLength": 1, "maxLength": MAX_CATEGORY_LENGTH}


def labels_schema(task: str) -> dict[str, Any]:
    """JSON Schema of the body of `POST /feedback`.

    Parameters
    ----------
    task : of the manifest; a label is a number in a regression and a class name otherwise.
    """
    label = {
        "type": "object",
        "properties": {
            "prediction_id": {"type": "string", "pattern": _UUID7},
            "label": _NUMBER if task == "regression" else _CLASS,
            "event_time": {"type": "integer", "minimum": EARLIEST_MS, "maximum": 2**47 - 1},
        },
        "required": ["prediction_id", "label"],
        "additionalProperties": False,
    }
    return _envelope(label)


def _envelope(label: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"type": "array", "minItems": 1, "maxItems": MAX_INSTANCES, "items": label}
    return {
        "type": "object",
        "properties": {"labels": labels},
        "required": ["labels"],
        "additionalProperties": False,
    }


LABELS_ENVELOPE = _envelope({})
"""JSON Schema of the same body, whatever the labels."""


def label_events(labels: Sequence[Mapping[str, Any]], *, model_name: str, now_ms: int) -> list[LabelEvent]:
    """Events of labels that fit the schema.

    Parameters
    ----------
    now_ms : UTC milliseconds; the time of a label that brings none.

    Raises
    ------
    RequestError
        422 for times too far ahead, or of no prediction: the consumer would put these labels into quarantine.
    """
    refused = list(_mistimed(labels, now_ms))
    if refused:
        raise RequestError.of(refused[:MAX_LISTED], count=len(refused))
    return [
        LabelEvent(
            event_id=new_event_id(now_ms),
            event_time=int(label.get("event_time", now_ms)),
            model_name=model_name,
            prediction_id=label["prediction_id"].lower(),
            label=label["label"] if isinstance(label["label"], str) else float(label["label"]),
            source="api",
        )
        for label in labels
    ]


def _mistimed(labels: Sequence[Mapping[str, Any]], now_ms: int) -> Iterator[Refusal]:
    """Fields whose time lies ahead of the clock by more than clocks differ, and ids of before all events."""
    latest = now_ms + FUTURE_LIMIT_MS
    for position, label in enumerate(labels):
        made = event_id_time(label["prediction_id"])
        if not EARLIEST_MS <= made <= latest:
            yield Refusal(
                field=f"labels[{position}].prediction_id",
                value=label["prediction_id"],
                problem="made more than an hour ahead of now"
                if made > latest
                else "made before the year 2000",
                remedy="give a prediction_id that POST /predict answered",
            )
        if label.get("event_time", 0) > latest:
            yield Refusal(
                field=f"labels[{position}].event_time",
                value=label["event_time"],
                problem="more than an hour ahead of now",
                remedy=f"give UTC milliseconds, now {now_ms}, and set the clock",
            )
