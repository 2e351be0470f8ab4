"""The six experiments: what happens to the traffic, from which hour on, and which models watch it."""

from __future__ import annotations

from dataclasses import dataclass

QUIET = 12
"""Windows before anything changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that happens.

    Attributes
    ----------
    scenario : a name of `scripts.scenarios.SCENARIOS`.
    from_window : first window that changes.
    strength : see the scenarios.
    told : for the picture; empty where an earlier act says it.
    """

    scenario: str
    from_window: int
    strength: float
    feature: str
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that watches.

    Attributes
    ----------
    seasonal : whether larger homes are asked about in the evening, in its training as in the traffic.
    timed : whether training knew when each row happened.
    calibrated : whether the charts' thresholds are found by simulation, where the times allow it.
    """

    told: str
    seasonal: bool = False
    timed: bool = True
    calibrated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment; its windows are hours.

    Attributes
    ----------
    acts : in the order of time; they add up.
    rows : in each window.
    attributed : whether the sampled rows are attributed to features, which takes a second for each window.
    """

    name: str
    title: str
    windows: int
    acts: tuple[Act, ...] = ()
    rows: int = 500
    attributed: bool = False
    models: tuple[Model, ...] = (Model(told="house prices"),)

    @property
    def begins(self) -> int:
        """The first window that changes; the number of windows if none does."""
        return min((act.from_window for act in self.acts), default=self.windows)


_SIZE, _DISTANCE, _INCOME = "living_area_m2", "distance_km", "neighbourhood_income"


def _missing(from_window: int, strength: float, told: str = "") -> Act:
    return Act(scenario="missing", from_window=from_window, strength=strength, feature=_INCOME, told=told)


EXPERIMENTS = {
    one.name: one
    for one in (
        Experiment(name="normal", title="A month in which nothing happens", windows=720),
        Experiment(
            name="gradual",
            title="One feature creeps away",
            windows=QUIET + 60,
            acts=(
                Act(
                    scenario="gradual",
                    from_window=QUIET,
                    strength=0.5,
                    feature=_SIZE,
                    told="living_area_m2 begins to grow, to +0.5 σ",
                ),
            ),
        ),
        Experiment(
            name="sudden",
            title="One feature jumps",
            windows=QUIET + 24,
            acts=(
                Act(
                    scenario="sudden",
                    from_window=QUIET,
                    strength=0.5,
                    feature=_SIZE,
                    told="living_area_m2 is 0.5 σ higher",
                ),
            ),
            attributed=True,
        ),
        Experiment(
            name="seasonal",
            title="Larger homes in the evening; on the seventh day something else shifts",
            windows=7 * 24,
            acts=(
                Act(
                    scenario="sudden",
                    from_window=6 * 24,
                    strength=0.5,
                    feature=_DISTANCE,
                    told="distance_km +0.5 σ",
                ),
            ),
            models=(
                Model(told="trained with times", seasonal=True),
                Model(told="trained without times", seasonal=True, timed=False),
            ),
        ),
        Experiment(
            name="degradation",
            title="The feed decays, piece by piece",
            windows=QUIET + 36,
            acts=(
                _missing(QUIET, 0.02, "incomes go missing: 2, 5, 10 %"),
                _missing(QUIET + 6, 0.05),
                _missing(QUIET + 12, 0.1),
                Act(
                    scenario="new_category",
                    from_window=QUIET + 18,
                    strength=0.02,
                    feature="area",
                    told="2 % new areas",
                ),
                Act(
                    scenario="unit_change",
                    from_window=QUIET + 27,
                    strength=0.621371,
                    feature=_DISTANCE,
                    told="km become miles",
                ),
            ),
        ),
        Experiment(
            name="concept",
            title="The world changes where no input shows it",
            windows=QUIET + 24,
            acts=(
                Act(
                    scenario="concept",
                    from_window=QUIET,
                    strength=1.0,
                    feature=_SIZE,
                    told="large homes begin to cost 1 σ more",
                ),
            ),
            attributed=True,
        ),
    )
}
"""By name, as `python -m scripts.experiment` takes them."""
