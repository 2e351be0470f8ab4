"""What lies in the bucket of failed batches: batches that the consumer gave up, and receipts of a redrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RECEIPTS = "redriven/"
"""Where receipts lie: sequence numbers that were put on the stream again, and nothing of the records."""

_BATCHES = "aws/lambda/"


class PutAside:
    """The bucket of failed batches."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def redriven(self, shard_id: str) -> frozenset[int]:
        """Sequence numbers of a shard that were put again: under these, they were never counted.

        Raises
        ------
        ValueError
            If an object there is not a receipt.
        """
        found: set[int] = set()
        for key in self._keys(f"{RECEIPTS}{shard_id}/"):
            found |= receipt(key, self._read(key))
        return frozenset(found)

    def waiting(self, shard_id: str) -> list[tuple[int, int]]:
        """First and last sequence number of each batch of a shard that has not been redriven.

        A batch holds every record of its shard between the two.

        Raises
        ------
        ValueError
            If an object with a failed batch's key is not one.
        """
        keys = (key for key in self._keys(_BATCHES) if f"/{shard_id}/" in key)
        return [_ends(key, self._read(key)) for key in keys]

    def _keys(self, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return (listed["Key"] for page in pages for listed in page.get("Contents", ()))

    def _read(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()


def receipt(key: str, content: bytes) -> set[int]:
    """Sequence numbers in a receipt.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        return {int(sequence) for sequence in json.loads(content)["put"]}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"its receipt {key} is not one that python -m scripts.redrive writes") from None


def _ends(key: str, content: bytes) -> tuple[int, int]:
    try:
        info = json.loads(content)["KinesisBatchInfo"]
        return int(info["startSequenceNumber"]), int(info["endSequenceNumber"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{key} is not a failed batch; look who wrote it, and move it elsewhere") from None
