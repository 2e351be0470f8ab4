"""How fast the consumer archives and counts a batch, and in how much memory, against pandas; one thread."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks.speed import consumer_driftline, consumer_pandas
from benchmarks.speed.batch import MODEL, START, VERSION, kinesis
from benchmarks.speed.machine import MIB, described
from benchmarks.speed.memory_aws import MemoryDynamoDB
from benchmarks.speed.report import Figure, Part, Table, Target
from benchmarks.speed.traffic import Model
from benchmarks.speed.turns import ratio, seconds
from drift_consumer.series import Series, WindowKey
from drift_consumer.window_store import WindowStore
from drift_core.window import Z_ONE, Z_SQUARE_ONE, WindowState

SPEED = Target(of="value", limit=100_000, at_most=False)
AGAINST_PANDAS = Target(of="ratio", limit=3, at_most=False)
MEMORY = Target(of="value", limit=512)

RECORDS, REPETITIONS, PROCESSES = 10_000, 15, 3
FEATURES = 8
WIDE = 30
"""Features of an event of about 1 KB."""

LAMBDA_BYTES = 6 * MIB
"""Largest event that Lambda passes to a function."""

TEXT = """
One shard's batch of one window, from the event that Lambda passes to Parquet in S3 and the window's item in
DynamoDB; both are dictionaries in memory. The pandas version makes the same checks, writes the same columns
and counts the same bins, and each run compares the counts and the moments. It reads each record with
`json.loads`, and keeps moments, products of each two numbers and a sample, as Driftline's window states do.
Memory is the peak of a
fresh process that reads the event from a file and counts it once. Not measured: AWS's own time.
""".strip()


def measure(*, short: bool = False) -> Part:
    """Speed and memory of both."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    records, repetitions, processes = (200, 1, 1) if short else (RECORDS, REPETITIONS, PROCESSES)
    model = Model(numbers=FEATURES - 2)
    payloads = model.events(np.random.default_rng(2), records)
    event, objects = kinesis(payloads), model.bundle()
    runs = {
        "driftline": consumer_driftline.runner(event, objects),
        "pandas": consumer_pandas.runner(event, model.baseline),
    }
    check_same(model, *(run() for run in runs.values()))
    taken = seconds(runs, repetitions)
    speeds = {name: records / median(times) for name, times in taken.items()}
    size = sum(map(len, payloads)) / records
    figures = [
        Figure(
            name=f"{records:,} records of {size:.0f} bytes, {FEATURES} features",
            value=speeds["driftline"],
            unit="records/s",
            target=SPEED,
        ),
        Figure(
            name="the same batch",
            value=speeds["driftline"],
            unit="records/s",
            beside="pandas",
            other=speeds["pandas"],
            ratio=ratio(taken["pandas"], taken["driftline"]),
            target=AGAINST_PANDAS,
        ),
    ]
    found = {name: _peaks(*batch, processes) for name, batch in _batches(model, payloads).items()}
    first = next(iter(found.values()))
    figures.append(
        Figure(
            name="peak memory, the same batch",
            value=first["driftline"],
            unit="MiB",
            beside="pandas",
            other=first["pandas"],
            ratio=first["driftline"] / first["pandas"],
            target=MEMORY,
        )
    )
    worst = max(peaks["driftline"] for peaks in found.values())
    figures.append(
        Figure(name="peak memory, the worst of the batches below", value=worst, unit="MiB", target=MEMORY)
    )
    rows = [(name, peaks["driftline"], peaks["pandas"]) for name, peaks in found.items()]
    return Part(
        name="consumer",
        title="Consumer: a batch from Kinesis to archive and counts",
        text=TEXT,
        figures=figures,
        tables=[
            Table(caption="Peak memory, MiB", columns=("batch", "Driftline", "pandas"), rows=rows),
        ],
        machine=described(("numpy", "pyarrow", "pandas", "pybase64")),
    )


def check_same(model: Model, ours: MemoryDynamoDB, theirs: MemoryDynamoDB) -> None:
    """Both count the same, or the race would mean nothing.

    Raises
    ------
    RuntimeError
        If they do not.
    """
    layout = model.baseline.layout
    series = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
    windows = WindowStore(ours, "windows")  # type: ignore[arg-type]
    [other] = [item for part in theirs.items.values() for item in part.values()]
    key = WindowKey(series=series, start=START, shard_id=other["sk"]["S"])
    stored = windows.read(key, layout)
    state = stored.state if stored else WindowState.empty(layout)
    counts = json.loads(other["counts"]["S"])
    different = [
        column.name
        for i, column in enumerate(layout.columns)
        if state.column(i).tolist() != counts[column.name]
    ]
    moments = json.loads(other["moments"]["S"])
    numeric = [i for i, column in enumerate(layout.columns) if column.numeric]
    sums = state.moments[numeric, :2] / (Z_ONE, Z_SQUARE_ONE)
    if not np.allclose(sums.T, [moments["sums"], moments["squares"]], rtol=1e-3, atol=0.1):
        different.append("moments")
    if different or not state.n:
        raise RuntimeError(f"pandas and Driftline count {different} differently; correct consumer_pandas")


def _batches(model: Model, payloads: list[bytes]) -> dict[str, tuple[Model, list[bytes]]]:
    """Batches up to Lambda's limit: the one above, as many as fit of a wide model, and all of them broken."""
    wide = Model(numbers=WIDE - 2)
    rng = np.random.default_rng(3)
    events = wide.events(rng, min(len(payloads), 10_000))
    fitting = 0
    room = LAMBDA_BYTES
    while fitting < len(events) and (room := room - len(base64.b64encode(events[fitting])) - 500) > 0:
        fitting += 1
    broken = [payload[:-1] for payload in payloads]
    return {
        f"{len(payloads):,} records, {FEATURES} features": (model, payloads),
        f"{fitting:,} records, {WIDE} features, 6 MB": (wide, events[:fitting]),
        f"{len(broken):,} records that are no JSON": (model, broken),
    }


def _peaks(model: Model, payloads: list[bytes], processes: int) -> dict[str, float]:
    """Peak memory in MiB of both, the median over fresh processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "event.json").write_text(json.dumps(kinesis(payloads)))
        for key, content in model.bundle().items():
            (folder / key.rpartition("/")[2]).write_bytes(content)
        return {
            library: median(_peak(library, folder) for _ in range(processes))
            for library in ("driftline", "pandas")
        }


def _peak(library: str, folder: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.speed.consumer_probe", library, str(folder)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(run.stdout.splitlines()[-1]) / MIB
