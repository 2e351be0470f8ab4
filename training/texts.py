"""Columns of text that are no categories: numbers and dates in disguise, and identifiers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from training.data import DataError

MOST_UNIQUE = 50
"""A column with more different texts than this, in more than half of its rows, is an identifier."""

_PLAIN = r"[-+]?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?"
_DISGUISES = {
    "numbers with commas": re.compile(
        r"[-+]?[0-9]+([., ][0-9]{3})*,[0-9]+|[-+]?[0-9]{1,3}(,[0-9]{3})+[.][0-9]+"
    ),
    "hexadecimal numbers": re.compile(r"[-+]?0[xX][0-9a-fA-F]+"),
    "numbers with underscores": re.compile(r"[-+]?[0-9]+(_[0-9]+)+([.][0-9]+)?"),
}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")


def refuse_disguised(name: str, texts: Sequence[str]) -> None:
    """Refuse a column that would be a category by mistake.

    Parameters
    ----------
    texts : the column's values that are present, one or more.

    Raises
    ------
    DataError
        If all of them are numbers or dates written as text, or most occur once.
    """
    distinct = sorted(set(texts))
    plain = re.compile(_PLAIN)
    for what, pattern in _DISGUISES.items():
        odd = [text for text in distinct if pattern.fullmatch(text.strip())]
        if odd and all(plain.fullmatch(text.strip()) for text in set(distinct) - set(odd)):
            raise DataError(
                f"column {name!r} holds {what} as text, {odd[0]!r} for one; write them as plain numbers such "
                f"as 1234.5, or add the column to --ignore"
            )
    if all(map(_is_date, distinct)):
        raise DataError(
            f"column {name!r} holds dates as text, {distinct[0]!r} for one; name it with --time-column if it "
            f"is the time, convert it to a number, or add it to --ignore"
        )
    if len(distinct) > max(MOST_UNIQUE, len(texts) / 2):
        raise DataError(
            f"column {name!r} has {len(distinct)} different texts in {len(texts)} rows, {texts[0]!r} for "
            f"one; it looks like an identifier: add it to --ignore, or group its values"
        )


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text.strip()):
        return False
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return True
