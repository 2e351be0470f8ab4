"""One verdict a window over all shards, in order, repeatable, and honest about what came late."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drift_consumer.evaluate import evaluate
from drift_core import adversarial, classified
from drift_core.baseline import served_matrix
from drift_core.bundle import ERRORS_FILE
from drift_core.event import Interval, PredictionEvent
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.span import Span
from drift_core.verdict import Verdict
from drift_core.window import WindowState, hash_event_ids
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    SCHEMA,
    VERSION,
    World,
    bundle_objects,
    event_id,
    healthy,
    label,
    prediction,
    seasonal_shift,
    shadow_of,
    with_files,
)

MINUTE = 60_000
WINDOW = 5 * MINUTE
HOUR = 60 * MINUTE


def traffic(count: int, window: int = 0, *, first: int = 0) -> list[PredictionEvent]:
    """Predictions of one window, `first` making them distinct from others."""
    return [prediction(first + i, NOON + window * WINDOW + i) for i in range(count)]


def state_of(world: World, events: Iterable[PredictionEvent]) -> WindowState:
    events = list(events)
    baseline = world.resources().baselines.get(MODEL, VERSION).baseline
    widths = [e.interval.upper - e.interval.lower for e in events if isinstance(e.interval, Interval)]
    rows = served_matrix(
        SCHEMA.encode([e.features for e in events]),
        np.array([e.prediction for e in events], float),
        np.array(widths),
    )
    ids = hash_event_ids(np.array([e.event_id for e in events], "S36"))
    return WindowState.of(baseline.layout, rows, np.array([e.event_time for e in events]), ids)


def truth_of(world: World, state: WindowState, *, span: Span, start: int, end: int) -> Verdict:
    """The first verdict on a span of one cell of the season, from the monitor itself."""
    monitor = world.monitor()
    memory, cells = monitor.start(), {monitor.cell(start): state.n}
    judgement = monitor.judge(state, span=span, start=start, end=end, memory=memory)
    return classified.classified(monitor, judgement, state, cells=cells, memory=memory).verdict


@pytest.fixture(autouse=True)
def without_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes seconds an hour; one test has it."""
    monkeypatch.setattr(classified, "FEWEST_ROWS", 10**9)


def test_inputs_have_three_quarters_of_the_budget_where_quality_is_watched() -> None:
    scores = {}
    for files in ({}, {ERRORS_FILE: b"{}"}):  # that it is there is what counts
        world = World(with_files(bundle_objects(), files))
        world.consume([prediction(i, NOON + i, prediction=115.0) for i in range(60)])
        world.evaluate(NOON + WINDOW + MINUTE)
        scores[len(files)] = world.verdicts()[f"window.{NOON}"]["drift_score"]
    baseline = World().resources().baselines.get(MODEL, VERSION).baseline

    def threshold(budget: float) -> float:
        settings = MonitorSettings(false_alarms_per_month=budget)
        return Monitor(baseline=baseline, settings=settings).threshold(Span.WINDOW)

    assert scores[0] > 1
    assert scores[1] / scores[0] == pytest.approx(threshold(1.0) / threshold(0.75), rel=1e-4)


def test_one_verdict_over_all_shards() -> None:
    world = World()
    events = traffic(60)
    for shard in range(3):
        world.consume(events[shard::3], shard=shard)
    world.consume([events[0], b"bad"], shard=0)
    assert world.evaluate(NOON + WINDOW + MINUTE) == {"judged": 1, "quarantine": 1}

    verdict = world.verdicts()[f"window.{NOON}"]
    assert verdict["counts"] == {"archived": 61, "duplicates": 0, "quarantined": 1}
    assert verdict["shards"] == [f"shardId-{shard:012d}" for shard in range(3)]
    assert verdict["revision"] == verdict["late_records"] == 0
    assert verdict["judged_at"] == "2026-01-01T12:06:00+00:00"
    assert verdict["span"] == "window"
    assert world.pending() == []


