"""What the retraining demo sees of the running system: verdicts, quality, alarms, the wish to retrain."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scripts.demo_queue import queue_for
from scripts.stack import Stack

RULE = "driftline-demo"
"""Of EventBridge, with a queue behind it: the local AWS has no CodeBuild to start."""

type Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingWatcher:
    """Looks at one stack.

    Attributes
    ----------
    queue_url : a queue of ours that gets the stack's events.
    """

    stack: Stack
    model_name: str
    queue_url: str

    @classmethod
    def of(cls, stack: Stack, model_name: str) -> RetrainingWatcher:
        """Put a queue behind a rule of our own, as CodeBuild stands behind the stack's."""
        events = stack.client("events")
        pattern = json.dumps({"source": ["driftline"], "detail-type": ["RetrainingWanted"]})
        rule = events.put_rule(Name=RULE, EventPattern=pattern)["RuleArn"]
        url, arn = queue_for(stack, RULE, service="events.amazonaws.com", source=rule)
        events.put_targets(Rule=RULE, Targets=[{"Id": "queue", "Arn": arn}])
        return cls(stack=stack, model_name=model_name, queue_url=url)

    def verdicts(self, start: int, end: int) -> list[Document]:
        """Of the windows that begin in [start, end), UTC milliseconds, in their order."""
        return self._documents("verdicts/", start, end, lambda one: one["span"] == "window")

    def quality(self, start: int, end: int) -> list[Document]:
        """What labels say of the windows that begin in [start, end), in their order."""
        return self._documents("quality/", start, end, lambda one: True)

    def explained(self, start: int, end: int) -> list[Document]:
        """What the sampled rows of the hours in [start, end) say, in their order."""
        return self._documents("explained/", start, end, lambda one: True)

    def alarm(self, name: str) -> str:
        """State of an alarm."""
        found = self.stack.client("cloudwatch").describe_alarms(
            AlarmNames=[f"driftline-{self.model_name}-{name}"]
        )
        state: str = found["MetricAlarms"][0]["StateValue"]
        return state

    def wanted(self, patience: float) -> Document | None:
        """The wish to retrain that came first, taken off the queue; None if none comes in time.

        Parameters
        ----------
        patience : seconds.
        """
        sqs, end = self.stack.client("sqs"), time.monotonic() + patience
        while time.monotonic() < end:
            found = sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=1).get("Messages", ())
            for message in found:
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
                detail: Document = json.loads(message["Body"])["detail"]
                return detail
            time.sleep(0.5)
        return None

    def _documents(
        self, prefix: str, start: int, end: int, chosen: Callable[[Document], bool]
    ) -> list[Document]:
        s3, bucket = self.stack.client("s3"), self.stack.outputs["ArchiveBucketName"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        found = [
            # the first line is of all predictions, the others are of segments
            json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()[0])
            for key in keys
            if start <= int(key.split(".")[-2]) < end
        ]
        return sorted(filter(chosen, found), key=lambda one: time_of(one["start"]))


def time_of(text: str) -> int:
    """UTC milliseconds of an ISO 8601 time.

    >>> time_of("1970-01-01T00:00:01+00:00")
    1000
    """
    return round(datetime.fromisoformat(text).timestamp() * 1000)
