"""Rebuild the states of windows from the archive, and what the evaluator remembers of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from textwrap import dedent
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from drift_consumer.archive import Archive
from drift_consumer.archive_reader import ArchiveReader
from drift_consumer.baselines import Baselines, UnknownModelError
from drift_consumer.marks import Marks
from drift_consumer.metrics import Publisher
from drift_consumer.progress import ProgressStore
from drift_consumer.put_aside import PutAside
from drift_consumer.series import WindowKey
from drift_consumer.settings import EvaluatorSettings
from drift_consumer.window_store import KEPT_SECONDS, LostRaceError, WindowStore
from drift_core.bundle import BundleError
from scripts.functions import stopped, variables
from scripts.pace import moment
from scripts.rebuild import Outcome, Rebuild
from scripts.rejudge import Rejudge
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended, say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

FAILED, USAGE, LEFT = 1, 2, 3

_HOUR = 3_600_000
_EVALUATOR = "EvaluatorFunction"

_HELP = dedent("""
    After a loss of the window table, or of single windows, this puts back what the archive's objects account
    for: the same states, to the bit. It can run while the consumer works. It never lowers a count or a
    sequence number, unless --accept-missing says so. Meanwhile the evaluator is kept from starting.

    If the evaluator's memory is lost too, all windows are judged again in their order: silently where their
    verdict is in the archive, aloud where none was given.

    Begin with --dry-run. A second run repairs what an interrupted one left.

    Exit code 0: all windows are right; 1: AWS or a bundle refused, run it again; 2: an option or the stack
    is refused; 3: windows were left or verdicts differ, which are named.
""")


@app.command(help=f"{__doc__}\n{_HELP}")
def recover(
    *,
    begin: Annotated[
        str | None, typer.Option("--from", help="First window: ISO 8601, now-2h. Default: 35 days ago.")
    ] = None,
    end: Annotated[str, typer.Option("--to", help="The time after the last window.")] = "now",
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
    accept_missing: Annotated[
        bool, typer.Option("--accept-missing", help="Take the archive for the truth where it holds less.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
) -> None:
    """Rebuild, then judge again."""
    console = Console(stderr=True)
    try:
        hours = _hours(begin, end)
        stack = Stack.load(config_env)
    except (ValueError, StackError, ClientError, BotoCoreError) as error:
        raise ended(error, USAGE, console) from None
    try:
        with nullcontext() if dry_run else stopped(stack, _EVALUATOR):
            settings = EvaluatorSettings.from_env(variables(stack, _EVALUATOR))
            found = _rebuild(console, stack, settings, hours, accept_missing=accept_missing, dry_run=dry_run)
            differ = _judge(console, stack, settings, dry_run=dry_run)
    except (BundleError, UnknownModelError, LostRaceError, ClientError, BotoCoreError) as error:
        raise ended(error, FAILED, console) from None
    except KeyboardInterrupt:
        raise ended("stopped; run it again for the rest", 130, console) from None
    if found[Outcome.LEFT] or differ:
        raise typer.Exit(LEFT)


def _hours(begin: str | None, end: str) -> range:
    """Starts of the hours to look at."""
    now = datetime.now(UTC)
    first = moment(begin, now) if begin else int(now.timestamp() * 1000) - KEPT_SECONDS * 1000
    hours = range(first // _HOUR * _HOUR, moment(end, now), _HOUR)
    if not hours:
        raise ValueError("--from does not lie before --to; give a range of time")
    return hours


def _rebuild(
    console: Console,
    stack: Stack,
    settings: EvaluatorSettings,
    hours: range,
    *,
    accept_missing: bool,
    dry_run: bool,
) -> Counter[Outcome]:
    s3, dynamodb = stack.client("s3"), stack.client("dynamodb")
    rebuild = Rebuild(
        model_name=settings.model_name,
        baselines=Baselines(s3, settings.models_bucket),
        archive=Archive(s3, settings.archive_bucket),
        reader=ArchiveReader(s3, settings.archive_bucket),
        put_aside=PutAside(s3, stack.outputs["FailedBatchesBucketName"]),
        windows=WindowStore(dynamodb, settings.window_table),
        marks=Marks(dynamodb, settings.window_table),
        progress=ProgressStore(dynamodb, settings.window_table),
        clock=_now,
        accept_missing=accept_missing,
        dry_run=dry_run,
    )
    total: Counter[Outcome] = Counter()
    for key, outcome in _tracked(console, rebuild, hours):
        total[outcome] += 1
        if outcome is Outcome.LEFT:
            say(console, f"{_name(key)} is {outcome}; see docs/runbook.md", style="yellow")
    told = ", ".join(f"{total[outcome]:,} {outcome.name.lower()}" for outcome in Outcome)
    say(console, f"{total.total():,} windows of a shard: {told}{'; nothing was changed' * dry_run}")
    return total


def _tracked(console: Console, rebuild: Rebuild, hours: range) -> Iterator[tuple[WindowKey, Outcome]]:
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        for hour in bar.track(hours, description="hours"):
            yield from rebuild.hour(hour)


def _judge(console: Console, stack: Stack, settings: EvaluatorSettings, *, dry_run: bool) -> int:
    """Judge what the evaluator has forgotten; how many verdicts differ from those in the archive."""
    s3, dynamodb = stack.client("s3"), stack.client("dynamodb")
    cloudwatch = stack.client("cloudwatch")
    rejudge = Rejudge(
        s3=s3,
        dynamodb=dynamodb,
        settings=settings,
        baselines=Baselines(s3, settings.models_bucket),
        publisher=Publisher(cloudwatch, namespace=settings.metrics_namespace, model_name=settings.model_name),
        clock=_now,
        wait=time.sleep,
    )
    differ = 0
    for series in WindowStore(dynamodb, settings.window_table).series_of(settings.model_name):
        forgotten = rejudge.forgotten(series) if series.is_judged else []
        if not forgotten:
            continue
        about = f"{series.model_name} {series.model_version}, windows of {series.window_seconds} s"
        if dry_run:
            say(console, f"{about}: the evaluator has forgotten {len(forgotten):,} windows that it judged")
            continue
        done = rejudge.again(series)
        differ += len(done.different)
        say(
            console,
            f"{about}: {done.same:,} verdicts given again as they were, {len(done.different):,} differ, "
            f"{done.new:,} given for the first time",
        )
        for key in done.different:
            say(console, f"{key} stays as it was, and would differ now", style="yellow")
    return differ


def _name(key: WindowKey) -> str:
    begins = datetime.fromtimestamp(key.start / 1000, UTC)
    return f"{key.series.key} {begins:%Y-%m-%dT%H:%M:%SZ} {key.shard_id}"


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    app(prog_name="python -m scripts.recover")
