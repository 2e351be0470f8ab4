"""What the template tells the consumer, the evaluator and the reconciler, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from drift_consumer.environment import optional, required
from drift_core.monitor_settings import MonitorSettings

LONGEST_WINDOW = 3600
"""Seconds: the evaluator compares a window with the season's cell in which it begins, and cells are hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSettings:
    """The consumer's environment variables, in lower case.

    Attributes
    ----------
    model_name : the stack's; events of any other are refused.
    window_seconds : overrides the length in each bundle's manifest; None leaves it.
    """

    model_name: str
    models_bucket: str
    archive_bucket: str
    window_table: str
    window_seconds: int | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> ConsumerSettings:
        """Read the environment.

        Raises
        ------
        ValueError
            If a variable is absent or not of its type; the text names it.
        """
        settings = cls(
            model_name=required(environ, "MODEL_NAME"),
            models_bucket=required(environ, "MODELS_BUCKET"),
            archive_bucket=required(environ, "ARCHIVE_BUCKET"),
            window_table=required(environ, "WINDOW_TABLE"),
            window_seconds=optional(environ, "WINDOW_SECONDS", int),
        )
        if settings.window_seconds is not None:
            _served(MonitorSettings(window_seconds=settings.window_seconds))
        return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorSettings:
    """The evaluator's environment variables, in lower case; None leaves a value to the bundle's manifest."""

    model_name: str
    models_bucket: str
    archive_bucket: str
    window_table: str
    metrics_namespace: str
    window_seconds: int | None
    grace_seconds: int | None
    min_samples: int | None
    false_alarms_per_month: float | None
    drift_threshold: float | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> EvaluatorSettings:
        """Read the environment.

        Raises
        ------
        ValueError
            If a variable is absent or not of its type; the text names it.
        """
        settings = cls(
            model_name=required(environ, "MODEL_NAME"),
            models_bucket=required(environ, "MODELS_BUCKET"),
            archive_bucket=required(environ, "ARCHIVE_BUCKET"),
            window_table=required(environ, "WINDOW_TABLE"),
            metrics_namespace=required(environ, "METRICS_NAMESPACE"),
            window_seconds=optional(environ, "WINDOW_SECONDS", int),
            grace_seconds=optional(environ, "GRACE_SECONDS", int),
            min_samples=optional(environ, "MIN_SAMPLES", int),
            false_alarms_per_month=optional(environ, "FALSE_ALARMS_PER_MONTH", float),
            drift_threshold=optional(environ, "DRIFT_THRESHOLD", float),
        )
        settings.monitor(MonitorSettings())  # refuses impossible overrides at the start, not at a verdict
        return settings

    def monitor(self, manifest: MonitorSettings) -> MonitorSettings:
        """The manifest's settings with this function's overrides.

        Raises
        ------
        ValueError
            If they are impossible, or their windows longer than `LONGEST_WINDOW`.
        """
        return _served(_overridden(manifest, self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerSettings:
    """The reconciler's environment variables, in lower case.

    Attributes
    ----------
    reconcile_after_hours : quiet time after which a window is compared with the archive.
    """

    model_name: str
    archive_bucket: str
    failed_batches_bucket: str
    window_table: str
    metrics_namespace: str
    reconcile_after_hours: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> ReconcilerSettings:
        """Read the environment.

        Raises
        ------
        ValueError
            If a variable is absent or not of its type; the text names it.
        """
        hours = optional(environ, "RECONCILE_AFTER_HOURS", int) or 0
        if hours < 1:
            raise ValueError(
                f"the environment variable RECONCILE_AFTER_HOURS is "
                f"{environ.get('RECONCILE_AFTER_HOURS', '')!r}; set 1 or more: batches are retried a while"
            )
        return cls(
            model_name=required(environ, "MODEL_NAME"),
            archive_bucket=required(environ, "ARCHIVE_BUCKET"),
            failed_batches_bucket=required(environ, "FAILED_BATCHES_BUCKET"),
            window_table=required(environ, "WINDOW_TABLE"),
            metrics_namespace=required(environ, "METRICS_NAMESPACE"),
            reconcile_after_hours=hours,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySettings:
    """The quality function's environment variables, in lower case.

    Attributes
    ----------
    athena_workgroup, glue_database : where labels are joined with predictions.
    grace_seconds, min_samples, false_alarms_per_month : override each bundle's manifest; None leaves it.
    """

    model_name: str
    models_bucket: str
    archive_bucket: str
    window_table: str
    metrics_namespace: str
    athena_workgroup: str
    glue_database: str
    grace_seconds: int | None
    min_samples: int | None
    false_alarms_per_month: float | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> QualitySettings:
        """Read the environment.

        Raises
        ------
        ValueError
            If a variable is absent or not of its type; the text names it.
        """
        settings = cls(
            model_name=required(environ, "MODEL_NAME"),
            models_bucket=required(environ, "MODELS_BUCKET"),
            archive_bucket=required(environ, "ARCHIVE_BUCKET"),
            window_table=required(environ, "WINDOW_TABLE"),
            metrics_namespace=required(environ, "METRICS_NAMESPACE"),
            athena_workgroup=required(environ, "ATHENA_WORKGROUP"),
            glue_database=required(environ, "GLUE_DATABASE"),
            grace_seconds=optional(environ, "GRACE_SECONDS", int),
            min_samples=optional(environ, "MIN_SAMPLES", int),
            false_alarms_per_month=optional(environ, "FALSE_ALARMS_PER_MONTH", float),
        )
        settings.monitor(MonitorSettings())  # refuses impossible overrides at the start, not at a verdict
        return settings

    def monitor(self, manifest: MonitorSettings) -> MonitorSettings:
        """The manifest's settings with this function's overrides.

        Raises
        ------
        ValueError
            If they are impossible.
        """
        return _overridden(manifest, self)


def _overridden(manifest: MonitorSettings, by: EvaluatorSettings | QualitySettings) -> MonitorSettings:
    """A manifest's settings, replaced by those that a function is given."""
    given = {name: getattr(by, name, None) for name in MonitorSettings.__dataclass_fields__}
    return manifest.overridden({name: value for name, value in given.items() if value is not None})


def _served(settings: MonitorSettings) -> MonitorSettings:
    if settings.window_seconds > LONGEST_WINDOW:
        raise ValueError(
            f"window_seconds is {settings.window_seconds}; traffic is counted in windows of an hour at most: "
            f"set the parameter WindowSeconds to {LONGEST_WINDOW} or less"
        )
    return settings
