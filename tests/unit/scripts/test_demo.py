"""The demo's story, its table, and a summary that admits each failure."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from drift_core.event import EventError, decode
from drift_core.schema import FeatureSchema, Kind
from scripts.bundles import LoadedBundle
from scripts.demo_screen import Screen
from scripts.demo_story import RECORDED_AT, Story, record
from scripts.demo_summary import Summary
from scripts.demo_table import bar, windows_table
from scripts.demo_watch import SeenVerdict
from scripts.recorded import entries, moved
from scripts.recorded_table import TableReader
from scripts.scenarios import ScenarioError
from scripts.sources import Source
from scripts.stack import PROJECT

NOW = 1_767_229_230_000  # 30 s after a full minute


@pytest.fixture
def story(bundle: LoadedBundle, tmp_path: Path) -> Story:
    return record(bundle, tmp_path, window_seconds=60, now_ms=NOW, rows=20)


def test_windows_lie_on_the_grid_just_before_now(story: Story) -> None:
    assert len(story.starts) == 13
    assert all(start % 60_000 == 0 for start in story.starts)
    assert story.starts[-1] + 60_000 == NOW - 30_000
    assert story.injected_ms == story.starts[10]


def test_each_window_gets_its_rows_and_only_the_last_drift(bundle: LoadedBundle, story: Story) -> None:
    rooms: dict[int, list[float]] = {}
    broken = 0
    for path in (story.normal, story.drifting):
        for entry in entries(Source.of(str(path), lambda: None), TableReader()):
            if entry.problem:
                broken += 1
                continue
            event = moved(entry.events[0], story.shift_ms)
            assert not hasattr(event, "label")
            value = event.features["rooms"]
            if isinstance(value, str):
                broken += 1
            else:
                rooms.setdefault(event.event_time // 60_000 * 60_000, []).append(value or 0.0)
    assert broken == story.broken == 3
    assert sorted(rooms) == story.starts
    assert {len(values) for values in rooms.values()} == {20}
    means = [sum(rooms[start]) / 20 for start in story.starts]
    assert min(means[10:]) > max(means[:10])
    assert story.feature == "rooms"


def test_broken_records_are_refused_by_the_contract_or_by_the_model(story: Story) -> None:
    cut, unanswered, mistyped = story.drifting.read_bytes().splitlines()[-3:]
    with pytest.raises(EventError, match="not JSON"):
        decode(cut)
    with pytest.raises(EventError, match="prediction is absent"):
        decode(unanswered)
    assert decode(mistyped).features["rooms"] == "many"  # type: ignore[union-attr]
    assert decode(mistyped).event_time >= RECORDED_AT


def test_a_model_without_numbers_has_no_story(bundle: LoadedBundle, tmp_path: Path) -> None:
    features = tuple(f for f in bundle.manifest.schema.features if f.kind is not Kind.NUMERIC)
    manifest = replace(bundle.manifest, schema=FeatureSchema(features))
    with pytest.raises(ScenarioError, match="has no numeric feature; it has area"):
        record(replace(bundle, manifest=manifest), tmp_path, window_seconds=60, now_ms=NOW, rows=20)


GOOD = Summary(
    requests_sent=40,
    responses_ok=40,
    events_captured=7_503,
    rows_archived=7_500,
    rows_quarantined=3,
    rows_counted_by_athena=7_503,
    report_names_the_feature=True,
    windows_judged=13,
    first_drift_window_start="2026-01-01T00:10:00+00:00",
    drift_injected_at="2026-01-01T00:10:00+00:00",
    feature_changed="rooms",
    drifted_features=["rooms", "prediction"],
    alarm_history=[{"at": "", "from": "OK", "to": "ALARM"}],
    notifications_received=1,
    athena={"reconciliation": 1},
)


def test_a_good_run_passes() -> None:
    assert GOOD.passed
    assert all(GOOD.checks().values())


@pytest.mark.parametrize(
    "change",
    [
        {"report_names_the_feature": False},
        {"responses_ok": 39},
        {"requests_sent": 0, "responses_ok": 0},
        {"rows_archived": 7_499},
        {"rows_quarantined": 2},
        {"rows_counted_by_athena": 7_502},
        {"first_drift_window_start": "2026-01-01T00:11:00+00:00"},
        {"first_drift_window_start": None, "drift_injected_at": None},
        {"drift_verdicts_before_injection": 1},
        {"drifted_features": ["prediction"]},
        {"alarm_history": [{"at": "", "from": "INSUFFICIENT_DATA", "to": "OK"}]},
        {"notifications_received": 0},
        {"athena": {"reconciliation": 0}},
        {"athena": {}},
        {"failure": "interrupted"},
    ],
    ids=",".join,
)
def test_one_thing_that_did_not_happen_fails_the_run(change: dict[str, object]) -> None:
    assert not replace(GOOD, **change).passed  # type: ignore[arg-type]


def test_the_summary_is_written_with_its_checks(tmp_path: Path) -> None:
    made = replace(GOOD, seconds={"deploy": 2.0, "ask": 1.5})
    made.write(tmp_path / "demo" / "summary.json")
    read = json.loads((tmp_path / "demo" / "summary.json").read_text())
    assert read["passed"] is True
    assert read["seconds"] == {"deploy": 2.0, "ask": 1.5, "all": 3.5}
    assert len(read["checks"]) == len(GOOD.checks())


def test_the_table_shows_what_is_known_so_far() -> None:
    seen = {0: SeenVerdict(start_ms=0, rows=500, score=0.5, drift=False, guilty=())}
    seen[60_000] = SeenVerdict(start_ms=60_000, rows=500, score=4.0, drift=True, guilty=("rooms",))
    changes = [{"from": "INSUFFICIENT_DATA", "to": "OK"}, {"from": "OK", "to": "ALARM"}]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(windows_table([0, 60_000, 120_000], seen, injected_ms=120_000, changes=changes))
    lines = [line.split() for line in console.export_text().splitlines()]
    assert lines[1] == ["00:00", "500", "0.50", "━━", "┃", "normal"]
    assert lines[2] == ["00:01", "500", "4.00", bar(4.0), "drift", "rooms"]
    assert lines[3] == ["00:02", "waits", "drift", "begins"]
    assert " ".join(lines[4]) == "alarm: INSUFFICIENT_DATA → OK → ALARM"


def test_a_step_that_fails_is_not_told_as_done() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    screen = Screen(console=console, summary=PROJECT / "build" / "demo" / "summary.json")
    with screen.step("first") as tell:
        tell("it works", "that it can")
    with pytest.raises(OSError, match="broken"), screen.step("second"):
        raise OSError("broken")
    text = console.export_text()
    assert " 1 first" in text
    assert "second" not in text
    assert list(screen.seconds) == ["first"]