def test_the_verdict_is_that_of_the_rows() -> None:
    world = World()
    events = traffic(60)
    for shard in range(3):
        world.consume(events[shard::3], shard=shard)
    world.evaluate(NOON + WINDOW + MINUTE)
    monitor = world.monitor()
    truth = monitor.judge(
        state_of(world, events), span=Span.WINDOW, start=NOON, end=NOON + WINDOW, memory=monitor.start()
    ).verdict
    verdict = world.verdicts()[f"window.{NOON}"]
    described = json.loads(json.dumps(truth.to_json()))
    assert {name: verdict[name] for name in described} == described
    counted = state_of(world, events)
    names = [column.name for column in monitor.baseline.columns]
    assert verdict["histograms"] == {name: counted.column(i).tolist() for i, name in enumerate(names)}
    assert {sum(rows) for rows in verdict["histograms"].values()} == {60}
    assert world.cloudwatch.values("DriftScore") == [truth.drift_score]
    assert world.cloudwatch.values("WindowRecords") == [60]
    features = {
        datum["Dimensions"][1]["Value"]: datum["Value"]
        for datum in world.cloudwatch.data
        if datum["MetricName"] == "FeatureDriftScore"
    }
    assert features == {name: column.score for name, column in truth.features.items()}


def test_a_shadow_is_judged_apart_from_what_is_served() -> None:
    """A drifting shadow of the very version that is served changes nothing that is said of the served one.

    And of the shadow the same is said as if it were served, also by the charts.
    """
    served, alone, both = World(), World(), World()
    for window in range(6):
        start = NOON + window * WINDOW
        events = healthy(30, start, first=100 * window)
        moved = healthy(30, start, first=100 * window + 50, shift=3.0)
        apart = [replace(one, event_id=event_id(9_000_000 + i, start)) for i, one in enumerate(moved)]
        beside = [shadow_of(*pair) for pair in zip(apart, (one.event_id for one in moved), strict=True)]
        for world, batch in ((served, events), (alone, apart), (both, [*events, *beside])):
            world.now = start + MINUTE
            world.consume(batch)
            world.evaluate(start + WINDOW + MINUTE)
    told = both.verdicts()
    shadows = {name: verdict for name, verdict in told.items() if name.startswith("shadow-")}
    assert {name: verdict for name, verdict in told.items() if name not in shadows} == served.verdicts()
    assert shadows == {
        f"shadow-{name}": {**verdict, "shadow": True} for name, verdict in alone.verdicts().items()
    }
    assert both.memory("shadow").to_bytes() == alone.memory().to_bytes()
    assert {name for name in shadows if shadows[name]["drift"]} >= {f"shadow-window.{NOON + 5 * WINDOW}"}
    assert not told[f"window.{NOON + 5 * WINDOW}"]["drift"]
    assert both.memory().to_bytes() == served.memory().to_bytes()
    named = [datum for datum in both.cloudwatch.data if datum["MetricName"] == "ShadowDriftScore"]
    assert [datum for datum in both.cloudwatch.data if datum not in named] == served.cloudwatch.data
    assert [datum["Value"] for datum in named] == pytest.approx(
        [verdict["drift_score"] for verdict in shadows.values()], abs=1e-6
    )
    assert max(datum["Value"] for datum in named) > 1
    rows = both.rows("shadow")
    assert len(rows) == 180
    assert len({row["prediction_id"] for row in rows} - {row["event_id"] for row in rows}) == 180


def test_nothing_is_judged_before_it_is_over_and_quiet() -> None:
    world = World()
    world.consume(traffic(30))
    assert world.evaluate(NOON + WINDOW + MINUTE - 1) == {}
    assert world.cloudwatch.data == []
    world.now = NOON + WINDOW + MINUTE - 1
    world.consume(traffic(30, first=100))
    assert world.evaluate(NOON + WINDOW + MINUTE) == {}
    assert world.evaluate(NOON + WINDOW + 2 * MINUTE) == {"judged": 1}


