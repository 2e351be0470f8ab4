"""Watch a recording: the monitor of the Lambdas, fed with its windows one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from drift_core.baseline import Baseline, served_matrix
from drift_core.freeze import freeze
from drift_core.memory import Memory
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import FeatureSchema, Matrix
from drift_core.verdict import Verdict
from drift_core.window import WindowState, hash_event_ids
from scripts.backtest_cells import matrix
from scripts.backtest_files import Pair, Recording
from scripts.backtest_windows import Times, Window

NAME = "backtest"
"""Of the model and its version, in verdicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A verdict, and what was known after it."""

    window: Window
    verdict: Verdict
    memory: Memory


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A monitor and the rows of a recording.

    Attributes
    ----------
    rows : shape (rows, columns), coded as windows count them.
    times : shape (rows,), UTC milliseconds; None where nobody knows.
    """

    monitor: Monitor
    rows: Matrix
    times: Times | None

    @classmethod
    def over(cls, monitor: Monitor, recording: Recording) -> Watch:
        """Watch a recording."""
        return cls(monitor=monitor, rows=coded(monitor.baseline.schema, recording), times=recording.times)

    @cached_property
    def _ids(self) -> Any:
        return hash_event_ids(np.arange(len(self.rows)).astype("S"))

    def state(self, window: Window) -> WindowState:
        """What the consumer would have counted."""
        chosen = window.rows
        times = np.full(len(chosen), window.start) if self.times is None else self.times[chosen]
        return WindowState.of(self.monitor.baseline.layout, self.rows[chosen], times, self._ids[chosen])

    def cells(self, window: Window) -> Mapping[int, int]:
        """A window's rows by the season's cell."""
        season = self.monitor.baseline.seasonal.season
        times = np.full(len(window.rows), window.start) if self.times is None else self.times[window.rows]
        found, rows = np.unique(season.cell(times), return_counts=True)
        return dict(zip(found.tolist(), rows.tolist(), strict=True))

    def verdicts(self, windows: Sequence[Window]) -> Iterator[Told]:
        """Judge windows in their order, hours and days among them."""
        memory = self.monitor.start()
        for window in windows:
            judgement = self.monitor.judge(
                self.state(window),
                span=window.span,
                start=window.start,
                end=window.end,
                memory=memory,
                cells=self.cells(window),
            )
            memory = judgement.memory
            yield Told(window=window, verdict=judgement.verdict, memory=memory)


def coded(schema: FeatureSchema, recording: Recording) -> Matrix:
    """A recording's rows as windows count them: the features, then the prediction if it is watched."""
    served = () if recording.prediction is None else (recording.prediction,)
    return served_matrix(matrix(schema.features, recording.values), *served)


def frozen(
    pair: Pair, settings: MonitorSettings, *, seed: int, calibrate: Callable[[float], None] | None
) -> Baseline:
    """The reference as a baseline; its season and noise count only where live rows have times as well."""
    reference = pair.reference
    return freeze(
        model_name=NAME,
        model_version=NAME,
        schema=pair.schema,
        matrix=matrix(pair.schema.features, reference.values),
        predictions=reference.prediction,
        times=None if pair.live.times is None else reference.times,
        settings=settings,
        seed=seed,
        calibrate=calibrate,
    )


def line(told: Told, *, timed: bool) -> dict[str, Any]:
    """A verdict as the file has it: `Verdict.to_json` and the window's number.

    Parameters
    ----------
    timed : whether rows have times; else starts and ends are None.
    """
    described = told.verdict.to_json()
    return {"window": told.window.number, **(described if timed else _timeless(described))}


def _timeless(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: None if key in ("start", "end", "since") else _timeless(inner) for key, inner in value.items()
    }
