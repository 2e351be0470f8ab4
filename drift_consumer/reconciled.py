"""The counts of reconciled windows in the archive bucket, where the table of them reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drift_consumer.series import Series, WindowKey
from drift_consumer.tally import Tally

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class ReconciledStore:
    """One object an hour of a series, one line of JSON a window and shard; a later look replaces it."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, series: Series, hour: int, tallies: Mapping[WindowKey, Tally], now: int) -> None:
        """Put the counts of an hour.

        Parameters
        ----------
        hour, now : UTC milliseconds.
        """
        lines = [json.dumps(_line(key, told, now), separators=(",", ":")) for key, told in tallies.items()]
        if lines:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=reconciled_key(series, hour),
                Body=("\n".join(lines) + "\n").encode(),
                ContentType="application/json",
            )


def reconciled_key(series: Series, hour: int) -> str:
    """Where the counts of an hour lie.

    >>> series = Series(kind="label", model_name="m", model_version="-", window_seconds=300)
    >>> reconciled_key(series, 3_600_000)
    'reconciled/dt=1970-01-01/label.m.-.300.3600000.json'
    """
    name = f"{series.kind}.{series.model_name}.{series.model_version}.{series.window_seconds}.{hour}"
    return f"reconciled/{datetime.fromtimestamp(hour / 1000, UTC):dt=%Y-%m-%d}/{name}.json"


def _line(key: WindowKey, told: Tally, now: int) -> dict[str, str | int]:
    series = key.series
    return {
        "kind": series.kind,
        "model_name": series.model_name,
        "model_version": series.model_version,
        "window_seconds": series.window_seconds,
        "window_start": _iso(key.start),
        "shard_id": key.shard_id,
        **told.counts(),
        "reconciled_at": _iso(now),
    }


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()
