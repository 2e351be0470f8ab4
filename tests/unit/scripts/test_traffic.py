"""Traffic is what the service would have said, at the times that were asked for; a file gives it back."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from drift_core.event import Event, LabelEvent, PredictionEvent, event_id_time
from scripts.bundles import BundleMissingError, LoadedBundle
from scripts.record import write
from scripts.recorded import entries, moved
from scripts.recorded_table import TableReader
from scripts.scenarios import SCENARIOS, ScenarioError
from scripts.sources import Source
from scripts.traffic import Plan, changed, drawn, feedback, labels, predictions

PLAN = Plan(start_ms=1_767_225_600_000, windows=3, rows=50, window_seconds=60, seed=1)


def told(bundle: LoadedBundle, plan: Plan = PLAN) -> list[PredictionEvent]:
    return list(predictions(bundle, drawn(bundle, plan), seed=plan.seed, source="test"))


def test_rows_lie_in_their_windows_in_order(bundle: LoadedBundle) -> None:
    rows = drawn(bundle, PLAN)
    times = rows["event_time"].tolist()
    assert times == sorted(times)
    assert [(time - PLAN.start_ms) // 60_000 for time in times] == rows["window"].tolist()
    assert rows["window"].value_counts().tolist() == [50, 50, 50]


def test_no_row_comes_twice_before_each_came_once(bundle: LoadedBundle) -> None:
    plan = Plan(start_ms=0, windows=2, rows=len(bundle.sample), window_seconds=60)
    for _, window in drawn(bundle, plan).groupby("window"):
        assert sorted(window["price"]) == sorted(bundle.sample["price"])


def test_an_event_is_what_the_service_would_have_said(bundle: LoadedBundle) -> None:
    for event in told(bundle):
        rooms = event.features["rooms"]
        expected = (
            100 * (event.features["area"] == "coast")
            + 10 * float(rooms or 0)
            + bool(event.features["garden"])
        )
        assert event.prediction == pytest.approx(expected)
        assert event.interval is not None
        assert (event.interval.lower, event.interval.upper) == pytest.approx((expected - 5, expected + 5))
        assert event.interval.coverage == 0.9
        assert event.confidence == pytest.approx(0.25)
        assert event_id_time(event.event_id) == event.event_time


def test_the_same_seed_gives_the_same_events_and_another_seed_others(bundle: LoadedBundle) -> None:
    assert told(bundle) == told(bundle)
    other = Plan(start_ms=PLAN.start_ms, windows=3, rows=50, window_seconds=60, seed=2)
    assert not {event.event_id for event in told(bundle)} & {event.event_id for event in told(bundle, other)}


def test_labels_come_later_and_for_a_share(bundle: LoadedBundle) -> None:
    events = told(bundle)
    known = labels(events, [1.0] * len(events), delay_ms=5_000, share=0.5, seed=0)
    assert 0.3 < len(known) / len(events) < 0.7
    by_id = {event.event_id: event for event in events}
    for label in known:
        assert isinstance(label, LabelEvent)
        assert label.event_time == by_id[label.prediction_id].event_time + 5_000


def test_a_label_that_nobody_knows_is_not_sent(bundle: LoadedBundle) -> None:
    """Rows of accepted traffic have the labels that had come by then."""
    events = told(bundle)
    values = [math.nan if i % 3 else 1.0 for i in range(len(events))]
    found = labels(events, values, delay_ms=0, share=1.0, seed=0)
    assert [event.prediction_id for event in found if isinstance(event, LabelEvent)] == [
        event.event_id for event in events[::3]
    ]


def test_what_shows_only_in_labels_needs_some(bundle: LoadedBundle) -> None:
    unlabelled = replace(bundle, sample=bundle.sample.assign(price=math.nan))
    rows = drawn(unlabelled, PLAN)
    assert len(changed(unlabelled, rows, PLAN, SCENARIOS["sudden"])) == len(rows)
    with pytest.raises(ScenarioError, match=r"^no label is known of the rows that v1 was accepted with,"):
        changed(unlabelled, rows, PLAN, SCENARIOS["concept"])


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_recording_gives_back_what_was_written(bundle: LoadedBundle, tmp_path: Path, suffix: str) -> None:
    events = told(bundle)
    known = labels(events, [7.5] * len(events), delay_ms=5_000, share=0.3, seed=0)
    path = tmp_path / f"traffic{suffix}"
    write(path, [*events, *known], bundle.manifest.schema)
    source = Source.of(str(path), lambda: None)
    read = [event for entry in entries(source, TableReader()) for event in entry.events]
    assert {facts(event) for event in read} == {facts(event) for event in [*events, *known]}
    assert len(read) == len(events) + len(known)


def facts(event: Event) -> tuple[object, ...]:
    """What a recording keeps; the id of a label and the source are made again."""
    if isinstance(event, LabelEvent):
        return (event.event_time, event.prediction_id, event.label)
    return (event.event_id, event.event_time, repr(event.features), event.prediction, event.interval)


def test_a_recording_of_another_kind_is_refused(bundle: LoadedBundle, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in '.xml'; write a .jsonl or a .parquet file"):
        write(tmp_path / "traffic.xml", told(bundle), bundle.manifest.schema)


def test_moved_events_keep_the_way_from_label_to_prediction(bundle: LoadedBundle) -> None:
    events = told(bundle)[:1]
    (label,) = labels(events, [1.0], delay_ms=5_000, share=1.0, seed=0)
    prediction, moved_label = moved(events[0], 3_600_000), moved(label, 3_600_000)
    assert isinstance(moved_label, LabelEvent)
    assert moved_label.prediction_id == prediction.event_id != events[0].event_id
    assert event_id_time(prediction.event_id) == prediction.event_time == events[0].event_time + 3_600_000
    assert moved(events[0], 3_600_000) == prediction
    assert moved(events[0], 0) is events[0]


def test_the_newest_version_of_a_folder_is_loaded(bundle_folder: Path, tmp_path: Path) -> None:
    assert LoadedBundle.of_folder(bundle_folder.parent).manifest.model_version == "v1"
    with pytest.raises(BundleMissingError, match=r"no bundle in .*; train one: python -m training"):
        LoadedBundle.of_folder(tmp_path / "bundles")


def test_a_plan_needs_something_to_send() -> None:
    with pytest.raises(ValueError, match="rows is 0; give at least 1"):
        Plan(start_ms=0, windows=1, rows=0, window_seconds=60)


def test_feedback_has_the_labels_of_the_stream(bundle: LoadedBundle) -> None:
    """The same rows, labels and times, whichever way they go; a refused prediction has none."""
    events = list(predictions(bundle, drawn(bundle, PLAN), seed=0, source="test"))
    values = [math.nan if i == 3 else float(i) for i in range(len(events))]
    streamed = labels(events, values, delay_ms=5_000, share=0.5, seed=7)
    assert 0.3 * len(events) < len(streamed) < 0.7 * len(events)
    ids = [event.event_id for event in events]
    told = feedback(ids, values, delay_ms=5_000, share=0.5, seed=7)
    assert told == [
        {"prediction_id": one.prediction_id, "label": one.label, "event_time": one.event_time}
        for one in streamed
        if isinstance(one, LabelEvent)
    ]
    refused = told[0]["prediction_id"]
    some = [None if one == refused else one for one in ids]
    assert feedback(some, values, delay_ms=5_000, share=0.5, seed=7) == told[1:]
