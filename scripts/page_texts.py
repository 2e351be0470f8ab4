"""Texts that a command writes into a page, between marks."""

from __future__ import annotations

import re


class PageError(ValueError):
    """A page that has no place for a text; the text names the place and the remedy."""


def with_text(page: str, name: str, text: str) -> str:
    r"""The page with the text between the marks of this name.

    Raises
    ------
    PageError
        If it has no such place, or several.

    >>> with_text("<!-- figures:begin a -->old<!-- figures:end -->", "a", "new")
    '<!-- figures:begin a -->\nnew\n<!-- figures:end -->'
    """
    place = re.compile(rf"(<!-- figures:begin {name} -->).*?(<!-- figures:end -->)", re.DOTALL)
    found, places = place.subn(lambda match: f"{match[1]}\n{text}\n{match[2]}", page)
    if places != 1:
        raise PageError(
            f"the page has {places} places for {name!r}; mark one with <!-- figures:begin {name} --> "
            f"and <!-- figures:end -->"
        )
    return found
