"""The document of a window of predictions and its labels: rows of the quality table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drift_core.error_sums import ErrorSums
from drift_core.verdict import readable
from queries.joined_rows import ALL

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FORMAT = 1

_CHARTED = {"start": "charted_from", "end": "charted_to"} | {
    name: name for name in ("score", "degraded", "since", "learning", "charts")
}
"""Columns of what a verdict says, by its fields."""

_OF_SEGMENTS = ("score", "degraded", "since", "charts")
"""Those of what it says of each segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRow:
    """What labels say of the predictions of one window, or of one segment of them.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive. The window is that of the predictions' ids.
    segment : `ALL` in the first row, which alone has what follows `label_delay_seconds`; but those of
        segments with charts have `score`, `degraded`, `since` and `charts` of their own.
    predictions, labelled : each prediction once, with its latest label.
    mae, rmse, bias, mape, r2, interval_coverage, label_share, label_delay_seconds : see
        `drift_core.error_sums.ErrorSums.measures`.
    training_mae : on training's held-out rows; None if the bundle does not say.
    estimated_mae : before any label was there; None if nothing was estimated. It knows the errors of training
        and cannot see that the same inputs have other labels now (concept drift).
    track_record : how near such estimates came to the real error, of the version's windows so far.
    labels : what became of the label records; those without a prediction belong to no version and stand in
        the document of each.
    score, degraded, since, learning, charts : see `drift_core.quality.QualityVerdict`, in the document of the
        window that completed a verdict.
    charted_from, charted_to : the windows whose new labels it judges together.
    guilty_segments : of that verdict, those that are degraded, the strongest first.
    waiting : whether labels of this window wait for more, to be judged together.
    revision : how many documents of this window came before; later labels and corrections make one.
    judged_at : UTC milliseconds.
    """

    model_name: str
    model_version: str
    window_hours: int
    start: int
    end: int
    segment: str
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
    training_mae: float | None = None
    estimated_mae: float | None = None
    track_record: Mapping[str, Any] | None = None
    labels: Mapping[str, int] | None = None
    score: float | None = None
    degraded: bool | None = None
    since: str | None = None
    learning: bool | None = None
    charts: Mapping[str, float] | None = None
    charted_from: str | None = None
    charted_to: str | None = None
    guilty_segments: Sequence[str] | None = None
    waiting: bool = False
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
        """Where its document lies in the archive bucket."""
        day = datetime.fromtimestamp(self.start / 1000, UTC)
        name = f"{self.model_name}.{self.model_version}.{self.window_hours}.{self.start}"
        return f"quality/{day:dt=%Y-%m-%d}/{name}.json"


def rows(
    place: Mapping[str, Any],
    sums: Mapping[str, ErrorSums],
    verdict: Mapping[str, Any] | None,
    told: Mapping[str, Any],
) -> list[QualityRow]:
    """The rows of a window: all of it, then its segments.

    Parameters
    ----------
    place : the columns that all rows share.
    sums : by segment, `ALL` among them.
    verdict : of the charts, as `drift_core.quality.QualityVerdict.to_json` describes it.
    told : further columns of the first row.
    """
    charted: dict[str, Any] = {}
    apart: Mapping[str, Mapping[str, Any]] = {}
    if verdict is not None:
        charted = {column: verdict[name] for name, column in _CHARTED.items()}
        # A verdict of before segments had charts names none.
        charted["guilty_segments"] = verdict.get("guilty_segments", [])
        apart = verdict.get("segments", {})
    found = [QualityRow(**place, segment=ALL, **_measures(sums[ALL]), **told, **charted)]
    for name in sorted(sums.keys() - {ALL}):
        of = {column: apart[name][column] for column in _OF_SEGMENTS} if name in apart else {}
        found.append(QualityRow(**place, segment=name, **_measures(sums[name]), **of))
    return found


def _measures(sums: ErrorSums) -> dict[str, Any]:
    return {"predictions": sums.predictions, "labelled": sums.labelled, **measured(sums)}


def measured(sums: ErrorSums) -> dict[str, float | None]:
    """The measures of some sums; None also where a number is not finite, which JSON cannot hold."""
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in sums.measures().items()
    }


class QualityDocuments:
    """Documents as objects, a row a line; a revision replaces the one before."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def write(self, rows: Sequence[QualityRow]) -> None:
        """Put the rows of a window where the quality table reads them."""
        lines = [json.dumps(row.to_json(), allow_nan=False, separators=(",", ":")) + "\n" for row in rows]
        self._s3.put_object(
            Bucket=self._bucket,
            Key=rows[0].key,
            Body="".join(lines).encode(),
            ContentType="application/json",
        )
