"""What an incident is told with: the latest drifting verdict, why, since when, and the errors beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drift_consumer.baselines import Baselines
from drift_consumer.findings import Findings
from drift_core.causes import Cause
from drift_core.incident import Finding
from drift_core.span import Span
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, VERSION, World, healthy

HOUR, WINDOW = 3_600_000, 300_000


def findings(world: World, model_name: str = "m") -> Findings:
    s3: Any = world.s3
    return Findings(s3=s3, archive="archive", baselines=Baselines(s3, "models"), model_name=model_name)


def put(world: World, key: str, *rows: dict[str, Any]) -> None:
    world.s3.objects["archive", key] = "".join(json.dumps(row) + "\n" for row in rows).encode()


QUALITY: dict[str, Any] = {
    "model_version": "v1",
    "mae": 80_989.0,
    "training_mae": 22_410.0,
    "labelled": 900,
    "interval_coverage": 0.41,
    "label_share": 0.62,
    "score": 3.5,
    "since": "2026-01-01T07:00:00+00:00",
    "guilty_segments": ["area=harbour"],
}


def test_quality_tells_the_real_error_beside_training() -> None:
    world = World()
    day = "dt=2026-01-01"
    start = 1_767_225_600_000
    put(world, f"quality/{day}/m.v1.1.{start}.json", {**QUALITY, "score": None, "mae": 1.0})
    put(world, f"quality/{day}/m.v1.1.{start + HOUR}.json", QUALITY)
    found = findings(world).of(Cause.QUALITY, start + 8 * HOUR)
    assert (found.score, found.model_version, found.since) == (3.5, "v1", start + 7 * HOUR)
    assert found.lines[0] == "mean absolute error on 900 labels: 80,989 (training: 22,410)"
    assert "segments: area=harbour" in found.lines
    labels = findings(world).of(Cause.LABELS, start + 8 * HOUR)
    assert (labels.score, labels.since) == (None, None)
    assert "predictions with a label: 62 %" in labels.lines


def test_the_estimated_error_stands_beside_drift_and_other_models_are_left_out() -> None:
    world = World()
    start = 1_767_225_600_000
    row = {"estimated_mae": 150.0, "training_estimated_mae": 100.0}
    put(world, f"explained/dt=2026-01-01/m.v1.{start}.json", row)
    put(world, f"explained/dt=2026-01-01/m.v1.{start + HOUR}.json", {**row, "estimated_mae": 200.0})
    put(world, f"explained/dt=2026-01-01/other.v1.{start + 2 * HOUR}.json", {**row, "estimated_mae": 1.0})
    found = findings(world).of(Cause.DATA, start + 5 * HOUR)
    assert found.lines == ("estimated mean absolute error: 100 in training → 200 now (+100 %)",)


@pytest.mark.parametrize("cause", Cause)
def test_an_empty_archive_says_nothing(cause: Cause) -> None:
    assert findings(World()).of(cause, NOON) == Finding()


def test_drift_is_told_with_its_begin_its_features_and_why() -> None:
    world = World()
    world.consume(healthy(200, NOON))
    world.consume(healthy(200, NOON + WINDOW, first=200, shift=3.0))
    world.consume(healthy(200, NOON + 2 * WINDOW, first=400, shift=3.0))
    world.evaluate(NOON + HOUR // 2)
    drifting = [
        one for name, one in world.verdicts().items() if name.startswith(Span.WINDOW) and one["drift"]
    ]
    assert len(drifting) == 2
    found = findings(world, MODEL).of(Cause.DATA, NOON + HOUR)
    strongest = max(drifting, key=lambda one: float(one["drift_score"]))
    assert found.model_version == VERSION
    assert (found.features, found.score) == (tuple(strongest["guilty"]), strongest["drift_score"])
    assert found.since == NOON + WINDOW  # of the first that drifts, not of the strongest
    assert found.lines[0].startswith(f"{found.features[0]}: ")
    together = strongest["multivariate"]
    assert together["drift"]
    (line,) = [one for one in found.lines if one.startswith("how the features go together: ")]
    assert f"most changed: {together['pair'][0]} and {together['pair'][1]}" in line
    assert found.affected_share is not None
    assert found.affected_share > 0.3  # of a shift by three standard deviations, more than a third
