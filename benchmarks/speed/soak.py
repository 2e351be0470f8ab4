"""A soak of the whole local deployment: `python -m benchmarks.speed.soak --minutes 10`.

It deploys the real template to a local AWS that enforces IAM, sends for a bounded time, drains, and accounts
for each record by its id. Then it stops the local AWS and writes its part of benchmarks/results/speed.json.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.speed import soak_load
from benchmarks.speed.machine import MIB, described
from benchmarks.speed.page import RESULTS, add
from benchmarks.speed.report import Figure, Part, Table, Target
from benchmarks.speed.soak_figures import Account, Sample, by_minute, growth, memory_by_minute
from benchmarks.speed.soak_load import Load
from benchmarks.speed.soak_system import System, deployed, now_ms

LOOK_SECONDS = 5.0
DRAIN_SECONDS = 180.0

NONE = Target(of="value", limit=0)
NO_GROWTH = Target(of="ratio", limit=1.1)
"""Memory of a function in the last quarter of the run beside the second."""

FUNCTIONS = ("Ingest", "Consumer", "Evaluator")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
_console = Console(highlight=False)


@app.command()
def main(
    *,
    minutes: Annotated[float, typer.Option(min=0.3, max=60, help="How long to send.")] = 10.0,
    clients: Annotated[int, typer.Option(min=1, help="Clients of the API.")] = 3,
    writers: Annotated[int, typer.Option(min=1, help="Producers that write to the stream.")] = 1,
    out: Annotated[Path, typer.Option(help="Where speed.json and speed.md lie.")] = RESULTS,
) -> None:
    """Deploy, send, drain, account; exit code 1 if a record is lost."""
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as system:
        _console.print(f"deployed at {system.stack.target.endpoint}; sending for {minutes:g} minutes")
        load, samples, stopped = soak(system, 60 * minutes, clients, writers)
        account = settled(system, load)
        drained = time.monotonic() - stopped
        queued = system.waiting_in_queue()
    part = told(
        load, samples, account, drained=drained, queued=queued, minutes=minutes, loops=(clients, writers)
    )
    page = add(out, [part])
    for figure in part.figures:
        _console.print(f"{figure.name}: {figure.value:,.4g} {figure.unit}")
    _console.print(f"{page}")
    if account.lost or account.strange:
        raise typer.Exit(1)


def soak(system: System, seconds: float, clients: int, writers: int) -> tuple[Load, list[Sample], float]:
    """Send for so long, then wait until all is counted.

    Returns
    -------
    What was sent, what was seen meanwhile, and the monotonic time at which the last was sent.

    Raises
    ------
    ExceptionGroup
        If a client or producer failed.
    RuntimeError
        If records are not counted within `DRAIN_SECONDS`.
    """
    begun = time.monotonic()
    load = Load(begun=begun, ends=begun + seconds)
    faults: list[Exception] = []
    threads = soak_load.start(soak_load.request, system, load, clients, faults)
    threads += soak_load.start(soak_load.stream, system, load, writers, faults)
    samples = []
    while load.running():
        samples.append(look(system, load))
        time.sleep(LOOK_SECONDS if load.total else 0.1)
    for thread in threads:
        thread.join()
    if faults:
        raise ExceptionGroup("a client or producer failed", faults)
    stopped = time.monotonic()
    while load.counted < load.total:
        if time.monotonic() - stopped > DRAIN_SECONDS:
            raise RuntimeError(
                f"{load.total - load.counted} of {load.total} records were not counted "
                f"{DRAIN_SECONDS:.0f} s after the last was sent"
            )
        time.sleep(0.2)
        load.counted = system.counted()[0]
    return load, samples, stopped


def settled(system: System, load: Load) -> Account:
    """The account once every record lies somewhere, or after `DRAIN_SECONDS`.

    The count alone does not tell: a copy that was counted stands for a record that was not, yet.
    """
    end = time.monotonic() + DRAIN_SECONDS
    while True:
        account = system.account(frozenset(load.sent), load.broken)
        if not account.lost or time.monotonic() > end:
            return account
        time.sleep(2)


def look(system: System, load: Load) -> Sample:
    """One look at counts and processes."""
    load.counted, newest = system.counted()
    return Sample(
        at=time.monotonic() - load.begun,
        memory=system.memory(),
        lag=max(0.0, (now_ms() - newest) / 1000) if newest else 0.0,
        backlog=max(0, load.total - load.counted),
    )


def told(
    load: Load,
    samples: list[Sample],
    account: Account,
    *,
    drained: float,
    queued: int,
    minutes: float,
    loops: tuple[int, int],
) -> Part:
    """The part of the report."""
    seconds = 60 * minutes
    requests = len(load.latencies)
    tried = requests + sum(load.refused.values())
    figures = [
        Figure(name="records lost", value=account.lost, unit=f"of {load.total:,} sent", target=NONE),
        Figure(name="records archived that were not sent", value=account.strange, unit="", target=NONE),
        Figure(name="archived, each id once", value=len(account.archived), unit="records"),
        Figure(name="copies in the archive, which its views leave out", value=account.copies, unit="rows"),
        Figure(name="quarantined", value=account.quarantined, unit=f"of {account.broken:,} broken ones"),
        Figure(name="events in the fallback queue", value=queued, unit="", target=NONE),
        Figure(name="requests refused", value=sum(load.refused.values()), unit=f"of {tried:,}", target=NONE),
        Figure(name="sustained rate", value=load.total / seconds, unit="records/s"),
        Figure(name="requests through the API", value=requests / seconds, unit="requests/s"),
        Figure(name="until every record was found in the archive", value=drained, unit="s"),
    ]
    for name in (*FUNCTIONS, "local AWS"):
        figures += _growth(samples, name)
    names, memory = memory_by_minute(samples)
    columns = ("minute", *(f"{name}, MiB" for name in names), "lag, s", "most uncounted")
    return Part(
        name="soak",
        title=f"Soak: the whole local deployment for {minutes:g} minutes",
        text=text(*loops),
        figures=figures,
        tables=[
            Table(
                caption="Latency of POST /predict by minute, ms",
                columns=("minute", "requests", "p50", "p90", "p99", "max"),
                rows=by_minute(load.latencies),
            ),
            Table(caption="Memory and lag by minute", columns=columns, rows=memory),
        ],
        machine=described(("boto3",)),
    )


def text(clients: int, writers: int) -> str:
    """What runs, and what is not measured."""
    return f"""
The real template on the local AWS of this project, with IAM and TLS: {clients} clients send signed requests
of {soak_load.INSTANCES} instances, {writers} producer writes calls of 500 events to the stream. Each sends
the next when the last is answered, and the producer waits while more than {soak_load.MOST_UNCOUNTED:,}
records are uncounted, so the rate is the highest that the deployment keeps up with. One stream record in
{soak_load.BROKEN_EVERY:,} is broken. All processes, the clients too, share this machine: the rates are the
emulator's, not those of AWS. What counts is that each id that was sent lies in the archive, and that
functions do not grow. The local AWS keeps all that it stores in memory, so it grows with the records.
""".strip()


def _growth(samples: list[Sample], name: str) -> list[Figure]:
    """No figure of a function that a short run sees too rarely."""
    found = growth(samples, name)
    if found is None:
        return []
    early, late, slope = found
    return [
        Figure(
            name=f"memory of {name} at the end ({slope / MIB:+.2f} MiB a minute)",
            value=late / MIB,
            unit="MiB",
            beside="the second quarter",
            other=early / MIB,
            ratio=late / early,
            target=NO_GROWTH if name in FUNCTIONS else None,
        )
    ]


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.speed.soak")
