"""Accept a known shift: archived traffic becomes the baseline of a new version of the same model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from drift_consumer.window_store import WindowStore
from drift_core.baseline import Baseline
from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE, Manifest
from drift_core.event import PREDICTION
from scripts.acceptance import (
    KEPT_FILES,
    AcceptError,
    Decision,
    Difference,
    accepted,
    differences,
    refuse_unfit,
)
from scripts.archived import Archived, archived
from scripts.bundles import active_version, reader, watched_model
from scripts.deployment import DeploymentError, activate, upload_bundle
from scripts.pace import moment
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended
from training.bundle import DEFAULT_FOLDER, write

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_HELP = dedent("""
    Drift that you know of and want to live with would alarm in every window. This freezes a new baseline from
    traffic that the stack has archived, and activates it with the same model as a new version. Windows and
    charts of that version begin afresh; all verdicts of the old one stay. Choose a range that begins after
    the shift: it is what the monitor will call normal.

    It prints what would change, and asks. To go back, activate the version before with --undo.

    Exit code 0: accepted; 1: a step failed; 2: an option, the bundle or the traffic is refused.
""")


@app.command(help=f"{__doc__}\n{_HELP}")
def accept(
    *,
    begin: Annotated[
        str | None, typer.Option("--from", help="First time that is accepted: ISO 8601, now-2h.")
    ] = None,
    end: Annotated[str, typer.Option("--to", help="The time after the last.")] = "now",
    why: Annotated[str, typer.Option(help="The reason, for whoever reads it in a year.")] = "",
    by: Annotated[str | None, typer.Option(help="Who decides. Default: who the AWS credentials are.")] = None,
    model_version: Annotated[
        str | None, typer.Option(help="Version whose traffic is accepted. Default: the one served.")
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Serve the version again that was accepted from.")
    ] = False,
    calibrate: Annotated[
        bool, typer.Option(help="Find the charts' thresholds by simulation, some 15 seconds.")
    ] = True,
    out: Annotated[
        Path, typer.Option(help="The bundle is kept in <out>/<model>/<version>.")
    ] = DEFAULT_FOLDER,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Freeze, upload, activate."""
    console = Console(highlight=False)
    try:
        stack = Stack.load(config_env)
        if undo:
            _undo(console, stack, yes=yes)
            return
        now = datetime.now(UTC)
        decision = Decision(
            by=str(stack.client("sts").get_caller_identity()["Arn"]) if by is None else by,
            why=why,
            at=now,
            start=moment(_needed(begin), now),
            end=moment(end, now),
        )
        _accept(console, stack, decision, model_version, out, calibrate=calibrate, yes=yes)
    except ValueError as error:
        raise ended(error, 2) from None
    except (DeploymentError, StackError, ClientError, BotoCoreError, OSError) as error:
        raise ended(error, 1) from None


def _needed(begin: str | None) -> str:
    if begin is None:
        raise AcceptError("--from is missing; give the time from which traffic is accepted, such as now-6h")
    return begin


def _accept(
    console: Console,
    stack: Stack,
    decision: Decision,
    model_version: str | None,
    out: Path,
    *,
    calibrate: bool,
    yes: bool,
) -> None:
    served = active_version(stack)
    read = reader(stack, model_version or served)
    manifest = Manifest.from_json(read(MANIFEST_FILE))
    with _bar("read the archive") as done:
        found = archived(stack, manifest, decision.start, decision.end, done)
    if found is None:
        raise AcceptError(
            f"no prediction of {manifest.model_name} {manifest.model_version} is archived in this range; "
            f"see python -m scripts.query traffic_by_window"
        )
    refuse_unfit(manifest, found)
    baseline = Baseline.from_json(manifest.verify(BASELINE_FILE, read(BASELINE_FILE)))
    console.print(_plan(manifest, found, list(differences(baseline, found))))
    for note in _notes(stack, manifest, decision, found, served):
        console.print(note, style="yellow", soft_wrap=True, markup=False)
    if not yes:
        typer.confirm(f"accept this traffic as the baseline of {manifest.model_name}?", abort=True)
    kept = {name: manifest.verify(name, read(name)) for name in KEPT_FILES if name in manifest.files}
    with _bar("calibrate") as done:
        bundle = accepted(manifest, kept, found, decision, done if calibrate else None)
    folder = write(bundle, out)
    activate(stack, upload_bundle(stack, folder))
    version = bundle.manifest.model_version
    console.print(
        f"{manifest.model_name} {version} is active; its windows and charts begin afresh.\n"
        f"Producers that write to the stream themselves must send model_version {version} from now on.\n"
        f"To go back: python -m scripts.accept --undo --config-env {stack.target.config_env}",
        soft_wrap=True,
        markup=False,
    )


