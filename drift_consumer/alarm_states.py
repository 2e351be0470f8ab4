"""What CloudWatch says of the stack's alarms: in messages of their topic, and when it is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from drift_consumer.alert_store import Notice
from drift_core.alert_events import AlarmChange, Survey

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmStates:
    """The alarms of one model.

    Attributes
    ----------
    prefix : of their names.
    """

    cloudwatch: CloudWatchClient
    prefix: str

    def survey(self) -> Survey:
        """Which alarms there are and how they stand: a change that was never told is seen here."""
        states: dict[str, tuple[bool, int]] = {}
        pages = self.cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=self.prefix, AlarmTypes=["MetricAlarm"]
        )
        for page in pages:
            for alarm in page["MetricAlarms"]:
                at = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
                name = alarm["AlarmName"].removeprefix(self.prefix)
                states[name] = (alarm["StateValue"] == "ALARM", round(at.timestamp() * 1000))
        return Survey(states=states)

    def heard(self, event: Mapping[str, Any]) -> tuple[list[AlarmChange], list[Notice]]:
        """What an event says: changes of this model's alarms, and what else was told to their topic."""
        changes: list[AlarmChange] = []
        notices: list[Notice] = []
        for record in event.get("Records", ()):
            told = record["Sns"]
            alarm = _alarm(told["Message"])
            if alarm is None:
                notices.append(
                    Notice(notice_id=told["MessageId"], title=told.get("Subject") or "", text=told["Message"])
                )
            elif alarm["AlarmName"].startswith(self.prefix):
                changes.append(
                    AlarmChange(
                        alarm=alarm["AlarmName"].removeprefix(self.prefix),
                        raised=alarm["NewStateValue"] == "ALARM",
                        at=round(datetime.fromisoformat(alarm["StateChangeTime"]).timestamp() * 1000),
                    )
                )
        return changes, notices


def _alarm(text: str) -> dict[str, Any] | None:
    """The change of an alarm, if a message is one."""
    try:
        told = json.loads(text)
    except ValueError:
        return None
    needed = {"AlarmName", "NewStateValue", "StateChangeTime"}
    return told if isinstance(told, dict) and needed <= told.keys() else None
