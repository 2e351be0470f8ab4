"""Incidents: see them, acknowledge, mute and close them: `python -m scripts.incidents list`."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from drift_consumer.alert_store import AlertStore, Kept, StoreBusyError
from drift_core.alert_commands import commanded
from drift_core.alert_events import Acknowledge, Close, Mute, Unmute
from drift_core.causes import Cause
from drift_core.incident import iso
from scripts.functions import variables
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended, say

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

FAILURES = (StackError, StoreBusyError, ClientError, BotoCoreError)
"""What ends a command with exit code 1."""

LENGTHS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}

Env = Annotated[str, typer.Option(help="Environment of samconfig.toml.")]
Id = Annotated[str, typer.Argument(help="As messages and `list` name it.")]
By = Annotated[str, typer.Option("--by", help="Your name; messages show it.")]


def _failing(command: Callable[..., None]) -> Callable[..., None]:
    """A command that ends with 1 where a step fails, and with 2 where what it names is not there."""

    @wraps(command)
    def run(*args: Any, **named: Any) -> None:
        try:
            command(*args, **named)
        except FAILURES as error:
            raise ended(error, 1) from None
        except LookupError as error:
            raise ended(error.args[0], 2) from None

    return run


@app.command("list")
@_failing
def list_(
    *, days: Annotated[int, typer.Option(help="How far back.", min=1)] = 7, config_env: Env = LOCAL
) -> None:
    """Incidents of the last days, the latest first, and what is muted."""
    stack = Stack.load(config_env)
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for name in ("incident", "state", "alarms", "features", "messages", "by"):
        table.add_column(name, overflow="fold", no_wrap=name in ("incident", "state"))  # an id is copied
    documents = _documents(stack, days)
    for one in documents:
        table.add_row(
            *(one["incident_id"], one["state"], ", ".join(one["alarms"])),
            *(", ".join(one["features"][:3]), str(one["messages"]), one["acknowledged_by"] or ""),
        )
    if documents:
        console.print(table)
    else:
        say(console, f"no incident was opened in the last {days} days")
    kept = _store(stack).read()
    for mute in kept.alerting.mutes.values():
        if mute.until > _now():
            say(console, f"muted until {iso(mute.until)}: {mute.of} ({mute.why}; by {mute.by})")


@app.command()
@_failing
def show(incident: Id, *, config_env: Env = LOCAL) -> None:
    """All that is known of an incident, as its document in the archive has it, as JSON."""
    stack = Stack.load(config_env)
    day = re.match(r"(\d{4})(\d{2})(\d{2})T", incident)
    key = f"incidents/dt={'-'.join(day.groups()) if day else ''}/{incident}.json"
    try:
        found = stack.client("s3").get_object(Bucket=stack.outputs["ArchiveBucketName"], Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        raise LookupError(
            f"there is no incident {incident!r}; see: python -m scripts.incidents list"
        ) from None
    say(Console(), json.dumps(json.loads(found["Body"].read()), indent=2))


@app.command()
@_failing
def ack(incident: Id, *, by: By, config_env: Env = LOCAL) -> None:
    """Say that you look after an incident: no more updates, until it is over."""
    _change(config_env, Acknowledge(incident_id=incident, by=by))
    say(Console(), f"{incident} is acknowledged by {by}; you will hear when it is over")


@app.command()
@_failing
def mute(
    incident: Annotated[str | None, typer.Argument(help="An incident; or use --cause.")] = None,
    *,
    cause: Annotated[str | None, typer.Option(help=f"{', '.join(Cause)}, or all.")] = None,
    for_: Annotated[str, typer.Option("--for", help="How long: 30m, 4h, 2d.")],
    why: Annotated[str, typer.Option(help="The reason; `list` shows it.")],
    by: By = "",
    config_env: Env = LOCAL,
) -> None:
    """Tell nothing for a while; what lasts then is told once."""
    of = incident or cause
    if of is None or (incident and cause):
        raise ended("name either an incident or --cause", 2)
    until = _now() + length(for_)
    _change(config_env, Mute(of=of, until=until, why=why, by=by))
    say(Console(), f"{of} is muted until {iso(until)}")


@app.command()
@_failing
def unmute(
    incident: Annotated[str | None, typer.Argument(help="An incident; or use --cause.")] = None,
    *,
    cause: Annotated[str | None, typer.Option(help="A cause, or all.")] = None,
    config_env: Env = LOCAL,
) -> None:
    """End a mute now; what lasts is told within five minutes."""
    of = incident or cause
    if of is None or (incident and cause):
        raise ended("name either an incident or --cause", 2)
    _change(config_env, Unmute(of=of))
    say(Console(), f"{of} is no more muted")


@app.command()
@_failing
def close(incident: Id, *, by: By, config_env: Env = LOCAL) -> None:
    """End an incident; an alarm that is raised still counts again once it has been over."""
    _change(config_env, Close(incident_id=incident, by=by))
    say(Console(), f"{incident} is closed; people hear of it within five minutes")


def length(text: str) -> int:
    """Milliseconds of a length of time.

    Raises
    ------
    typer.BadParameter
        If it is none.

    >>> length("30m"), length("4h")
    (1800000, 14400000)
    """
    found = re.fullmatch(r"([1-9]\d{0,3})([mhd])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time; write 30m, 4h or 2d")
    return int(found[1]) * LENGTHS[found[2]]


def _store(stack: Stack) -> AlertStore:
    name = variables(stack, "AlertFunction")["MODEL_NAME"]
    return AlertStore(stack.client("dynamodb"), stack.outputs["WindowTableName"], name)


def _change(config_env: str, command: Acknowledge | Close | Mute | Unmute) -> None:
    """Write what a command makes of the state, on condition that nobody else wrote; the next run tells."""
    now = _now()

    def changed(kept: Kept) -> Kept:
        after = commanded(kept.alerting, command, now)
        before = kept.alerting.incidents
        new = [name for name, one in after.incidents.items() if before.get(name) != one]
        return replace(kept, alerting=after, unwritten=tuple(dict.fromkeys((*kept.unwritten, *new))))

    _store(Stack.load(config_env)).change(changed)


def _documents(stack: Stack, days: int) -> list[dict[str, Any]]:
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    found: list[dict[str, Any]] = []
    for back in range(days + 1):
        day = datetime.now(UTC) - timedelta(days=back)
        prefix = f"incidents/{day:dt=%Y-%m-%d}/"
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        found += [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return sorted(found, key=lambda one: str(one["opened_at"]), reverse=True)


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    app(prog_name="python -m scripts.incidents")
