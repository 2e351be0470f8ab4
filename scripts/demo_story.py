"""What the demo tells: some normal windows, then some that drifted, and a few broken records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drift_core.event import PredictionEvent
from drift_core.schema import Kind
from scripts.bundles import LoadedBundle
from scripts.event_ids import derived_event_id
from scripts.record import write
from scripts.scenarios import SCENARIOS, chosen_feature
from scripts.traffic import Plan, changed, drawn, predictions

RECORDED_AT = 1_767_225_600_000
"""Time of the recording, 2026-01-01T00:00Z in milliseconds; the replay moves it."""

SCENARIO = "sudden"
"""A shift by one standard deviation: visible in any numeric feature, and no more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A recording in two files.

    Attributes
    ----------
    normal, drifting : files of JSON lines.
    first_ms : to when the recording's begin is moved, UTC milliseconds, on the grid of windows.
    feature : what drifts.
    broken : lines of `drifting` that the consumer must refuse.
    """

    normal: Path
    drifting: Path
    first_ms: int
    feature: str
    normal_windows: int
    drifting_windows: int
    rows: int
    window_seconds: int
    broken: int

    @property
    def starts(self) -> list[int]:
        """Begins of all windows, moved, UTC milliseconds."""
        length = self.window_seconds * 1000
        return [self.first_ms + i * length for i in range(self.normal_windows + self.drifting_windows)]

    @property
    def injected_ms(self) -> int:
        """Begin of the first window that drifted."""
        return self.starts[self.normal_windows]

    @property
    def shift_ms(self) -> int:
        """From the recorded times to the moved ones."""
        return self.first_ms - RECORDED_AT


def record(
    bundle: LoadedBundle,
    folder: Path,
    *,
    window_seconds: int,
    now_ms: int,
    normal_windows: int = 10,
    drifting_windows: int = 3,
    rows: int = 500,
    seed: int = 0,
) -> Story:
    """Draw the traffic and write both files.

    Parameters
    ----------
    now_ms : UTC milliseconds; the last window ends with the window before this moment's.

    Raises
    ------
    ScenarioError
        If the model has no numeric feature.
    """
    scenario, length = SCENARIOS[SCENARIO], window_seconds * 1000
    plan = Plan(
        start_ms=RECORDED_AT,
        windows=normal_windows + drifting_windows,
        rows=rows,
        window_seconds=window_seconds,
        seed=seed,
    )
    made = changed(bundle, drawn(bundle, plan), plan, scenario, from_window=normal_windows)
    events = list(predictions(bundle, made, seed=seed, source="demo"))
    broken = _broken(bundle, events[-1])
    story = Story(
        normal=folder / "normal.jsonl",
        drifting=folder / "drifting.jsonl",
        first_ms=(now_ms // length - plan.windows) * length,
        feature=chosen_feature(bundle.manifest, scenario).name,
        normal_windows=normal_windows,
        drifting_windows=drifting_windows,
        rows=rows,
        window_seconds=window_seconds,
        broken=len(broken),
    )
    write(story.normal, events[: normal_windows * rows], bundle.manifest.schema)
    write(story.drifting, events[normal_windows * rows :], bundle.manifest.schema)
    with story.drifting.open("ab") as file:
        file.writelines(line + b"\n" for line in broken)
    return story


def _broken(bundle: LoadedBundle, event: PredictionEvent) -> Sequence[bytes]:
    """Records as faulty producers write them: cut off, without a prediction, text for a number."""
    number = next(f.name for f in bundle.manifest.schema.features if f.kind is Kind.NUMERIC)
    mistyped = replace(
        event,
        event_id=derived_event_id(event.event_time, event.event_id, "mistyped"),
        features={**event.features, number: "many"},
    )
    unanswered = {key: value for key, value in json.loads(event.encode()).items() if key != "prediction"}
    return event.encode()[:100], json.dumps(unanswered).encode(), mistyped.encode()
