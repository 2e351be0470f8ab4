"""How long a verdict takes, against features, shards and records; each point in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
from scipy import stats

from benchmarks.speed.machine import MIB, described
from benchmarks.speed.report import Figure, Part, Table, Target
from benchmarks.speed.turns import seconds

FEATURES = (10, 25, 50, 100, 200)
SHARDS = (1, 3, 10, 30, 100, 300, 1_000)
RECORDS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
WINDOWS = 10
"""Windows judged at each point; with the first, which warms up, less than an hour of them."""

SMALL = 500
"""Records of a shard where shards are varied."""

SIZED = (10, 50, 200)
"""Features of the points whose stored sizes are told."""

FLAT = Target(of="ratio", limit=1.25)
"""Time at 10⁷ records beside 10³: 4 orders of magnitude, and less than a quarter more."""

LINEAR = Target(of="ratio", limit=1.5)
"""Time for each further shard: from the middle number of shards to the largest, beside up to the middle."""

REFERENCE, ROWS = 20_000, 100_000

TEXT = """
The whole of one evaluator run over an AWS in memory: find the window, read the items of all shards in pages
of 1 MB, merge, judge, write verdict and metrics, move the cursor, settle the items. Time is processor time,
the median over windows; memory is the peak of the process while it judges. AWS's own time is not in it, so
the calls are counted: a run settles shards one by one. Beside it, `scipy.stats.ks_2samp` on the raw rows of
each column, which must keep and read the rows.
""".strip()


def measure(*, short: bool = False) -> Part:
    """The three series, and the test on rows."""
    features: Sequence[int] = FEATURES
    shards: Sequence[int] = SHARDS
    records: Sequence[int] = RECORDS
    windows, rows = WINDOWS, ROWS
    if short:
        features, shards, records, windows, rows = (10,), (1, 2, 40), (1_000, 4_000), 1, 1_000
    by_features = {
        count: probe(count, 1, 10_000, windows, hours=count in SIZED and not short) for count in features
    }
    by_shards = {count: probe(10, count, SMALL, windows) for count in shards}
    by_records = {count: probe(10, 1, count, windows) for count in records}
    return Part(
        name="evaluator",
        title="Evaluator: one verdict",
        text=TEXT,
        figures=[*figures(by_shards, by_records), _beside_rows(by_records[rows]["seconds"], windows, rows)],
        tables=[
            _table("features", by_features),
            _table("shards", by_shards),
            _table("records", by_records),
            *([] if short else [_sizes(by_features)]),
        ],
        machine=described(("numpy", "scipy", "scikit-learn")),
        facts={
            "stored_bytes": {
                str(count): {"state": one["state_bytes"], "memory": one["busy_memory_bytes"]}
                for count, one in by_features.items()
                if "busy_memory_bytes" in one
            }
        },
    )


def figures(
    by_shards: Mapping[int, Mapping[str, float]], by_records: Mapping[int, Mapping[str, float]]
) -> list[Figure]:
    """Whether time is flat in records and linear in shards.

    Parameters
    ----------
    by_shards, by_records : what `probe` found, in increasing order; at least three numbers of shards.
    """
    few, many = min(by_records), max(by_records)
    counts = sorted(by_shards)
    low, middle, high = counts[0], counts[len(counts) // 2], counts[-1]
    times = {count: 1e3 * one["seconds"] for count, one in by_shards.items()}
    early = (times[middle] - times[low]) / (middle - low)
    late = (times[high] - times[middle]) / (high - middle)
    line = stats.linregress(counts, [times[count] for count in counts])
    decades = np.log10(sorted(by_records))
    slope = stats.linregress(decades, [by_records[n]["seconds"] for n in sorted(by_records)])
    return [
        Figure(
            name=f"a window of {many:,} records",
            value=1e3 * by_records[many]["seconds"],
            unit="ms",
            beside=f"{few:,} records",
            other=1e3 * by_records[few]["seconds"],
            ratio=by_records[many]["seconds"] / by_records[few]["seconds"],
            target=FLAT,
        ),
        Figure(name="further time for ten times the records", value=1e3 * float(slope.slope), unit="ms"),
        Figure(
            name=f"a further shard, {middle:,} to {high:,} shards",
            value=late,
            unit="ms",
            beside=f"{low:,} to {middle:,} shards",
            other=early,
            ratio=late / early,
            target=LINEAR,
        ),
        Figure(name="variance that a line in shards explains", value=float(line.rvalue**2), unit="of 1"),
        Figure(
            name=f"peak memory with {high:,} shards", value=by_shards[high]["peak_bytes"] / MIB, unit="MiB"
        ),
    ]


def probe(features: int, shards: int, records: int, windows: int, *, hours: bool = False) -> dict[str, float]:
    """One point, in a fresh process."""
    numbers = (features, shards, records, windows, int(hours))
    command = [sys.executable, "-m", "benchmarks.speed.evaluator_probe", *map(str, numbers)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def _table(name: str, found: Mapping[int, Mapping[str, float]]) -> Table:
    given = {"features": "1 shard, 10,000 records", "shards": f"10 features, {SMALL} records a shard"}
    return Table(
        caption=f"By {name} ({given.get(name, '10 features, 1 shard')})",
        columns=(name, "ms", "peak MiB", "item's state, bytes", "reads", "writes"),
        rows=[
            (
                f"{count:,}",
                1e3 * one["seconds"],
                one["peak_bytes"] / MIB,
                f"{one['state_bytes']:,.0f}",
                f"{one['reads']:.0f}",
                f"{one['writes']:.0f}",
            )
            for count, one in found.items()
        ],
    )


def _sizes(found: Mapping[int, Mapping[str, float]]) -> Table:
    return Table(
        caption="What is stored, and the classifier of an hour and a day",
        columns=(
            "features",
            "state, bytes",
            "charts and noise, bytes",
            "the same in a slow drift, bytes",
            "hour + day, ms",
        ),
        rows=[
            (
                f"{count}",
                f"{one['state_bytes']:,.0f}",
                f"{one['memory_bytes']:,.0f}",
                f"{one['busy_memory_bytes']:,.0f}",
                1e3 * one["hour_and_day_seconds"],
            )
            for count, one in found.items()
            if "memory_bytes" in one
        ],
    )


def _beside_rows(ours: float, repetitions: int, rows: int) -> Figure:
    """A verdict from counts, in seconds, beside a test on the rows themselves."""
    rng = np.random.default_rng(0)
    new, old = rng.standard_normal((rows, 10)), rng.standard_normal((REFERENCE, 10))

    def test() -> object:
        return [stats.ks_2samp(a, b, method="asymp") for a, b in zip(new.T, old.T, strict=True)]

    theirs = median(seconds({"rows": test}, repetitions)["rows"])
    return Figure(
        name=f"a window of {rows:,} records, 10 features",
        value=1e3 * ours,
        unit="ms",
        beside="KS on the rows",
        other=1e3 * theirs,
        ratio=ours / theirs,
    )
