"""The two buckets that a report is made of, read many objects at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from drift_core.bins import Column
from drift_core.bundle import (
    BASELINE_FILE,
    LARGEST,
    MANIFEST_FILE,
    BundleError,
    Manifest,
    bundle_prefix,
    check_size,
)
from drift_core.described import Described

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT_ONCE = 10
"""Requests at the same time: connections that a client of botocore keeps unless told otherwise."""

DAY_MS = 86_400_000


class NothingToTellError(LookupError):
    """There is nothing that a report could be made of; the text says what is absent and the remedy."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as its listing tells: a key, and a tag that is another one when the content is."""

    key: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where facts come from.

    Attributes
    ----------
    archive, models : names of buckets.
    """

    s3: S3Client
    archive: str
    models: str

    def listed(self, prefix: str, after: str = "") -> list[Listed]:
        """Objects of the archive whose keys begin so, in the order of keys.

        Parameters
        ----------
        after : keys up to this one are left out.
        """
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.archive, Prefix=prefix, StartAfter=after
        )
        return [Listed(one["Key"], one["ETag"]) for page in pages for one in page.get("Contents", ())]

    def days(self, folder: str, since: int, until: int, begin: str = "") -> list[Listed]:
        """Objects of a folder by day, in the order of days and keys.

        Parameters
        ----------
        since, until : UTC milliseconds; days that overlap [since, until) are listed.
        begin : of the names behind the day.
        """
        days = (datetime.fromtimestamp(day * DAY_MS / 1000, UTC) for day in _days(since, until))
        prefixes = [f"{folder}/{day:dt=%Y-%m-%d}/{begin}" for day in days]
        return [one for found in at_once(self.listed, prefixes) for one in found]

    def read(self, key: str) -> bytes:
        """An object of the archive."""
        return self.s3.get_object(Bucket=self.archive, Key=key)["Body"].read()

    def bundle(self, model_name: str, model_version: str) -> tuple[Manifest, tuple[Column, ...]]:
        """A version's manifest and the columns of its baseline.

        Raises
        ------
        NothingToTellError
            If the models bucket holds no such bundle.
        BundleError
            If a file is not the one that the manifest vouches for, or not a bundle's.
        """
        prefix = bundle_prefix(model_name, model_version)
        try:
            manifest = Manifest.from_json(self._file(prefix, MANIFEST_FILE))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            raise NothingToTellError(
                f"bucket {self.models} has no {prefix}{MANIFEST_FILE}; upload the bundle again"
            ) from None
        manifest.check_place(model_name, model_version)
        content = manifest.verify(BASELINE_FILE, self._file(prefix, BASELINE_FILE))
        try:
            columns = tuple(Column.from_json(one) for one in Described.of_json(content).parts("columns"))
        except ValueError as error:
            raise BundleError(
                f"{BASELINE_FILE} of {model_version}: {error}; train the bundle again"
            ) from None
        return manifest, columns

    def _file(self, prefix: str, name: str) -> bytes:
        body = self.s3.get_object(Bucket=self.models, Key=prefix + name)["Body"]
        return check_size(name, body.read(LARGEST[name] + 1))


def at_once[Asked, Told](ask: Callable[[Asked], Told], wanted: Iterable[Asked]) -> list[Told]:
    """What a function says of each, in their order, asked by `AT_ONCE` threads."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, wanted))


def _days(since: int, until: int) -> range:
    return range(since // DAY_MS, -(-until // DAY_MS))
