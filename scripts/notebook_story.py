"""What the notebook's incident is: one producer of several begins to send square feet."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from drift_core.event import Event
from scripts.bundles import LoadedBundle
from scripts.scenarios import SCENARIOS
from scripts.traffic import Plan, changed, drawn, labels, predictions

FEATURE, WHERE = "living_area_m2", "harbour"

SQUARE_FEET = 10.7639
"""In a square metre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Windows of traffic; from one of them on, the homes of one area come in square feet.

    Attributes
    ----------
    from_window : the first that changes.
    label_delay : milliseconds from a prediction to its label.
    """

    plan: Plan
    from_window: int
    label_delay: int

    @property
    def begin(self) -> int:
        """Of the change, UTC milliseconds."""
        return self.plan.start_ms + self.from_window * self.plan.window_seconds * 1000

    def events(self, bundle: LoadedBundle) -> list[Event]:
        """Predictions and the labels of all of them, in the order of time."""
        rows = drawn(bundle, self.plan)
        everywhere = changed(
            bundle,
            rows,
            self.plan,
            SCENARIOS["unit_change"],
            from_window=self.from_window,
            feature=FEATURE,
            strength=SQUARE_FEET,
        )
        made: pd.DataFrame = rows.where(rows["area"] != WHERE, everywhere)
        told = list(predictions(bundle, made, seed=self.plan.seed, source="notebook"))
        known = labels(
            told,
            made[bundle.manifest.target].tolist(),
            delay_ms=self.label_delay,
            share=1.0,
            seed=self.plan.seed,
        )
        both: list[Event] = [*told, *known]
        return sorted(both, key=lambda event: event.event_time)
