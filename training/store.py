"""The bundles of one model in its bucket, and the parameter that names the one that is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from drift_core.bundle import MANIFEST_FILE, BundleError, Manifest, bundle_prefix, bundles_prefix

NONE_ACTIVE = "none"
"""What the parameter says before the first version is activated."""


class StoreError(RuntimeError):
    """A bundle that cannot be stored or served; the text says why and what to do."""


def upload(s3: Any, bucket: str, manifest: bytes, files: Mapping[str, bytes]) -> Manifest:
    """Upload a bundle, its manifest last: a bundle whose manifest is there is whole.

    Parameters
    ----------
    files : content by file name, all but the manifest; each is verified.

    Raises
    ------
    BundleError
        If a file is not the one that the manifest vouches for.
    StoreError
        If this version lies there with another content: a bundle is never changed.
    """
    described = Manifest.from_json(manifest)
    prefix = bundle_prefix(described.model_name, described.model_version)
    checked = {name: described.verify(name, files[name]) for name in described.files}
    for name, body in {**checked, MANIFEST_FILE: manifest}.items():
        try:
            s3.put_object(Bucket=bucket, Key=prefix + name, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            if s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read() != body:
                raise StoreError(
                    f"s3://{bucket}/{prefix}{name} exists with another content, and a bundle is never "
                    f"changed: train it again"
                ) from error
    return described


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleStore:
    """The versions of one model.

    Attributes
    ----------
    s3, ssm : boto3's clients.
    parameter : name of the SSM parameter with the active version.
    """

    s3: Any
    ssm: Any
    bucket: str
    parameter: str
    model_name: str

    def active(self) -> str:
        """The version that is served.

        Raises
        ------
        StoreError
            If none is.
        """
        return self._parameter()[0]

    def manifest(self, version: str) -> Manifest:
        """The manifest of a version.

        Raises
        ------
        BundleError
            If there is none, or it is another's.
        """
        manifest = Manifest.from_json(self._read(version, MANIFEST_FILE))
        manifest.check_place(self.model_name, version)
        return manifest

    def verified(self, version: str) -> Manifest:
        """The manifest of a version whose every file is there and is the one that it vouches for.

        Raises
        ------
        BundleError
            If one is not.
        """
        manifest = self.manifest(version)
        for name in manifest.files:
            manifest.verify(name, self._read(version, name))
        return manifest

    def versions(self) -> list[Manifest]:
        """The manifests of all whole bundles, the oldest version first; names sort by time of creation."""
        prefix = bundles_prefix(self.model_name)
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = sorted(one["Key"] for page in pages for one in page.get("Contents", ()))
        names = [key.removeprefix(prefix).split("/") for key in keys]
        return [self.manifest(name[0]) for name in names if name[1:] == [MANIFEST_FILE]]

    def upload(self, manifest: Manifest, files: Mapping[str, bytes]) -> None:
        """Upload a bundle; see `upload` of this module."""
        upload(self.s3, self.bucket, manifest.to_json().encode(), files)

    def activate(self, version: str, *, instead_of: str) -> None:
        """Serve a version in place of the one that was looked at; the functions notice within a minute.

        A parameter has no conditional write, but each write has a number: if somebody else wrote between our
        look and our write, their version is put back, since their decision came first.

        Raises
        ------
        StoreError
            If another version is served by now; it goes on being served.
        """
        found, number = self._parameter()
        if found != instead_of:
            raise StoreError(self._overtaken(version, instead_of, found))
        written: int = self._put(version)
        if written != number + 1:
            theirs = self._parameter(f":{written - 1}")[0]
            self._put(theirs)
            raise StoreError(self._overtaken(version, instead_of, theirs))

    def _put(self, version: str) -> int:
        put = self.ssm.put_parameter(Name=self.parameter, Value=version, Overwrite=True)
        number: int = put["Version"]
        return number

    def _parameter(self, selector: str = "") -> tuple[str, int]:
        found = self.ssm.get_parameter(Name=self.parameter + selector)["Parameter"]
        if found["Value"] == NONE_ACTIVE:
            raise StoreError("no bundle is served yet; activate one: python -m scripts.deploy --help")
        return found["Value"], found["Version"]

    def _overtaken(self, version: str, expected: str, found: str) -> str:
        return (
            f"{found} is served by now, and no longer {expected}, so {version} was not activated; look at "
            f"both, then python -m scripts.promote {version}"
        )

    def _read(self, version: str, name: str) -> bytes:
        key = bundle_prefix(self.model_name, version) + name
        try:
            content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            raise BundleError(f"s3://{self.bucket}/{key} is absent; upload the bundle again") from error
        return content
