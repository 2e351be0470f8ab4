"""Bodies of requests made from the API's document: as they are sent, and what of them no log may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from drift_core.event import new_event_id

PAST = 1_700_000_000_000
"""UTC milliseconds of a time that has been."""

KNOWN = {"instances", "labels", "prediction_id", "event_time"}
"""Names of fields that the API has itself."""


def timely(body: Any) -> Any:
    """A body whose well-formed ids and times are of the past: no schema can know what time it is."""
    if not isinstance(body, dict) or not isinstance(body.get("labels"), list):
        return body
    for label in body["labels"]:
        if not isinstance(label, dict):
            continue
        made, told = label.get("prediction_id"), label.get("event_time")
        if isinstance(made, str) and re.fullmatch(r"[0-9a-fA-F-]{14}7[0-9a-fA-F-]{21}", made):
            label["prediction_id"] = new_event_id(PAST)[:14] + made[14:]
        if isinstance(told, int | float) and PAST < told < 2**47:
            label["event_time"] = PAST
    return body


def check_private(sent: Any, written: str, ordinary: str) -> None:
    """Nothing long enough to be told from chance is in the log: no value and no name of a field."""
    for text in leaves(sent):
        assert text not in written or text in ordinary, f"a request's {text!r} is logged"


def leaves(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from leaves(inner)
                yield from leaves(name) if name not in KNOWN else ()
        case list():
            for inner in value:
                yield from leaves(inner)
        case str() if len(value) >= 8:
            yield json.dumps(value)[1:-1]
        case int() | float() if len(str(value)) >= 10:
            yield str(value)
