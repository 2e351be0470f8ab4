"""Documents of the archive bucket: found by their names, read side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from drift_core.span import Span

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READERS = 16
"""Documents read at the same time; boto3 keeps ten connections unless it is told otherwise."""

type Row = dict[str, Any]


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
    key: str

    @property
    def end(self) -> int:
        """Of the span, if no window was carried into it; UTC milliseconds."""
        lengths = {Span.WINDOW.value: self.window_seconds, Span.HOUR.value: 3600, Span.DAY.value: 86_400}
        return self.start + 1000 * lengths[self.span]

    @classmethod
    def of(cls, key: str, model_name: str) -> VerdictName | None:
        """Read a key; None for another model's, or a challenger's in shadow.

        >>> VerdictName.of("verdicts/dt=1970-01-01/m.v.1.300.hour.3600000.json", "m").version
        'v.1'
        """
        name = key.rpartition("/")[2]
        if not name.startswith(f"{model_name}."):
            return None
        parts = name.removeprefix(f"{model_name}.").removesuffix(".json").rsplit(".", 3)
        if len(parts) < 4 or parts[2] not in Span or not (parts[1].isdigit() and parts[3].isdigit()):
            return None
        return cls(int(parts[3]), parts[2], parts[0], int(parts[1]), key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """The documents of one archive bucket."""

    s3: S3Client
    bucket: str

    def keys(self, folder: str, since: int, until: int) -> list[str]:
        """Keys below a folder by day, of the days that touch a time.

        Parameters
        ----------
        since, until : UTC milliseconds.
        """
        first = datetime.fromtimestamp(since / 1000, UTC).date()
        last = datetime.fromtimestamp(until / 1000, UTC).date()
        pages = self.s3.get_paginator("list_objects_v2")
        return [
            found["Key"]
            for day in range((last - first).days + 1)
            for page in pages.paginate(
                Bucket=self.bucket, Prefix=f"{folder}/dt={first + timedelta(days=day):%Y-%m-%d}/"
            )
            for found in page.get("Contents", ())
        ]

    def verdicts(self, model_name: str, since: int, until: int) -> list[VerdictName]:
        """Names of the verdicts of a model whose spans touch a time, the oldest first."""
        names = (VerdictName.of(key, model_name) for key in self.keys("verdicts", since, until))
        return sorted(name for name in names if name and name.start < until and name.end > since)

    def rows(self, keys: Sequence[str]) -> Iterable[tuple[str, list[Row] | None]]:
        """Read documents, each of one JSON object a line, in the order of their keys.

        Yields
        ------
        The key and its rows; None for a document that is no JSON.
        """
        with ThreadPoolExecutor(READERS) as pool:
            yield from zip(keys, pool.map(self._read, keys), strict=True)

    def _read(self, key: str) -> list[Row] | None:
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        try:
            rows = [json.loads(line) for line in body.splitlines() if line.strip()]
        except ValueError:
            return None
        return rows if all(isinstance(row, dict) for row in rows) else None
