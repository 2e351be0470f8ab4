"""The document of a verdict: what the monitor says of a span, and how the span was counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drift_consumer.gathered import Gathered
from drift_consumer.progress import Judged
from drift_consumer.series import Series
from drift_core.verdict import ColumnVerdict, RelationsVerdict, Verdict
from drift_core.window import WindowState


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
    segments = guilty_segments(verdict)
    return {
        "segments": None,
        **verdict.to_json(),
        "since": None if began is None else _iso(began),
        "guilty_segments": segments,
        "in_segments_only": bool(segments) and not _drifts_as_a_whole(verdict),
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
        "histograms": histograms(gathered.state),
        "shadow": series.is_shadow,  # absent in what was written before shadows were: it was served
    }


def histograms(state: WindowState) -> dict[str, list[int]]:
    """Rows by bin of each column, `Column.size` of them: aggregates, from which a report draws the span."""
    return {one.name: state.column(i).tolist() for i, one in enumerate(state.layout.columns)}


def since(verdict: Verdict) -> int | None:
    """When the oldest drift began that charts add up, UTC milliseconds; None if this span is all evidence."""
    return min((c.since for c in _of_all_rows(verdict) if c.drift and c.since is not None), default=None)


def guilty_segments(verdict: Verdict) -> list[str]:
    """Names of the segments that drifted, the strongest first."""
    found = {name: one.score for name, one in (verdict.segments or {}).items() if one.drift}
    return sorted(found, key=lambda name: -found[name])


def _drifts_as_a_whole(verdict: Verdict) -> bool:
    return any(one.drift for one in _of_all_rows(verdict))


def _of_all_rows(verdict: Verdict) -> list[ColumnVerdict | RelationsVerdict]:
    judged = (*verdict.features.values(), verdict.prediction, verdict.interval_width, verdict.multivariate)
    return [one for one in judged if one is not None]


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()
