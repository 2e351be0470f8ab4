"""`POST /feedback`: the truth about earlier predictions becomes label events."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from drift_core.event import LabelEvent, new_event_id
from drift_core.schema import MAX_CATEGORY_LENGTH, MAX_INSTANCES

_UUID7 = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}\Z"

_NUMBER = {"type": "number", "minimum": -sys.float_info.max, "maximum": sys.float_info.max}
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
            "event_time": {"type": "integer", "minimum": 0, "maximum": 2**47 - 1},
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
    """
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
