"""What CloudWatch is told of labels: a few numbers a model; every other number is in the documents."""

from __future__ import annotations

from drift_consumer.metrics import Metric
from drift_consumer.quality_document import measured
from drift_core.error_sums import ErrorSums
from drift_core.quality import QualityVerdict


def quality_metrics(total: ErrorSums, verdict: QualityVerdict | None) -> list[Metric]:
    """The metrics of windows whose labels were judged together.

    Parameters
    ----------
    total : of the windows, all labels that have come.
    verdict : of their new labels; None without a baseline of errors.
    """
    found = measured(total)
    shares = {"IntervalCoveragePercent": "interval_coverage", "LabelSharePercent": "label_share"}
    metrics = [Metric(name="MeanAbsoluteError", value=found["mae"])] if found["mae"] is not None else []
    metrics += [
        Metric(name=name, value=100 * share, unit="Percent")
        for name, share in ((name, found[of]) for name, of in shares.items())
        if share is not None
    ]
    if verdict is not None:
        metrics.append(Metric(name="QualityScore", value=verdict.score))
        metrics.append(Metric(name="LabelArrivalScore", value=verdict.charts["arrival"]))
    return metrics
