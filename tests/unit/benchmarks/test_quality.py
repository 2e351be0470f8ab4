"""The benchmark of quality: its figures are right on small runs, and real labels are judged as told."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.quality import martingale
from benchmarks.quality.__main__ import BIKES, app
from benchmarks.quality.bikes import days, read, record, served, trained


def test_a_small_run_makes_a_page_also_without_the_real_data(tmp_path: Path) -> None:
    asked = ["--runs", "200", "--windows", "30", "--data", str(tmp_path / "none.csv"), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "none.csv is missing: bike sharing is left out" in done.output
    page = (tmp_path / "quality.md").read_text()
    assert "| 80% |" in page
    assert "Bike sharing" not in page
    told = json.loads((tmp_path / "quality.json").read_text())
    assert {one["runs"] for one in told["quiet"]} == {200}
    assert "bikes" not in told


def test_delays_fall_with_labels_and_with_coverage() -> None:
    few, many = (martingale.delay(0.8, labels, runs=500, windows=60).mean for labels in (50, 500))
    worse = martingale.delay(0.6, 50, runs=500, windows=60).mean
    assert 1 <= many < few / 3
    assert 1 <= worse < few / 3
    assert martingale.delay(0.88, 50, runs=100, windows=5).mean == np.inf


def test_a_model_of_2011_is_told_to_be_wrong_in_january_2012_by_labels_alone() -> None:
    if not BIKES.is_file():
        pytest.skip(f"{BIKES} is missing; it is real data that the project does not contain")
    before, after = read(BIKES)
    bundle = trained(before)
    january = list(days(bundle, served(bundle, after.head(31 * 24))))
    alarms = [i for i, day in enumerate(january) if day.quality > 1]
    assert 2 <= alarms[0] <= 12
    assert max(day.estimate for day in january) < 1
    summary = record(january).summary()
    assert summary["windows"] == len(january)
    assert summary["median_ratio"] < 0.5
