"""Send recorded traffic to the stream: `python -m scripts.replay FILE --rate 500`."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from drift_core.bundle import BundleError
from drift_core.event import EARLIEST_MS
from scripts.bundles import BundleMissingError, LoadedBundle
from scripts.kinesis_writer import KinesisWriter, NotAcceptedError
from scripts.pace import Pace, check_window, moment
from scripts.recorded import Entry, entries
from scripts.recorded_table import TableReader
from scripts.sending import Counts, Sender
from scripts.sending import Progress as Position
from scripts.sources import Source, SourceError
from scripts.stack import LOCAL, PROJECT, Stack, StackError
from scripts.telling import ended

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

ACTIVE = "active"
NOT_ACCEPTED, USAGE, BAD_ROWS = 1, 2, 3
_SHOWN = 20  # bad rows that are told one by one


@app.command(
    help=f"""{__doc__}

    The recording is JSON lines of stream events, a CSV, a Parquet file, a folder of them, or the archive:
    s3://BUCKET/predictions/. Rows without a prediction are answered by the model of --bundle.

    Exit code 0: every row was accepted; 1: the stream did not take all records (go on with --resume);
    2: the recording or an option is wrong; 3: bad rows were left out.
    """
)
def replay(
    recording: Annotated[str, typer.Argument(help="A file, a folder or s3://BUCKET/PREFIX/.")],
    *,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
    bundle: Annotated[
        str | None, typer.Option(help="Folder of a bundle, or 'active' for the one that the stack serves.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Records a second at most.")] = None,
    speed: Annotated[float | None, typer.Option(help="Times as fast as it was recorded.")] = None,
    rebase_to: Annotated[
        str | None,
        typer.Option(help="Time of the first record: ISO 8601, now or now-2h. Default: as recorded."),
    ] = None,
    time_column: Annotated[str, typer.Option(help="Column with the time of a row.")] = "event_time",
    label_column: Annotated[str, typer.Option(help="Column with the label; sent as label events.")] = "label",
    interval: Annotated[
        float | None, typer.Option(help="For rows without a time: seconds from one to the next.")
    ] = None,
    window_rows: Annotated[int | None, typer.Option(min=1, help="Instead: rows in each window.")] = None,
    window_seconds: Annotated[int | None, typer.Option(min=1, help="Default: as the bundle says.")] = None,
    keep_bad: Annotated[
        bool, typer.Option(help="Send bad rows as they are, to see them quarantined.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last accepted row.")] = False,
    progress: Annotated[
        Path | None, typer.Option(help="The progress file. Default: under build/replay/.")
    ] = None,
) -> None:
    """Read, check, place in time, send."""
    console = Console(stderr=True)
    try:
        stack = Stack.load(config_env)
        source = Source.of(recording, lambda: stack.client("s3"))
        loaded = _bundle(bundle, stack)
        step = _step_ms(interval, window_rows, window_seconds, loaded)
        rebase_ms = _rebase_ms(rebase_to, step)
        reader = TableReader(bundle=loaded, time_column=time_column, step_ms=step, label_column=label_column)
        stream = stack.outputs["StreamName"]
        file = progress or PROJECT / "build" / "replay" / f"{source.digest}.json"
        position = _position(file, source.digest, stream, resume=resume)
        pace = Pace(rate=rate, speed=speed)
    except (ClientError, BotoCoreError) as error:
        raise ended(error, NOT_ACCEPTED, console) from None
    except (SourceError, StackError, BundleError, BundleMissingError, ValueError) as error:
        raise ended(error, USAGE, console) from None
    bad: list[Entry] = []
    begun = time.monotonic()
    bar = Progress(
        *Progress.get_default_columns()[:1], MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    task = bar.add_task("rows", total=None)
    sender = Sender(
        writer=KinesisWriter(client=stack.client("kinesis"), stream=stream),
        pace=pace,
        progress=position,
        progress_file=file,
        rebase_ms=rebase_ms,
        earliest_ms=EARLIEST_MS,
        keep_bad=keep_bad,
        told=bad.append,
        advanced=lambda rows: bar.advance(task, rows),
    )
    failure: Exception | None = None
    try:
        with bar:
            sender.send(entries(source, reader, after=(position.piece, position.row)))
    except (SourceError, NotAcceptedError, ClientError, BotoCoreError) as error:
        failure = error
    except KeyboardInterrupt:
        raise ended(f"stopped after row {position.row:,}; go on with --resume", 130, console) from None
    _tell_bad(console, source, bad)
    _tell(console, sender.counts, time.monotonic() - begun)
    if failure is not None:
        raise ended(failure, USAGE if isinstance(failure, SourceError) else NOT_ACCEPTED, console)
    if bad and not keep_bad:
        raise typer.Exit(BAD_ROWS)


def _bundle(where: str | None, stack: Stack) -> LoadedBundle | None:
    if where is None:
        return None
    return LoadedBundle.of_stack(stack) if where == ACTIVE else LoadedBundle.of_folder(Path(where))


def _step_ms(
    interval: float | None, window_rows: int | None, window_seconds: int | None, bundle: LoadedBundle | None
) -> float | None:
    """Milliseconds between rows that have no time; None if they have one."""
    if window_seconds is not None:
        check_window(window_seconds)
    if interval is not None:
        if not 0 < interval < math.inf:
            raise SourceError(f"--interval is {interval}; give a number of seconds above 0")
        return interval * 1000
    if window_rows is None:
        return None
    seconds = window_seconds or (bundle.manifest.monitor.window_seconds if bundle else None)
    if seconds is None:
        raise SourceError("--window-rows needs --window-seconds, or a --bundle that knows it")
    return seconds * 1000 / window_rows


def _rebase_ms(rebase_to: str | None, step_ms: float | None) -> int | None:
    if rebase_to is not None:
        return moment(rebase_to, datetime.now(UTC))
    if step_ms is not None:
        raise SourceError("rows without a time need --rebase-to, the time of the first")
    return None


def _position(file: Path, recording: str, stream: str, *, resume: bool) -> Position:
    if not resume:
        return Position(recording=recording, stream=stream)
    if not file.exists():
        raise SourceError(f"{file} does not exist; nothing was sent yet: leave --resume away")
    found = Position.load(file)
    if (found.recording, found.stream) != (recording, stream):
        raise SourceError(
            f"{file} is of another recording or stream; leave --resume away or correct --progress"
        )
    return found


def _tell_bad(console: Console, source: Source, bad: list[Entry]) -> None:
    for entry in bad[:_SHOWN]:
        text = f"{source.pieces[entry.piece].name} row {entry.row}: {entry.problem}"
        console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if len(bad) > _SHOWN:
        console.print(f"and {len(bad) - _SHOWN:,} more bad rows", style="yellow")


def _tell(console: Console, counts: Counts, seconds: float) -> None:
    console.print(
        f"{counts.rows:,} rows read, {counts.bad:,} bad; {counts.sent:,} records sent = "
        f"{counts.accepted:,} accepted, {counts.again:,} sent again; {seconds:.1f} s",
        highlight=False,
    )


if __name__ == "__main__":
    app()