def _undo(console: Console, stack: Stack, *, yes: bool) -> None:
    served = Manifest.from_json(reader(stack, active_version(stack))(MANIFEST_FILE))
    about = served.training.get("accepted")
    if about is None:
        raise AcceptError(
            f"{served.model_version}, which is served, was trained and not accepted; nothing to undo"
        )
    before = Manifest.from_json(reader(stack, about["of"])(MANIFEST_FILE))
    console.print(
        f"{served.model_version} was accepted by {about['by']} at {about['at']}: {about['why']}",
        soft_wrap=True,
        markup=False,
    )
    if not yes:
        typer.confirm(f"serve {before.model_version} again?", abort=True)
    activate(stack, before)
    console.print(
        f"{before.model_name} {before.model_version} is active, with its windows and charts as they were.\n"
        f"Producers that write to the stream themselves must send this model_version again.",
        soft_wrap=True,
        markup=False,
    )


def _plan(manifest: Manifest, found: Archived, changes: list[Difference]) -> Table:
    """What accepting would change."""
    rows = len(found.table.matrix)
    grid = Table(
        title=f"{rows:,} rows of {manifest.model_name} {manifest.model_version}", title_justify="left"
    )
    grid.add_column("column", overflow="fold")
    for header in ("mean shift, σ", "missing", "never seen", "distance (JS)"):
        grid.add_column(header, justify="right")
    for change in changes:
        grid.add_row(
            change.name,
            "" if change.mean_shift_sigma is None else f"{change.mean_shift_sigma:+.2f}",
            _shares(change.missing),
            _shares(change.strange),
            "" if change.js is None else f"{change.js:.3f}",
        )
    grid.caption = "never seen: beyond the range of the baseline, or a category that the model does not know"
    return grid


def _shares(share: tuple[float, float]) -> str:
    return f"{share[0]:.1%} → {share[1]:.1%}" if any(share) else ""


def _notes(
    stack: Stack, manifest: Manifest, decision: Decision, found: Archived, served: str
) -> Iterator[str]:
    """What the one who decides should know."""
    if found.copies:
        yield f"{found.copies:,} copies of events were left out."
    waiting = _pending(stack, manifest.model_version, decision)
    if waiting:
        yield f"{waiting} windows of this range are not judged yet; rows may still come."
    if served != manifest.model_version:
        yield f"{served} is served now; the new version has the model of {manifest.model_version}."


def _pending(stack: Stack, version: str, decision: Decision) -> int:
    """Windows of the range that the evaluator has not judged as they are."""
    store = WindowStore(stack.client("dynamodb"), stack.outputs["WindowTableName"])
    return len(
        {
            (series.key, start)
            for series in store.series_of(watched_model(stack))
            if (series.kind, series.model_version) == (PREDICTION, version)
            for start, *_ in store.pending(series)
            if decision.start <= start < decision.end
        }
    )


@contextmanager
def _bar(what: str) -> Iterator[Callable[[float], None]]:
    """A bar where a person looks on."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1, visible=False)
        yield lambda done: bar.update(task, completed=done, visible=True)


if __name__ == "__main__":
    app(prog_name="python -m scripts.accept")
