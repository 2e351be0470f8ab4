"""Incidents: when degraded quality or lasting drift asks for a retraining, one event says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from drift_consumer.series import Series
from drift_consumer.verdict_store import verdict_key
from drift_core.policy import RetrainingMode, RetrainingPolicy
from drift_core.span import Span
from queries.guard import read_guard, write_guard

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

SOURCE, DETAIL_TYPE = "driftline", "RetrainingWanted"
"""By which the stack's rule knows the event."""

_HOUR_MS = 3_600_000


class EventRefusedError(RuntimeError):
    """EventBridge did not take an event; the next run puts it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestQuality:
    """The latest verdict on labels, as it was remembered; see `drift_core.quality.QualityVerdict`."""

    degraded: bool
    since: int | None
    score: float

    @classmethod
    def of(cls, verdict: Mapping[str, Any]) -> LatestQuality:
        """From its JSON."""
        since = verdict["since"]
        return cls(
            degraded=verdict["degraded"],
            since=None if since is None else round(datetime.fromisoformat(since).timestamp() * 1000),
            score=verdict["score"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Why a model should be trained again.

    Attributes
    ----------
    reason : "quality" or "drift".
    since : when it began, UTC milliseconds; None if that is not known.
    evidence : figures, never values of features.
    """

    reason: str
    since: int | None
    evidence: Mapping[str, float]


def incident_of(
    policy: RetrainingPolicy, quality: LatestQuality | None, hours: Sequence[Mapping[str, Any]]
) -> Incident | None:
    """What a policy makes of the latest verdicts; degraded quality comes first, for it is the damage.

    Parameters
    ----------
    quality : the latest verdict on the labels; None if there is none.
    hours : documents of verdicts of the last hours without a gap, the newest first.
    """
    if policy.mode is RetrainingMode.OFF:
        return None
    if policy.quality and quality is not None and quality.degraded:
        return Incident(reason="quality", since=quality.since, evidence={"quality_score": quality.score})
    needed = policy.drift_hours
    if not needed or len(hours) < needed or not all(hour["drift"] for hour in hours[:needed]):
        return None
    begins = [hour["since"] for hour in hours[:needed] if hour.get("since")] or [hours[needed - 1]["start"]]
    return Incident(
        reason="drift",
        since=min(round(datetime.fromisoformat(text).timestamp() * 1000) for text in begins),
        evidence={"drift_hours": needed, "drift_score": max(hour["drift_score"] for hour in hours[:needed])},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidents:
    """Looks for incidents and puts their events.

    Attributes
    ----------
    events : boto3's client of EventBridge.
    archive : bucket with the verdicts.
    table : the window table, which holds the guard.
    """

    s3: S3Client
    dynamodb: DynamoDBClient
    events: Any
    archive: str
    table: str

    def look(
        self, series: Series, policy: RetrainingPolicy, quality: LatestQuality | None, now: int
    ) -> Incident | None:
        """Put the event of an incident, unless one was put in this cool-down or a run trains.

        Parameters
        ----------
        series : the predictions of the served version.
        quality : its latest verdict on the labels.
        now : UTC milliseconds.

        Returns
        -------
        The incident whose event was put; None if none was.

        Raises
        ------
        EventRefusedError
            If EventBridge refuses it; the next look puts it again.
        """
        if policy.mode is RetrainingMode.OFF:
            return None
        hours = self._hours(series, policy.drift_hours, now) if policy.drift_hours else []
        found = incident_of(policy, quality, hours)
        if found is None:
            return None
        name = f"{series.model_version} {found.reason}"
        guard = read_guard(self.dynamodb, self.table, series.model_name)
        if not guard.asks_for(name, now, policy.cool_down_hours):
            return None
        wanting = guard.wanting(name, now)
        if not write_guard(self.dynamodb, self.table, series.model_name, wanting):
            return None  # a run has begun or ended at this moment; the next look sees what it did
        self._put(series, found)
        # If a run has begun since the put, this write fails; its conclusion says the same.
        write_guard(self.dynamodb, self.table, series.model_name, wanting.asked())
        return found

    def _put(self, series: Series, found: Incident) -> None:
        began = None if found.since is None else datetime.fromtimestamp(found.since / 1000, UTC)
        detail = {
            "model": series.model_name,
            "version": series.model_version,
            "reason": found.reason,
            "since": "" if began is None else f"{began:%Y-%m-%dT%H:%M:%SZ}",
            "evidence": dict(found.evidence),
        }
        answer = self.events.put_events(
            Entries=[{"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}]
        )
        if answer["FailedEntryCount"]:
            entry = answer["Entries"][0]
            raise EventRefusedError(
                f"EventBridge refused {DETAIL_TYPE}: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}; "
                f"the next run puts it again"
            )

    def _hours(self, series: Series, needed: int, now: int) -> list[Mapping[str, Any]]:
        """Verdicts of the last complete hours up to the first gap or quiet one, the newest first.

        The newest hour may not be judged yet.
        """
        newest = now // _HOUR_MS * _HOUR_MS - _HOUR_MS
        found = self._verdict(series, newest)
        start = newest if found is not None else newest - _HOUR_MS
        hours: list[Mapping[str, Any]] = []
        while len(hours) < needed:
            verdict = found or self._verdict(series, start)
            if verdict is None or not verdict["drift"]:
                break
            hours.append(verdict)
            found, start = None, start - _HOUR_MS
        return hours

    def _verdict(self, series: Series, start: int) -> Mapping[str, Any] | None:
        try:
            got = self.s3.get_object(Bucket=self.archive, Key=verdict_key(series, Span.HOUR, start))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None
        verdict: Mapping[str, Any] = json.loads(got["Body"].read())
        return verdict
