"""Houses for the experiments: what models learn from, and traffic that none of them has seen."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.monitor_settings import MonitorSettings
from drift_core.season import DAY_MS, HOUR_MS
from scripts.bundles import LoadedBundle
from scripts.experiment_story import Experiment, Model
from scripts.scenarios import SCENARIOS
from scripts.traffic import Plan, changed, placed
from training import generator
from training.bundle import Bundle
from training.train import train

TRAINING_ROWS = 20_000

BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
"""A Monday after the year of training: all traffic begins here."""

EVENING = 18
"""Hour, UTC, in which homes are largest in traffic with a season."""

SWING = 0.5
"""How far the season moves the mean of the living area, about, in its standard deviations."""

CANDIDATES = 4
"""Houses of which one is taken, in traffic with a season."""

_CHOSEN_BY = "living_area_m2"


@cache
def trained(model: Model) -> Bundle:
    """A bundle of the generated houses, some ten seconds; the same bytes each time."""
    rows = generator.houses(TRAINING_ROWS, seed=0)
    if model.seasonal:
        times = rows[generator.TIME_COLUMN]
        rows = _by_hour(times.dt.hour.to_numpy(), seed=1).assign(**{generator.TIME_COLUMN: times})
    if not model.timed:
        rows = rows.drop(columns=generator.TIME_COLUMN)
    return train(
        rows,
        target=generator.TARGET,
        model_name=generator.MODEL_NAME,
        created_at=BEGIN,
        time_column=generator.TIME_COLUMN if model.timed else None,
        monitor=MonitorSettings(window_seconds=HOUR_MS // 1000),
        units=generator.UNITS,
        calibrate=_silent if model.calibrated else None,
    )


def loaded(bundle: Bundle) -> LoadedBundle:
    """The bundle as the service has it."""
    files = {**bundle.files, "manifest.json": bundle.manifest.to_json().encode()}
    return LoadedBundle.load(files.__getitem__)


def traffic(experiment: Experiment, model: Model, seed: int) -> pd.DataFrame:
    """Rows in the order of time, with `window` from 0, `event_time` in milliseconds and the true price.

    Other models of the same experiment get the same rows.
    """
    plan = Plan(
        start_ms=round(BEGIN.timestamp() * 1000),
        windows=experiment.windows,
        rows=experiment.rows,
        window_seconds=HOUR_MS // 1000,
        seed=seed,
    )
    random = np.random.default_rng([seed, 5])
    hours = np.repeat(np.arange(plan.windows), plan.rows) % (DAY_MS // HOUR_MS)
    rows = _by_hour(hours, seed=1_000 + seed) if model.seasonal else _houses(len(hours), seed=1_000 + seed)
    rows = placed(rows, plan, random)
    bundle = loaded(trained(model))
    for act in experiment.acts:
        rows = changed(
            bundle,
            rows,
            plan,
            SCENARIOS[act.scenario],
            from_window=act.from_window,
            feature=act.feature,
            strength=act.strength,
        )
    return rows


def _silent(done: float) -> None:
    del done


def _houses(n: int, *, seed: int) -> pd.DataFrame:
    """Houses in no order of their sale, and without its time."""
    rows = generator.houses(n, seed=seed).drop(columns=generator.TIME_COLUMN)
    return rows.iloc[np.random.default_rng([seed, 5]).permutation(n)].reset_index(drop=True)


def _by_hour(hours: npt.NDArray[np.int_], *, seed: int) -> pd.DataFrame:
    """A house for each hour of the day, in the evening more of the large ones; no house comes twice.

    Of `CANDIDATES` houses one is taken, with weights exp(s z), z the standardised living area and s from
    -`SWING` to `SWING` over the day: it would move the mean of a normal z by s (exponential tilting) if there
    were any number of candidates.
    """
    random = np.random.default_rng([seed, 6])
    rows = _houses(CANDIDATES * len(hours), seed=seed)
    size = rows[_CHOSEN_BY].to_numpy().reshape(len(hours), CANDIDATES)
    z = (size - size.mean()) / size.std()
    lift = SWING * np.cos(2 * np.pi * (hours - EVENING) / 24)
    # The largest of s z plus Gumbel noise is a draw with weights exp(s z).
    chosen = (lift[:, None] * z + random.gumbel(size=z.shape)).argmax(1)
    return rows.iloc[np.arange(len(hours)) * CANDIDATES + chosen].reset_index(drop=True)
