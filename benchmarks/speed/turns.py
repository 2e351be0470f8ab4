"""Timing in turns and in processor time, so that a busy machine slows all alike, and little."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def seconds(runs: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Processor time of each repetition, after one that warms up.

    Parameters
    ----------
    runs : a call by name; one repetition calls each once.

    >>> sorted(seconds({"a": int, "b": float}, 2)) == ["a", "b"]
    True
    """
    return in_turns({name: _timed(run) for name, run in runs.items()}, repetitions)


def in_turns(measures: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, list[float]]:
    """What each measure says in each repetition; a first one is left out."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for repetition in range(repetitions + 1):
        for name, measure in measures.items():
            found = measure()
            if repetition:
                taken[name].append(found)
    return taken


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Median of ours / theirs over paired repetitions.

    >>> ratio([1.0, 2.0, 9.0], [2.0, 4.0, 3.0])
    0.5
    """
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def _timed(run: Callable[[], object]) -> Callable[[], float]:
    def measure() -> float:
        started = time.process_time()
        run()
        return time.process_time() - started

    return measure
