"""Documents are read once: what an earlier look read is read again only where it was replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from report.source import Listed, Source, at_once

type Known = dict[str, tuple[str, Any]]
"""What has been read, by key: the object's tag, and what it says."""


class Reading:
    """One look at the archive.

    Attributes
    ----------
    unread : keys of objects whose content is not what it must be.
    """

    def __init__(self, source: Source, known: Known) -> None:
        self._source, self._known = source, known
        self._seen: set[str] = set()
        self.unread: set[str] = set()

    def each(self, wanted: Iterable[Listed], parse: Callable[[bytes], Any]) -> list[Any]:
        """What objects say, in their order; those that cannot be read are left out.

        Parameters
        ----------
        parse : always the same function for the same key.
        """
        listed = list(wanted)
        self._seen.update(one.key for one in listed)
        fresh = [one for one in listed if self._known.get(one.key, ("", None))[0] != one.tag]
        for one, said in zip(fresh, at_once(partial(self._said, parse), fresh), strict=True):
            self._known[one.key] = (one.tag, said)
        said_by = {one.key: self._known[one.key][1] for one in listed}
        self.unread.update(key for key, said in said_by.items() if said is _UNREADABLE)
        return [said for said in said_by.values() if said is not _UNREADABLE]

    def forget(self) -> None:
        """Keep of what is known what this look asked for, and no more."""
        for key in self._known.keys() - self._seen:
            del self._known[key]

    def _said(self, parse: Callable[[bytes], Any], one: Listed) -> Any:
        content = self._source.read(one.key)
        try:
            return parse(content)
        except (ValueError, TypeError, LookupError, AttributeError):  # of whatever a file may hold
            return _UNREADABLE


_UNREADABLE = object()
"""Stands for what an object says that cannot be read: it is told, and not read at each look again."""
