"""The generator against its own documentation."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from training.generator import TARGET, TIME_COLUMN, UNITS, houses

DOCUMENT = Path(__file__).parents[3] / "docs" / "house_prices.md"
N = 20_000


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    return houses(N, seed=5)


def documented_areas() -> pd.DataFrame:
    rows = re.findall(r"^\| (\w+) \|" + r" ([\d.]+) \|" * 5 + "$", DOCUMENT.read_text(), re.MULTILINE)
    columns = ["area", "share", "level", "distance", "income", "historic"]
    return pd.DataFrame(rows, columns=columns).set_index("area").astype(float)


def documented_price(sales: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Expected logarithm of the price and its noise, written anew from the document."""
    level = sales["area"].map(documented_areas()["level"])
    days = (sales["sold_at"] - pd.Timestamp("2024-01-01", tz="UTC")) / pd.Timedelta(days=1)
    old = sales["build_year"] < 1930
    size = sales["living_area_m2"] / 100
    expected = (
        np.log(100 * level)
        + 0.94 * np.log(size)
        - 0.03 * sales["distance_km"]
        + 0.25 * np.log(sales["neighbourhood_income"] / 45_000)
        - 0.0025 * (2024 - sales["build_year"]).clip(upper=80)
        + 0.14 * (old & sales["area"].isin(["centre", "park_side"]))
        + 0.05 * (sales["condition"] - 3)
        + sales["has_garden"] * (0.03 + 0.10 * np.exp(-sales["distance_km"] / 4))
        - 0.0005 * (sales["energy_kwh_m2"] - 150) * size
        + 0.01 * days / 365.25
        + 0.01 * np.sin(2 * np.pi * (days - 75) / 365.25)
    )
    return expected, 0.05 + 0.02 * size + 0.02 * old


def test_the_price_follows_the_documented_formula(sales: pd.DataFrame) -> None:
    complete = sales.dropna()
    expected, noise = documented_price(complete)
    z = (np.log(complete[TARGET]) - expected) / noise
    n = len(z)
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * n)
    for column in complete.select_dtypes("number").columns.drop(TARGET):  # nothing is left to explain
        assert abs(np.corrcoef(z, complete[column])[0, 1]) < 4 / np.sqrt(n), column


def test_areas_come_in_their_documented_shares(sales: pd.DataFrame) -> None:
    documented = documented_areas()
    assert documented["share"].sum() == pytest.approx(1)
    found = sales["area"].value_counts()[documented.index]
    assert stats.chisquare(found, documented["share"] * N).pvalue > 1e-4
    distances = sales.groupby("area")["distance_km"].mean()[documented.index]
    assert distances.to_numpy() == pytest.approx(documented["distance"].to_numpy(), rel=0.05)


def test_values_go_missing_where_documented(sales: pd.DataFrame) -> None:
    def within(found: pd.Series, chance: float) -> bool:
        return bool(abs(found.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / len(found)))

    chance = 0.03 + 0.22 / (1 + np.exp(-(1950 - sales["build_year"]) / 12))
    old = sales["build_year"] < 1930
    for part in (old, ~old):
        assert within(sales["energy_kwh_m2"].isna()[part], float(chance[part].mean()))
    assert within(sales["neighbourhood_income"].isna(), 0.015)
    assert 0.01 < sales["condition"].isna().mean() < 0.07


def test_features_do_not_move_with_time(sales: pd.DataFrame) -> None:
    early, late = sales.iloc[: N // 2], sales.iloc[N // 2 :]
    for column in sales.columns.drop([TIME_COLUMN, TARGET, "area"]):
        both = early[column].dropna().astype(float), late[column].dropna().astype(float)
        assert stats.ks_2samp(*both, method="asymp").pvalue > 1e-4, column
    table = [early["area"].value_counts().sort_index(), late["area"].value_counts().sort_index()]
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_features_are_correlated_as_houses_are(sales: pd.DataFrame) -> None:
    assert sales["living_area_m2"].corr(sales["rooms"]) > 0.8
    assert sales["build_year"].corr(sales["energy_kwh_m2"]) < -0.8
    assert sales["living_area_m2"].corr(sales["distance_km"]) > 0.3


def test_the_same_seed_gives_the_same_rows_and_another_gives_others() -> None:
    pd.testing.assert_frame_equal(houses(50, seed=3), houses(50, seed=3))
    assert not houses(50, seed=3).equals(houses(50, seed=4))


def test_sales_are_ordered_within_their_span() -> None:
    start = datetime(2025, 6, 1, tzinfo=UTC)
    times = houses(500, start=start, days=2)[TIME_COLUMN]
    assert times.is_monotonic_increasing
    assert times.min() >= pd.Timestamp(start)
    assert times.max() < pd.Timestamp("2025-06-03", tz="UTC")


def test_every_number_has_a_unit(sales: pd.DataFrame) -> None:
    assert set(UNITS) == set(sales.select_dtypes("number").columns)
