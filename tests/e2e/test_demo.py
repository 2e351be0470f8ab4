"""The demo on a real table, and what it leaves behind when it fails or is interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local_aws import LocalAws
from tests.checkout import PROJECT, copy_checkout, plain_environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CALIFORNIA = PROJECT.parent / "shared" / "data" / "california_housing.csv"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = copy_checkout(tmp_path_factory.mktemp("checkout"))
    yield folder
    LocalAws(folder / "build" / "local").stop()


def started(checkout: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.demo"],
        cwd=checkout,
        env={**plain_environment(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def summary(checkout: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((checkout / "build" / "demo" / "summary.json").read_text())
    return read


def running(checkout: Path) -> bool:
    return LocalAws(checkout / "build" / "local").running()


@pytest.mark.skipif(not CALIFORNIA.exists(), reason=f"{CALIFORNIA} is not there")
def test_a_real_table_drifts_and_is_caught(checkout: Path) -> None:
    process = started(checkout, DATA=str(CALIFORNIA), TARGET="median_house_value")
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    found = summary(checkout)
    assert found["passed"]
    assert (
        found["events_captured"]
        == found["rows_archived"] + found["rows_quarantined"]
        == 40 * 25 + 13 * 500 + 3
    )
    assert found["rows_counted_by_athena"] == found["events_captured"]
    assert found["rows_quarantined"] == 3
    assert found["windows_judged"] == 13
    assert found["drift_verdicts_before_injection"] == 0
    assert found["first_drift_window_start"] == found["drift_injected_at"]
    assert found["drifted_features"][0] == found["feature_changed"]
    assert [change["to"] for change in found["alarm_history"]][:2] == ["OK", "ALARM"]
    assert "Traceback" not in printed
    assert not running(checkout)


def test_a_demo_that_fails_says_why_and_leaves_nothing_running(checkout: Path) -> None:
    table = checkout / "rows.csv"
    table.write_text("rooms,price\n1,2\n")
    process = started(checkout, DATA=str(table), TARGET="cost")
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert "no target column 'cost'; there are 'rooms', 'price'" in printed
    assert "Traceback" not in printed
    assert "no target column" in summary(checkout)["failure"]
    assert not running(checkout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_running(checkout: Path, number: signal.Signals) -> None:
    process = started(checkout)
    end = time.monotonic() + 60
    while not running(checkout):
        assert time.monotonic() < end, "the local AWS did not start"
        time.sleep(0.1)
    process.send_signal(number)
    printed, _ = process.communicate()
    assert process.returncode == 130, printed
    assert "interrupted" in printed
    assert "Traceback" not in printed
    assert summary(checkout)["failure"] == "interrupted"
    assert not running(checkout)


def test_a_local_aws_that_runs_is_left_alone(checkout: Path) -> None:
    aws = LocalAws(checkout / "build" / "local")
    aws.start(0)
    process = started(checkout)
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert "the local AWS runs already; stop it first" in printed
    assert aws.running()
    aws.stop()
