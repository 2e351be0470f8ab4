"""The reconciler: whether all that was captured is counted, and all that is counted is archived.

Every hour it looks at the hours of event time that have a marked window and are old enough. All windows of
such an hour are compared with their objects, also a window that the table does not know. Orphans whose
records are elsewhere are removed; then the counts are written, and then the marks of what agrees are taken
off. A crash between any two calls leaves marks, and the next run does the hour again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from drift_consumer.archive import Archive, hour_prefix
from drift_consumer.archive_reader import AT_ONCE, ArchivedObject, ArchiveReader
from drift_consumer.marks import Account, Marks
from drift_consumer.metrics import Metric, Publisher
from drift_consumer.put_aside import PutAside
from drift_consumer.reconciled import ReconciledStore
from drift_consumer.series import NAMELESS, Series, WindowKey
from drift_consumer.settings import ReconcilerSettings
from drift_consumer.tally import Tally, tally
from drift_consumer.window_store import KEPT_SECONDS, WindowStore

RESERVE = 60_000
"""Milliseconds before the end of the function's time at which no further hour is begun."""

TOLD_KEYS = 20
"""Objects that one message of the log names."""

_HOUR = 3_600_000

logger = Logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the reconciler works with; `clock` is UTC milliseconds now."""

    settings: ReconcilerSettings
    windows: WindowStore
    marks: Marks
    archive: Archive
    reader: ArchiveReader
    put_aside: PutAside
    reconciled: ReconciledStore
    publisher: Publisher
    clock: Callable[[], int]

    @property
    def quiet_before(self) -> int:
        """What was written last before this time is old enough, UTC milliseconds."""
        return self.clock() - self.settings.reconcile_after_hours * _HOUR


@cache
def resources() -> Resources:
    """The real ones, built at the first call of a Lambda environment."""
    settings = ReconcilerSettings.from_env()
    config = Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "max_attempts": 4},
        max_pool_connections=AT_ONCE,
    )
    s3, dynamodb = boto3.client("s3", config=config), boto3.client("dynamodb", config=config)
    cloudwatch = boto3.client("cloudwatch", config=config)
    return Resources(
        settings=settings,
        windows=WindowStore(dynamodb, settings.window_table),
        marks=Marks(dynamodb, settings.window_table),
        archive=Archive(s3, settings.archive_bucket),
        reader=ArchiveReader(s3, settings.archive_bucket),
        put_aside=PutAside(s3, settings.failed_batches_bucket),
        reconciled=ReconciledStore(s3, settings.archive_bucket),
        publisher=Publisher(cloudwatch, namespace=settings.metrics_namespace, model_name=settings.model_name),
        clock=lambda: time.time_ns() // 1_000_000,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Serve the schedule; the event says nothing."""
    return reconcile(resources(), lambda: context.get_remaining_time_in_millis() > RESERVE)


def reconcile(to: Resources, enough_time: Callable[[], bool] = lambda: True) -> dict[str, int]:
    """Compare what is marked and old enough, and publish `UnaccountedRecords`.

    Parameters
    ----------
    enough_time : whether another hour can be begun.

    Returns
    -------
    How many "windows" were compared, "orphans" removed, and records "waiting" and "unaccounted".

    Raises
    ------
    ExceptionGroup
        The faults of hours that could not be compared, after all others were. Then the metric is published
        only if it is above 0: that it is missing alarms as well.
    """
    done = Counter(windows=0, orphans=0, waiting=0, unaccounted=0)
    faults: list[Exception] = []
    for series, hour in _marked_hours(to):
        if not enough_time():
            break
        try:
            done.update(_reconcile_hour(series, hour, to))
        except Exception as fault:
            fault.add_note(f"while reconciling {series.key} from {hour}")
            faults.append(fault)
    if done["unaccounted"] or not faults:
        metric = Metric(name="UnaccountedRecords", value=done["unaccounted"], unit="Count")
        to.publisher.publish([metric], to.clock())
    logger.info("reconciled", extra=dict(done))
    if faults:
        raise ExceptionGroup("some hours could not be compared; the next run tries again", faults)
    return dict(done)


