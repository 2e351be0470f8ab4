"""Reading a request: what does not fit the model's schema is refused before anything is written."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from ingest_lambda.refusal import MAX_LISTED, Refusal, RequestError, is_whole, kind_of

MAX_BODY_BYTES = 1 << 20
"""Largest body: 500 instances of 2 KiB."""


def read_object(body: str | None, *, is_base64: bool) -> dict[str, Any]:
    """The JSON object in a request's body.

    Parameters
    ----------
    body : as API Gateway passes it.

    Raises
    ------
    RequestError
        413 if it is larger than `MAX_BODY_BYTES`, 400 if it is not a JSON object in UTF-8.

    >>> read_object('{"instances": []}', is_base64=False)
    {'instances': []}
    """
    if not body:
        raise RequestError(400, "the body is empty; send a JSON object")
    if len(body) > (MAX_BODY_BYTES * 4 // 3 + 4 if is_base64 else MAX_BODY_BYTES):
        raise _too_large()
    try:
        raw = base64.b64decode(body, validate=True) if is_base64 else body.encode()
        read = None if len(raw) > MAX_BODY_BYTES else json.loads(raw.decode())
    except RecursionError:
        raise RequestError(400, "the body is nested too deeply; send a flat JSON object") from None
    except ValueError as error:
        raise RequestError(400, f"the body is {_fault(error)}; send a JSON object") from None
    if len(raw) > MAX_BODY_BYTES:
        raise _too_large()
    if not isinstance(read, dict):
        raise RequestError(400, f"the body is {kind_of(read)}; send a JSON object")
    return read


def _too_large() -> RequestError:
    return RequestError(413, f"the body is larger than {MAX_BODY_BYTES:,} bytes; split the request")


def _fault(error: ValueError) -> str:
    """What a decoder found wrong, without what it read."""
    match error:
        case json.JSONDecodeError():
            return f"not JSON ({error.msg} at character {error.pos})"
        case binascii.Error():
            return "not Base64, though the event says so"
        case UnicodeError():
            return "not text in UTF-8"
        case _:  # Python reads integers of up to 4,300 digits
            return "not readable: a number has too many digits"


class RequestReader:
    """Checks a request against a JSON Schema and says what is wrong in words.

    Parameters
    ----------
    envelope : checked first, alone: a list that is too long is refused without looking at its items.
    schema : of the whole request.
    """

    def __init__(self, envelope: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
        self._validators = (_Validator(envelope), _Validator(schema))

    def check(self, read: Mapping[str, Any]) -> None:
        """Do nothing, if the request fits.

        Raises
        ------
        RequestError
            422 with every offending field.
        """
        for validator in self._validators:
            errors = validator.iter_errors(read)
            listed = [Refusal.of(error) for error in islice(errors, MAX_LISTED)]
            if listed:
                raise RequestError.of(listed, count=len(listed) + sum(1 for _ in errors))


def _required(
    _: Any, names: list[str], instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """As in the standard, but each error stands at the absent field."""
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield ValidationError("absent", path=[name], instance=None, schema=schema["properties"][name])


def _additional(_: Any, __: bool, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """As in the standard, but one error for each unknown field."""
    if isinstance(instance, dict):
        for name in instance:
            if name not in schema["properties"]:
                yield ValidationError("unknown", path=[name], instance=instance[name])


def _finite(_: Any, value: Any) -> bool:
    """Whether a value is a number. JSON has neither NaN nor infinity, but Python reads NaN and 1e999."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(_: Any, value: Any) -> bool:
    """Whether a value is a string of whole characters. JSON can escape half of a surrogate pair."""
    return isinstance(value, str) and is_whole(value)


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"required": _required, "additionalProperties": _additional},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"number": _finite, "string": _whole}),
)
