"""Where recorded traffic lies: a file, a folder, or objects in S3; read one piece at a time."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

SUFFIXES = (".jsonl", ".csv", ".parquet")
"""Kinds of files that can be replayed."""

MISFIT = ""
"""Key of a row whose fields do not fit the header; no column has this name."""

_BATCH = 5_000  # rows of a table read at a time


class SourceError(ValueError):
    """A recording that cannot be opened; the text names it and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file or object.

    Attributes
    ----------
    name : ends in one of `SUFFIXES`.
    identity : equal for equal content.
    open : a fresh binary stream from its beginning.
    """

    name: str
    identity: str
    open: Callable[[], IO[bytes]]

    @property
    def suffix(self) -> str:
        """Its kind."""
        return Path(self.name).suffix


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """All pieces of a recording, in the order of their names.

    Attributes
    ----------
    digest : of names and contents; 16 hexadecimal digits.
    """

    pieces: Sequence[Piece]

    @property
    def digest(self) -> str:
        """Tells this recording from all others."""
        told = "\n".join(piece.identity for piece in self.pieces)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @classmethod
    def of(cls, where: str, s3: Callable[[], Any]) -> Source:
        """Find a recording.

        Parameters
        ----------
        where : a file, a folder, `s3://bucket/key` or `s3://bucket/prefix/`.
        s3 : makes a client; called only for S3.

        Raises
        ------
        SourceError
            If there is nothing to replay.
        """
        pieces = _objects(where, s3()) if where.startswith("s3://") else _files(Path(where))
        if not pieces:
            raise SourceError(
                f"nothing to replay in {where}; give a {', '.join(SUFFIXES)} file or a folder of them"
            )
        return cls(pieces=pieces)


def _files(path: Path) -> list[Piece]:
    if not path.exists():
        raise SourceError(f"{path} does not exist; check the path")
    found = [path] if path.is_file() else sorted(inner for inner in path.rglob("*") if inner.is_file())
    return [_file(inner) for inner in found if inner.suffix in SUFFIXES]


def _file(path: Path) -> Piece:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Piece(name=str(path), identity=digest, open=lambda: path.open("rb"))


def _objects(where: str, client: Any) -> list[Piece]:
    bucket, _, prefix = where.removeprefix("s3://").partition("/")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [entry for page in pages for entry in page.get("Contents", ())]

    def opener(key: str) -> Callable[[], IO[bytes]]:
        return lambda: io.BytesIO(client.get_object(Bucket=bucket, Key=key)["Body"].read())

    return [
        Piece(
            name=f"s3://{bucket}/{entry['Key']}",
            identity=f"{entry['Key']} {entry['ETag']}",
            open=opener(entry["Key"]),
        )
        for entry in found
        if Path(entry["Key"]).suffix in SUFFIXES
    ]


def batches(piece: Piece) -> Iterator[list[dict[str, Any]]]:
    """Rows as mappings, a batch at a time; those of a CSV are text."""
    try:
        with piece.open() as content:
            if piece.suffix == ".csv":
                lines = csv.reader(io.TextIOWrapper(content, encoding="utf-8-sig", newline=""), strict=True)
                header = next(lines, [])
                for batch in batched(lines, _BATCH, strict=False):
                    yield [_named(header, fields) for fields in batch]
            else:
                for read in pq.ParquetFile(content).iter_batches(_BATCH):
                    yield read.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{piece.name} cannot be read: {error}; write it again") from error


def _named(header: Sequence[str], fields: Sequence[str]) -> dict[str, Any]:
    """A line of a CSV by column; one that does not fit the header says so under `MISFIT`."""
    named: dict[str, Any] = dict(zip(header, fields, strict=False))
    if len(fields) != len(header):
        named[MISFIT] = f"it has {len(fields)} fields, the header {len(header)}; give one for each column"
    return named
