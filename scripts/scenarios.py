"""Scenarios: what may happen to a model's traffic, each one pure function on rows.

A scenario takes the rows, in order of time, and a `Change`; it returns new rows, the same for the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.bundle import Manifest
from drift_core.schema import Feature, Kind

type Floats = npt.NDArray[np.float64]

SEASON_WINDOWS = 12
"""Length of the season in windows."""

NEW_CATEGORY = "never seen before"
"""The value that `new_category` brings in."""


class ScenarioError(ValueError):
    """A scenario that this bundle cannot play; the text names the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a scenario changes and when.

    Attributes
    ----------
    feature : name of the feature that changes.
    target : name of the label's column.
    strength : how much; each scenario says of what.
    scale, middle : standard deviations and medians in the bundle's sample, by column.
    window : shape (n,), number of each row's window, from 0.
    from_window : first window that changes.
    windows : windows in all.
    """

    feature: str
    target: str
    strength: float
    scale: dict[str, float]
    middle: dict[str, float]
    window: npt.NDArray[np.int64]
    from_window: int
    windows: int
    seed: int

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Which rows come after the change, shape (n,)."""
        return self.window >= self.from_window

    @property
    def growth(self) -> Floats:
        """From 0 before the change to 1 in the last window, in equal steps; shape (n,)."""
        steps = max(1, self.windows - self.from_window)
        return np.clip((self.window - self.from_window + 1) / steps, 0, 1)

    def some(self, share: Floats | float) -> npt.NDArray[np.bool_]:
        """A random share of the changed rows, shape (n,)."""
        generator = np.random.default_rng([self.seed, 1])
        return (generator.random(len(self.window)) < share) & self.active


