"""What a version's labels are judged with: manifest, errors of training, and the monitor that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drift_consumer.baselines import Baselines
from drift_core.bundle import ERRORS_FILE, LARGEST, BundleError, Manifest, bundle_prefix, check_size
from drift_core.errors import ErrorBaseline
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor
from queries.joined import Expected

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedVersion:
    """One version of a model.

    Attributes
    ----------
    errors, monitor : None of a bundle without errors of training, whose labels are measured and not judged.
    """

    manifest: Manifest
    errors: ErrorBaseline | None
    monitor: QualityMonitor | None

    @property
    def name(self) -> str:
        """The version's."""
        return self.manifest.model_version

    @property
    def policy(self) -> QualityPolicy:
        """How its labels are judged."""
        return self.manifest.quality

    @property
    def expected(self) -> Expected:
        """What its sums are compared with."""
        known = {"centre": self.errors.centre, "levels": self.errors.quantiles} if self.errors else {}
        return Expected(model_version=self.name, segments=self.manifest.segments, **known)  # type: ignore[arg-type]


class ErrorBaselines:
    """Versions from the models bucket.

    Parameters
    ----------
    false_alarms_per_month : overrides the manifest's; None leaves it.
    """

    def __init__(
        self, s3: S3Client, bucket: str, baselines: Baselines, false_alarms_per_month: float | None
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._baselines = baselines
        self._budget = false_alarms_per_month

    def get(self, model_name: str, model_version: str) -> JudgedVersion:
        """Load a version.

        Raises
        ------
        drift_consumer.baselines.UnknownModelError
            If the bucket holds no such bundle.
        BundleError
            If a file is not the one that the manifest vouches for, or not a bundle's.
        """
        manifest = self._baselines.get(model_name, model_version).manifest
        if ERRORS_FILE not in manifest.files:
            return JudgedVersion(manifest=manifest, errors=None, monitor=None)
        key = bundle_prefix(model_name, model_version) + ERRORS_FILE
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        content = check_size(ERRORS_FILE, body.read(LARGEST[ERRORS_FILE] + 1))
        try:
            errors = ErrorBaseline.from_json(manifest.verify(ERRORS_FILE, content))
        except BundleError:
            raise
        except ValueError as error:
            raise BundleError(f"{ERRORS_FILE} of {model_version}: {error}") from None
        budget = manifest.monitor.false_alarms_per_month if self._budget is None else self._budget
        monitor = QualityMonitor(errors, manifest.interval.coverage, manifest.quality, budget)
        return JudgedVersion(manifest=manifest, errors=errors, monitor=monitor)
