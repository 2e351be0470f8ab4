"""What the prediction API answers, as JSON Schema: by path and status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

type Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_ID: Schema = {"type": "string", "format": "uuid"}


def _object(**fields: Schema) -> Schema:
    """Each field is there and no other is."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


_MESSAGE = _object(message=_TEXT)

_INTERVAL = _object(lower=_NUMBER, upper=_NUMBER, coverage=_NUMBER)

_PREDICTION = _object(
    prediction_id=_ID,
    value=_NUMBER,
    interval=_INTERVAL,
    confidence={"type": "number", "minimum": 0, "maximum": 1},
)

_REFUSAL = _object(
    field=_TEXT,
    value={"type": ["string", "number", "boolean", "null"]},
    problem=_TEXT,
    remedy=_TEXT,
)

_REFUSALS = _object(
    message=_TEXT,
    errors={"type": "array", "minItems": 1, "maxItems": 100, "items": _REFUSAL},
    error_count={"type": "integer", "minimum": 1},
)

_UNAVAILABLE = _object(status={"const": "unavailable"}, message=_TEXT)

_LOST = _object(
    message=_TEXT,
    accepted={"type": "integer", "minimum": 0},
    not_accepted={"type": "array", "minItems": 1, "items": _ID},
)

_MODEL = _object(
    model_name=_TEXT,
    model_version=_TEXT,
    task=_TEXT,
    target=_TEXT,
    unit={"type": ["string", "null"]},
    features={"type": "array", "minItems": 1, "items": {"type": "object"}},
    request_schema={"type": "object"},
    metrics={"type": "object", "additionalProperties": _NUMBER},
    interval_coverage=_NUMBER,
    created_at=_TEXT,
)

_HEALTH = _object(status={"const": "ok"}, model_name=_TEXT, model_version=_TEXT)

_EVERYWHERE: Mapping[int, tuple[str, Schema]] = {
    403: (
        "The request is not signed, or carries no key; `Message` if its signer may not call this.",
        {"anyOf": [_MESSAGE, _object(Message=_TEXT)]},
    ),
    429: ("More requests than the API takes: try again later.", _MESSAGE),
    500: (
        "A fault of ours: quote the request id. The gateway itself gives none.",
        {"anyOf": [_MESSAGE, _object(message=_TEXT, request_id=_TEXT)]},
    ),
    502: ("The function gave no answer that the gateway knows.", _MESSAGE),
    503: ("No bundle can be served now.", _UNAVAILABLE),
    504: ("The function did not answer in time.", _MESSAGE),
}

_OF_BODIES: Mapping[int, tuple[str, Schema]] = {
    400: ("The body is not a JSON object in UTF-8.", _MESSAGE),
    413: ("The body is too large: split the request.", _MESSAGE),
    422: ("Fields that cannot be served, each with a remedy; nothing was written.", _REFUSALS),
}

_AT_THE_EDGE = {"anyOf": [_REFUSALS, _MESSAGE]}  # the gateway refuses an envelope without naming fields

_BY_PATH: Mapping[str, Mapping[int, tuple[str, Schema]]] = {
    "/predict": {
        200: (
            "Predictions in the order of the instances.",
            _object(
                model_name=_TEXT,
                model_version=_TEXT,
                predictions={"type": "array", "minItems": 1, "maxItems": 500, "items": _PREDICTION},
            ),
        ),
        **_OF_BODIES,
        422: (_OF_BODIES[422][0], _AT_THE_EDGE),
    },
    "/feedback": {
        202: ("The labels are on their way.", _object(accepted={"type": "integer", "minimum": 1})),
        **_OF_BODIES,
        422: (_OF_BODIES[422][0], _AT_THE_EDGE),
        503: (
            "No bundle can be served now, or some labels could not be stored: send those again.",
            {"anyOf": [_UNAVAILABLE, _LOST]},
        ),
    },
    "/model": {200: ("What is served, and what a request must look like.", _MODEL)},
    "/health": {200: ("Predictions can be served.", _HEALTH)},
}


def responses(path: str) -> dict[str, Any]:
    """The `responses` of an operation.

    Parameters
    ----------
    path : one of the API's.

    >>> sorted(responses("/health"))
    ['200', '403', '429', '500', '502', '503', '504']
    """
    return {
        str(status): {"description": told, "content": {"application/json": {"schema": schema}}}
        for status, (told, schema) in sorted({**_EVERYWHERE, **_BY_PATH[path]}.items())
    }
