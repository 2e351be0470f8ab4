"""Bring back what the stream or the consumer did not take: `python -m scripts.redrive queue` or `batches`."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from drift_consumer.baselines import Baselines
from drift_consumer.settings import ConsumerSettings
from drift_consumer.window_store import WindowStore
from drift_core.bundle import BundleError
from scripts.batch_redrive import BatchCounts, BatchRedrive
from scripts.failed_batch import FailedBatchError
from scripts.kinesis_writer import KinesisWriter, NotAcceptedError
from scripts.queue_redrive import QueueRedrive
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended, say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help=__doc__)

LEFT, USAGE, REFUSED = 1, 2, 3

ConfigEnv = Annotated[str, typer.Option(help="Environment of samconfig.toml.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")]


@app.command()
def queue(
    *,
    config_env: ConfigEnv = LOCAL,
    limit: Annotated[int, typer.Option(min=1, help="Messages at most; the next run goes on.")] = 100_000,
    dry_run: DryRun = False,
) -> None:
    """Put the events of the fallback queue on the stream; each is deleted once the stream has accepted it.

    Exit code 0: all that came was put and deleted; 1: the stream or AWS refused, and the rest is still in the
    queue; 2: there is no such stack. After an interruption, up to 500 events may be put a second time.
    """
    console = Console(stderr=True)
    stack = _stack(console, config_env)
    bar = _bar(console)
    task = bar.add_task("messages", total=None)
    redrive = QueueRedrive(
        sqs=stack.client("sqs"),
        queue_url=stack.outputs["FallbackQueueUrl"],
        writer=_writer(stack),
        advanced=lambda messages: bar.advance(task, messages),
    )
    failure: Exception | None = None
    try:
        if dry_run:
            say(console, f"about {redrive.waiting():,} messages in the queue; nothing was changed")
            return
        with bar:
            redrive.redrive(limit)
    except (NotAcceptedError, ClientError, BotoCoreError) as error:
        failure = error
    except KeyboardInterrupt:
        raise ended("stopped; run it again for the rest", 130, console) from None
    counts = redrive.counts
    say(
        console,
        f"{counts.received:,} messages received, {counts.accepted:,} accepted by the stream, "
        f"{counts.deleted:,} deleted",
    )
    if counts.too_large:
        say(console, f"{counts.too_large:,} messages are larger than a stream record may be; they are left")
    if counts.deleted < counts.accepted:
        say(
            console,
            f"{counts.accepted - counts.deleted:,} could not be deleted; the next run puts them twice",
        )
    if failure is not None:
        raise ended(failure, LEFT, console)
    if counts.deleted < counts.received:
        raise typer.Exit(LEFT)


@app.command()
def batches(*, config_env: ConfigEnv = LOCAL, dry_run: DryRun = False) -> None:
    """Put what was not counted of the failed batches on the stream again, and delete them.

    Repair first what the consumer failed on, and let one run at a time work.

    Exit code 0: all were redriven; 1: the stream or AWS refused, and the rest is still in the bucket; 2: no
    such stack; 3: the bucket holds other objects, which are named and left. After an interruption, up to 500
    records may be put a second time.
    """
    console = Console(stderr=True)
    stack = _stack(console, config_env)
    total, number, refused = BatchCounts(), 0, 0
    verb = "to put" if dry_run else "put"
    failure: Exception | None = None
    try:
        redrive = _batch_redrive(stack)
        with _bar(console) as bar:
            for key in bar.track(redrive.waiting(), description="objects"):
                try:
                    counts = redrive.redrive(key, dry_run=dry_run)
                except FailedBatchError as error:
                    refused += 1
                    say(console, f"s3://{redrive.bucket}/{key} is left: {error}", style="yellow")
                    continue
                number += 1
                total += counts
                say(console, f"{key}: {_told(counts, verb)}")
    except (NotAcceptedError, BundleError, ClientError, BotoCoreError) as error:
        failure = error
    except KeyboardInterrupt:
        raise ended("stopped; run it again for the rest", 130, console) from None
    say(console, f"{number:,} failed batches: {_told(total, verb)}")
    if failure is not None:
        raise ended(failure, LEFT, console)
    if refused:
        raise typer.Exit(REFUSED)


def consumer_settings(stack: Stack) -> ConsumerSettings:
    """What the deployed consumer was told: with the same window length its windows are found again."""
    found = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.target.stack_name, LogicalResourceId="ConsumerFunction"
    )
    function = stack.client("lambda").get_function_configuration(
        FunctionName=found["StackResourceDetail"]["PhysicalResourceId"]
    )
    return ConsumerSettings.from_env(function["Environment"]["Variables"])


def _batch_redrive(stack: Stack) -> BatchRedrive:
    settings = consumer_settings(stack)
    s3 = stack.client("s3")
    return BatchRedrive(
        s3=s3,
        bucket=stack.outputs["FailedBatchesBucketName"],
        writer=_writer(stack),
        model_name=settings.model_name,
        baselines=Baselines(s3, settings.models_bucket),
        windows=WindowStore(stack.client("dynamodb"), settings.window_table),
        window_seconds=settings.window_seconds,
        clock=lambda: time.time_ns() // 1_000_000,
    )


def _writer(stack: Stack) -> KinesisWriter:
    return KinesisWriter(
        client=stack.client("kinesis"), stream=stack.outputs["StreamName"], remedy="run it again for the rest"
    )


def _stack(console: Console, config_env: str) -> Stack:
    try:
        return Stack.load(config_env)
    except (StackError, ClientError, BotoCoreError) as error:
        raise ended(error, USAGE, console) from None


def _told(counts: BatchCounts, verb: str) -> str:
    earlier = f" + {counts.put_before:,} put by an earlier run" if counts.put_before else ""
    return f"{counts.records:,} records = {counts.counted:,} counted before{earlier} + {counts.put:,} {verb}"


def _bar(console: Console) -> Progress:
    return Progress(
        *Progress.get_default_columns()[:1], MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


if __name__ == "__main__":
    app(prog_name="python -m scripts.redrive")
