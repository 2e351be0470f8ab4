"""Later versions only add: what this one reads of what a later one wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def known(kind: type, described: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass in a JSON object; those that only a later version knows are left out.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Point:
    ...     x: int
    >>> known(Point, {"x": 1, "y": 2})
    {'x': 1}
    """
    return {field.name: described[field.name] for field in fields(kind) if field.name in described}
