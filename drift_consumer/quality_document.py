"""The document of a window of predictions and its labels: the row of the quality table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drift_core.error_sums import ErrorSums
from drift_core.verdict import readable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityDocument:
    """What labels say of the predictions of one window.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive. The window is that of the predictions' ids.
    predictions, labelled : each prediction once, with its latest label.
    mae, rmse, bias, mape, r2, interval_coverage, label_share, label_delay_seconds : see
        `drift_core.error_sums.ErrorSums.measures`.
    training_mae : on training's held-out rows; None if the bundle does not say.
    estimated_mae : before any label was there; None if nothing was estimated. It knows the errors of training
        and cannot see that the same inputs have other labels now (concept drift).
    track_record : how near such estimates came to the real error, of the version's windows so far.
    segments : the counts and measures of the segments that have predictions, by name.
    labels : what became of the label records; those without a prediction belong to no version and stand in
        the document of each.
    verdict : of the charts, in the document of the window that completed it; `start` and `end` say which
        windows' new labels it judges together.
    waiting : whether labels of this window wait for more, to be judged together.
    revision : how many documents of this window came before; later labels and corrections make one.
    judged_at : UTC milliseconds.
    """

    model_name: str
    model_version: str
    window_hours: int
    start: int
    end: int
    predictions: int
    labelled: int
    mae: float | None
    rmse: float | None
    bias: float | None
    mape: float | None
    r2: float | None
    interval_coverage: float | None
    label_share: float | None
    label_delay_seconds: float | None
    training_mae: float | None
    estimated_mae: float | None
    track_record: Mapping[str, Any]
    segments: Mapping[str, Mapping[str, float | None]]
    labels: Mapping[str, int]
    verdict: Mapping[str, Any] | None
    waiting: bool
    revision: int
    judged_at: int

    def to_json(self) -> dict[str, Any]:
        """A JSON object; times are ISO 8601 in UTC, numbers have seven significant digits."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        at = datetime.fromtimestamp(self.judged_at / 1000, UTC).isoformat()
        described: dict[str, Any] = {"format": FORMAT, **readable(told), "judged_at": at}
        return described

    @property
    def key(self) -> str:
        """Where it lies in the archive bucket."""
        day = datetime.fromtimestamp(self.start / 1000, UTC)
        name = f"{self.model_name}.{self.model_version}.{self.window_hours}.{self.start}"
        return f"quality/{day:dt=%Y-%m-%d}/{name}.json"


def measured(sums: ErrorSums) -> dict[str, float | None]:
    """The measures of some sums; None also where a number is not finite, which JSON cannot hold."""
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in sums.measures().items()
    }


def segment(sums: ErrorSums) -> dict[str, float | None]:
    """What a document says of a segment.

    >>> segment(ErrorSums(predictions=4, labelled=2, absolute=3.0))["mae"]
    1.5
    """
    names = ("mae", "rmse", "bias", "interval_coverage")
    found = measured(sums)
    return {
        "predictions": sums.predictions,
        "labelled": sums.labelled,
        **{name: found[name] for name in names},
    }


class QualityDocuments:
    """Documents as objects; a revision replaces the one before."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, document: QualityDocument) -> None:
        """Put a document where the quality table reads it."""
        content = json.dumps(document.to_json(), allow_nan=False, separators=(",", ":")) + "\n"
        self._s3.put_object(
            Bucket=self._bucket, Key=document.key, Body=content.encode(), ContentType="application/json"
        )
