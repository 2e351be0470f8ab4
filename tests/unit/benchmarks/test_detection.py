"""The benchmark of detection: its figures are right on results made by hand, and its short run runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.detection import figures
from benchmarks.detection.mixed import CHANGES, stream
from benchmarks.detection.rivals import RIVALS, TUNED
from benchmarks.detection.streams import KINDS, Setting, reference, traffic
from benchmarks.detection.study import Piece, run

PROJECT = Path(__file__).parents[3]


def double(number: int) -> dict[str, Any]:
    return {"doubled": 2 * number}


def told(top: list[float] | None, alarms: list[bool]) -> dict[str, Any]:
    return {"top": top, "any": alarms, "dataset": alarms, "first": [0] * len(alarms), "flagged": 0.0}


def streams(quiet: list[float], changed: list[float], *, scored: bool = True) -> dict[str, Any]:
    """A detector that flags above 1, with a score or without."""
    found = {"quiet": quiet, **dict.fromkeys(CHANGES, changed)}
    return {
        name: told(values if scored else None, [value > 1 for value in values])
        for name, values in found.items()
    }


def test_intervals_are_the_exact_ones() -> None:
    assert figures.poisson(0, 2.0).high == pytest.approx(-np.log(0.025) / 2)
    assert figures.binomial(0, 10).high == pytest.approx(1 - 0.025**0.1)
    assert str(figures.Interval(0.5, 0.25, 0.75)) == "0.5 (0.25 to 0.75)"


def test_a_bootstrap_draws_whole_baselines() -> None:
    """Runs within a baseline are alike here: only the differences between baselines count."""
    found = figures.bootstrap_mean([[1.0] * 50, [3.0] * 50])
    assert (found.value, found.low, found.high) == (2.0, 1.0, 3.0)


def test_false_alarms_are_a_rate_a_month_and_the_worst_baseline_is_told() -> None:
    def month(alarms: int) -> dict[str, Any]:
        budget = {"budget": 5.0, "alarms": {"windows": 0, "charts": alarms}}
        return {"kind": "iid", "part": "all", "days": 15, "budgets": [budget]}

    [row] = figures.quiet([month(1), month(9)])
    assert (row.promised, row.rate.value, row.worst) == (10.0, 10.0, 5 / 9)
    assert row.alarms == {"windows": 0, "charts": 10}


def test_delays_count_from_the_first_changed_window_and_misses_as_the_whole_patience() -> None:
    runs = [
        {"delay": 2, "named": ["f00"], "early": False},
        {"delay": 12, "named": ["f07"], "early": True},
        {"delay": None, "named": [], "early": False},
    ]
    found = {row.change: row for row in figures.delay([{"changes": dict.fromkeys(CHANGES, runs)}], 100)}
    row = found["mean + 0.1 σ"]
    assert (row.delay.value, row.median, row.missed, row.early) == (38.0, 12.0, 1, 1)
    assert (row.within.value, row.named.value) == (1 / 3, 1 / 2)


def test_at_one_level_a_noisy_detector_gets_no_better_by_being_noisy() -> None:
    """A score twice as large everywhere gives the same delays; as shipped it alarms in quiet windows."""
    quiet = np.linspace(0.0, 1.9, 200).tolist()
    changed = [0.0] * 5 + [1.2, 1.95, 2.5]
    rivals = [{"found": {name: streams(quiet, changed) for name in RIVALS | TUNED}}]
    scores = [streams([value / 2 for value in quiet], [value / 2 for value in changed])]
    level = {one.name: one for one in figures.at_one_level(rivals, scores, 5)}
    shipped = {one.name: one for one in figures.as_shipped(rivals, scores, 5, "any")}
    for name in (figures.OURS, "Evidently"):
        assert level[name].delays["mean + 0.1 σ"] == 2
        assert level[name].false.value == pytest.approx(1 / figures.LEVEL)
    assert shipped["Evidently"].false.value > 0.4
    assert shipped[figures.OURS].false.value == 0


def test_a_detector_without_a_score_takes_its_most_sensitive_setting_that_is_quiet_enough() -> None:
    changed = [0.0] * 5 + [0.0, 2.0]
    loud, silent = streams([2.0] * 100, changed, scored=False), streams([0.0] * 100, changed, scored=False)
    found = {name: loud if "@0.002" in name else silent for name in RIVALS | TUNED}
    level = {one.name: one for one in figures.at_one_level([{"found": found}], [silent], 5)}
    assert "river ADWIN, means, δ 0.002" not in level
    assert level["river ADWIN, means, δ 1e-05"].delays["mean + 0.1 σ"] == 2


def test_a_second_run_takes_what_was_kept(tmp_path: Path) -> None:
    pieces = [Piece(double, (1,), core=False), Piece(double, (2,), core=False)]
    assert run(pieces, tmp_path, workers=1) == {"double": [{"doubled": 2}, {"doubled": 4}]}
    [kept] = tmp_path.rglob("1.json")
    kept.write_text('{"doubled": 7}', encoding="utf-8")
    assert run(pieces, tmp_path, workers=1)["double"][0] == {"doubled": 7}


@pytest.mark.parametrize("kind", KINDS)
def test_quiet_traffic_has_the_law_that_its_name_says(kind: str) -> None:
    setting = Setting(features=4, rows=400, reference=40_000, seasonal_reference=40_000)
    training = reference(kind, setting, 1)
    rows, starts = traffic(kind, setting, 1, 0, 288)
    assert training.rows.mean(0) == pytest.approx(np.zeros(4), abs=0.05)
    assert training.rows.std(0) == pytest.approx(np.ones(4), abs=0.05)
    assert starts[0] > training.times.max() - 86_400_000
    flat = rows.reshape(-1, 4)
    neighbours = np.corrcoef(flat[:-1, 0], flat[1:, 0])[0, 1]
    between = np.corrcoef(flat[:, 0], flat[:, 1])[0, 1]
    swing = rows.mean(1)[:, 0].std()
    expected = {"iid": (0, 0), "correlated": (0, 0.8), "autocorrelated": (0.3, 0), "diurnal": (0.125, 0)}
    assert neighbours == pytest.approx(expected[kind][0], abs=0.03)
    assert between == pytest.approx(expected[kind][1], abs=0.03)
    assert (swing > 0.2) == (kind == "diurnal")


def test_streams_with_changes_share_their_rows_up_to_the_change() -> None:
    shifted, scaled = (stream(name, 3, before=2, windows=4) for name in ("mean + 0.2 σ", "scale × 1.2"))
    assert np.array_equal(shifted[:2], scaled[:2])
    assert np.array_equal(shifted[2:, :, 1:], scaled[2:, :, 1:])
    assert (shifted[2:, :, 0] - 0.2) * 1.2 == pytest.approx(scaled[2:, :, 0])


def test_the_short_run_writes_its_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.detection", "--short"]
    command += ["--out", str(tmp_path / "out"), "--kept", str(tmp_path / "kept")]
    subprocess.run(command, check=True, cwd=PROJECT, capture_output=True, timeout=500)
    page = (tmp_path / "out" / "detection.md").read_text(encoding="utf-8")
    found = json.loads((tmp_path / "out" / "detection.json").read_text(encoding="utf-8"))
    assert all(change in page for change in CHANGES)
    parts = {(row["part"], row["promised"]): sum(row["alarms"].values()) for row in found["quiet"]}
    assert parts["without noise", 100.0] > 10 * max(parts["all", 100.0], 1)
    assert all(row["missed"] == 0 for row in found["delays"])
