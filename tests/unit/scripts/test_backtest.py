"""The command: lines of verdicts, what is injected, null runs, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span
from drift_core.window import WindowState, hash_event_ids
from scripts import backtest
from scripts.backtest_files import Pair, load
from scripts.backtest_inject import Injection, found, injected
from scripts.backtest_null import NullRuns, block_windows, drifted, measured, null_runs
from scripts.backtest_roles import Columns
from scripts.backtest_watch import Watch, coded, frozen
from scripts.backtest_windows import by_length, by_number
from tests.unit.scripts.fixture_backtest import MONDAY, files, options, rows

runner = CliRunner()

COLUMNS = Columns(time="sold-at", target="price")
SETTINGS = MonitorSettings(window_seconds=3600, min_samples=30)


def run(*arguments: str) -> str:
    done = runner.invoke(backtest.app, list(arguments), env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (folder / "verdicts.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Three weeks of reference, four days of live rows, one a minute."""
    folder = tmp_path_factory.mktemp("pair")
    files(folder, rows(30_000, 0), rows(6_000, 1, start=MONDAY + pd.Timedelta(days=28)))
    return load(folder / "reference.csv", folder / "live.csv", COLUMNS)


@pytest.fixture(scope="module")
def watch(pair: Pair) -> Watch:
    return Watch.over(
        Monitor(baseline=frozen(pair, SETTINGS, seed=0, calibrate=None), settings=SETTINGS), pair.live
    )


def test_a_line_is_a_verdict_with_its_window(tmp_path: Path) -> None:
    told = files(tmp_path, rows(4_000, 0), rows(600, 1, start=MONDAY + pd.Timedelta(days=28)))
    asked = options(target="price", time_column="sold-at", window="1h")
    text = run(*told, *asked, "--no-calibrate")
    found = lines(tmp_path)
    assert [line["window"] for line in found] == list(range(10))
    assert {line["span"] for line in found} == {"window"}
    first = found[0]
    assert (first["start"], first["end"]) == ("2024-01-29T00:00:00+00:00", "2024-01-29T01:00:00+00:00")
    assert first["n"] == 60
    assert {"drift", "drift_score", "calibrating", "guilty", "multivariate", "prediction"} <= first.keys()
    assert {"smallest_detectable_sigma", "smallest_lasting_sigma"} <= first.keys()
    assert list(first["features"]) == ["width", "height", "area"]
    assert {"drift", "score", "top_contrast", "missing_share", "unseen_share", "mean_shift_sigma"} <= first[
        "features"
    ]["width"].keys()
    assert "price │ target │ by --target; in both files" in text
    assert "days │ 0 of 1 drifted" in text
    run(*told, *asked, "--no-calibrate", "--all-spans")
    assert [(line["window"], line["span"]) for line in lines(tmp_path)][-1] == (None, "day")


def test_rows_without_a_time_have_none(tmp_path: Path) -> None:
    told = files(tmp_path, rows(2_000, 0), rows(550, 1))
    text = run(*told, *options(ignore="sold-at,price", window_rows=100))
    assert [(line["start"], line["end"], line["n"]) for line in lines(tmp_path)] == [(None, None, 100)] * 5
    assert "The budget is for 8,640 windows a month, one in five minutes: no time tells." in text
    assert "5; 50 rows left over" in text


def test_verdicts_are_those_of_the_monitor_fed_by_hand(pair: Pair, watch: Watch) -> None:
    """The very states that the consumer would have counted, in the order of time, hours before days."""
    live, monitor = pair.live, watch.monitor
    assert live.times is not None
    matrix, memory = coded(pair.schema, live), monitor.start()
    ids = hash_event_ids(np.arange(live.rows).astype("S"))
    expected = []
    for hour in range(100):
        at = slice(60 * hour, 60 * (hour + 1))
        state = WindowState.of(monitor.baseline.layout, matrix[at], live.times[at], ids[at])
        start = int(live.times[60 * hour])
        judged = monitor.judge(state, span=Span.WINDOW, start=start, end=start + 3_600_000, memory=memory)
        memory = judged.memory
        expected.append(judged.verdict.to_json())
    cut = by_length(live.times, SETTINGS)
    told = [one.verdict.to_json() for one in watch.verdicts(cut.windows)]
    assert told == expected
    both = [one.verdict.to_json() for one in watch.verdicts(cut.judged) if one.window.span is Span.WINDOW]
    assert both == expected  # hours and days do not disturb windows


