"""How far labels have been judged: what each window of predictions had, and what the charts remember."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from drift_consumer.succession import put_successor
from drift_consumer.window_store import items
from drift_core.described import Described
from drift_core.error_sums import ErrorSums
from drift_core.quality import QualityMemory
from drift_core.segment_quality import SegmentCharts
from drift_core.track_record import TrackRecord
from queries.joined_rows import Fates

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 3 * 365 * 86_400
"""How long a judged window is remembered: labels that come later are charted as if none had come before."""

LAG_HALF_LIFE = 30 * 86_400_000
"""Milliseconds in which the usual delay of labels halves, unless labels show it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelWindow:
    """What is remembered of one window of predictions and its labels.

    Attributes
    ----------
    start : UTC milliseconds.
    measured, fates : as its document says.
    charted : that part of `measured` which the charts have seen.
    revision : how many documents came after the first.
    first_judged : UTC milliseconds of the first document.
    verdict : the last of the charts that this window completed, as JSON; None if none.
    segments, charted_segments : the same of segments that have charts, by name: only what charts count.
    """

    start: int
    measured: ErrorSums = field(default_factory=ErrorSums)
    fates: Fates = field(default_factory=Fates)
    charted: ErrorSums = field(default_factory=ErrorSums)
    revision: int = -1
    first_judged: int = 0
    verdict: Mapping[str, Any] | None = None
    segments: Mapping[str, ErrorSums] = field(default_factory=dict)
    charted_segments: Mapping[str, ErrorSums] = field(default_factory=dict)

    @property
    def new(self) -> ErrorSums:
        """What no chart has seen."""
        return self.measured - self.charted

    @property
    def new_by_segment(self) -> dict[str, ErrorSums]:
        """What no chart of a segment has seen."""
        before = self.charted_segments
        return {name: sums - before.get(name, ErrorSums()) for name, sums in self.segments.items()}

    @property
    def waits(self) -> bool:
        """Whether it has predictions or labels that no chart has seen; a corrected label is none.

        Labels may be new to a segment alone: Athena may have answered without segments before.
        """
        of_segments = any(one.labelled > 0 for one in self.new_by_segment.values())
        return self.new.labelled > 0 or self.new.predictions > 0 or of_segments

    def passed(self) -> LabelWindow:
        """As it is when charts have seen all of it."""
        return replace(self, charted=self.measured, charted_segments=self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityProgress:
    """Where the labels of one version stand.

    Attributes
    ----------
    version : counts the changes; the condition of the next.
    memory : of the charts; None without a baseline of errors.
    waiting : starts of windows whose labels wait for more of them.
    last_window : start of the latest window charted; None before the first.
    lag, lag_at : the longest time from the end of a window to its labels, in milliseconds, and when that was
        seen; see `usual_lag`.
    verdict : the latest of the charts, as JSON.
    record : estimated beside real errors.
    """

    version: int = 0
    memory: QualityMemory | None = None
    waiting: tuple[int, ...] = ()
    last_window: int | None = None
    lag: int = 0
    lag_at: int = 0
    verdict: Mapping[str, Any] | None = None
    record: TrackRecord = field(default_factory=TrackRecord)

    def usual_lag(self, now: int) -> int:
        """How long labels take to come, in milliseconds: the longest seen, forgotten with `LAG_HALF_LIFE`.

        >>> QualityProgress(lag=8, lag_at=0).usual_lag(LAG_HALF_LIFE)
        4
        """
        return int(self.lag * 0.5 ** (max(0, now - self.lag_at) / LAG_HALF_LIFE))

    def with_lag(self, lag: int, now: int) -> QualityProgress:
        """After labels came so late."""
        usual = self.usual_lag(now)
        return self if lag < usual else replace(self, lag=lag, lag_at=now)


class QualityProgressStore:
    """Label windows and progress in the window table, under one partition key a version."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read(self, model_name: str, model_version: str, start: QualityMemory | None) -> QualityProgress:
        """How far a version has been judged.

        Parameters
        ----------
        start : the memory before the first window; None without a baseline of errors, and for who does not
            judge: the charts of segments, whose names are in it, are not read then.
        """
        key = {"pk": {"S": version_key(model_name, model_version)}, "sk": {"S": "progress"}}
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in found:
            return QualityProgress(memory=start)
        item = found["Item"]
        told = json.loads(item["told"]["S"])
        memory = QualityMemory.from_bytes(bytes(item["memory"]["B"])) if "memory" in item else start
        if memory is not None and start is not None:
            memory = replace(memory, segments=_segments(item, start.segments))
        return QualityProgress(
            version=int(item["version"]["N"]),
            memory=memory,
            waiting=tuple(told["waiting"]),
            last_window=told["last_window"],
            lag=told["lag"],
            lag_at=told["lag_at"],
            verdict=told["verdict"],
            record=TrackRecord.read(Described(told["record"])),
        )

    def windows(self, model_name: str, model_version: str, starts: Iterable[int]) -> dict[int, LabelWindow]:
        """What is remembered of some windows, by start; those of which nothing is, are absent."""
        wanted = set(starts)
        if not wanted:
            return {}
        found = self._between(model_name, model_version, "window", min(wanted), max(wanted))
        return {start: _window(start, item) for start, item in found if start in wanted}

    def estimates(self, model_name: str, model_version: str, start: int, end: int) -> list[float]:
        """Estimated mean absolute errors of the hours that begin in [start, end), UTC milliseconds."""
        found = self._between(model_name, model_version, "explained", start, end - 1)
        return [float(item["estimated_mae"]["N"]) for _, item in found if "estimated_mae" in item]

    def _between(
        self, model_name: str, model_version: str, what: str, first: int, last: int
    ) -> list[tuple[int, Mapping[str, Any]]]:
        query = {
            "KeyConditionExpression": "pk = :version AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":version": {"S": version_key(model_name, model_version)},
                ":first": {"S": f"{what}#{first:013d}"},
                ":last": {"S": f"{what}#{last:013d}"},
            },
            "ConsistentRead": True,
        }
        found = items(self._dynamodb, self._table, query)
        return [(int(item["sk"]["S"].partition("#")[2]), item) for item in found]

    def advance(
        self,
        model_name: str,
        model_version: str,
        progress: QualityProgress,
        windows: Sequence[LabelWindow],
        now: int,
    ) -> None:
        """Write progress and the windows that led to it, on condition that the stored one is its predecessor.

        Parameters
        ----------
        windows : at most 99, which with the progress is what a transaction holds.

        Raises
        ------
        botocore.exceptions.ClientError
            If it is not: a second run is at work, which reserved concurrency should prevent.
        """
        key = version_key(model_name, model_version)
        items = [_window_item(key, window, now) for window in windows]
        put_successor(self._dynamodb, self._table, _progress_item(key, progress), *items)


def version_key(model_name: str, model_version: str) -> str:
    """The partition key of all that is remembered of a version's quality."""
    return f"quality#{model_name}#{model_version}"


def _progress_item(key: str, progress: QualityProgress) -> dict[str, Any]:
    names = ("waiting", "last_window", "lag", "lag_at", "verdict")
    told = {name: getattr(progress, name) for name in names} | {"record": progress.record.to_json()}
    memory = {}
    if progress.memory is not None:
        memory["memory"] = {"B": progress.memory.to_bytes()}
        if progress.memory.segments.charts:
            memory["segments"] = {"B": progress.memory.segments.to_bytes()}
    return {
        "pk": {"S": key},
        "sk": {"S": "progress"},
        "version": {"N": str(progress.version)},
        "told": {"S": json.dumps(told, separators=(",", ":"))},
        **memory,
    }


def _window_item(key: str, window: LabelWindow, now: int) -> dict[str, Any]:
    told = {
        "measured": window.measured.to_json(),
        "fates": asdict(window.fates),
        "charted": window.charted.to_json(),
        "revision": window.revision,
        "first_judged": window.first_judged,
        "verdict": window.verdict,
    }
    if window.segments:
        told["segments"] = _counts(window.segments)
        told["charted_segments"] = _counts(window.charted_segments)
    return {
        "pk": {"S": key},
        "sk": {"S": f"window#{window.start:013d}"},
        "told": {"S": json.dumps(told, separators=(",", ":"))},
        "expires": {"N": str(now // 1000 + KEPT_SECONDS)},
    }


def _window(start: int, item: Mapping[str, Any]) -> LabelWindow:
    told = json.loads(item["told"]["S"])
    return LabelWindow(
        start=start,
        measured=ErrorSums.from_json(told["measured"]),
        fates=Fates.from_json(told["fates"]),
        charted=ErrorSums.from_json(told["charted"]),
        revision=told["revision"],
        first_judged=told["first_judged"],
        verdict=told["verdict"],
        segments=_of_counts(told.get("segments", {})),
        charted_segments=_of_counts(told.get("charted_segments", {})),
    )


def _counts(sums: Mapping[str, ErrorSums]) -> dict[str, tuple[int, ...]]:
    return {name: one.charted() for name, one in sums.items()}


def _of_counts(told: Mapping[str, Sequence[int]]) -> dict[str, ErrorSums]:
    return {name: ErrorSums.of_charted(counts) for name, counts in told.items()}


def _segments(item: Mapping[str, Any], start: SegmentCharts) -> SegmentCharts:
    if "segments" not in item:
        return start  # of before they had charts
    return SegmentCharts.from_bytes(bytes(item["segments"]["B"]), start.charts)
