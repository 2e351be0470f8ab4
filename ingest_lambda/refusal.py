"""Refusals: what is wrong with a request, in words that say how to put it right."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from jsonschema.exceptions import ValidationError

MAX_LISTED = 100
"""Refusals listed in one answer; `error_count` has them all."""

MAX_ECHO = 100
"""Characters of a refused value or name that the answer repeats."""

_NAMES = {
    "number": "a finite number",
    "integer": "a whole number",
    "string": "a string",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One field that cannot be served.

    Attributes
    ----------
    field : where it stands in the body ("instances[3].rooms").
    value : as received, cut at `MAX_ECHO` characters, halves of surrogate pairs escaped; None if absent.
    """

    field: str
    value: float | str | bool | None
    problem: str
    remedy: str

    @classmethod
    def of(cls, error: ValidationError) -> Refusal:
        """What a failed keyword of a JSON Schema means to the client."""
        problem, remedy = _explain(error)
        return cls(
            field=_field(error.absolute_path), value=_echo(error.instance), problem=problem, remedy=remedy
        )


class RequestError(ValueError):
    """A request that is refused.

    Attributes
    ----------
    status : HTTP status.
    answer : body of the answer.
    count : refused fields; 0 when the body could not be read at all.
    """

    def __init__(self, status: int, message: str, refusals: Sequence[Refusal] = (), count: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.count = count
        self.answer: dict[str, Any] = {"message": message}
        if count:
            self.answer["errors"] = [asdict(refusal) for refusal in refusals]
            self.answer["error_count"] = count

    @classmethod
    def of(cls, listed: Sequence[Refusal], *, count: int) -> RequestError:
        """Status 422 for `count` refused fields, of which the first `MAX_LISTED` are listed."""
        message = f"{count} field{'s' if count > 1 else ''} refused; nothing was written"
        if count > len(listed):
            message += f"; the first {len(listed)} are listed"
        return cls(422, message, listed, count)


def kind_of(value: Any) -> str:
    """What a JSON value is, without the value.

    >>> kind_of(None), kind_of([1])
    ('null', 'a list')
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def is_whole(text: str) -> bool:
    r"""Whether UTF-8 can hold a text, which it cannot if JSON escaped half of a surrogate pair.

    >>> is_whole("\U0001f3e0"), is_whole("\ud83c")
    (True, False)
    """
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _explain(error: ValidationError) -> tuple[str, str]:
    """Problem and remedy, by the keyword that failed."""
    value: Any = error.instance
    schema = cast(Mapping[str, Any], error.schema)
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    or_null = ", or null if it is missing" if "null" in types else ""
    match error.validator:
        case "required":
            told = "absent", "add it; null stands for a missing value" if or_null else "add it"
        case "additionalProperties":
            known = _cut(", ".join(schema["properties"]))
            told = "unknown", f"remove it or correct its name; known here: {known}"
        case "type" if isinstance(value, str) and "string" in types:
            told = "half of a surrogate pair in it", f"write whole characters{or_null}"
        case "type":
            needed = " or ".join(_NAMES[name] for name in types if name != "null")
            finite = not isinstance(value, float) or math.isfinite(value)
            problem = f"{kind_of(value)}, not {needed}" if finite else f"not {needed}"
            told = problem, f"give {needed}{or_null}"
        case "minimum" | "maximum":
            side = "below" if error.validator == "minimum" else "above"
            span = f"{schema['minimum']} to {schema['maximum']}"
            told = f"{side} {error.validator_value}", f"give a number from {span}{or_null}"
        case "minLength" | "maxLength":
            span = f"{schema['minLength']} to {schema['maxLength']}"
            told = f"{len(value)} characters long", f"give {span} characters{or_null}"
        case "minItems" | "maxItems":
            span = f"{schema['minItems']} to {schema['maxItems']}"
            told = f"{len(value)} items", f"give {span} items in a request"
        case _:  # "pattern", the only other keyword of our schemas
            told = "not a prediction id", "give a prediction_id that POST /predict answered"
    return told


def _field(path: Iterable[int | str]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in path)
    return "".join(parts).lstrip(".")


def _echo(value: Any) -> float | str | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _cut(value)
    text = json.dumps(value)
    if isinstance(value, int | float) and len(text) <= MAX_ECHO and math.isfinite(value):
        return value
    return _cut(text)


def _cut(text: str) -> str:
    """A text short enough to repeat, and such that every reader of JSON takes it."""
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= MAX_ECHO else text[: MAX_ECHO - 1] + "…"
