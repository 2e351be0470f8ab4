"""The figures of an experiment, as its JSON file has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drift_core.budget import MONTH_SECONDS
from drift_core.quality_budget import QUALITY_SHARE
from drift_core.season import HOUR_MS
from drift_core.verdict import Verdict
from scripts.experiment_story import Act, Experiment
from scripts.experiment_watch import Played

type Figures = dict[str, Any]

DIGITS = 4
"""Significant digits of a number in the file."""


def figures(experiment: Experiment, seed: int, played: Sequence[Played]) -> Figures:
    """What came of an experiment, ready for JSON.

    Hours are counted from 0, the first of the traffic. `attribution` is null where rows were not attributed.
    """
    return {
        "experiment": experiment.name,
        "seed": seed,
        "hours": experiment.windows,
        "rows": experiment.rows,
        "begins": experiment.begins if experiment.acts else None,
        "changes": [act.told for act in experiment.acts if act.told],
        "models": [_model(one) for one in played],
    }


def first(found: Sequence[bool], begins: int) -> int | None:
    """The first hour from `begins` on in which something is found.

    >>> first([True, False, True], 1), first([False], 0)
    (2, None)
    """
    return next((hour for hour in range(begins, len(found)) if found[hour]), None)


def _model(played: Played) -> Figures:
    begins = played.experiment.begins
    drift = [one.drift for one in played.windows]
    found = first(drift, begins)
    last = played.windows[-1]
    return {
        "model": played.model.told,
        "quiet_hours": begins,
        "false_alarms_allowed": _rounded(begins / _MONTH_HOURS * (1 - QUALITY_SHARE)),
        "alarms_before": sum(drift[:begins]),
        "largest_score_before": _rounded(max(one.drift_score for one in played.windows[:begins])),
        "calibrating": sum(one.calibrating for one in played.windows),
        "days": len(played.days),
        "day_alarms": sum(one.drift for one in played.days),
        "found": found,
        "since": None if found is None else _since(played, played.windows[found]),
        "guilty": [] if found is None else list(played.windows[found].guilty),
        "drift_hours": sum(drift[begins:]),
        "smallest_in_one_hour_sigma": _rounded(last.smallest_detectable_sigma),
        "smallest_lasting_sigma": _rounded(last.smallest_lasting_sigma or np.nan),
        "acts": [_act(played, act) for act in played.experiment.acts],
        "mae": _sides(played, [one.measures["mae"] or np.nan for one in played.quality]),
        "training_mae": _rounded(played.training_mae),
        "estimated_mae": _sides(played, [one.mae or np.nan for one in played.estimates]),
        "estimate": _alarms([one.score > 1 for one in played.estimates], begins),
        "quality": _alarms([one.degraded for one in played.quality], begins),
        "attribution": _attribution(played),
    }


_MONTH_HOURS = MONTH_SECONDS * 1000 / HOUR_MS


def _act(played: Played, act: Act) -> Figures:
    score = played.scores[act.feature]
    found = first((score > 1).tolist(), act.from_window)
    verdict = None if found is None else played.windows[found].features[act.feature]
    return {
        "scenario": act.scenario,
        "feature": act.feature,
        "strength": act.strength,
        "from": act.from_window,
        "found": found,
        "signal": None if verdict is None else verdict.top_contrast,
        "unit_factor": None if verdict is None else verdict.unit_factor,
    }


def _attribution(played: Played) -> Figures | None:
    if not played.attributions:
        return None
    begins = played.experiment.begins
    told = _alarms([one.score > 1 for one in played.attributions], begins)
    return {**told, "ndcg": _sides(played, [one.ndcg for one in played.attributions])}


def _alarms(found: Sequence[bool], begins: int) -> Figures:
    return {"before": sum(found[:begins]), "found": first(found, begins), "hours": sum(found[begins:])}


def _sides(played: Played, values: Sequence[float]) -> Figures:
    """Means before the change, after it, and in the last six hours."""
    begins = played.experiment.begins
    sides = {"before": values[:begins], "after": values[begins:], "end": values[-6:]}
    return {name: _rounded(np.mean(some)) if len(some) else None for name, some in sides.items()}


def _since(played: Played, verdict: Verdict) -> int | None:
    """The hour in which the drift of the first guilty feature began, as its chart says."""
    column = verdict.features.get(verdict.guilty[0]) if verdict.guilty else None
    if column is None or column.since is None:
        return None
    return (column.since - played.windows[0].start) // HOUR_MS


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
