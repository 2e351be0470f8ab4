"""How far sampled rows have been explained: the hours passed, and what the charts remember there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from drift_consumer.quality_progress import version_key
from drift_consumer.succession import put_successor
from drift_consumer.window_store import items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 400 * 86_400
"""How long an explained hour is remembered, for labels that come so late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedHours:
    """What is remembered of one or more hours whose rows were explained together, or left out.

    Attributes
    ----------
    start, end : UTC milliseconds; the end is exclusive.
    predictions : in these hours.
    estimated_mae : None if nothing was estimated.
    late : whether they came after a later hour, and were left out.
    """

    start: int
    end: int
    predictions: int
    estimated_mae: float | None = None
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledProgress:
    """Where a version's samples stand.

    Attributes
    ----------
    version : counts the changes; the condition of the next.
    passed : hours that begin before this time have had their turn, UTC milliseconds; None before the first.
    carried_from : start of the first hour that had too few rows and waits for the next; None if none waits.
    estimate, attribution : memories as bytes; None before the first hour, or without such a baseline.
    """

    version: int = 0
    passed: int | None = None
    carried_from: int | None = None
    estimate: bytes | None = None
    attribution: bytes | None = None

    def carried(self, start: int, end: int) -> SampledProgress:
        """After an hour with too few rows.

        Parameters
        ----------
        start : of the first hour that waits.
        end : of the hour.
        """
        return replace(self, version=self.version + 1, passed=end, carried_from=start)


class SampledStore:
    """Explained hours and progress in the window table, under one partition key a version."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read(self, model_name: str, model_version: str) -> SampledProgress:
        """How far a version's samples have been explained."""
        key = _progress_key(model_name, model_version)
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in found:
            return SampledProgress()
        item = found["Item"]
        return SampledProgress(
            version=int(item["version"]["N"]),
            passed=int(item["passed"]["N"]),
            carried_from=int(item["carried_from"]["N"]) if "carried_from" in item else None,
            estimate=bytes(item["estimate"]["B"]) if "estimate" in item else None,
            attribution=bytes(item["attribution"]["B"]) if "attribution" in item else None,
        )

    def explained(self, model_name: str, model_version: str, first: int, last: int) -> list[ExplainedHours]:
        """What is remembered of the hours that begin in [first, last], and of the nearest before."""
        partition = {":version": {"S": version_key(model_name, model_version)}}
        before = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :version AND sk <= :time",
            ExpressionAttributeValues={**partition, ":time": {"S": explained_key(first)}},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        nearest = before["Items"][0]["sk"]["S"] if before["Items"] else explained_key(first)
        query = {
            "KeyConditionExpression": "pk = :version AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                **partition,
                ":first": {"S": nearest},
                ":last": {"S": explained_key(last)},
            },
            "ConsistentRead": True,
        }
        return [_explained(item) for item in items(self._dynamodb, self._table, query)]

    def remember(self, model_name: str, model_version: str, hours: ExplainedHours, now: int) -> None:
        """Note hours that are left out; a second time changes nothing."""
        item = _explained_item(version_key(model_name, model_version), hours, now)
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def advance(
        self,
        model_name: str,
        model_version: str,
        progress: SampledProgress,
        hours: ExplainedHours | None,
        now: int,
    ) -> None:
        """Write progress and what led to it, on condition that the stored one is its predecessor.

        Parameters
        ----------
        hours : what was explained, if anything was: both are written or neither.

        Raises
        ------
        botocore.exceptions.ClientError
            If it is not: a second run is at work, which reserved concurrency should prevent.
        """
        item = {**_progress_key(model_name, model_version), **_progress(progress)}
        told = [] if hours is None else [_explained_item(version_key(model_name, model_version), hours, now)]
        put_successor(self._dynamodb, self._table, item, *told)


def explained_key(start: int) -> str:
    """The sort key of explained hours, beside what is remembered of their labels.

    >>> explained_key(3_600_000)
    'explained#0000003600000'
    """
    return f"explained#{start:013d}"


def _progress_key(model_name: str, model_version: str) -> dict[str, Any]:
    return {"pk": {"S": version_key(model_name, model_version)}, "sk": {"S": "samples"}}


def _progress(progress: SampledProgress) -> dict[str, Any]:
    numbers = {name: getattr(progress, name) for name in ("version", "passed", "carried_from")}
    memories = {name: getattr(progress, name) for name in ("estimate", "attribution")}
    return {
        **{name: {"N": str(value)} for name, value in numbers.items() if value is not None},
        **{name: {"B": value} for name, value in memories.items() if value is not None},
    }


def _explained_item(partition: str, hours: ExplainedHours, now: int) -> dict[str, Any]:
    estimate = {} if hours.estimated_mae is None else {"estimated_mae": {"N": repr(hours.estimated_mae)}}
    return {
        "pk": {"S": partition},
        "sk": {"S": explained_key(hours.start)},
        "end": {"N": str(hours.end)},
        "predictions": {"N": str(hours.predictions)},
        **estimate,
        **({"late": {"BOOL": True}} if hours.late else {}),
        "expires": {"N": str(now // 1000 + KEPT_SECONDS)},
    }


def _explained(item: Mapping[str, Any]) -> ExplainedHours:
    return ExplainedHours(
        start=int(item["sk"]["S"].partition("#")[2]),
        end=int(item["end"]["N"]),
        predictions=int(item["predictions"]["N"]),
        estimated_mae=float(item["estimated_mae"]["N"]) if "estimated_mae" in item else None,
        late="late" in item,
    )