def test_verdicts_of_two_window_lengths_do_not_replace_each_other() -> None:
    world = World()
    world.consume(traffic(30))
    world.window_seconds = 60
    world.consume(traffic(40, first=100))
    assert world.evaluate(NOON + WINDOW + MINUTE) == {"judged": 2}
    lengths = {verdict["window_seconds"]: verdict["n"] for verdict in verdicts_as_written(world)}
    assert lengths == {300: 30, 60: 40}


def test_a_second_run_does_nothing() -> None:
    world = World()
    world.consume([*traffic(30), label(1), b"bad"])
    world.evaluate(NOON + WINDOW + MINUTE)
    data, objects = list(world.cloudwatch.data), dict(world.s3.objects)
    assert world.evaluate() == {}
    assert (world.cloudwatch.data, world.s3.objects) == (data, objects)


def test_a_window_with_few_rows_is_carried_into_the_next() -> None:
    world = World()
    world.consume(traffic(12, 0))
    world.consume(traffic(12, 3, first=50))
    assert world.evaluate(NOON + WINDOW + MINUTE) == {"carried": 1}
    assert world.verdicts() == {}
    assert world.evaluate(NOON + 4 * WINDOW + MINUTE) == {"judged": 1}
    [verdict] = world.verdicts().values()
    assert (verdict["start"], verdict["end"]) == ("2026-01-01T12:00:00+00:00", "2026-01-01T12:20:00+00:00")
    assert verdict["n"] == 24
    world.consume(traffic(30, 4, first=90))
    world.evaluate(NOON + 5 * WINDOW + MINUTE)
    assert world.verdicts()[f"window.{NOON + 4 * WINDOW}"]["n"] == 30


def test_rows_that_come_late_to_a_carried_window_go_with_it() -> None:
    world = World()
    world.consume(traffic(12, 0))
    world.evaluate(NOON + WINDOW + MINUTE)
    world.consume(traffic(12, 0, first=50))
    assert world.evaluate(NOON + WINDOW + 3 * MINUTE) == {"judged": 1}
    assert world.verdicts()[f"window.{NOON}"]["n"] == 24
    world.consume(traffic(30, 1, first=100))
    world.evaluate(NOON + 2 * WINDOW + 3 * MINUTE)
    assert world.verdicts()[f"window.{NOON + WINDOW}"]["n"] == 30


def test_windows_are_judged_in_the_order_of_time() -> None:
    world = World()
    world.consume(traffic(30, 1))
    world.now = NOON + 2 * WINDOW + 30_000
    world.consume(traffic(30, 0, first=100))
    assert world.evaluate(NOON + 2 * WINDOW + MINUTE) == {}, "the later one waits for the earlier one"
    assert world.evaluate(NOON + 2 * WINDOW + 90_000) == {"judged": 2}
    order = [key for key in world.s3.objects if key[1].startswith("verdicts/")]
    assert [key.split(".")[-2] for _, key in order] == [str(NOON), str(NOON + WINDOW)]


def test_a_trickle_cannot_hold_a_series_up_for_ever() -> None:
    world = World()
    started = world.now
    for i in range(40):
        world.now = started + i * MINUTE // 2
        world.consume(traffic(1, 0, first=i))
    assert world.evaluate() == {"judged": 1}


def test_late_rows_revise_the_verdict() -> None:
    world = World()
    world.consume(traffic(30))
    world.consume(traffic(30, 1, first=50))
    world.evaluate(NOON + 2 * WINDOW + MINUTE)
    first = world.verdicts()[f"window.{NOON}"]
    world.consume(traffic(5, first=100), shard=1)
    assert world.evaluate(NOON + 2 * WINDOW + 2 * MINUTE) == {"judged": 1}
    revised = world.verdicts()[f"window.{NOON}"]
    assert (first["revision"], first["n"]) == (0, 30)
    assert (revised["revision"], revised["n"], revised["late_records"]) == (1, 35, 5)
    assert world.cloudwatch.values("LateRecords") == [0, 0, 5]
    assert world.pending() == []


