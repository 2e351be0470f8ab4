"""Which version serves, and what follows: whose metrics are published, who asks for a retraining."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from drift_consumer.baselines import Baselines
from drift_consumer.incident import Incidents
from drift_consumer.quality_progress import QualityProgressStore
from drift_consumer.retraining import Retraining
from drift_consumer.serving import serving
from drift_consumer.window_store import WindowStore
from drift_core.bundle import MANIFEST_FILE, Manifest, bundle_prefix
from drift_core.policy import RetrainingMode, RetrainingPolicy
from tests.unit.drift_consumer.fixture_quality import HOUR, QualityWorld, judged_objects
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION, shadow_of
from tests.unit.drift_consumer.test_labels import OTHER, labelled, send

DUE = NOON + 9 * HOUR


class Events:
    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.put += [json.loads(entry["Detail"]) for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


def retraining_objects(version: str) -> dict[str, bytes]:
    """A bundle whose policy retrains by itself."""
    found, place = judged_objects(version), bundle_prefix(MODEL, version) + MANIFEST_FILE
    policy = RetrainingPolicy(mode=RetrainingMode.AUTOMATIC, drift_hours=0)
    changed = replace(Manifest.from_json(found[place]), retraining=policy)
    return {**found, place: changed.to_json().encode()}


def renewed(*, worse_before: float = 4.0, worse_after: float = 1.0) -> QualityWorld:
    """A world in which another version took over at three; labels of both come."""
    world = QualityWorld({**retraining_objects(VERSION), **retraining_objects(OTHER)})
    send(world, labelled(200, 0, worse=worse_before))
    send(world, labelled(200, 3, first=300, worse=worse_after, version=OTHER))
    return world


def wanted(world: QualityWorld) -> list[dict[str, Any]]:
    """Events after a look at the latest verdicts."""
    s3: Any = world.s3
    dynamodb: Any = world.dynamodb
    events = Events()
    look = Retraining(
        model_name=MODEL,
        windows=WindowStore(dynamodb, "windows"),
        baselines=Baselines(s3, "models"),
        progress=QualityProgressStore(dynamodb, "windows"),
        incidents=Incidents(s3=s3, dynamodb=dynamodb, events=events, archive="archive", table="windows"),
        clock=lambda: world.now,
    )
    assert look.judge_due(lambda: True)["wanted"] == len(events.put)
    return events.put


def test_the_version_with_the_newest_predictions_serves() -> None:
    world = renewed()
    dynamodb: Any = world.dynamodb
    windows = WindowStore(dynamodb, "windows")
    assert serving(windows, []) is None
    assert getattr(serving(windows, windows.series_of(MODEL)), "model_version", None) == OTHER
    late = [event for event, _ in labelled(5, 5, first=900)]
    world.now = late[-1].event_time
    world.consume([shadow_of(event, late[0].event_id) for event in late])  # served to nobody
    assert getattr(serving(windows, windows.series_of(MODEL)), "model_version", None) == OTHER
    world.consume(late)
    assert getattr(serving(windows, windows.series_of(MODEL)), "model_version", None) == VERSION


def test_alarms_hear_of_the_version_that_serves_and_documents_tell_of_both() -> None:
    world = renewed()
    world.judge(DUE)
    found = {hour: document["model_version"] for hour, document in world.documents().items()}
    assert found == {0: VERSION, 3: OTHER}
    assert world.documents()[0]["degraded"]
    (score,) = world.cloudwatch.values("QualityScore")
    assert score < 1


def test_a_version_that_is_wrong_asks_to_train_again_while_it_serves() -> None:
    alone = QualityWorld(retraining_objects(VERSION))
    send(alone, labelled(200, 0, worse=4.0))
    assert wanted(alone) == []  # nothing is judged yet
    alone.judge(DUE)
    (detail,) = wanted(alone)
    assert (detail["version"], detail["reason"]) == (VERSION, "quality")
    assert detail["since"] == "2026-01-01T12:00:00Z"
    assert detail["evidence"]["quality_score"] > 1
    before = renewed()
    before.judge(DUE)
    assert wanted(before) == []  # the one that was wrong serves no more
    after = renewed(worse_before=1.0, worse_after=4.0)
    after.judge(DUE)
    assert [detail["version"] for detail in wanted(after)] == [OTHER]
