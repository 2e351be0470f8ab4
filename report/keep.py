"""Reports in the archive bucket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def incident_key(incident_id: str) -> str:
    """Where the report of an incident lies; a later one replaces it.

    >>> incident_key("20260101T000000Z-data")
    'reports/incidents/20260101T000000Z-data.html'
    """
    return f"reports/incidents/{incident_id}.html"


def daily_key(model_name: str, model_version: str, day: int) -> str:
    """Where the report of a day lies.

    Parameters
    ----------
    day : its begin, UTC milliseconds.

    >>> daily_key("m", "v1", 0)
    'reports/dt=1970-01-01/daily.m.v1.html'
    """
    return f"{daily_folder(day)}daily.{model_name}.{model_version}.html"


def daily_folder(day: int) -> str:
    """What the keys of a day's reports begin with."""
    return f"reports/{datetime.fromtimestamp(day / 1000, UTC):dt=%Y-%m-%d}/"


def keep(s3: S3Client, bucket: str, key: str, text: str) -> None:
    """Put a page, as a browser shows it."""
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="text/html; charset=utf-8")