def test_the_sum_of_a_metric_counts_each_record_once() -> None:
    world = World()
    world.consume([*traffic(30), *traffic(2)])
    world.evaluate(NOON + WINDOW + MINUTE)
    late = traffic(5, first=100)
    world.consume([*late, *late[:3]], shard=1)
    world.evaluate(NOON + WINDOW + 2 * MINUTE)
    assert world.cloudwatch.values("WindowRecords") == [30, 5]
    assert world.cloudwatch.values("LateRecords") == [0, 5]
    assert world.cloudwatch.values("DuplicateRecords") == [2, 3]


def test_a_revision_covers_the_span_that_was_judged() -> None:
    world = World()
    world.consume(traffic(12, 0))
    world.consume(traffic(12, 2, first=50))
    world.evaluate(NOON + 3 * WINDOW + MINUTE)
    world.consume(traffic(3, 1, first=100))
    world.evaluate(NOON + 3 * WINDOW + 2 * MINUTE)
    [verdict] = world.verdicts().values()
    assert (verdict["n"], verdict["revision"], verdict["end"]) == (27, 1, "2026-01-01T12:15:00+00:00")


def test_a_window_that_is_late_as_a_whole_is_judged_alone() -> None:
    world = World()
    world.consume(traffic(30, 2))
    world.evaluate(NOON + 3 * WINDOW + MINUTE)
    world.consume(traffic(30, 0, first=100))
    world.consume(traffic(3, 1, first=200))
    assert world.evaluate(NOON + 3 * WINDOW + 2 * MINUTE) == {"judged": 1, "left": 1}
    verdict = world.verdicts()[f"window.{NOON}"]
    assert (verdict["n"], verdict["late_records"], verdict["revision"]) == (30, 30, 0)
    assert world.pending() == []
    world.evaluate(NOON + HOUR + MINUTE)
    assert world.verdicts()[f"hour.{NOON}"]["n"] == 63


def test_hours_and_days_are_sums_of_windows() -> None:
    world = World()
    events = [event for window in (0, 1, 12) for event in traffic(30, window, first=100 * window)]
    few = traffic(5, 2, first=900)
    for shard in (0, 1):
        world.consume([*events, *few][shard::2], shard=shard)
    done = world.evaluate(NOON + HOUR + MINUTE - 1)
    assert "hour" not in done
    assert world.evaluate(NOON + HOUR + MINUTE)["hour"] == 1
    verdict = world.verdicts()[f"hour.{NOON}"]
    truth = truth_of(
        world, state_of(world, [*events[:60], *few]), span=Span.HOUR, start=NOON, end=NOON + HOUR
    )
    described = json.loads(json.dumps(truth.to_json()))
    assert {name: verdict[name] for name in described} == described
    assert world.evaluate(NOON + 12 * HOUR + MINUTE) == {"judged": 1, "hour": 1, "day": 1}
    midnight = NOON - 12 * HOUR
    assert world.verdicts()[f"day.{midnight}"]["n"] == 95
    world.consume(traffic(5, 1, first=700))
    assert world.evaluate(world.now + MINUTE) == {"judged": 1, "hour": 1, "day": 1}
    assert world.verdicts()[f"day.{midnight}"]["revision"] == 1
    assert world.evaluate(world.now + MINUTE) == {}


def test_an_hour_has_the_classifiers_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classified, "FEWEST_ROWS", adversarial.FEWEST_ROWS)
    world = World()
    events = traffic(60)
    world.consume(events)
    assert world.evaluate(NOON + HOUR + MINUTE) == {"judged": 1, "hour": 1}
    window, verdict = (world.verdicts()[f"{span}.{NOON}"] for span in ("window", "hour"))
    truth = truth_of(world, state_of(world, events), span=Span.HOUR, start=NOON, end=NOON + HOUR)
    assert verdict["multivariate"] == json.loads(json.dumps(truth.to_json()))["multivariate"]
    assert verdict["multivariate"]["classifier_auc"] > 0.5
    assert window["multivariate"]["classifier_auc"] is None


