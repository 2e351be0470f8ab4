"""The command line of simulate, as far as it needs no AWS."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drift_core.event import LabelEvent, decode
from scripts.scenarios import SCENARIOS
from scripts.simulate import app


def simulate(*options: object) -> Result:
    return CliRunner().invoke(app, [str(option) for option in options])


def test_help_says_what_each_scenario_does_and_who_notices() -> None:
    text = " ".join(simulate("--help").output.split())
    for name, scenario in SCENARIOS.items():
        assert name in text
        assert " ".join(scenario.notices.split()) in text


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_becomes_a_recording(bundle_folder: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "traffic.jsonl"
    options = ("--windows", 3, "--rows", 20, "--from-window", 1, "--start", "2026-01-01")
    result = simulate(name, "--bundle", bundle_folder, "--out", out, *options)
    assert result.exit_code == 0, result.output
    events = [decode(line) for line in out.read_bytes().splitlines()]
    labels = [event for event in events if isinstance(event, LabelEvent)]
    assert len(events) - len(labels) == 60
    assert len(labels) == (60 if SCENARIOS[name].labels else 0)
    assert [event.event_time for event in events] == sorted(event.event_time for event in events)


def test_the_same_command_writes_the_same_file(bundle_folder: Path, tmp_path: Path) -> None:
    options = ("missing", "--bundle", bundle_folder, "--windows", 7, "--rows", 9, "--start", "2026-01-01")
    for name in ("a", "b"):
        assert simulate(*options, "--out", tmp_path / f"{name}.jsonl").exit_code == 0
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_windows_end_now_and_lie_on_the_grid(bundle_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "traffic.jsonl"
    options = ("--windows", 2, "--rows", 30, "--window-seconds", 60)
    assert simulate("normal", "--bundle", bundle_folder, "--out", out, *options).exit_code == 0
    minutes = {decode(line).event_time // 60_000 for line in out.read_bytes().splitlines()}
    assert len(minutes) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["flood"], "no scenario 'flood'; there are normal, sudden"),
        (["sudden", "--feature", "garden"], "house-prices has no numeric feature garden; it has area"),
        (
            ["sudden", "--start", "1999-12-31"],
            "'1999-12-31' lies before 2000-01-01, where Athena does not look",
        ),
        (["sudden", "--start", "now-9999999d"], "'now-9999999d' is no time"),
        (["sudden", "--strength", "nan"], "--strength is nan; sudden needs a finite number"),
        (["seasonal", "--strength", "-inf"], "--strength is -inf; seasonal needs a finite number"),
        (["missing", "--strength", "7"], "--strength is 7.0; missing needs a number from 0 to 1"),
        (["new_category", "--strength", "-1"], "--strength is -1.0; new_category needs a number from 0 to 1"),
        (["unit_change", "--strength", "-1"], "--strength is -1.0; unit_change needs a number from 0 up"),
        (["degradation", "--strength", "-1"], "--strength is -1.0; degradation needs a number from 0 up"),
        (
            ["sudden", "--windows", "6"],
            "--from-window is 6, and the last of 6 windows is 5; give at most that, or more --windows",
        ),
        (["sudden", "--window-seconds", "7"], "--window-seconds is 7; give one that divides an hour (3600)"),
        (["sudden", "--rate", "nan"], "--rate is nan; give a number above 0"),
        (["sudden", "--start", "soon"], "'soon' is no time; give 2026-01-31T12:00:00Z, now or now-2h"),
    ],
)
def test_a_wrong_option_is_explained(
    bundle_folder: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = simulate(*options, "--bundle", bundle_folder, "--out", tmp_path / "x.jsonl")
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "x.jsonl").exists()