def _marked_hours(to: Resources) -> Iterator[tuple[Series, int]]:
    before = to.quiet_before // _HOUR * _HOUR
    for model_name in (to.settings.model_name, NAMELESS):
        for series in to.windows.series_of(model_name):
            starts = to.marks.starts(series, before)
            yield from ((series, hour) for hour in sorted({start // _HOUR * _HOUR for start in starts}))


def _reconcile_hour(series: Series, hour: int, to: Resources) -> Counter[str]:
    # The items first: what is written in between is an object that is too young to be judged.
    accounts = {account.key: account for account in to.marks.accounts(series, hour, hour + _HOUR)}
    objects = _objects(series, hour, to)
    keys = sorted({*accounts, *objects}, key=lambda key: key.sort_key)
    quiet = {key: _current(accounts.get(key), objects.get(key, []), to) for key in keys}
    judged = {key: found for key, found in quiet.items() if found is not None and (found or key in accounts)}
    footers = to.reader.footers(one for found in judged.values() for one in found)
    tallies = {
        key: tally(accounts.get(key), found, footers, to.reader, to.put_aside)
        for key, found in judged.items()
    }
    removed = [name for one in tallies.values() for name in one.removable]
    for name in removed:
        to.archive.delete(name)
    to.reconciled.write(series, hour, tallies, to.clock())
    for key, told in tallies.items():
        if told.unaccounted:
            _tell(key, told)
    # A window without an item has no mark that could stay, so those of its hour do.
    if all(key in accounts or (key in tallies and tallies[key].agrees) for key in keys if _known(quiet, key)):
        for key, told in tallies.items():
            if key in accounts and accounts[key].marked and told.agrees:
                to.marks.clear(accounts[key])
    return Counter(
        windows=len(tallies),
        orphans=len(removed),
        waiting=sum(told.waiting for told in tallies.values()),
        unaccounted=sum(told.unaccounted for told in tallies.values()),
    )


def _known(quiet: Mapping[WindowKey, list[ArchivedObject] | None], key: WindowKey) -> bool:
    """Whether a window is still remembered: not all that it has was forgotten."""
    return quiet[key] != []


def _objects(series: Series, hour: int, to: Resources) -> dict[WindowKey, list[ArchivedObject]]:
    names = f"{series.model_name}.{series.model_version}.{series.window_seconds}."
    found: dict[WindowKey, list[ArchivedObject]] = {}
    for one in to.reader.objects(hour_prefix(series.kind, hour) + names):
        if one.window.series == series:
            found.setdefault(one.window, []).append(one)
    return found


def _current(
    account: Account | None, objects: list[ArchivedObject], to: Resources
) -> list[ArchivedObject] | None:
    """The objects that a window must account for; None while something may still be on its way.

    An item is forgotten some time after its last update, and with it which objects it listed.
    """
    if account is not None and account.last_update > to.quiet_before:
        return None
    ranges = set(account.ranges) if account else set[str]()
    others = [one for one in objects if one.sequence_range not in ranges]
    if any(one.written > to.quiet_before for one in others):
        return None
    remembered = to.clock() - KEPT_SECONDS * 1000
    if account is not None and account.merged:
        return objects
    return [one for one in objects if one.sequence_range in ranges or one.written > remembered]


def _tell(key: WindowKey, told: Tally) -> None:
    logger.error(
        "records are not accounted for",
        extra={
            "series": key.series.key,
            "window_start": key.start,
            "shard_id": key.shard_id,
            **told.counts(),
            "absent": told.absent[:TOLD_KEYS],
            "orphan_keys": told.orphans[:TOLD_KEYS],
        },
    )
