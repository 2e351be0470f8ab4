"""The item of the alerts in the window table: what is known, and what is still to be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from drift_core.alert_state import Alerting, Message

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPTS = 8
"""How often a change is tried while others write: a person's command and one run at a time."""


class StoreBusyError(RuntimeError):
    """Others wrote the item at each attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is passed on as it was told to the topic of the alarms."""

    notice_id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Something to be told, until every channel has it.

    Attributes
    ----------
    since : when it was decided, UTC milliseconds.
    sent : channels that have it, or that will never take it.
    """

    what: Message | Notice
    since: int
    sent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that the item holds.

    Attributes
    ----------
    version : of the item; each writing adds one.
    outbox : the oldest first.
    unwritten : incidents whose document is older than they are.
    passed_on : ids of the last notices, so that one that is told twice is passed on once.
    daily : hour in which the daily report was looked after last, "YYYY-MM-DDTHH".
    """

    alerting: Alerting
    version: int = 0
    outbox: tuple[Parcel, ...] = ()
    unwritten: tuple[str, ...] = ()
    passed_on: tuple[str, ...] = field(default=())
    daily: str = ""


class AlertStore:
    """The item of one model, which is changed on condition that nobody changed it meanwhile."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, model_name: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._model_name = model_name

    def read(self) -> Kept:
        """The item; the first one if there is none."""
        found = self._dynamodb.get_item(
            TableName=self._table, Key=alerts_key(self._model_name), ConsistentRead=True
        )
        if "Item" not in found:
            return Kept(alerting=Alerting(model_name=self._model_name))
        item = found["Item"]
        told = json.loads(item["state"]["S"])
        return Kept(
            alerting=Alerting.from_json(self._model_name, told["alerting"]),
            version=int(item["version"]["N"]),
            outbox=tuple(_parcel(one) for one in told["outbox"]),
            unwritten=tuple(told["unwritten"]),
            passed_on=tuple(told.get("passed_on", ())),
            daily=told.get("daily", ""),
        )

    def change(self, by: Callable[[Kept], Kept]) -> Kept:
        """Read, change and write the item, anew as long as somebody else wrote meanwhile.

        Parameters
        ----------
        by : a pure function; what it returns for what is stored then is written, unless it is the same.

        Raises
        ------
        StoreBusyError
            If others wrote each time.
        """
        for _ in range(ATTEMPTS):
            before = self.read()
            after = by(before)
            if after == before:
                return before
            after = replace(after, version=before.version + 1)
            if self._write(after):
                return after
        raise StoreBusyError(f"others wrote the alerts of {self._model_name} {ATTEMPTS} times; try again")

    def _write(self, kept: Kept) -> bool:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if kept.version > 1:
            condition = {
                "ConditionExpression": "version = :before",
                "ExpressionAttributeValues": {":before": {"N": str(kept.version - 1)}},
            }
        told = {
            "alerting": kept.alerting.to_json(),
            "outbox": [_told(one) for one in kept.outbox],
            "unwritten": list(kept.unwritten),
            "passed_on": list(kept.passed_on),
            "daily": kept.daily,
        }
        item = {
            **alerts_key(self._model_name),
            "version": {"N": str(kept.version)},
            "state": {"S": json.dumps(told, separators=(",", ":"))},
        }
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def alerts_key(model_name: str) -> dict[str, Any]:
    """The primary key of a model's alerts."""
    return {"pk": {"S": f"alerts#{model_name}"}, "sk": {"S": "alerts"}}


def _told(parcel: Parcel) -> dict[str, Any]:
    match parcel.what:
        case Message() as message:
            what = {"message": message.to_json()}
        case Notice() as notice:
            what = {"notice": {"id": notice.notice_id, "title": notice.title, "text": notice.text}}
    return {**what, "since": parcel.since, "sent": list(parcel.sent)}


def _parcel(told: dict[str, Any]) -> Parcel:
    what: Message | Notice
    if "message" in told:
        what = Message.from_json(told["message"])
    else:
        one = told["notice"]
        what = Notice(notice_id=one["id"], title=one["title"], text=one["text"])
    return Parcel(what=what, since=told["since"], sent=tuple(told["sent"]))