def test_the_prediction_is_watched(tmp_path: Path) -> None:
    live = rows(2_000, 1)
    live.loc[1_000:, "price"] += 400
    told = files(tmp_path, rows(5_000, 0), live)
    run(*told, *options(ignore="sold-at", window_rows=100, prediction_column="price"))
    drift = [line["prediction"]["drift"] for line in lines(tmp_path)]
    assert not any(drift[:10])
    assert all(drift[10:])
    assert lines(tmp_path)[12]["guilty"] == ["prediction"]


@pytest.mark.parametrize(
    ("scenario", "feature"),
    [("sudden:1", "width"), ("unit_change", "height"), ("missing:0.3", "area"), ("new_category:0.2", "area")],
)
def test_an_injected_drift_is_found_at_once_and_named(
    pair: Pair, watch: Watch, scenario: str, feature: str
) -> None:
    assert pair.live.times is not None
    cut = by_length(pair.live.times, SETTINGS)
    injection = Injection.of(f"{scenario}@40", feature)
    changed, name = injected(pair, cut, injection, seed=0)
    before = pair.live.values[feature][: 40 * 60]
    assert changed.live.values[feature][: 40 * 60].tolist() == before.tolist()
    told = [*Watch.over(watch.monitor, changed.live).verdicts(cut.windows)]
    result = found(told, injection, name, timed=True)
    assert (result.window, result.delay, result.hours) == (40, 1, 1.0)
    assert (result.first_named, result.before) == (feature, ())


def test_a_drift_too_small_to_find_is_not_found(pair: Pair, watch: Watch) -> None:
    assert pair.live.times is not None
    cut = by_length(pair.live.times, SETTINGS)
    injection = Injection.of("sudden:0.01@40", None)
    changed, name = injected(pair, cut, injection, seed=0)
    told = [*Watch.over(watch.monitor, changed.live).verdicts(cut.windows)]
    assert found(told, injection, name, timed=True).window is None


def test_null_runs_in_the_recorded_order_say_what_the_monitor_says(pair: Pair, watch: Watch) -> None:
    """A drifting recording, so that charts rise and fall; training's noise, so that it stays the same."""
    assert pair.live.times is not None
    cut = by_length(pair.live.times, SETTINGS)
    changed, _ = injected(pair, cut, Injection.of("seasonal:0.6@10", "width"), seed=0)
    over = Watch.over(watch.monitor, changed.live)
    told = [*over.verdicts(cut.windows)]
    states, cells = [over.state(one) for one in cut.windows], [over.cells(one) for one in cut.windows]
    of = measured(over.monitor, states, cells, over.monitor.start())
    order = np.stack([np.arange(len(states)), np.arange(len(states))[::-1]])
    flags = [one.verdict.drift for one in told]
    assert 20 < sum(flags) < 90
    assert drifted(over.monitor, of, order)[0].tolist() == flags
    assert drifted(over.monitor, of, order[1:])[0].tolist() == drifted(over.monitor, of, order)[1].tolist()


def test_null_runs_count_episodes(pair: Pair, watch: Watch) -> None:
    """Of windows that all drift each run has one alarm, of windows that do not it has none."""
    assert pair.live.times is not None
    cut = by_length(pair.live.times, SETTINGS)
    for strength, alarms in ((0.0, 0), (3.0, 7)):
        changed, _ = injected(pair, cut, Injection.of(f"sudden:{strength}@0", "width"), seed=0)
        over = Watch.over(watch.monitor, changed.live)
        states, cells = [over.state(one) for one in cut.windows], [over.cells(one) for one in cut.windows]
        of = measured(over.monitor, states, cells, over.monitor.start())
        runs = null_runs(over.monitor, of, runs=7, a_month=720.0, seed=0)
        assert (runs.alarms, runs.windows, runs.block) == (alarms, 100, block_windows(100))
        assert runs.months == pytest.approx(7 * 100 / 720)


@pytest.mark.parametrize(("alarms", "interval"), [(0, (0.0, 2.9957)), (3, (0.8177, 7.7537))])
def test_the_interval_is_garwoods(alarms: int, interval: tuple[float, float]) -> None:
    """Tabulated 90 % limits of a Poisson mean."""
    runs = NullRuns(runs=1, windows=1, block=1, alarms=alarms, months=1.0, share=1.0)
    assert runs.interval == pytest.approx(interval, abs=1e-3)


