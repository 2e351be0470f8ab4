"""What the retraining demo tells: hours of traffic from a world that changes, with labels a while later.

Each phase draws houses that nobody has seen, so neither champion nor challenger can know them by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from drift_core.event import Event
from scripts.bundles import LoadedBundle
from scripts.scenarios import SCENARIOS
from scripts.traffic import Plan, changed, labels, placed, predictions
from training import generator

HOUR_SECONDS = 3600

LABEL_DELAY_SECONDS = 7200
"""From a prediction to its label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Some hours of traffic under one law.

    Attributes
    ----------
    world : scenarios that hold from its first hour on, by name with their strength.
    rows : in each hour.
    seed : of its houses.
    """

    name: str
    world: dict[str, float]
    hours: int
    rows: int
    seed: int

    def events(self, bundle: LoadedBundle, start_ms: int, *, first: LoadedBundle) -> list[Event]:
        """Its predictions by this bundle and their labels, in the order of time.

        Parameters
        ----------
        first : the bundle before any change: its sample says how large a standard deviation is, and its
            model which feature matters least.
        start_ms : of its first hour, UTC milliseconds.
        """
        plan = Plan(
            start_ms=start_ms,
            windows=self.hours,
            rows=self.rows,
            window_seconds=HOUR_SECONDS,
            seed=self.seed,
        )
        made = _houses(plan)
        for name, strength in self.world.items():
            made = changed(first, made, plan, SCENARIOS[name], strength=strength)
        told = list(predictions(bundle, made, seed=self.seed, source="demo"))
        known = labels(
            told,
            made[bundle.manifest.target].tolist(),
            delay_ms=LABEL_DELAY_SECONDS * 1000,
            share=1.0,
            seed=self.seed,
        )
        both: Sequence[Event] = [*told, *known]
        return sorted(both, key=lambda event: event.event_time)


def _houses(plan: Plan) -> pd.DataFrame:
    """Houses of the year that training knows, in no order of their sale, placed in the plan's hours."""
    random = np.random.default_rng([plan.seed, 5])
    total = plan.windows * plan.rows
    rows = generator.houses(total, seed=1_000 + plan.seed).drop(columns=generator.TIME_COLUMN)
    rows = rows.iloc[random.permutation(total)].reset_index(drop=True)
    return placed(rows, plan, random)
