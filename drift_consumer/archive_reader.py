"""What the archive holds: objects by name, and of each what it accounts for, without reading its rows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pyarrow.parquet as pq

from drift_consumer.archive import FOLDERS, REPEATED
from drift_consumer.series import Series, WindowKey

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT_ONCE = 16
"""Objects that are read at the same time; they are many and small."""

COMPACTED = "c"
"""Begins the range in the name of a compacted object, which so sorts behind those that it replaces: a listing
of several pages sees it after them, and so misses no record, whenever they go."""

_TAIL = 16_384  # bytes from the end that hold nearly every footer: 4 kB at 20 features
_KINDS = {folder: kind for kind, folder in FOLDERS.items()}
_END = 8  # bytes: the footer's length and the magic


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedObject:
    """An object of the archive, as its name and its listing tell.

    Attributes
    ----------
    first, last : ends of its range of sequence numbers.
    written : UTC milliseconds; of a compacted object, when the newest of those in it was.
    size : bytes.
    """

    key: str
    window: WindowKey
    first: int
    last: int
    written: int
    size: int

    @property
    def sequence_range(self) -> str:
        """As a window's item lists it."""
        return f"{self.first}-{self.last}"

    @classmethod
    def of(cls, listed: Mapping[str, Any]) -> Self:
        """Read one entry of a listing of the bucket.

        Raises
        ------
        ValueError
            If the key is not one that `drift_consumer.archive.object_key` makes.
        """
        key: str = listed["Key"]
        folder, _, name = key.partition("/")
        try:
            kind = _KINDS[folder]
            names, seconds, start, shard_id, ends, _ = name.rpartition("/")[2].rsplit(".", 5)
            model_name, model_version = names.split(".", 1)
            first, last, *written = (int(number) for number in ends.removeprefix(COMPACTED).split("-"))
            series = Series(
                kind=kind,
                model_name=model_name,
                model_version=model_version,
                window_seconds=int(seconds),
            )
            window = WindowKey(series=series, start=int(start), shard_id=shard_id)
        except (KeyError, ValueError):
            raise ValueError(
                f"{key} is not a name that the consumer gives; move what is not its own elsewhere"
            ) from None
        at = written[0] if written else round(listed["LastModified"].timestamp() * 1000)
        return cls(key=key, window=window, first=first, last=last, written=at, size=listed["Size"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """What an object accounts for.

    Attributes
    ----------
    rows : distinct events.
    repeated : sequence numbers of further deliveries.
    """

    rows: int
    repeated: tuple[int, ...]

    @property
    def records(self) -> int:
        """All deliveries."""
        return self.rows + len(self.repeated)


class ArchiveReader:
    """Reads the archive bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def objects(self, prefix: str) -> Iterator[ArchivedObject]:
        """Objects whose keys begin so, in the order of keys."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return (ArchivedObject.of(listed) for page in pages for listed in page.get("Contents", ()))

    def footers(self, objects: Iterable[ArchivedObject]) -> dict[str, Footer]:
        """By key: the end of each file is read, not its rows."""
        return self._each(self._footer, objects)

    def sequences(self, objects: Iterable[ArchivedObject]) -> dict[str, frozenset[int]]:
        """By key: all sequence numbers that an object accounts for."""
        return self._each(self._sequences, objects)

    def read(self, one: ArchivedObject) -> bytes:
        """The whole object."""
        return self.bytes_of(one.key)

    def bytes_of(self, key: str) -> bytes:
        """The whole object of a key."""
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def _each[Told](self, ask: Any, objects: Iterable[ArchivedObject]) -> dict[str, Told]:
        wanted = list(objects)
        if not wanted:
            return {}
        with ThreadPoolExecutor(min(AT_ONCE, len(wanted))) as pool:
            return dict(zip((one.key for one in wanted), pool.map(ask, wanted), strict=True))

    def _footer(self, one: ArchivedObject) -> Footer:
        tail = self._end(one, _TAIL)
        needed = int.from_bytes(tail[-_END:-4], "little") + _END
        return footer(tail if needed <= len(tail) else self._end(one, needed))

    def _end(self, one: ArchivedObject, count: int) -> bytes:
        got = self._s3.get_object(Bucket=self._bucket, Key=one.key, Range=f"bytes=-{count}")
        return got["Body"].read()

    def _sequences(self, one: ArchivedObject) -> frozenset[int]:
        content = self.read(one)
        table = pq.read_table(io.BytesIO(content), columns=["sequence_number"])
        rows = (int(number) for number in table["sequence_number"].to_pylist())
        return frozenset(rows).union(footer(content).repeated)


def footer(end: bytes) -> Footer:
    """Read the footer of a Parquet file.

    Parameters
    ----------
    end : the file from the footer on, or more of it.
    """
    found = pq.read_metadata(io.BytesIO(end))
    repeated = (found.metadata or {}).get(REPEATED.encode(), b"")
    return Footer(rows=found.num_rows, repeated=tuple(int(number) for number in repeated.split()))