def test_injection_and_null_runs_are_told(tmp_path: Path) -> None:
    told = files(tmp_path, rows(5_000, 0), rows(4_000, 1))
    asked = options(ignore="sold-at,price", window_rows=100, inject="sudden:2@30", inject_feature="height")
    text = run(*told, *asked, *options(null_runs=3))
    assert "Injected sudden of height, strength 2, from window 30: found in window 30 after 1 window;" in text
    assert "the right feature is named first; no window before it drifted." in text
    assert "Null runs: 0 alarms in 3 runs of 40 windows" in text
    assert "Drift: 10 of 40 windows, first in window 30; most often it is height." in text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "give either --window and --time-column, or --window-rows"),
        ({"window": "1h", "window_rows": 5}, "give either --window and --time-column, or --window-rows"),
        ({"window": "1h"}, "--window needs --time-column, the time of each row; or give --window-rows"),
        (
            {"window": "7min", "time_column": "sold-at"},
            "--window is '7min'; give a length that divides an hour",
        ),
        ({"window": "1h", "windows_per_month": 5}, "--windows-per-month is for --window-rows"),
        ({"window_rows": 500}, "the live file has 300 rows, too few for one window of 500"),
        ({"window": "1h", "time_column": "sold-at", "min_samples": 999}, "300 rows, below --min-samples 999"),
        ({"window_rows": 50, "inject": "sudden"}, "--inject is 'sudden'; write SCENARIO@WINDOW"),
        ({"window_rows": 50, "inject": "concept@1"}, "--inject names 'concept'; it can play sudden, gradual"),
        (
            {"window_rows": 50, "inject": "missing:2@1"},
            "the strength in --inject missing:2@1 is 2.0; missing",
        ),
        ({"window_rows": 50, "inject": "sudden:x@1"}, "--inject has strength 'x'; give a number"),
        ({"window_rows": 50, "inject": "sudden@9"}, "--inject begins at window 9, and the last is 5"),
        (
            {"window_rows": 50, "inject": "sudden@1", "inject_feature": "area"},
            "sudden needs a numeric feature, and there are width (numeric), height (numeric), area (cat",
        ),
        ({"window_rows": 50, "kind": "width=number"}, "--kind is 'width=number'; write it as COLUMN=numeric"),
        ({"window_rows": 50, "false_alarms_per_month": 0}, "false_alarms_per_month is 0.0; give a number"),
    ],
)
def test_what_is_refused_is_told_and_writes_nothing(
    tmp_path: Path, asked: dict[str, object], message: str
) -> None:
    told = files(tmp_path, rows(500, 0), rows(300, 1))
    done = runner.invoke(backtest.app, [*told, *options(target="price", **asked)], env={"COLUMNS": "160"})
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.output.split())
    assert not (tmp_path / "verdicts.jsonl").exists()


def test_windows_by_rows_use_every_row_once(pair: Pair) -> None:
    cut = by_number(pair.live.rows, 70, pair.live.times, 30, 8640)
    used = np.concatenate([window.rows for window in cut.windows])
    assert len(np.unique(used)) == len(used) == pair.live.rows - cut.left


def test_a_file_that_is_read_is_never_replaced(tmp_path: Path) -> None:
    told = files(tmp_path, rows(400, 0), rows(400, 1))
    before = (tmp_path / "live.csv").read_bytes()
    asked = [*told[:-1], str(tmp_path / "live.csv"), *options(window_rows=100, ignore="sold-at")]
    done = runner.invoke(backtest.app, asked)
    assert done.exit_code == 2
    assert "which is read and would be replaced" in done.output
    assert (tmp_path / "live.csv").read_bytes() == before


def test_a_folder_that_is_not_there_is_told_before_any_work(tmp_path: Path) -> None:
    told = files(tmp_path, rows(400, 0), rows(400, 1))
    asked = [*told[:-1], str(tmp_path / "none" / "v.jsonl"), *options(window_rows=100, ignore="sold-at")]
    done = runner.invoke(backtest.app, asked)
    assert done.exit_code == 2
    assert "there is no folder" in done.output
    assert "How the columns are read" not in done.output
