"""What the demo sees of the running system: verdicts, the alarm, notifications, the archive."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
from rich.console import Console
from rich.live import Live
from rich.table import Table

from drift_core.alert_text import TITLES
from drift_core.causes import Cause
from scripts.demo_queue import queue_for
from scripts.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenVerdict:
    """One window's verdict as it lies in the archive."""

    start_ms: int
    rows: int
    score: float
    drift: bool
    guilty: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Watcher:
    """Looks at one stack.

    Attributes
    ----------
    alarm : name of the alarm that drift raises.
    queue_url : a queue of ours that is subscribed to the topic of incidents, as an address would be.
    verdicts : of windows, by the window's begin in UTC milliseconds.
    notifications : messages that an incident of the data was opened: "Subject" and "Message".
    changes : of the alarm's state: when, from and to.
    """

    stack: Stack
    alarm: str
    queue_url: str
    verdicts: dict[int, SeenVerdict] = field(default_factory=dict)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, str]] = field(default_factory=list)
    _read: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, stack: Stack, model_name: str) -> Watcher:
        """Subscribe a queue to the topic of incidents."""
        topic = stack.outputs["IncidentTopicArn"]
        url, arn = queue_for(stack, "driftline-demo", service="sns.amazonaws.com", source=topic)
        stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return cls(stack=stack, alarm=f"driftline-{model_name}-drift", queue_url=url)

    def look(self) -> None:
        """Read what is new."""
        s3, bucket = self.stack.client("s3"), self.stack.outputs["ArchiveBucketName"]
        for key in sorted(set(self._keys("verdicts/")) - self._read):
            self._read.add(key)
            told = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            if told["span"] == "window":
                start = round(datetime.fromisoformat(told["start"]).timestamp() * 1000)
                self.verdicts[start] = SeenVerdict(
                    start_ms=start,
                    rows=told["n"],
                    score=told["drift_score"],
                    drift=told["drift"],
                    guilty=tuple(told["guilty"]),
                )
        sqs = self.stack.client("sqs")
        found = sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        for message in found.get("Messages", ()):
            told = json.loads(message["Body"])
            if told.get("Subject", "").startswith("[OPENED]") and TITLES[Cause.DATA] in told["Message"]:
                self.notifications.append(told)
            sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

        self.changes = self._alarm_history()

    def _alarm_history(self) -> list[dict[str, str]]:
        """Changes of the alarm's state, the first first: when, from and to."""
        found = self.stack.client("cloudwatch").describe_alarm_history(
            AlarmName=self.alarm, HistoryItemType="StateUpdate", ScanBy="TimestampAscending"
        )
        changes = []
        for item in found["AlarmHistoryItems"]:
            summary = item["HistorySummary"].removeprefix("Alarm updated from ")
            before, _, after = summary.partition(" to ")
            if before != after:
                changes.append({"at": item["Timestamp"].isoformat(), "from": before, "to": after})
        return sorted(changes, key=lambda change: change["at"])

    def rows(self, prefix: str, *identity: str) -> int:
        """Rows that lie under a prefix of the archive, each once, read from the files themselves.

        Parameters
        ----------
        identity : columns that tell a row from all others.
        """
        s3, bucket = self.stack.client("s3"), self.stack.outputs["ArchiveBucketName"]
        seen: set[tuple[object, ...]] = set()
        for key in self._keys(prefix):
            content = io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            table = pq.read_table(content, columns=list(identity))
            seen.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
        return len(seen)

    def _keys(self, prefix: str) -> list[str]:
        pages = self.stack.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.stack.outputs["ArchiveBucketName"], Prefix=prefix)
        return [entry["Key"] for page in found for entry in page.get("Contents", ())]


def wait_for_verdicts(
    watcher: Watcher,
    starts: Sequence[int],
    table: Callable[..., Table],
    console: Console,
    *,
    patience: float,
) -> None:
    """Look every second until all windows are judged and a notification came, or patience ends.

    Parameters
    ----------
    starts : begins of the windows, UTC milliseconds.
    table : draws the windows with the alarm's `changes`.
    """
    end = time.monotonic() + patience
    live = Live(table(changes=[]), console=console, auto_refresh=False) if console.is_terminal else None
    with live or nullcontext():
        while True:
            watcher.look()
            if live is not None:
                live.update(table(changes=watcher.changes), refresh=True)
            judged = all(start in watcher.verdicts for start in starts)
            if (judged and watcher.notifications) or time.monotonic() > end:
                break
            time.sleep(1)
    if live is None:
        console.print(table(changes=watcher.changes))


def clock(time_ms: int) -> str:
    """Hour and minute, UTC.

    >>> clock(3_600_000)
    '01:00'
    """
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%H:%M}"


def iso(time_ms: int) -> str:
    """ISO 8601, UTC.

    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
