"""The document of explained hours: rows of the table of explanations, one of all features and one of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drift_consumer.metrics import Metric
from drift_core.attribution import AttributionBaseline
from drift_core.attribution_drift import AttributionVerdict
from drift_core.expected_error import EstimateVerdict, ExpectedErrorBaseline
from drift_core.verdict import readable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FORMAT = 1

ALL = "(all)"
"""Stands for the features in the row of all of them."""

FIELDS = (
    *("feature", "importance", "training_importance", "score", "since", "guilty", "ndcg"),
    *("estimated_mae", "training_estimated_mae", "estimated_error_score", "estimated_error_since"),
)
"""What a row tells besides its hours; what does not concern it is null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedDocument:
    """What the sampled rows of one or more hours say, without labels.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive.
    predictions, rows : all of these hours, and those sampled and explained.
    estimate, attribution : with what training found; None where its bundle knows nothing.
    judged_at : UTC milliseconds.
    """

    model_name: str
    model_version: str
    start: int
    end: int
    predictions: int
    rows: int
    estimate: tuple[EstimateVerdict, ExpectedErrorBaseline] | None
    attribution: tuple[AttributionVerdict, AttributionBaseline] | None
    judged_at: int

    @property
    def key(self) -> str:
        """Where it lies in the archive bucket."""
        day = datetime.fromtimestamp(self.start / 1000, UTC)
        return f"explained/{day:dt=%Y-%m-%d}/{self.model_name}.{self.model_version}.{self.start}.json"

    def to_json(self) -> list[dict[str, Any]]:
        """JSON objects of the same fields; times are ISO 8601 in UTC, numbers have seven significant digits.

        The first is of all features together; the others are of each, the most important first.
        """
        names = ("model_name", "model_version", "start", "end", "predictions", "rows")
        about = {name: getattr(self, name) for name in names}
        estimate, expected = self.estimate or (None, None)
        verdict, baseline = self.attribution or (None, None)
        rows: list[dict[str, Any]] = [
            {
                "feature": ALL,
                "estimated_mae": estimate and estimate.mae,
                "training_estimated_mae": expected and expected.mean,
                "estimated_error_score": estimate and estimate.score,
                "estimated_error_since": _since(estimate),
                "ndcg": verdict and verdict.ndcg,
                "score": verdict and verdict.score,
                "since": _since(verdict),
                "guilty": None if verdict is None else bool(verdict.guilty),
            }
        ]
        if verdict is not None and baseline is not None:
            before = baseline.by_feature(baseline.importance)
            rows += [
                {
                    "feature": name,
                    "importance": now,
                    "training_importance": before[name],
                    "score": verdict.scores[name],
                    "guilty": name in verdict.guilty,
                }
                for name, now in verdict.importance.items()
            ]
        at = _iso(self.judged_at)
        told = [readable({**about, **dict.fromkeys(FIELDS), **row}) for row in rows]
        return [{"format": FORMAT, **row, "judged_at": at} for row in told]

    def metrics(self) -> list[Metric]:
        """What CloudWatch is told; every other number is in the document."""
        told: list[tuple[str, float | None]] = []
        if self.estimate is not None:
            told += [
                ("EstimatedMeanAbsoluteError", self.estimate[0].mae),
                ("EstimatedErrorScore", self.estimate[0].score),
            ]
        if self.attribution is not None:
            told += [
                ("AttributionNdcg", self.attribution[0].ndcg),
                ("AttributionScore", self.attribution[0].score),
            ]
        return [Metric(name=name, value=value) for name, value in told if value is not None]


class ExplainedDocuments:
    """Documents as objects; an hour that is explained again replaces its own."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, document: ExplainedDocument) -> None:
        """Put a document where the table of explanations reads it."""
        lines = [json.dumps(row, allow_nan=False, separators=(",", ":")) for row in document.to_json()]
        content = "\n".join(lines) + "\n"
        self._s3.put_object(
            Bucket=self._bucket, Key=document.key, Body=content.encode(), ContentType="application/json"
        )


def _since(verdict: EstimateVerdict | AttributionVerdict | None) -> str | None:
    return None if verdict is None or verdict.since is None else _iso(verdict.since)


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()
