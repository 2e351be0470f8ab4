"""Verdicts in the archive bucket, where the verdict table reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drift_consumer.series import Series
from drift_core.span import Span

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class VerdictStore:
    """Verdicts as objects."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, series: Series, span: Span, start: int, verdict: Mapping[str, Any]) -> None:
        """Put a verdict where the verdict table reads it; a revision replaces it."""
        content = json.dumps(verdict, allow_nan=False, separators=(",", ":")) + "\n"
        self._s3.put_object(
            Bucket=self._bucket,
            Key=verdict_key(series, span, start),
            Body=content.encode(),
            ContentType="application/json",
        )


def verdict_key(series: Series, span: Span, start: int) -> str:
    """Where a verdict lies in the archive bucket.

    A version may be served after it was a shadow, so verdicts on the shadow have names of their own.

    >>> series = Series(kind="prediction", model_name="m", model_version="v1", window_seconds=300)
    >>> verdict_key(series, Span.HOUR, 3_600_000)
    'verdicts/dt=1970-01-01/m.v1.300.hour.3600000.json'
    >>> verdict_key(Series.from_key("shadow#m#v1#300"), Span.HOUR, 3_600_000)
    'verdicts/dt=1970-01-01/m.v1.300.shadow-hour.3600000.json'
    """
    day = datetime.fromtimestamp(start / 1000, UTC)
    whose = f"shadow-{span}" if series.is_shadow else span
    name = f"{series.model_name}.{series.model_version}.{series.window_seconds}.{whose}.{start}"
    return f"verdicts/{day:dt=%Y-%m-%d}/{name}.json"
