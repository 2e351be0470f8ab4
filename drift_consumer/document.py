"""The document of a verdict: what the monitor says of a span, and how the span was counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drift_consumer.gathered import Gathered
from drift_consumer.progress import Judged
from drift_consumer.series import Series
from drift_core.verdict import Verdict


def document(
    verdict: Verdict, judged: Judged, gathered: Gathered, *, series: Series, quarantined: int, now: int
) -> dict[str, Any]:
    """A JSON object, the row of the verdict table.

    Parameters
    ----------
    quarantined : records that arrived in the span and could not be read.
    now : UTC milliseconds.
    """
    began = since(verdict)
    return {
        **verdict.to_json(),
        "since": None if began is None else _iso(began),
        "judged_at": _iso(now),
        "revision": judged.revision,
        "late_records": judged.n - judged.first_n,
        "window_seconds": series.window_seconds,
        "shards": gathered.shards,
        "counts": {
            "archived": gathered.state.n,
            "duplicates": gathered.state.duplicates,
            "quarantined": quarantined,
        },
        "shadow": series.is_shadow,  # absent in what was written before shadows were: it was served
    }


def since(verdict: Verdict) -> int | None:
    """When the oldest drift began that charts add up, UTC milliseconds; None if this span is all evidence."""
    columns = [*verdict.features.values(), verdict.prediction, verdict.interval_width, verdict.multivariate]
    return min((c.since for c in columns if c is not None and c.drift and c.since is not None), default=None)


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()
