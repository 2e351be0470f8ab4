"""LoadedBundle: a bundle with its model and its sample, from a folder, from S3 or from a stack."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from drift_core.bundle import MANIFEST_FILE, MODEL_FILE, SAMPLE_FILE, Manifest, bundle_prefix
from drift_core.schema import Scalar
from ingest_lambda.model import Model, Predictions
from scripts.stack import Stack


class BundleMissingError(ValueError):
    """No bundle where one was named; the text says what to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBundle:
    """A bundle, verified against its manifest.

    Attributes
    ----------
    model : the code that serves it behind the API, so that predictions are the same here.
    sample : raw rows that training held out: the features, the target and what the model answers.
    """

    manifest: Manifest
    model: Model
    sample: pd.DataFrame

    @classmethod
    def load(cls, read: Callable[[str], bytes]) -> Self:
        """Load a bundle.

        Parameters
        ----------
        read : content of a file by its name.

        Raises
        ------
        BundleError
            If a file is not the one that the manifest vouches for.
        """
        manifest = Manifest.from_json(read(MANIFEST_FILE))
        table = pq.read_table(io.BytesIO(manifest.verify(SAMPLE_FILE, read(SAMPLE_FILE))))
        return cls(
            manifest=manifest,
            model=Model.load(manifest, manifest.verify(MODEL_FILE, read(MODEL_FILE))),
            sample=table.to_pandas(ignore_metadata=True),
        )

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The bundle in `<model>/<version>/`, or the newest version in `<model>/`.

        Raises
        ------
        BundleMissingError
            If there is none.
        """
        if not (folder / MANIFEST_FILE).is_file():
            versions = sorted(path.parent for path in folder.glob(f"*/{MANIFEST_FILE}"))
            if not versions:
                raise BundleMissingError(f"no bundle in {folder}; train one: python -m training --help")
            folder = versions[-1]
        return cls.load(lambda name: (folder / name).read_bytes())

    @classmethod
    def of_stack(cls, stack: Stack) -> Self:
        """The bundle that a stack serves.

        Raises
        ------
        BundleMissingError
            If none is active.
        """
        return cls.load(reader(stack, active_version(stack)))

    def predict(self, instances: list[Mapping[str, Scalar]]) -> Predictions:
        """What the service would answer for raw instances."""
        return self.model.predict(self.manifest.schema.encode(instances))

    def instances(self, rows: pd.DataFrame) -> list[Mapping[str, Scalar]]:
        """Rows as instances: a missing value is None, a number is Python's."""
        names = self.manifest.schema.names
        columns = [[plain(value) for value in rows[name].tolist()] for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def watched_model(stack: Stack) -> str:
    """Name of the model that a stack watches."""
    return stack.outputs["ActiveBundleParameterName"].split("/")[2]


def active_version(stack: Stack) -> str:
    """The version that a stack serves.

    Raises
    ------
    BundleMissingError
        If none is active.
    """
    parameter = stack.outputs["ActiveBundleParameterName"]
    version: str = stack.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    if version == "none":
        raise BundleMissingError(
            "the stack serves no bundle yet; activate one: python -m scripts.deploy --help"
        )
    return version


def reader(stack: Stack, version: str) -> Callable[[str], bytes]:
    """Content of a file of one version in a stack's models bucket, by its name.

    Raises
    ------
    BundleMissingError
        When it is called, if there is no such file.
    """
    bucket, s3 = stack.outputs["ModelsBucketName"], stack.client("s3")
    prefix = bundle_prefix(watched_model(stack), version)

    def read(name: str) -> bytes:
        try:
            content: bytes = s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            raise BundleMissingError(
                f"s3://{bucket}/{prefix} has no {name}; upload the bundle: python -m scripts.deploy --bundle"
            ) from error
        return content

    return read


def plain(value: Any) -> Scalar:
    """A cell of a table as JSON has it.

    >>> plain(float("nan")), plain(np.float64(2)), plain("coast"), plain(True)
    (None, 2.0, 'coast', True)
    """
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, np.generic):
        return plain(value.item())
    scalar: Scalar = value
    return scalar
