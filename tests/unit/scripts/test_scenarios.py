"""Each scenario does to the rows what it says, from the window on that it is told, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.ensemble import RandomForestRegressor

from drift_core.schema import Feature, FeatureSchema, Kind
from scripts.bundles import LoadedBundle
from scripts.scenarios import NEW_CATEGORY, SCENARIOS, Change, ScenarioError, chosen_feature
from scripts.traffic import Plan, changed, drawn
from training import generator

PLAN = Plan(start_ms=0, windows=8, rows=100, window_seconds=60, seed=3)
FROM = 5


@pytest.fixture(scope="module")
def rows(bundle: LoadedBundle) -> pd.DataFrame:
    return drawn(bundle, PLAN)


def play(bundle: LoadedBundle, rows: pd.DataFrame, name: str, **options: Any) -> pd.DataFrame:
    return changed(bundle, rows, PLAN, SCENARIOS[name], from_window=FROM, **options)


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_changes_before_its_window_and_the_input_never(
    bundle: LoadedBundle, rows: pd.DataFrame, name: str
) -> None:
    before = rows.copy(deep=True)
    made = play(bundle, rows, name)
    assert_frame_equal(rows, before)
    early = rows["window"] < FROM
    assert_frame_equal(made[early], rows[early], check_dtype=False)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_rows(bundle: LoadedBundle, rows: pd.DataFrame, name: str) -> None:
    assert_frame_equal(play(bundle, rows, name), play(bundle, rows, name))


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_column_changes(bundle: LoadedBundle, rows: pd.DataFrame, name: str) -> None:
    made = play(bundle, rows, name)
    differing = [
        column for column in rows if not rows[column].astype(object).equals(made[column].astype(object))
    ]
    expected = {"normal": [], "new_category": ["area"], "concept": ["price"], "degradation": ["price"]}
    assert differing == expected.get(name, ["rooms"])


def moved(bundle: LoadedBundle, rows: pd.DataFrame, made: pd.DataFrame) -> list[float]:
    """Mean move of rooms by window, in standard deviations of the sample."""
    difference = (made["rooms"] - rows["rooms"]) / bundle.sample["rooms"].std(ddof=0)
    return difference.groupby(rows["window"]).mean().round(9).tolist()


def test_sudden_moves_by_its_strength(bundle: LoadedBundle, rows: pd.DataFrame) -> None:
    assert moved(bundle, rows, play(bundle, rows, "sudden", strength=1.5)) == [0] * 5 + [1.5] * 3


def test_gradual_moves_in_equal_steps(bundle: LoadedBundle, rows: pd.DataFrame) -> None:
    assert moved(bundle, rows, play(bundle, rows, "gradual", strength=3.0)) == [0] * 5 + [1, 2, 3]


def test_seasonal_is_a_sine_of_twelve_windows(bundle: LoadedBundle, rows: pd.DataFrame) -> None:
    sine = np.sin(2 * np.pi * np.arange(1, 4) / 12).round(9).tolist()
    assert moved(bundle, rows, play(bundle, rows, "seasonal")) == [0] * 5 + sine


def test_unit_change_multiplies(bundle: LoadedBundle, rows: pd.DataFrame) -> None:
    made = play(bundle, rows, "unit_change")
    late = rows["window"] >= FROM
    assert (made["rooms"] / rows["rooms"])[late].dropna().unique().tolist() == [1000.0]


@pytest.mark.parametrize(("name", "column"), [("missing", "rooms"), ("new_category", "area")])
def test_a_share_of_the_rows_changes(
    bundle: LoadedBundle, rows: pd.DataFrame, name: str, column: str
) -> None:
    many = drawn(bundle, replace(PLAN, rows=2_000))
    made = changed(bundle, many, replace(PLAN, rows=2_000), SCENARIOS[name], from_window=FROM, strength=0.3)
    late = made["window"] >= FROM
    hit = made[column].isna() & many[column].notna() if name == "missing" else made[column] == NEW_CATEGORY
    share = hit[late].mean() / (many[column].notna()[late].mean() if name == "missing" else 1)
    assert share == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / 6_000) ** 0.5)


def test_concept_raises_labels_above_the_median_only(bundle: LoadedBundle, rows: pd.DataFrame) -> None:
    made = play(bundle, rows, "concept", strength=2.0)
    rise = made["price"] - rows["price"]
    high = (rows["rooms"] > bundle.sample["rooms"].median()) & (rows["window"] >= FROM)
    assert rise[high].round(6).unique().tolist() == [round(2 * bundle.sample["price"].std(ddof=0), 6)]
    assert (rise[~high] == 0).all()


def test_degradation_spreads_labels_more_and_more(bundle: LoadedBundle) -> None:
    plan = replace(PLAN, rows=3_000)
    rows = drawn(bundle, plan)
    made = changed(bundle, rows, plan, SCENARIOS["degradation"], from_window=FROM)
    error = (made["price"] - rows["price"]) / bundle.sample["price"].std(ddof=0)
    spread = error.groupby(rows["window"]).std().tolist()
    assert spread[:FROM] == [0] * FROM
    assert spread[FROM:] == pytest.approx([1 / 3, 2 / 3, 1], rel=4 / (2 * 3_000) ** 0.5)


def test_the_most_important_feature_of_the_kind_is_chosen(bundle: LoadedBundle) -> None:
    assert chosen_feature(bundle.manifest, SCENARIOS["new_category"]).name == "area"
    assert chosen_feature(bundle.manifest, SCENARIOS["sudden"]).name == "rooms"
    features = (*bundle.manifest.schema.features, Feature(name="size", kind=Kind.NUMERIC))
    manifest = replace(bundle.manifest, schema=FeatureSchema(features))
    assert chosen_feature(manifest, SCENARIOS["sudden"]).name == "rooms"
    more = replace(manifest, importance={"rooms": 1.0, "size": 2.0, "area": 3.0})
    assert chosen_feature(more, SCENARIOS["sudden"]).name == "size"


def test_a_named_feature_may_be_of_any_kind_where_that_makes_sense(bundle: LoadedBundle) -> None:
    assert chosen_feature(bundle.manifest, SCENARIOS["missing"], "garden").kind is Kind.BOOLEAN
    with pytest.raises(ScenarioError, match="house-prices has no numeric feature garden; it has area"):
        chosen_feature(bundle.manifest, SCENARIOS["sudden"], "garden")


def test_benign_changes_what_the_model_needs_least(bundle: LoadedBundle) -> None:
    features = (*bundle.manifest.schema.features, Feature(name="size", kind=Kind.NUMERIC))
    manifest = replace(
        bundle.manifest, schema=FeatureSchema(features), importance={"rooms": 1.0, "size": 2.0, "garden": 0.1}
    )
    assert chosen_feature(manifest, SCENARIOS["benign"]).name == "rooms"
    assert chosen_feature(manifest, SCENARIOS["sudden"]).name == "size"
    assert chosen_feature(manifest, SCENARIOS["benign"], "size").name == "size"


class Houses:
    """Generated houses in two halves, a model of the first, and what a scenario makes of the second."""

    def __init__(self, name: str, feature: str) -> None:
        sold = generator.houses(8_000, seed=2).drop(columns=generator.TIME_COLUMN)
        sold = sold.assign(area=sold["area"].astype("category").cat.codes)
        half = len(sold) // 2
        self.past = sold[:half]
        change = Change(
            feature=feature,
            target=generator.TARGET,
            strength=SCENARIOS[name].strength,
            scale={str(column): float(sold[column].std(ddof=0)) for column in sold},
            middle={str(column): float(sold[column].median()) for column in sold},
            window=np.zeros(half, np.int64),
            from_window=0,
            windows=1,
            seed=0,
        )
        self.quiet = sold[half:].reset_index(drop=True)
        self.live = SCENARIOS[name].apply(self.quiet, change)
        self.model = self.fitted(self.past)

    @staticmethod
    def fitted(rows: pd.DataFrame) -> RandomForestRegressor:
        model = RandomForestRegressor(20, min_samples_leaf=3, random_state=0)
        return model.fit(rows.drop(columns="price"), rows["price"])

    @staticmethod
    def error(model: RandomForestRegressor, rows: pd.DataFrame) -> float:
        return float((model.predict(rows.drop(columns="price")) - rows["price"]).abs().mean())


def test_the_changed_law_of_concept_can_be_learned() -> None:
    """A model of as many changed houses errs as the first one did on unchanged ones: only the law moved."""
    houses = Houses("concept", "living_area_m2")
    before = houses.error(houses.model, houses.quiet)
    assert houses.error(houses.model, houses.live) > 2.5 * before
    assert houses.live.drop(columns="price").equals(houses.quiet.drop(columns="price"))
    half = len(houses.live) // 2
    first = houses.fitted(houses.past[:half])
    again = houses.fitted(houses.live[:half])
    told = houses.error(again, houses.live[half:]) / houses.error(first, houses.quiet[half:])
    assert told == pytest.approx(1, abs=0.1)


def test_what_degradation_adds_can_be_learned_by_no_model() -> None:
    houses = Houses("degradation", "living_area_m2")
    half = len(houses.live) // 2
    again = houses.error(houses.fitted(houses.live[:half]), houses.live[half:])
    assert again > 0.95 * houses.error(houses.model, houses.live[half:])
    assert again > 2 * houses.error(houses.model, houses.quiet[half:])


def test_benign_drift_does_not_hurt_where_the_law_does_not_know_the_feature() -> None:
    """The price of a generated house does not depend on `rooms`, which the model needs least."""
    houses = Houses("benign", "rooms")
    before, after = (houses.error(houses.model, rows) for rows in (houses.quiet, houses.live))
    assert after < 1.1 * before
    moved = (houses.live["rooms"] - houses.quiet["rooms"]) / houses.quiet["rooms"].std(ddof=0)
    assert moved.mean() == pytest.approx(1, abs=0.05)
    assert houses.live["price"].equals(houses.quiet["price"])
    large = Houses("sudden", "living_area_m2")
    assert large.error(large.model, large.live) > 2 * before
