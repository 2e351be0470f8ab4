"""Made-up traffic: rows of a sample, changed by a scenario, answered by the model, placed in time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from drift_core.event import Event, Interval, LabelEvent, PredictionEvent, event_id_time
from drift_core.schema import Kind
from scripts.bundles import LoadedBundle
from scripts.event_ids import derived_event_id
from scripts.scenarios import Change, Scenario, ScenarioError, chosen_feature

PREDICTIONS = 5_000
"""Rows that the model answers at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much traffic, and when.

    Attributes
    ----------
    start_ms : begin of the first window, UTC milliseconds.
    rows : in each window.
    """

    start_ms: int
    windows: int
    rows: int
    window_seconds: int
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("windows", "rows", "window_seconds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")


def drawn(bundle: LoadedBundle, plan: Plan) -> pd.DataFrame:
    """Rows as training knows them, in order of time.

    Returns
    -------
    `plan.windows * plan.rows` rows: the features, the target, `window` from 0 and `event_time` in ms.
    """
    manifest = bundle.manifest
    random = np.random.default_rng([plan.seed, 0])
    total = plan.windows * plan.rows
    size = len(bundle.sample)
    # Shuffled again and again: no row comes twice before each came once, so windows differ little.
    chosen = np.concatenate([random.permutation(size) for _ in range(-(-total // size))])[:total]
    rows = bundle.sample[[*manifest.schema.names, manifest.target]].iloc[chosen].reset_index(drop=True)
    return placed(rows, plan, random)


def placed(rows: pd.DataFrame, plan: Plan, random: np.random.Generator) -> pd.DataFrame:
    """Rows in the order of time, each at a random moment of its window: `window` from 0, `event_time` in ms.

    Parameters
    ----------
    rows : `plan.windows * plan.rows`.
    """
    window = np.repeat(np.arange(plan.windows), plan.rows)
    length = plan.window_seconds * 1000
    within = np.sort(random.integers(0, length, (plan.windows, plan.rows)), axis=1).ravel()
    return rows.assign(window=window, event_time=plan.start_ms + window * length + within)


def changed(
    bundle: LoadedBundle,
    rows: pd.DataFrame,
    plan: Plan,
    scenario: Scenario,
    *,
    from_window: int = 0,
    feature: str | None = None,
    strength: float | None = None,
) -> pd.DataFrame:
    """Rows after a scenario.

    Raises
    ------
    ScenarioError
        If the bundle has no feature that the scenario could change, or no label for one that shows in labels.
    """
    manifest = bundle.manifest
    if scenario.labels and bundle.sample[manifest.target].isna().all():
        raise ScenarioError(
            f"no label is known of the rows that {manifest.model_version} was accepted with, and this "
            f"scenario needs labels; choose another, or give --bundle of a trained version"
        )
    names = [f.name for f in manifest.schema.features if f.kind is Kind.NUMERIC]
    spread = bundle.sample[[*names, manifest.target]].std(ddof=0)
    return scenario.apply(
        rows,
        Change(
            feature=chosen_feature(manifest, scenario, feature).name,
            target=manifest.target,
            strength=scenario.strength if strength is None else strength,
            scale={str(name): float(value) for name, value in spread.items()},
            middle={str(name): float(value) for name, value in bundle.sample[names].median().items()},
            window=rows["window"].to_numpy(),
            from_window=from_window,
            windows=plan.windows,
            seed=plan.seed,
        ),
    )


def predictions(
    bundle: LoadedBundle, rows: pd.DataFrame, *, seed: int, source: str
) -> Iterator[PredictionEvent]:
    """One event for each row, in order, with the model's answer.

    Parameters
    ----------
    seed : event ids depend on it, the model's version and the row's number and time.
    """
    manifest = bundle.manifest
    for first in range(0, len(rows), PREDICTIONS):
        part = rows.iloc[first : first + PREDICTIONS]
        instances = bundle.instances(part)
        answers = bundle.predict(instances)
        for i, (instance, time_ms) in enumerate(zip(instances, part["event_time"].tolist(), strict=True)):
            yield PredictionEvent(
                event_id=derived_event_id(time_ms, manifest.model_version, seed, first + i),
                event_time=time_ms,
                model_name=manifest.model_name,
                model_version=manifest.model_version,
                features=instance,
                prediction=float(answers.values[i]),
                interval=Interval(
                    lower=float(answers.lower[i]),
                    upper=float(answers.upper[i]),
                    coverage=manifest.interval.coverage,
                ),
                confidence=float(answers.confidence[i]),
                source=source,
            )


def labels(
    told: list[PredictionEvent], values: list[float], *, delay_ms: int, share: float, seed: int
) -> list[Event]:
    """Labels of a random share of the predictions.

    Parameters
    ----------
    values : shape (n,), the truth about each prediction; NaN where nobody knows it.
    delay_ms : from a prediction to its label.
    """
    return [
        LabelEvent(
            event_id=derived_event_id(event.event_time + delay_ms, event.event_id, "label"),
            event_time=event.event_time + delay_ms,
            model_name=event.model_name,
            prediction_id=event.event_id,
            label=float(value),
            source=event.source,
        )
        for event, value, is_known in zip(told, values, _known(len(told), share, seed), strict=True)
        if is_known and not math.isnan(value)
    ]


def feedback(
    ids: Sequence[str | None], values: Sequence[float], *, delay_ms: int, share: float, seed: int
) -> list[dict[str, str | float | int]]:
    """The same labels as `POST /feedback` takes them.

    Parameters
    ----------
    ids : of the answered predictions; None where one was refused, which has no label then.
    """
    return [
        {
            "prediction_id": prediction_id,
            "label": float(value),
            "event_time": event_id_time(prediction_id) + delay_ms,
        }
        for prediction_id, value, is_known in zip(ids, values, _known(len(ids), share, seed), strict=True)
        if is_known and prediction_id is not None and not math.isnan(value)
    ]


def _known(count: int, share: float, seed: int) -> list[bool]:
    known: list[bool] = (np.random.default_rng([seed, 3]).random(count) < share).tolist()
    return known
