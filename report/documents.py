"""Documents of the archive bucket: found by their names, read side by side, and each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from drift_core.span import Span

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READERS = 10
"""Documents read at the same time: boto3 keeps so many connections unless it is told otherwise."""

DAY = 86_400_000

type Row = dict[str, Any]

type Known = dict[str, tuple[str, Any]]
"""What has been read, by key: the object's tag, and what it says."""


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """An object as its listing tells: its key, and a tag that changes with its content."""

    key: str
    tag: str

    @property
    def name(self) -> str:
        """The last part of its key, without the ending."""
        return self.key.rpartition("/")[2].removesuffix(".json")


@dataclass(frozen=True, slots=True, order=True)
class VerdictName:
    """What the name of a verdict's document says.

    Attributes
    ----------
    start : UTC milliseconds.
    """

    start: int
    span: str
    version: str
    window_seconds: int
    listed: Listed

    @property
    def end(self) -> int:
        """Of the span, if no window was carried into it; UTC milliseconds."""
        lengths = {Span.WINDOW.value: self.window_seconds, Span.HOUR.value: 3600, Span.DAY.value: 86_400}
        return self.start + 1000 * lengths[self.span]

    @classmethod
    def of(cls, listed: Listed, model_name: str) -> VerdictName | None:
        """Read a name; None for another model's, or a challenger's in shadow.

        >>> VerdictName.of(Listed("verdicts/dt=1970-01-01/m.v.1.300.hour.3600000.json", ""), "m").version
        'v.1'
        """
        if not listed.name.startswith(f"{model_name}."):
            return None
        parts = listed.name.removeprefix(f"{model_name}.").rsplit(".", 3)
        if len(parts) < 4 or parts[2] not in Span or not (parts[1].isdigit() and parts[3].isdigit()):
            return None
        return cls(int(parts[3]), parts[2], parts[0], int(parts[1]), listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """The documents of one archive bucket."""

    s3: S3Client
    bucket: str

    def listed(self, folder: str, since: int, until: int, begin: str = "") -> list[Listed]:
        """Objects of the days that a time touches and of the day before, whose spans may reach into it.

        Parameters
        ----------
        since, until : UTC milliseconds; the end is exclusive.
        begin : of their names.
        """
        days = (
            datetime.fromtimestamp(day * 86_400, UTC) for day in range(since // DAY - 1, -(-until // DAY))
        )
        prefixes = [f"{folder}/{day:dt=%Y-%m-%d}/{begin}" for day in days]
        return [one for found in at_once(self._listed, prefixes) for one in found]

    def verdicts(self, model_name: str, since: int, until: int) -> list[VerdictName]:
        """Names of the verdicts of a model whose spans may touch a time, the oldest first.

        A window of few rows is carried into the next, so a verdict may be on more than one window: of each
        version the last one before the time is among them.
        """
        listed = self.listed("verdicts", since, until, f"{model_name}.")
        names = sorted(name for one in listed if (name := VerdictName.of(one, model_name)))
        before = {name.version: name for name in names if name.span == Span.WINDOW and name.end <= since}
        touching = [name for name in names if name.start < until and name.end > since]
        return sorted([*before.values(), *touching])

    def read(self, key: str) -> bytes:
        """An object's content."""
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def _listed(self, prefix: str) -> list[Listed]:
        return list(self.beginning(prefix))

    def beginning(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """Objects whose keys begin so, in the order of keys, behind one of them."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, StartAfter=after
        )
        return (Listed(one["Key"], one["ETag"]) for page in pages for one in page.get("Contents", ()))


class Reading:
    """One look at the documents: what an earlier look read is read again only where it was replaced.

    Attributes
    ----------
    unreadable : keys of objects whose content is not what it must be.
    """

    def __init__(self, documents: Documents, known: Known) -> None:
        self._documents, self._known = documents, known
        self._seen: set[str] = set()
        self.unreadable: set[str] = set()

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
        self.unreadable.update(key for key, said in said_by.items() if said is _UNREADABLE)
        return [said for said in said_by.values() if said is not _UNREADABLE]

    def forget(self) -> None:
        """Keep of what is known what this look asked for, and no more."""
        for key in self._known.keys() - self._seen:
            del self._known[key]

    def _said(self, parse: Callable[[bytes], Any], one: Listed) -> Any:
        content = self._documents.read(one.key)
        try:
            return parse(content)
        except (ValueError, TypeError, LookupError, AttributeError):  # of whatever a file may hold
            return _UNREADABLE


_UNREADABLE = object()
"""Stands for what an object says that cannot be read: it is told, and not read at each look again."""


def at_once[Asked, Told](ask: Callable[[Asked], Told], wanted: Iterable[Asked]) -> list[Told]:
    """What a function says of each, in their order, asked by `READERS` threads."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(ask, wanted))
