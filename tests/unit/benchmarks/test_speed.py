"""The benchmark of speed: its page, its arithmetic, its AWS in memory, and a short run of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from benchmarks.speed import consumer_driftline, consumer_pandas
from benchmarks.speed.batch import kinesis
from benchmarks.speed.consumer import check_same
from benchmarks.speed.evaluator import figures
from benchmarks.speed.memory_aws import PAGE_BYTES, MemoryDynamoDB, MemoryS3
from benchmarks.speed.page import add, written
from benchmarks.speed.report import Figure, Part, Table, Target
from benchmarks.speed.soak_figures import Account, Sample, by_minute, growth, memory_by_minute
from benchmarks.speed.traffic import Model
from benchmarks.speed.turns import in_turns, ratio
from tests.checkout import PROJECT

RESULTS = PROJECT / "benchmarks" / "results"

MACHINE: dict[str, Any] = {
    "measured_at": "2026-01-01T00:00:00+00:00",
    "cpu": "a processor",
    "cores": 2,
    "memory_gib": 8,
    "system": "Linux",
    "load": 0.1,
    "versions": {"python": "3.13.0"},
}


def part(name: str, *told: Figure) -> Part:
    table = Table(caption="Sizes", columns=("n", "ms"), rows=[("1,000", 0.123456)])
    return Part(name=name, title=name, text="What.", figures=told, tables=[table], machine=MACHINE)


def test_the_page_is_made_from_the_results() -> None:
    found = json.loads((RESULTS / "speed.json").read_text())
    assert (RESULTS / "speed.md").read_text() == written(found), "run: make bench"
    targets = [figure for one in found.values() for figure in one["figures"] if figure["target"]]
    assert len(targets) >= 17
    assert all(figure["reached"] is not None for figure in targets)


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        (Target(of="value", limit=10), True),
        (Target(of="value", limit=9), False),
        (Target(of="ratio", limit=3, at_most=False), False),
        (Target(of="ratio", limit=2.5, at_most=False), True),
    ],
)
def test_a_target_is_reached_on_its_side_of_the_limit(target: Target, *, reached: bool) -> None:
    figure = Figure(name="f", value=10.0, unit="ms", beside="b", other=25.0, ratio=2.5, target=target)
    assert figure.reached is reached


def test_a_ratio_cannot_be_reached_without_an_alternative() -> None:
    with pytest.raises(ValueError, match="alternative"):
        _ = Figure(name="f", value=1.0, unit="", target=Target(of="ratio", limit=1)).reached


def test_a_part_replaces_its_former_results_and_leaves_the_others(tmp_path: Path) -> None:
    missed = Figure(name="slow", value=7.0, unit="ms", target=Target(of="value", limit=5))
    good = Figure(name="fast", value=3.0, unit="ms", beside="pandas", other=9.0, ratio=1 / 3)
    add(tmp_path, [part("soak", good), part("ingest", missed)])
    page = add(tmp_path, [part("ingest", good)])
    found = json.loads((tmp_path / "speed.json").read_text())
    assert list(found) == ["ingest", "soak"]
    assert "MISSED" not in page.read_text()
    page = add(tmp_path, [part("ingest", missed)])
    assert "| **MISSED** | ingest | slow | ≤ 5 ms | 7 ms |" in page.read_text()
    assert "| 1,000 | 0.123 |" in page.read_text()
    assert "| fast | 3 ms | pandas | 9 ms | 0.333 |" in page.read_text()


def test_measures_take_turns_and_the_first_is_left_out() -> None:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return float(len(order))

    taken = in_turns({"a": lambda: measure("a"), "b": lambda: measure("b")}, 2)
    assert order == ["a", "b"] * 3
    assert taken == {"a": [3.0, 5.0], "b": [4.0, 6.0]}
    assert ratio([1.0, 8.0, 2.0], [2.0, 2.0, 2.0]) == 1.0


def judged(times: Sequence[tuple[int, float]]) -> dict[int, dict[str, float]]:
    return {count: {"seconds": seconds, "peak_bytes": 1.0} for count, seconds in times}


@pytest.mark.parametrize(
    ("power", "growing", "linear", "flat"),
    [(1.0, 0.0, True, True), (1.5, 0.0, False, True), (1.0, 0.1, True, False)],
)
def test_growth_with_records_or_faster_than_shards_misses(
    power: float, growing: float, *, linear: bool, flat: bool
) -> None:
    shards = judged([(n, 0.01 + 1e-4 * n**power) for n in (1, 10, 100, 1_000, 10_000)])
    records = judged([(10**n, 0.01 * (1 + growing * n)) for n in (3, 5, 7)])
    reached = {figure.name: figure.reached for figure in figures(shards, records)}
    assert reached["a window of 10,000,000 records"] is flat
    assert reached["a further shard, 100 to 10,000 shards"] is linear


def test_latencies_are_told_by_minute_and_of_all() -> None:
    rows = by_minute([(i * 0.6, 0.001 * (i % 100 + 1)) for i in range(200)])
    assert [row[0] for row in rows] == ["1", "2", "all"]
    assert rows[0][1] == "100"
    assert [float(cell) for cell in rows[0][2:]] == pytest.approx([50.5, 90.1, 99.01, 100.0])
    assert rows[2][1] == "200"


def test_growth_of_memory_is_seen_after_what_is_loaded_first() -> None:
    minutes = np.arange(0, 600, 5.0)
    leak, fixed = 1_000 * minutes / 60, np.full(len(minutes), 50_000.0)
    start = np.minimum(minutes, 120) * 1_000
    samples = [
        Sample(float(at), {"leaks": int(start[i] + leak[i]), "fixed": int(start[i] + fixed[i])}, 0.5, i)
        for i, at in enumerate(minutes)
    ]
    early, late, slope = growth(samples, "leaks") or (0.0, 0.0, 0.0)
    assert slope == pytest.approx(1_000, rel=0.01)
    assert late - early == pytest.approx(5_000, rel=0.05)
    assert list(growth(samples, "fixed") or ()) == pytest.approx([170_000, 170_000, 0], abs=1e-6)
    assert growth(samples, "absent") is None
    names, rows = memory_by_minute(samples)
    assert names == ["fixed", "leaks"]
    assert len(rows) == 10
    assert rows[1][-1] == "23"


def test_the_account_tells_lost_records_from_strange_ones() -> None:
    account = Account(
        sent=frozenset({"a", "b", "c"}), archived=frozenset({"b", "c", "d"}), broken=3, quarantined=1
    )
    assert (account.lost, account.strange) == (1 + 2, 1)
    even = Account(sent=frozenset({"a"}), archived=frozenset({"a"}), broken=1, quarantined=1)
    assert (even.lost, even.strange) == (0, 0)


def test_queries_come_in_pages_and_conditions_hold() -> None:
    table = MemoryDynamoDB()
    large = {"state": {"B": b"x" * (PAGE_BYTES // 2)}, "v": {"N": "1"}}
    for i in range(5):
        table.put_item(Item={"pk": {"S": "p"}, "sk": {"S": f"{i}"}, **large})
    pages = list(
        table.paginate(
            ExpressionAttributeValues={":p": {"S": "p"}, ":a": {"S": "1"}, ":b": {"S": "4"}},
            KeyConditionExpression="pk = :p AND sk BETWEEN :a AND :b",
        )
    )
    assert [[item["sk"]["S"] for item in page["Items"]] for page in pages] == [["1", "2"], ["3", "4"], []]
    two: dict[str, Any] = {":v": {"N": "2"}}
    condition: dict[str, Any] = {"ConditionExpression": "v = :v", "ExpressionAttributeValues": two}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        table.put_item(Item={"pk": {"S": "p"}, "sk": {"S": "1"}}, **condition)
    assert "v" in table.items["p"]["1"]


def test_pandas_refuses_and_counts_what_driftline_does() -> None:
    """So that the race is fair: broken, repeated and strange records too."""
    model = Model(numbers=2)
    payloads = model.events(np.random.default_rng(0), 60)
    broken = [
        payloads[0][:-1],
        payloads[1].replace(b'"x0":', b'"unknown":'),
        payloads[2].replace(b'"garden":true', b'"garden":7').replace(b'"garden":false', b'"garden":7'),
        payloads[3].replace(b"house-prices", b"other-model"),
        payloads[4].replace(b'"coverage":0.9', b'"coverage":9'),
    ]
    event = kinesis([*broken, *payloads[5:], payloads[5]])
    ours = consumer_driftline.runner(event, model.bundle())()
    s3, theirs = MemoryS3(), MemoryDynamoDB()
    consumer_pandas.consume(event, model.baseline, s3, theirs)
    check_same(model, ours, theirs)
    [stored] = [item for window in theirs.items.values() for item in window.values()]
    assert sum(json.loads(stored["counts"]["S"])["x0"]) == 55
    changed = json.loads(stored["counts"]["S"])
    changed["x1"][0] += 1
    stored["counts"]["S"] = json.dumps(changed)
    with pytest.raises(RuntimeError, match="x1"):
        check_same(model, ours, theirs)


def test_the_short_run_measures_and_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.speed", "--short", "--out", str(tmp_path)]
    done = subprocess.run(command, check=False, cwd=PROJECT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "speed.json").read_text())
    assert list(found) == ["ingest", "consumer", "evaluator", "replay", "browse"]
    assert all(figure["value"] > 0 for name in ("ingest", "consumer") for figure in found[name]["figures"])
    assert "scikit-learn + pandas" in (tmp_path / "speed.md").read_text()


def test_an_unknown_part_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks.speed", "--only", "nothing"]
    done = subprocess.run(command, check=False, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "give one of ingest" in done.stderr