def test_a_day_is_compared_with_the_hours_that_it_has() -> None:
    """Its rows come from noon and from three: with training's whole day they would have drifted."""
    world = World(bundle_objects(seasonal=True))
    hours = {0: 30, 3: 90}
    events = [
        event
        for hour, count in hours.items()
        for event in healthy(
            count, NOON + hour * HOUR, first=1_000 * hour, shift=seasonal_shift(NOON + hour * HOUR)
        )
    ]
    world.now = NOON + 13 * HOUR
    world.consume(events)
    world.evaluate(world.now + WINDOW)
    monitor, state = world.monitor(), state_of(world, events)
    cells = {monitor.cell(NOON + hour * HOUR): count for hour, count in hours.items()}
    assert len(cells) == 2
    midnight = NOON - 12 * HOUR
    arguments: dict[str, Any] = {"span": Span.DAY, "start": midnight, "end": midnight + 24 * HOUR}
    truth = monitor.judge(state, memory=monitor.start(), cells=cells, **arguments).verdict
    blind = monitor.judge(state, memory=monitor.start(), **arguments).verdict
    verdict = world.verdicts()[f"day.{midnight}"]
    described = json.loads(json.dumps(truth.to_json()))
    assert {name: verdict[name] for name in described} == described
    assert truth.features["size"].score < blind.features["size"].score


