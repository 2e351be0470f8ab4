"""Brings the evaluator's memory back: its judge over the windows in their order, silent on what was told.

A verdict that lies in the archive was told once: it is judged again for the sake of the charts, compared, and
neither written nor published. One that does not was due while the table was gone: it is told as usual.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from drift_consumer.baselines import Baselines
from drift_consumer.judging import Judge
from drift_consumer.metrics import Metric, Publisher
from drift_consumer.progress import ProgressStore, cursor_key, judged_key
from drift_consumer.schedule import PATIENCE
from drift_consumer.series import Series
from drift_consumer.settings import EvaluatorSettings
from drift_consumer.verdict_store import VerdictStore, verdict_key
from drift_consumer.window_store import WindowStore
from drift_core.monitor import Monitor
from drift_core.quality_budget import for_inputs
from drift_core.span import Span

OF_THE_MOMENT = ("judged_at", "revision", "late_records")
"""Fields of a verdict that say when rows came, and not what they were."""


@dataclass(slots=True, kw_only=True)
class Compared:
    """Verdicts given again.

    Attributes
    ----------
    same : as in the archive.
    different : keys of those that are not; late rows are in them from the start now.
    new : never given before, so they were told.
    """

    same: int = 0
    different: list[str] = field(default_factory=list)
    new: int = 0


class _ComparedVerdicts(VerdictStore):
    """Writes a verdict only where there is none."""

    def __init__(self, s3: Any, bucket: str) -> None:
        super().__init__(s3, bucket)
        self.compared = Compared()
        self.told_before = False

    def write(self, series: Series, span: Span, start: int, verdict: Mapping[str, Any]) -> None:
        key = verdict_key(series, span, start)
        try:
            before = json.loads(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            before = None
        self.told_before = before is not None
        if before is None:
            self.compared.new += 1
            super().write(series, span, start, verdict)
        elif _lasting(before) == _lasting(json.loads(json.dumps(verdict))):
            self.compared.same += 1
        else:
            self.compared.different.append(key)


class _HushedPublisher(Publisher):
    """Publishes what was not told before."""

    def __init__(self, real: Publisher, verdicts: _ComparedVerdicts) -> None:
        self._real = real
        self._verdicts = verdicts

    def publish(self, metrics: Iterable[Metric], at: int) -> None:
        if not self._verdicts.told_before:
            self._real.publish(metrics, at)


class _PendingNow(WindowStore):
    """Reads what is pending from the table itself: its index may not have seen what was just written."""

    def pending(self, series: Series) -> Iterator[tuple[int, int, int]]:
        for item in _items(self._dynamodb, self._table, series.key):
            if "pending" in item:
                start = int(item["sk"]["S"].partition("#")[0])
                yield start, int(item["first_update"]["N"]), int(item["last_update"]["N"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejudge:
    """Judges again in one stack.

    Attributes
    ----------
    clock : UTC milliseconds now.
    wait : for so many seconds.
    """

    s3: Any
    dynamodb: Any
    settings: EvaluatorSettings
    baselines: Baselines
    publisher: Publisher
    clock: Callable[[], int]
    wait: Callable[[float], None]

    def forgotten(self, series: Series) -> list[int]:
        """Starts of windows of the table whose verdicts the archive knows and the evaluator does not."""
        progress = ProgressStore(self.dynamodb, self.settings.window_table)
        starts = {int(item["sk"]["S"].partition("#")[0]) for item in self._windows(series)}
        told = sorted(starts & self._told(series, Span.WINDOW, starts))
        return [start for start in told if progress.judged(series, Span.WINDOW, start) is None]

    def again(self, series: Series) -> Compared:
        """Judge all windows of a series that are due, from the first.

        What was told before and has been counted into just now is waited for, or the evaluator would tell it
        again. Interrupted, it has left windows that are forgotten: the next run begins again.
        """
        self._forget(series)
        bundle = self.baselines.get(series.model_name, series.model_version)
        settings = for_inputs(self.settings.monitor(bundle.manifest.monitor), bundle.manifest.files)
        settings = settings.overridden({"window_seconds": series.window_seconds})
        verdicts = _ComparedVerdicts(self.s3, self.settings.archive_bucket)
        judge = Judge(
            series=series,
            monitor=Monitor(baseline=bundle.baseline, settings=settings),
            windows=_PendingNow(self.dynamodb, self.settings.window_table),
            progress=ProgressStore(self.dynamodb, self.settings.window_table),
            verdicts=verdicts,
            publisher=_HushedPublisher(self.publisher, verdicts),
            clock=self.clock,
        )
        for _ in range(PATIENCE + 2):  # a window is taken for quiet after so many grace times
            judge.judge_due(lambda: True)
            if not self._awaited(judge):
                break
            self.wait(settings.grace_seconds)
        return verdicts.compared

    def _awaited(self, judge: Judge) -> bool:
        """Whether a window, an hour or a day that was told before has not been judged again yet."""
        starts = {int(item["sk"]["S"].partition("#")[0]) for item in self._windows(judge.series)}
        last = max(self._told(judge.series, Span.WINDOW, starts), default=-1)
        if any(start <= last for start, *_ in judge.windows.pending(judge.series)):
            return True
        opened = judge.progress.read(judge.series, judge.monitor.start()).cursor.open
        return any(one.start in self._told(judge.series, one.span, {one.start}) for one in opened)

    def _windows(self, series: Series) -> Iterator[Mapping[str, Any]]:
        return _items(self.dynamodb, self.settings.window_table, series.key)

    def _told(self, series: Series, span: Span, starts: set[int]) -> set[int]:
        """Starts of the archived verdicts of a span, of the days of these."""
        found = set()
        for day in sorted({datetime.fromtimestamp(start / 1000, UTC).date() for start in starts}):
            noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000)
            prefix = verdict_key(series, span, noon).removesuffix(f"{noon}.json")
            pages = self.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.settings.archive_bucket, Prefix=prefix
            )
            keys = (listed["Key"] for page in pages for listed in page.get("Contents", ()))
            found |= {int(key.removeprefix(prefix).removesuffix(".json")) for key in keys}
        return found

    def _forget(self, series: Series) -> None:
        """As if nothing had been judged: the memory first, so that what is left shows it is incomplete."""
        table = self.settings.window_table
        for span in Span:
            for item in _items(self.dynamodb, table, judged_key(series, span)):
                self.dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
        self.dynamodb.delete_item(TableName=table, Key=cursor_key(series))
        for item in self._windows(series):
            try:
                self.dynamodb.update_item(
                    TableName=table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET pending = :series",
                    ConditionExpression="last_sequence = :read",
                    ExpressionAttributeValues={
                        ":series": {"S": series.key},
                        ":read": item["last_sequence"],
                    },
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise  # else it was counted into meanwhile, which makes it pending


def _items(dynamodb: Any, table: str, partition: str) -> Iterator[Mapping[str, Any]]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :partition",
        ExpressionAttributeValues={":partition": {"S": partition}},
        ConsistentRead=True,
    )
    return (item for page in pages for item in page["Items"])


def _lasting(verdict: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in verdict.items() if name not in OF_THE_MOMENT}
