"""Counts that the alarms and the dashboard watch, written as EMF log lines."""

from __future__ import annotations

from enum import StrEnum

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit


class Count(StrEnum):
    """Names of the metrics.

    PREDICTIONS : predictions served.
    CAPTURE_FAILED : events that the stream did not take, whether or not the queue did.
    CAPTURE_LOST : events that neither took.
    REJECTED_REQUESTS : requests answered 400, 413 or 422.
    BUNDLE_REFUSED : refreshes of the active bundle that failed.
    SHADOW_FAILED : refreshes of the shadow that failed, and predictions of it that are missing.
    """

    PREDICTIONS = "Predictions"
    CAPTURE_FAILED = "CaptureFailed"
    CAPTURE_LOST = "CaptureLost"
    REJECTED_REQUESTS = "RejectedRequests"
    BUNDLE_REFUSED = "BundleRefused"
    SHADOW_FAILED = "ShadowFailed"


class ModelMetrics:
    """Metrics of one model, with `ModelName` as the only dimension: an alarm's must be the same set.

    Raises
    ------
    ValueError
        If the environment does not name the metrics' namespace.
    """

    def __init__(self, model_name: str) -> None:
        self._emf = EphemeralMetrics(service="")  # else the service name becomes a second dimension
        if not self._emf.namespace:
            raise ValueError("POWERTOOLS_METRICS_NAMESPACE is not set; set it in the function's environment")
        self._emf.set_default_dimensions(ModelName=model_name)

    def add(self, name: Count, number: int = 1) -> None:
        """Count; a zero is not written."""
        if number:
            self._emf.add_metric(name=name.value, unit=MetricUnit.Count, value=number)

    def flush(self) -> None:
        """Write what was counted since the last flush."""
        if self._emf.metric_set:
            self._emf.flush_metrics()