def normal(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """Nothing changes: rows as training held them out."""
    del change
    return rows.copy()


def sudden(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """The feature moves by `strength` standard deviations, at once."""
    return _shifted(rows, change, change.active.astype(float))


def gradual(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """The feature moves a little further in each window, by `strength` standard deviations in the last."""
    return _shifted(rows, change, change.growth)


def seasonal(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """The feature swings by `strength` standard deviations, once in 12 windows."""
    phase = 2 * np.pi * (change.window - change.from_window + 1) / SEASON_WINDOWS
    return _shifted(rows, change, np.sin(phase) * change.active)


def unit_change(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """The feature is sent in another unit: `strength` times the number."""
    factor = np.where(change.active, change.strength, 1.0)
    return rows.assign(**{change.feature: rows[change.feature].astype(float) * factor})


def missing(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """The feature is missing in a share `strength` of the rows."""
    return rows.assign(
        **{change.feature: rows[change.feature].astype(object).mask(change.some(change.strength))}
    )


def new_category(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """A share `strength` of the rows has a category that training never saw."""
    values = rows[change.feature].astype(object).mask(change.some(change.strength), NEW_CATEGORY)
    return rows.assign(**{change.feature: values})


def benign(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """The feature that the model needs least moves by `strength` standard deviations; labels stay right."""
    return _shifted(rows, change, change.active.astype(float))


def concept(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """Labels of rows above the feature's median rise by `strength` standard deviations of the label."""
    high = rows[change.feature].astype(float) > change.middle[change.feature]
    rise = change.strength * change.scale[change.target] * (high.to_numpy() & change.active)
    return rows.assign(**{change.target: rows[change.target] + rise})


def degradation(rows: pd.DataFrame, change: Change) -> pd.DataFrame:
    """Labels scatter more in each window, by `strength` standard deviations of the label in the last."""
    noise = np.random.default_rng([change.seed, 2]).normal(0, 1, len(rows))
    spread = change.strength * change.scale[change.target] * change.growth
    return rows.assign(**{change.target: rows[change.target] + noise * spread})


def _shifted(rows: pd.DataFrame, change: Change, share: Floats) -> pd.DataFrame:
    move = share * change.strength * change.scale[change.feature]
    return rows.assign(**{change.feature: rows[change.feature].astype(float) + move})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario with its defaults.

    Attributes
    ----------
    kinds : of the features that it can change; unless one is named, it changes one of the first kind.
    labels : whether what it is about shows in labels, so that they are sent.
    least : whether it changes the least important feature instead of the most important.
    weakest, strongest : bounds of the strength; a share lies from 0 to 1.
    notices : what should notice it.
    """

    apply: Callable[[pd.DataFrame, Change], pd.DataFrame]
    strength: float
    kinds: tuple[Kind, ...] = (Kind.NUMERIC,)
    labels: bool = False
    least: bool = False
    weakest: float = -math.inf
    strongest: float = math.inf
    notices: str

    @property
    def does(self) -> str:
        """What it does, in one sentence."""
        return (self.apply.__doc__ or "").strip()

    @property
    def changes(self) -> bool:
        """Whether it changes anything at all."""
        return self.apply is not normal

    def check_strength(self, strength: float, option: str = "--strength") -> None:
        """Do nothing, if it can be played with this strength.

        Parameters
        ----------
        option : where it was given, for the message.

        Raises
        ------
        ScenarioError
            If it cannot.
        """
        if math.isfinite(strength) and self.weakest <= strength <= self.strongest:
            return
        needed = "a finite number"
        if math.isfinite(self.weakest):
            needed = f"a number from {self.weakest:g}"
            needed += f" to {self.strongest:g}" if math.isfinite(self.strongest) else " up"
        raise ScenarioError(f"{option} is {strength}; {self.apply.__name__} needs {needed}")


SCENARIOS = {
    "normal": Scenario(apply=normal, strength=0.0, notices="nothing; an alarm here is a false one"),
    "sudden": Scenario(apply=sudden, strength=1.0, notices="drift alarm in the first changed window"),
    "gradual": Scenario(apply=gradual, strength=1.0, notices="drift alarm once the shift is detectable"),
    "seasonal": Scenario(
        apply=seasonal, strength=1.0, notices="drift alarm at the crests: the baseline knows no season"
    ),
    "unit_change": Scenario(
        apply=unit_change, strength=1000.0, weakest=0.0, notices="drift and gross-shift alarms, first window"
    ),
    "missing": Scenario(
        apply=missing,
        strength=0.2,
        weakest=0.0,
        strongest=1.0,
        kinds=tuple(Kind),
        notices="drift alarm, test 'missing', first window",
    ),
    "new_category": Scenario(
        apply=new_category,
        strength=0.1,
        weakest=0.0,
        strongest=1.0,
        kinds=(Kind.CATEGORICAL,),
        notices="drift alarm, test 'unseen', first window",
    ),
    "benign": Scenario(
        apply=benign,
        strength=1.0,
        labels=True,
        least=True,
        notices="drift alarm, first changed window; no quality alarm, for the error does not grow",
    ),
    "concept": Scenario(
        apply=concept,
        strength=1.0,
        labels=True,
        notices="quality alarm once labels come; the drift alarm cannot, for no input changes",
    ),
    "degradation": Scenario(
        apply=degradation,
        strength=1.0,
        weakest=0.0,
        labels=True,
        notices="quality alarm once labels come; the drift alarm cannot, for no input changes",
    ),
}
"""By name, as `--scenario` takes them."""


def chosen_feature(manifest: Manifest, scenario: Scenario, name: str | None = None) -> Feature:
    """The feature that a scenario changes: the one named, or the most (or least) important of its first kind.

    Raises
    ------
    ScenarioError
        If there is no such feature.
    """
    kinds = scenario.kinds[:1] if name is None else scenario.kinds
    fitting = [feature for feature in manifest.schema.features if feature.kind in kinds]
    if name is not None:
        fitting = [feature for feature in fitting if feature.name == name]
    if not fitting:
        raise ScenarioError(
            f"{manifest.model_name} has no {' or '.join(kinds)} feature {name or ''}".rstrip()
            + f"; it has {', '.join(f'{f.name} ({f.kind.value})' for f in manifest.schema.features)}"
        )
    choose = min if scenario.least else max
    return choose(fitting, key=lambda feature: manifest.importance.get(feature.name, 0.0))
