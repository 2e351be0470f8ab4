"""Inject a scenario into recorded traffic: when is it noticed, and is the right feature named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from drift_core.schema import Feature, Kind
from scripts.backtest_cells import cells
from scripts.backtest_columns import Reading, Role
from scripts.backtest_files import Pair
from scripts.backtest_watch import Told
from scripts.backtest_windows import Cut
from scripts.scenarios import SCENARIOS, Change, Scenario, ScenarioError

PLAYED = [name for name, scenario in SCENARIOS.items() if scenario.changes and not scenario.labels]
"""Scenarios that change what a monitor without labels can see."""

_WRITTEN = re.compile(r"(?P<name>[a-z_]+)(:(?P<strength>[^@]+))?@(?P<window>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A scenario and when it begins.

    Attributes
    ----------
    strength : how much; see the scenario.
    window : the first window that changes.
    feature : what changes; None for the first that can.
    """

    name: str
    strength: float
    window: int
    feature: str | None = None

    @classmethod
    def of(cls, text: str, feature: str | None) -> Self:
        """Read `sudden@20` or `sudden:0.5@20`.

        Raises
        ------
        ScenarioError
            If it is written otherwise, or the scenario cannot be played so.

        >>> Injection.of("sudden:0.5@20", None).window
        20
        """
        parts = _WRITTEN.fullmatch(text)
        if parts is None:
            raise ScenarioError(f"--inject is {text!r}; write SCENARIO@WINDOW or SCENARIO:STRENGTH@WINDOW")
        if parts["name"] not in PLAYED:
            raise ScenarioError(f"--inject names {parts['name']!r}; it can play {', '.join(PLAYED)}")
        scenario = SCENARIOS[parts["name"]]
        try:
            strength = scenario.strength if parts["strength"] is None else float(parts["strength"])
        except ValueError:
            raise ScenarioError(f"--inject has strength {parts['strength']!r}; give a number") from None
        scenario.check_strength(strength, option=f"the strength in --inject {text}")
        return cls(name=parts["name"], strength=strength, window=int(parts["window"]), feature=feature)

    @property
    def scenario(self) -> Scenario:
        """What happens."""
        return SCENARIOS[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of an injection.

    Attributes
    ----------
    feature : the one that was changed.
    window : number of the first window after the change that drifted; None if none did.
    delay : windows until then; 1 if the first one with the change was it.
    hours : from the begin of the first changed window to the end of that window; None without times.
    first_named : what was named first there; None if nothing was.
    before : windows before the change that drifted: false alarms, if the traffic was quiet.
    """

    feature: str
    window: int | None
    delay: int | None
    hours: float | None
    first_named: str | None
    before: tuple[int, ...]


def injected(pair: Pair, cut: Cut, injection: Injection, *, seed: int) -> tuple[Pair, str]:
    """The files with the live one after the scenario, and the feature that it changed.

    Raises
    ------
    ScenarioError
        If there is no such window or no feature that could change.
    """
    if injection.window >= len(cut.windows):
        raise ScenarioError(
            f"--inject begins at window {injection.window}, and the last is {len(cut.windows) - 1}; give at "
            f"most that"
        )
    feature = _feature(pair.schema.features, injection)
    values = pair.live.values[feature.name]
    number = np.full(len(values), -1)  # rows that are in no window do not change
    for window in cut.windows:
        number[window.rows] = window.number
    numeric = feature.kind is Kind.NUMERIC
    known = pair.reference.values[feature.name]
    scale, middle = (float(np.nanstd(known)), float(np.nanmedian(known))) if numeric else (1.0, 0.0)
    change = Change(
        feature=feature.name,
        target="",
        strength=injection.strength,
        scale={feature.name: scale},
        middle={feature.name: middle},
        window=number,
        from_window=injection.window,
        windows=len(cut.windows),
        seed=seed,
    )
    changed = injection.scenario.apply(pd.DataFrame({feature.name: values}), change)[feature.name]
    how = Reading(column=feature.name, role=Role.FEATURE, kind=feature.kind, why=injection.name)
    after = {**pair.live.values, feature.name: cells(changed, how, "the live file")}
    return replace(pair, live=replace(pair.live, values=after)), feature.name


def _feature(features: Sequence[Feature], injection: Injection) -> Feature:
    kinds = injection.scenario.kinds[:1] if injection.feature is None else injection.scenario.kinds
    fitting = [feature for feature in features if feature.kind in kinds]
    if injection.feature is not None:
        fitting = [feature for feature in fitting if feature.name == injection.feature]
    if not fitting:
        known = ", ".join(f"{feature.name} ({feature.kind.value})" for feature in features)
        raise ScenarioError(
            f"{injection.name} needs a {' or '.join(kinds)} feature, and there are {known}; "
            f"choose with --inject-feature"
        )
    return fitting[0]


def found(told: Sequence[Told], injection: Injection, feature: str, *, timed: bool) -> Found:
    """How long it took, over windows.

    Parameters
    ----------
    told : verdicts on the changed recording.
    timed : whether rows have times.
    """
    windows = {one.window.number: one for one in told if one.window.number is not None}
    drifted = [number for number, one in windows.items() if one.verdict.drift]
    before = tuple(number for number in drifted if number < injection.window)
    after = [number for number in drifted if number >= injection.window]
    if not after:
        return Found(feature=feature, window=None, delay=None, hours=None, first_named=None, before=before)
    first = windows[after[0]]
    hours = (first.window.end - windows[injection.window].window.start) / 3_600_000
    return Found(
        feature=feature,
        window=after[0],
        delay=after[0] - injection.window + 1,
        hours=hours if timed else None,
        first_named=first.verdict.guilty[0] if first.verdict.guilty else None,
        before=before,
    )
