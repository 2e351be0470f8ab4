"""What a version's labels are judged with: manifest, errors of training, and the monitor that they make."""

from __future__ import annotations

from dataclasses import dataclass

from drift_consumer.baselines import Baselines
from drift_core.bundle import ERRORS_FILE, BundleError, Manifest
from drift_core.errors import ErrorBaseline
from drift_core.policy import QualityPolicy
from drift_core.quality import QualityMonitor
from queries.joined import Expected


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

    def __init__(self, baselines: Baselines, false_alarms_per_month: float | None) -> None:
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
        errors = errors_of(self._baselines, manifest)
        budget = manifest.monitor.false_alarms_per_month if self._budget is None else self._budget
        monitor = QualityMonitor(errors, manifest.interval.coverage, manifest.quality, budget)
        return JudgedVersion(manifest=manifest, errors=errors, monitor=monitor)


def errors_of(baselines: Baselines, manifest: Manifest) -> ErrorBaseline:
    """What a version's errors were in training; of a bundle with that file.

    Raises
    ------
    BundleError
        If it is not what the manifest vouches for, or not such a file.
    """
    content = baselines.file(manifest, ERRORS_FILE)
    try:
        return ErrorBaseline.from_json(content)
    except ValueError as error:
        raise BundleError(f"{ERRORS_FILE} of {manifest.model_version}: {error}") from None
