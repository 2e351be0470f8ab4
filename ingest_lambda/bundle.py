"""Bundles as they lie in S3, and the SSM parameter that names the active one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from drift_core.bundle import (
    LARGEST,
    MANIFEST_FILE,
    MODEL_FILE,
    BundleError,
    Manifest,
    bundle_prefix,
    check_size,
)
from drift_core.schema import request_envelope
from drift_core.shadow import NO_SHADOW, ShadowPlan
from ingest_lambda.aws import fault_name
from ingest_lambda.feedback import LABELS_ENVELOPE, labels_schema
from ingest_lambda.model import Model
from ingest_lambda.request import RequestReader

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

NO_BUNDLE = "none"
"""Value of the parameter before the first activation."""


class NoBundleError(Exception):
    """No bundle can be served now; the text says why and may be shown to a client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One version of a model, ready to serve.

    Attributes
    ----------
    predict_reader, label_reader : check the bodies of `POST /predict` and `POST /feedback`.
    """

    manifest: Manifest
    model: Model
    predict_reader: RequestReader
    label_reader: RequestReader

    @classmethod
    def of(cls, manifest: Manifest, onnx: bytes) -> Self:
        """Make ready.

        Raises
        ------
        BundleError
            If the graph does not run.
        """
        return cls(
            manifest=manifest,
            model=Model.load(manifest, onnx),
            predict_reader=RequestReader(request_envelope({}), manifest.schema.request_schema()),
            label_reader=RequestReader(LABELS_ENVELOPE, labels_schema(manifest.task)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleStore:
    """Reads the bundles of one model.

    Attributes
    ----------
    parameter, shadow_parameter : names of the SSM parameters with the active version and the shadow's plan.
    """

    s3: S3Client
    ssm: SSMClient
    bucket: str
    parameter: str
    shadow_parameter: str
    model_name: str

    def active_version(self) -> str:
        """Version that the SSM parameter names.

        Raises
        ------
        NoBundleError
            If none was ever activated, or the parameter cannot be read.
        """
        version = self._value(self.parameter, NO_BUNDLE)
        if version == NO_BUNDLE:
            raise NoBundleError(
                f"no bundle of {self.model_name} is active; train and activate one: python -m scripts.deploy"
            )
        return version

    def shadow_plan(self) -> ShadowPlan | None:
        """What the SSM parameter says is to be scored in shadow; None for nothing.

        Raises
        ------
        BundleError
            If it says neither.
        NoBundleError
            If the parameter cannot be read.
        """
        try:
            return ShadowPlan.parse(self._value(self.shadow_parameter, NO_SHADOW))
        except ValueError as error:
            raise BundleError(f"{self.shadow_parameter}: {error}; python -m scripts.shadow sets it") from None

    def _value(self, parameter: str, absent: str) -> str:
        """A parameter's value; `absent` if there is no such parameter."""
        try:
            return self.ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
        except (BotoCoreError, ClientError) as error:
            if fault_name(error) == "ParameterNotFound":
                return absent
            raise NoBundleError(
                f"the parameter {parameter} cannot be read ({fault_name(error)}); "
                f"check the function's permission and network"
            ) from error

    def load(self, version: str) -> Served:
        """Load a bundle, if its files are those that its manifest vouches for.

        Raises
        ------
        BundleError
            If it is not a bundle of this model and version, or one of its files is not the promised one.
        NoBundleError
            If S3 cannot be read.
        """
        try:
            prefix = bundle_prefix(self.model_name, version)
            manifest = Manifest.from_json(self._read(prefix, MANIFEST_FILE))
        except BundleError:
            raise
        except ValueError as error:  # a name or a feature that breaks its rule; the text says which
            raise BundleError(f"{error}; train the bundle again") from error
        manifest.check_place(self.model_name, version)
        return Served.of(manifest, manifest.verify(MODEL_FILE, self._read(prefix, MODEL_FILE)))

    def _read(self, prefix: str, name: str) -> bytes:
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=prefix + name)["Body"]
            return check_size(name, body.read(LARGEST[name] + 1))
        except (BotoCoreError, ClientError) as error:
            raise NoBundleError(
                f"{prefix + name} cannot be read from the models bucket ({fault_name(error)}); "
                f"upload the bundle again, or activate another version"
            ) from error
