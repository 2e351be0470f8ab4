"""Segments from the stream to the verdict's document: what drifts in one of them only is told and alarms."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import pytest

from drift_core import classified
from drift_core.event import PredictionEvent
from scripts.rejudge import _lasting
from tests.unit.drift_consumer.fixture_traffic import NOON, SEGMENTS, World, bundle_objects, healthy

WINDOW, MINUTE, HEADER = 300_000, 60_000, 48
LATER = NOON + 20 * WINDOW


@pytest.fixture(autouse=True)
def without_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes seconds an hour, and knows no segments."""
    monkeypatch.setattr(classified, "FEWEST_ROWS", 10**9)


def larger_by_the_coast(events: list[PredictionEvent], shift: float) -> list[PredictionEvent]:
    """Half of a standard deviation and more, in a third of the traffic."""
    return [
        replace(event, features={**event.features, "size": float(event.features["size"] or 0.0) + shift})
        if event.features["area"] == "coast"
        else event
        for event in events
    ]


def judged(world: World, events: list[PredictionEvent], start: int = NOON) -> dict[str, Any]:
    world.consume(events)
    world.evaluate(start + WINDOW + 2 * MINUTE)
    return world.verdicts()[f"window.{start}"]


def calibrated(segments: bool) -> World:
    """Twenty windows have taught it that rows are independent."""
    world = World(bundle_objects(segments=SEGMENTS if segments else ()))
    for window in range(20):
        start = NOON + window * WINDOW
        told = judged(world, healthy(400, start, first=1_000 * window), start)
        assert not told["drift"]
    return world


def test_a_change_in_one_segment_alarms_and_is_named_where_the_whole_is_quiet() -> None:
    events = larger_by_the_coast(healthy(400, LATER, first=90_000), 0.8)
    plain, world = calibrated(segments=False), calibrated(segments=True)
    alone, told = judged(plain, events, LATER), judged(world, events, LATER)
    assert not alone["drift"]
    assert (alone["segments"], alone["guilty_segments"], alone["in_segments_only"]) == (None, [], False)
    assert told["drift"]
    assert (told["guilty_segments"], told["in_segments_only"]) == (["area=coast"], True)
    assert told["guilty"] == ["size"]
    coast = told["segments"]["area=coast"]
    assert (coast["column"], coast["guilty"], coast["drift"]) == ("size", ["size"], True)
    assert coast["n"] == sum(event.features["area"] == "coast" for event in events)
    assert told["drift_score"] == coast["score"] > 1
    scores = [one["Value"] for one in world.cloudwatch.data if one["MetricName"] == "DriftScore"]
    assert scores[-1] == pytest.approx(coast["score"], rel=1e-6)
    assert sum(one["n"] for name, one in told["segments"].items() if name.startswith("garden")) == 400


def test_a_change_in_all_rows_is_not_one_of_segments_only() -> None:
    told = judged(calibrated(segments=True), healthy(400, LATER, first=90_000, shift=1.0), LATER)
    assert told["guilty"][0] == "size"
    assert told["guilty_segments"]
    assert not told["in_segments_only"]


def test_where_an_older_version_counted_segments_are_unknown_until_it_has_gone() -> None:
    """Its rows count for the whole; the next window, counted by today's version alone, knows its segments."""
    world = World(bundle_objects(segments=SEGMENTS))
    world.consume(healthy(100))
    for item in world.dynamodb.items.values():
        if "state" in item and item["pk"]["S"].startswith("prediction#"):
            state = item["state"]["B"]
            content = zlib.decompress(state[HEADER:])
            item["state"] = {"B": state[:HEADER] + zlib.compress(content[: content.index(b"DLSC")], 1)}
    told = judged(world, healthy(100, NOON + 1, first=500))
    assert (told["n"], told["segments"]) == (200, None)
    told = judged(world, healthy(100, NOON + WINDOW, first=900), NOON + WINDOW)
    assert set(told["segments"]) >= {"area=coast", "garden=true"}


def test_a_verdict_without_the_fields_of_segments_is_the_same_as_one_with_none() -> None:
    """Else judging again after an update would call all archived verdicts different."""
    told = judged(World(), healthy(100))
    older = {k: v for k, v in told.items() if k not in ("segments", "guilty_segments", "in_segments_only")}
    assert older != told
    assert _lasting(older) == _lasting(told)
    assert _lasting({**older, "guilty_segments": ["area=coast"]}) != _lasting(told)
    assert _lasting({**older, "drift": True}) != _lasting(told)
