"""Described: a JSON object that somebody else wrote, read field by field; each refusal names the field.

A bundle's files are trusted for their sha256 only once they have been read, and the manifest has none. So
nothing is taken for granted of them: not that a field is there, nor its type, its size or that it is finite.
A field that this version does not ask for is of a later one, and ignored.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, Self

import numpy as np
import numpy.typing as npt

MOST_WHOLE = 2**53
"""Whole numbers beyond are not exact in every reader of JSON."""

MOST_NUMBER = 1e150
"""Numbers beyond have no square, and statistics square most of them. Training knows none above 3e38."""


class Described:
    """Typed access to the fields of an object.

    Parameters
    ----------
    value : as the JSON decoder gives it.
    path : of the object within its file, for the texts; empty for the whole.
    """

    __slots__ = ("_fields", "_path")

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise ValueError(  # noqa: TRY004 - a text that is wrong, not a call
                f"{path or 'the file'} is {kind_of(value)}; write an object"
            )
        self._fields: dict[str, Any] = value
        self._path = path

    @classmethod
    def of_json(cls, text: str | bytes) -> Self:
        """Read a whole file.

        Raises
        ------
        ValueError
            If it is not a JSON object; NaN and infinity are not JSON.
        """
        try:
            return cls(json.loads(text, parse_constant=_refuse_constant))
        except RecursionError:
            raise ValueError("not JSON: nested too deeply") from None

    def place(self, name: str) -> str:
        """A field's path within its file."""
        return f"{self._path}.{name[:100]}" if self._path else name[:100]

    def refuse(self, name: str, needed: str) -> NoReturn:
        """Raise the ValueError of a field."""
        found = kind_of(self._fields[name]) if name in self._fields else "absent"
        raise ValueError(f"{self.place(name)} is {found}; write {needed}")

    def names(self) -> tuple[str, ...]:
        """The names of the fields there are."""
        return tuple(self._fields)

    def has(self, name: str) -> bool:
        """Whether a field is there and not null."""
        return self._fields.get(name) is not None

    def text(self, name: str) -> str:
        """A string."""
        value = self._fields.get(name)
        if not isinstance(value, str):
            self.refuse(name, "a string")
        return value

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._fields.get(name)
        if not isinstance(value, bool):
            self.refuse(name, "true or false")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None."""
        return self.text(name) if self.has(name) else None

    def number(self, name: str, *, above: float = -math.inf, most: float = math.inf) -> float:
        """A number of (above, most], not beyond `MOST_NUMBER`."""
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            self.refuse(name, "a finite number")
        if not above < value <= most:
            self.refuse(
                name, f"a number above {above:g}" + (f", at most {most:g}" if most < math.inf else "")
            )
        return float(value)

    def share(self, name: str) -> float:
        """A number of [0, 1]."""
        value = self.number(name)
        if not 0 <= value <= 1:
            self.refuse(name, "a share from 0 to 1")
        return value

    def whole(self, name: str, *, least: int = 0, most: int = MOST_WHOLE) -> int:
        """A whole number of [least, most]."""
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            bounds = (f" from {least}" if least else "") + (f" to {most}" if most < MOST_WHOLE else "")
            self.refuse(name, f"a whole number{bounds}")
        return value

    def part(self, name: str) -> Described:
        """An object."""
        return Described(self._fields.get(name), self.place(name))

    def parts(self, name: str) -> Iterator[Described]:
        """The objects of a list."""
        for i, value in enumerate(self.list_of(name)):
            yield Described(value, f"{self.place(name)}[{i}]")

    def fields(self, *but: str) -> dict[str, Any]:
        """All fields but some, as they stand."""
        return {name: value for name, value in self._fields.items() if name not in but}

    def list_of(self, name: str, *, most: int = MOST_WHOLE) -> list[Any]:
        """A list of whatever."""
        value = self._fields.get(name)
        if not isinstance(value, list) or len(value) > most:
            self.refuse(name, "a list" if most == MOST_WHOLE else f"a list of at most {most}")
        return value

    def texts(self, name: str, *, most: int = MOST_WHOLE) -> tuple[str, ...]:
        """A list of strings."""
        values = self.list_of(name, most=most)
        if not all(isinstance(value, str) for value in values):
            self.refuse(name, "a list of strings")
        return tuple(values)

    def matrix(self, name: str, *shape: int, least: float = -math.inf) -> npt.NDArray[np.float64]:
        """Numbers of a shape, not beyond `MOST_NUMBER`, each at least `least`."""
        leaves = self._leaves(name, shape, (int, float))
        if not all(map(_finite, leaves)) or (leaves and min(leaves) < least):
            self.refuse(name, "finite numbers" if least == -math.inf else f"finite numbers from {least:g}")
        return np.array(leaves, float).reshape(shape)

    def shares(self, name: str, count: int) -> tuple[float, ...]:
        """So many numbers of [0, 1]."""
        values = self.matrix(name, count, least=0)
        if (values > 1).any():
            self.refuse(name, "shares from 0 to 1")
        return tuple(values.tolist())

    def packed_rows(self, name: str, columns: int, *, most: int, least: int = 0) -> npt.NDArray[np.float32]:
        """Rows of numbers, shape (n, columns) with n of [least, most], as Base64 of float32."""
        row = 4 * columns
        try:
            content = base64.b64decode(self.text(name), validate=True)
        except ValueError:  # binascii.Error is one
            content = b"?"
        if len(content) % row or not least * row <= len(content) <= most * row:
            self.refuse(name, f"Base64 of float32 numbers, {columns} a row, at most {most} rows")
        return np.frombuffer(content, "<f4").astype(np.float32).reshape(-1, columns)

    def counts(self, name: str, *shape: int, least: int = 0) -> npt.NDArray[np.int64]:
        """Whole numbers of a shape, each of [least, MOST_WHOLE]."""
        leaves = self._leaves(name, shape, (int,))
        if leaves and not (least <= min(leaves) and max(leaves) <= MOST_WHOLE):
            self.refuse(name, f"whole numbers from {least} to {MOST_WHOLE}")
        return np.array(leaves, np.int64).reshape(shape)

    def _leaves(self, name: str, shape: Sequence[int], kinds: tuple[type, ...]) -> list[Any]:
        """The numbers of nested lists, looked at before numpy makes room for them."""
        level: list[Any] = [self._fields.get(name)]
        for length in shape:
            if not all(isinstance(one, list) and len(one) == length for one in level):
                self.refuse(name, f"{' × '.join(map(str, shape))} numbers in nested lists")
            level = [value for one in level for value in one]
        if not {type(value) for value in level} <= set(kinds):
            self.refuse(name, "whole numbers only" if kinds == (int,) else "numbers only")
        return level


def kind_of(value: object) -> str:
    """What a value is, for a text: long ones are not repeated.

    >>> kind_of(None), kind_of([1, 2]), kind_of(-0.5)
    ('null', 'a list of 2', '-0.5')
    """
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return repr(value[:100])
    if isinstance(value, int) and abs(value) > MOST_WHOLE:
        return "a number of many digits"
    return json.dumps(value)


def _finite(value: float) -> bool:
    return -MOST_NUMBER <= value <= MOST_NUMBER  # compares whole numbers of any size; NaN fails


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"not JSON: it holds {name}")