def test_an_hour_waits_for_its_windows() -> None:
    world = World()
    world.consume(traffic(30))
    assert world.evaluate(NOON + WINDOW + MINUTE) == {"judged": 1}
    world.now = NOON + HOUR + MINUTE // 2
    world.consume(traffic(30, 11, first=100))
    assert world.evaluate(NOON + HOUR + MINUTE) == {}
    assert world.evaluate(NOON + HOUR + 3 * MINUTE // 2) == {"judged": 1, "hour": 1}
    verdict = world.verdicts()[f"hour.{NOON}"]
    assert (verdict["n"], verdict["revision"]) == (60, 0)


def opened(world: World) -> list[int]:
    """How many hours and days each cursor held that will be written from now."""
    sizes: list[int] = []
    write = world.dynamodb.transact_write_items

    def noting(*, TransactItems: list[dict[str, Any]]) -> None:
        sizes.append(len(TransactItems[0]["Put"]["Item"]["open"]["L"]))
        write(TransactItems=TransactItems)

    world.dynamodb.transact_write_items = noting  # type: ignore[method-assign]
    return sizes


@pytest.mark.parametrize("windows_a_run", [50, 10_000])
def test_the_cursor_of_a_backfill_stays_small(windows_a_run: int) -> None:
    """Kept open until the end, the hours and days of a year were 429 KB, more than an item holds."""
    world = World(window_seconds=1800)
    hours = 5 * 24
    midnight = NOON - 12 * HOUR
    world.now = midnight + hours * HOUR
    for half in range(2 * hours):
        world.consume([prediction(30 * half + i, midnight + half * HOUR // 2 + i) for i in range(20)])
    world.now += 20 * MINUTE
    sizes = opened(world)
    done: Counter[str] = Counter()
    while True:
        left = iter(range(3 * windows_a_run))
        step = evaluate(world.evaluator(), lambda left=left: next(left, None) is not None)  # type: ignore[misc]
        if not step:
            break
        done += Counter(step)
    assert done == {"judged": 2 * hours, "hour": hours, "day": 5}
    assert max(sizes) == 2, "an hour and its day"
    verdicts = world.verdicts()
    assert len(verdicts) == 3 * hours + 5
    assert {verdict["revision"] for verdict in verdicts.values()} == {0}
    assert sum(verdict["n"] for verdict in verdicts.values() if verdict["span"] == "day") == 40 * hours
    ends = [verdict["end"] for verdict in verdicts_as_written(world)]
    assert ends == sorted(ends)


def verdicts_as_written(world: World) -> list[dict[str, Any]]:
    written = [content for key, content in world.s3.objects.items() if key[1].startswith("verdicts/")]
    return [json.loads(content) for content in written]


def test_an_hour_is_not_closed_while_one_of_its_windows_waits() -> None:
    """A later window has its turn, but late rows have just come into a window of the hour before."""
    world = World()
    world.consume(traffic(30, 0))
    world.evaluate(NOON + WINDOW + MINUTE)
    world.consume(traffic(30, 12, first=100))
    world.now = NOON + HOUR + WINDOW + MINUTE // 2
    world.consume(traffic(5, 0, first=200), shard=1)
    assert world.evaluate(NOON + HOUR + WINDOW + MINUTE) == {"judged": 1}
    assert world.evaluate(NOON + HOUR + WINDOW + 2 * MINUTE) == {"judged": 1, "hour": 1}
    verdict = world.verdicts()[f"hour.{NOON}"]
    assert (verdict["n"], verdict["revision"]) == (35, 0)


def test_labels_and_quarantine_are_counted_as_they_grow() -> None:
    world = World()
    world.consume([label(1), label(2), b"bad"])
    world.evaluate(NOON + WINDOW + MINUTE)
    world.consume([label(3)], shard=1)
    world.evaluate(NOON + WINDOW + 2 * MINUTE)
    assert world.cloudwatch.values("LabelRecords") == [2, 1]
    assert world.cloudwatch.values("QuarantinedRecords") == [1]
    assert world.pending() == []


def test_metrics_carry_the_time_of_the_judgement() -> None:
    world = World()
    world.consume(traffic(30))
    world.evaluate(NOON + 90 * HOUR)
    assert {datum["Timestamp"].timestamp() * 1000 for datum in world.cloudwatch.data} == {NOON + 90 * HOUR}


def test_time_that_runs_out_is_not_overdrawn() -> None:
    world = World()
    for window in range(3):
        world.consume(traffic(30, window, first=100 * window))
    world.now = NOON + 90 * HOUR
    left = iter([True, True, False, False])
    assert evaluate(world.evaluator(), lambda: next(left)) == {"judged": 2}
    assert world.evaluate()["judged"] == 1


def test_a_series_that_cannot_be_judged_does_not_stop_the_others() -> None:
    world = World()
    world.consume([*traffic(30), b"bad"])
    bundles = {key: content for key, content in world.s3.objects.items() if key[0] == "models"}
    for key in bundles:
        del world.s3.objects[key]
    with pytest.raises(ExceptionGroup) as raised:
        world.evaluate(NOON + WINDOW + MINUTE)
    [fault] = raised.value.exceptions
    assert fault.__notes__ == [f"while judging prediction#{MODEL}#{VERSION}#300"]
    assert world.cloudwatch.values("QuarantinedRecords") == [1]
    world.s3.objects.update(bundles)
    assert world.evaluate() == {"judged": 1}


def test_records_counted_during_the_judgement_are_judged_again() -> None:
    world = World()
    world.consume(traffic(30))
    late = False

    def hook(number: int, when: str) -> None:
        nonlocal late
        if not late and any(key.startswith("verdicts/") for key in world.s3.keys("archive")):
            late = True
            world.consume(traffic(2, first=100))

    world.calls.hook = hook
    world.evaluate(NOON + WINDOW + MINUTE)
    assert world.verdicts()[f"window.{NOON}"]["n"] == 30
    assert len(world.pending()) == 1
    world.evaluate(NOON + WINDOW + 2 * MINUTE)
    verdict = world.verdicts()[f"window.{NOON}"]
    assert (verdict["n"], verdict["revision"]) == (32, 1)
