"""Incidents as documents of the archive, where the table of incidents reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from drift_core.incident import Incident

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class IncidentDocuments:
    """Documents as objects; each change of an incident replaces its own."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, incident: Incident) -> None:
        """Put an incident where the table of incidents reads it."""
        content = json.dumps(incident.document(), allow_nan=False, separators=(",", ":")) + "\n"
        self._s3.put_object(
            Bucket=self._bucket, Key=incident.key, Body=content.encode(), ContentType="application/json"
        )
