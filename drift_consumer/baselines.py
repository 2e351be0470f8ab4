"""Bundles from the models bucket: what a model version expects, checked and kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from drift_core.baseline import Baseline
from drift_core.bundle import (
    BASELINE_FILE,
    LARGEST,
    MANIFEST_FILE,
    BundleError,
    Manifest,
    bundle_prefix,
    bundles_prefix,
    check_size,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEPT_BUNDLES = 8
"""Bundles in memory: a model has one active version and, for a while, a challenger."""


class UnknownModelError(LookupError):
    """No bundle of this model and version; the text names both and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The part of a bundle that monitoring needs."""

    manifest: Manifest
    baseline: Baseline


class Baselines:
    """Bundles by model name and version, the least recently used forgotten first.

    A bundle never changes, so it is read once. That there is none is not remembered: it may come.
    """

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._kept: OrderedDict[tuple[str, str], Bundle] = OrderedDict()

    def get(self, model_name: str, model_version: str) -> Bundle:
        """Load a bundle.

        Raises
        ------
        UnknownModelError
            If the bucket holds no manifest for it, or the names cannot be a bundle's.
        BundleError
            If a file is not the one that the manifest vouches for, or not a bundle's.
        botocore.exceptions.ClientError
            If S3 fails in any other way, so that the caller is retried.
        """
        key = (model_name, model_version)
        if key not in self._kept:
            self._kept[key] = self._load(model_name, model_version)
            if len(self._kept) > KEPT_BUNDLES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def file(self, manifest: Manifest, name: str) -> bytes:
        """The content of another file of a bundle; it is not kept.

        Raises
        ------
        BundleError
            If it is larger than it may be, or not the one that the manifest vouches for.
        """
        return manifest.verify(
            name, self._read(bundle_prefix(manifest.model_name, manifest.model_version), name)
        )

    def versions(self, model_name: str) -> frozenset[str]:
        """The versions that the bucket holds something of, at this moment.

        Raises
        ------
        botocore.exceptions.ClientError
            If S3 fails.
        """
        prefix = bundles_prefix(model_name)
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        return frozenset(
            folder["Prefix"].removeprefix(prefix).removesuffix("/")
            for page in pages
            for folder in page.get("CommonPrefixes", ())
        )

    def _load(self, model_name: str, model_version: str) -> Bundle:
        try:
            prefix = bundle_prefix(model_name, model_version)
        except ValueError:
            raise absent(model_name, model_version) from None
        try:
            manifest = Manifest.from_json(self._read(prefix, MANIFEST_FILE))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            raise absent(model_name, model_version) from None
        manifest.check_place(model_name, model_version)
        content = self.file(manifest, BASELINE_FILE)
        return Bundle(manifest=manifest, baseline=_baseline(content, manifest))

    def _read(self, prefix: str, name: str) -> bytes:
        body = self._s3.get_object(Bucket=self._bucket, Key=prefix + name)["Body"]
        return check_size(name, body.read(LARGEST[name] + 1))


def absent(model_name: str, model_version: str) -> UnknownModelError:
    """What to tell of a bundle that is not there."""
    try:
        prefix = bundle_prefix(model_name, model_version)
    except ValueError as error:
        return UnknownModelError(str(error))
    return UnknownModelError(
        f"model_version is {model_version!r}, but model {model_name!r} has no such bundle; "
        f"upload it to {prefix} and send the event again"
    )


def _baseline(content: bytes, manifest: Manifest) -> Baseline:
    """The baseline of a bundle: counts and features must mean the same."""
    where = f"{BASELINE_FILE} of {manifest.model_version}"
    try:
        baseline = Baseline.from_json(content)
    except ValueError as error:
        raise BundleError(f"{where}: {error}") from None
    found = (baseline.model_name, baseline.model_version)
    if found != (manifest.model_name, manifest.model_version) or baseline.schema != manifest.schema:
        raise BundleError(
            f"{where} has another name, version or schema than the manifest; train the bundle again"
        )
    if baseline.segments and baseline.segments.segments != manifest.segments:
        raise BundleError(f"{where} has other segments than the manifest; train the bundle again")
    return baseline
