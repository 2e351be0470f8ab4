"""Compact the archive: the many small objects of each window become one, so that queries open fewer files."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from drift_consumer.archive import Archive
from drift_consumer.archive_reader import ArchiveReader
from drift_consumer.marks import Marks
from drift_consumer.put_aside import PutAside
from scripts.bundles import watched_model
from scripts.compaction import Compaction, CompactionError, Outcome
from scripts.pace import moment
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended, say

HOUR = 3_600_000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    help=f"""{__doc__}

    A window is compacted once it is reconciled and quiet for two days; run this daily. It may be run again
    at any time, and stopped: it goes on where it was. What a new object holds is compared, row by row, before
    any old one is removed.

    Exit code 0: done; 1: AWS failed, or an object did not read as it was written; 2: an option is wrong.
    """
)
def compact(
    *,
    begin: Annotated[str, typer.Option("--from", help="First window: now-7d or ISO 8601.")] = "now-7d",
    end: Annotated[str, typer.Option("--to", help="The time after the last window.")] = "now-2d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
) -> None:
    """Go through the hours."""
    console = Console(highlight=False)
    try:
        hours = _hours(begin, end)
        stack = Stack.load(config_env)
        s3 = stack.client("s3")
        work = Compaction(
            model_name=watched_model(stack),
            archive=Archive(s3, stack.outputs["ArchiveBucketName"]),
            reader=ArchiveReader(s3, stack.outputs["ArchiveBucketName"]),
            put_aside=PutAside(s3, stack.outputs["FailedBatchesBucketName"]),
            marks=Marks(stack.client("dynamodb"), stack.outputs["WindowTableName"]),
            clock=lambda: time.time_ns() // 1_000_000,
            dry_run=dry_run,
        )
        _run(console, work, hours)
    except ValueError as error:
        raise ended(error, 2) from None
    except (CompactionError, StackError, ClientError, BotoCoreError) as error:
        raise ended(error, 1) from None


def _hours(begin: str, end: str) -> range:
    now = datetime.now(UTC)
    hours = range(moment(begin, now) // HOUR * HOUR, moment(end, now), HOUR)
    if not hours:
        raise ValueError("--from does not lie before --to; give a range of time")
    return hours


def _run(console: Console, work: Compaction, hours: range) -> None:
    outcomes: Counter[Outcome] = Counter()
    totals: Counter[str] = Counter()
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        for hour in bar.track(hours, description="hours"):
            for one in work.hour(hour):
                outcomes[one.outcome] += 1
                for name in ("before", "after", "bytes_before", "bytes_after"):
                    totals[name] += getattr(one, name)
    for outcome, number in sorted(outcomes.items()):
        say(console, f"{number:,} windows of a shard: {outcome}")
    before = f"{totals['before']:,} objects, {totals['bytes_before'] / 1e6:,.1f} MB"
    if work.dry_run:
        say(console, f"{before}; they would be {totals['after']:,}. Nothing was changed.")
    else:
        say(console, f"{before}, are now {totals['after']:,}, {totals['bytes_after'] / 1e6:,.1f} MB")


if __name__ == "__main__":
    app()
