"""The report: what happened to the model, on one page: `python -m scripts.report --since 7d`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from drift_consumer.reporting import BEFORE_INCIDENT
from drift_core.baseline import Baseline
from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, Manifest
from report.documents import Documents, Known
from report.facts import Facts
from report.gather import NothingJudgedError, gather, newest_version
from report.page import page
from report.phrases import headline
from scripts.bundles import BundleMissingError, reader, watched_model
from scripts.pace import moment
from scripts.report_server import Live, serve
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended, say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_LENGTH = re.compile(r"\d+[smhd]")

REFRESH_SECONDS = 3
"""How often a served page asks for a newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a report is of; times as people write them."""

    since: str
    until: str = "now"
    version: str | None = None


def facts_of(stack: Stack, wanted: Wanted, known: Known | None = None) -> Facts:
    """What the archive of a stack holds.

    Parameters
    ----------
    known : as for `report.gather.gather`.

    Raises
    ------
    ValueError
        If a time is none, or the version has no bundle.
    NothingJudgedError
        If there is no verdict in this time.
    """
    now = datetime.now(UTC)
    since = moment(f"now-{wanted.since}" if _LENGTH.fullmatch(wanted.since) else wanted.since, now)
    until = moment(wanted.until, now)
    documents = Documents(s3=stack.client("s3"), bucket=stack.outputs["ArchiveBucketName"])
    version = wanted.version or newest_version(documents, watched_model(stack), since, until)
    read = reader(stack, version)
    manifest = Manifest.from_json(read(MANIFEST_FILE))
    baseline = Baseline.from_json(manifest.verify(BASELINE_FILE, read(BASELINE_FILE)))
    told = round(now.timestamp() * 1000)
    return gather(documents, baseline, manifest.monitor, since=since, until=until, now=told, known=known)


def of_incident(stack: Stack, incident_id: str, version: str | None) -> Wanted:
    """The time of an incident and some before it.

    Raises
    ------
    NothingJudgedError
        If the archive has no such incident.
    """
    documents = Documents(s3=stack.client("s3"), bucket=stack.outputs["ArchiveBucketName"])
    found = [one for one in documents.beginning("incidents/") if one.name == incident_id]
    if not found:
        raise NothingJudgedError(
            f"no incident {incident_id[:100]!r} in the archive; their ids are the file names under "
            f"s3://{documents.bucket}/incidents/"
        )
    incident = json.loads(documents.read(found[0].key))
    since = datetime.fromisoformat(incident["since"]) - timedelta(milliseconds=BEFORE_INCIDENT)
    return Wanted(
        since=since.isoformat(),
        until=incident["recovered_at"] or "now",
        version=version or incident["model_version"] or None,
    )


@app.command(
    help=f"""{__doc__}

    Exit code 0: written; 1: AWS failed or nothing was judged in this time; 2: an option is wrong.
    """
)
def report(
    *,
    since: Annotated[str, typer.Option(help="First time: 7d, now-6h or ISO 8601.")] = "7d",
    until: Annotated[str, typer.Option(help="The time after the last.")] = "now",
    version: Annotated[str | None, typer.Option(help="Of the model. Default: the one judged last.")] = None,
    incident: Annotated[str | None, typer.Option(help="Its id: of its time and six hours before.")] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.html"),
    serve_at: Annotated[
        int | None,
        typer.Option("--serve", help="Serve it at this port of the loopback instead, and renew it; 0: any."),
    ] = None,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
) -> None:
    """Gather, render, write."""
    console = Console(highlight=False)
    wanted = Wanted(since=since, until=until, version=version)
    try:
        stack = Stack.load(config_env)
        if incident is not None:
            wanted = of_incident(stack, incident, version)
        if serve_at is not None:
            live = Live(
                gather=lambda known: facts_of(stack, wanted, known),
                render=lambda facts: page(facts, refresh_seconds=REFRESH_SECONDS),
            )
            serve(stack, live, port=serve_at, told=lambda url: say(console, url))
            return
        facts = facts_of(stack, wanted)
        text = page(facts)
        out.write_text(text)
    except (ValueError, BundleMissingError) as error:
        raise ended(error, 2) from None
    except (NothingJudgedError, StackError, ClientError, BotoCoreError, OSError) as error:
        raise ended(error, 1) from None
    say(console, headline(facts).title)
    say(console, f"{out}: {len(facts.windows):,} windows, {len(text) / 1e6:.1f} MB", style="dim")


if __name__ == "__main__":
    app()
