"""Driftline's cost beside that of SageMaker's instances, and the traffic at which the order changes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from itertools import pairwise

from scipy.optimize import brentq

from scripts import cost_sagemaker
from scripts.cost_model import DAYS, Load, monthly
from scripts.stack import PROJECT

MEASURED = PROJECT / "benchmarks" / "results" / "speed.json"

FEWEST, MOST = 1e5, 1e11
"""Predictions a month between which a crossover is sought."""

STEPS = 20
"""Looks in each power of ten, so that a crossover hidden in the steps of shards and instances is seen."""


def stored_kb(features: int) -> tuple[int, int]:
    """A state and the charts in KB, rounded up as DynamoDB does, from the benchmark.

    Raises
    ------
    LookupError
        If the benchmark has not measured that many features.
    """
    sizes = json.loads(MEASURED.read_text())["evaluator"]["facts"]["stored_bytes"]
    if str(features) not in sizes:
        raise LookupError(f"{MEASURED.name} has no sizes of {features} features; give one of {list(sizes)}")
    found = sizes[str(features)]
    return math.ceil(found["state"] / 1024), math.ceil(found["memory"] / 1024)


def load_of(predictions_a_month: float) -> Load:
    """The load of the tables at so much traffic."""
    state, memory = stored_kb(10)
    return Load(predictions_a_day=predictions_a_month / DAYS, state_kb=state, memory_kb=memory)


def both(predictions_a_month: float) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """USD in a month by component: Driftline's, SageMaker's."""
    load = load_of(predictions_a_month)
    return monthly(load), monthly(load, cost_sagemaker.ITEMS)


def crossover(without: frozenset[str] = frozenset()) -> float | None:
    """Predictions a month above which Driftline is dearer than the instances; None if it never is.

    Parameters
    ----------
    without : components of ours to leave out.
    """

    def difference(exponent: float) -> float:
        ours, theirs = both(10.0**exponent)
        return sum(cost for name, cost in ours.items() if name not in without) - sum(theirs.values())

    return root(difference, math.log10(FEWEST), math.log10(MOST))


def root(difference: Callable[[float], float], low: float, high: float) -> float | None:
    """The first exponent at which a difference turns positive, as a power of ten.

    >>> round(root(lambda x: x - 3, 0, 5))
    1000
    """
    number = round((high - low) * STEPS)
    marks = [low + (high - low) * i / number for i in range(number + 1)]
    for before, after in pairwise(marks):
        if difference(before) <= 0 < difference(after):
            exponent = float(brentq(difference, before, after, xtol=1e-4))
            return math.pow(10, exponent)
    return None
