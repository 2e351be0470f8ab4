"""House prices made by a documented formula: see docs/house_prices.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

TARGET = "price"
TIME_COLUMN = "sold_at"
MODEL_NAME = "house-prices"
UNITS = {
    "price": "EUR",
    "living_area_m2": "m2",
    "rooms": "rooms",
    "build_year": "year",
    "distance_km": "km",
    "energy_kwh_m2": "kWh/m2/year",
    "neighbourhood_income": "EUR/year",
    "condition": "grade",
}

type _Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Area:
    name: str
    share: float  # of all sales
    level: float  # EUR per m2 before the other factors
    distance: float  # km to the centre, mean
    income: float  # EUR a year, median
    historic: float  # share of houses built before the first suburbs


_AREAS = (
    _Area("centre", 0.16, 5_200, 1.5, 46_000, 0.60),
    _Area("harbour", 0.10, 4_800, 2.5, 52_000, 0.20),
    _Area("park_side", 0.12, 5_600, 3.5, 68_000, 0.35),
    _Area("north", 0.18, 3_500, 6.0, 34_000, 0.15),
    _Area("east", 0.17, 3_100, 7.0, 31_000, 0.20),
    _Area("south", 0.15, 3_900, 6.5, 41_000, 0.25),
    _Area("hills", 0.12, 5_000, 10.0, 62_000, 0.10),
)

_REFERENCE_YEAR = 2024  # ages are counted from here, so that a house does not change while time passes
_HISTORIC = 1930
_TREND = 0.01  # price growth in one year
_SEASON = 0.01  # price above the mean in mid June, below it in mid December
_SPRING = 75  # day of the year at which the season's sine is zero and rising


def houses(
    n: int,
    *,
    seed: int = 0,
    start: datetime = datetime(2024, 1, 1, tzinfo=UTC),
    days: float = 365.0,
) -> pd.DataFrame:
    """Sales of houses in a made-up city, ordered by time.

    Only the price moves with time, and slightly; the features do not.

    Parameters
    ----------
    n : number of sales.
    start, days : the sales are spread evenly over this span.

    Returns
    -------
    n rows: `sold_at` (UTC, ms), nine features, `price` in EUR. Missing values are NaN.

    >>> houses(2, seed=1)[["area", "rooms", "price"]].to_dict("records")
    [{'area': 'north', 'rooms': 3, 'price': 184200.0}, {'area': 'hills', 'rooms': 6, 'price': 526400.0}]
    """
    rng = np.random.default_rng(seed)
    code = rng.choice(len(_AREAS), size=n, p=[area.share for area in _AREAS])
    distance = _by_area("distance", code) * rng.gamma(6.0, 1 / 6, n)
    living = np.clip((60 + 5 * distance) * np.exp(rng.normal(0, 0.36, n)), 20, 400)
    rooms = np.clip(np.rint(living / 27 + rng.normal(0, 0.6, n)), 1, 12)
    historic = rng.random(n) < _by_area("historic", code)
    year = np.where(historic, rng.normal(1905, 12, n), rng.normal(1980, 18, n))
    year = np.clip(np.rint(year), 1860, _REFERENCE_YEAR)
    garden = rng.random(n) < _sigmoid(-2.2 + 0.35 * distance + 0.012 * (living - 80))
    condition = np.clip(np.rint(3.2 + 0.012 * (year - 1975) + rng.normal(0, 0.9, n)), 1, 5)
    energy = 230 - 1.9 * (year - 1950) - 18 * (condition - 3) + rng.normal(0, 30, n)
    energy = np.clip(energy, 25, 420)
    income = _by_area("income", code) * np.exp(rng.normal(0, 0.12, n))
    seconds = np.sort(rng.uniform(0, days * 86_400, n))

    log_price = (
        np.log(100 * _by_area("level", code))
        + 0.94 * np.log(living / 100)
        - 0.03 * distance
        + 0.25 * np.log(income / 45_000)
        - 0.0025 * np.minimum(_REFERENCE_YEAR - year, 80)
        + 0.14 * ((year < _HISTORIC) & np.isin(code, _codes("centre", "park_side")))
        + 0.05 * (condition - 3)
        + garden * (0.03 + 0.10 * np.exp(-distance / 4))
        - 0.0005 * (energy - 150) * living / 100
        + _season_and_trend(start, seconds)
    )
    noise = 0.05 + 0.02 * (year < _HISTORIC) + 0.02 * living / 100
    price = np.exp(log_price + noise * rng.normal(0, 1, n))

    return pd.DataFrame(
        {
            TIME_COLUMN: pd.Series(start + pd.to_timedelta(seconds, unit="s")).astype("datetime64[ms, UTC]"),
            "area": pd.Series([_AREAS[i].name for i in code], dtype="str"),
            "living_area_m2": living.round(1),
            "rooms": rooms.astype(np.int64),
            "build_year": year.astype(np.int64),
            "distance_km": distance.round(2),
            "has_garden": garden,
            "condition": _missing(condition, rng.random(n) < 0.01 + 0.06 * (condition <= 2)),
            "energy_kwh_m2": _missing(
                energy.round(0), rng.random(n) < 0.03 + 0.22 * _sigmoid((1950 - year) / 12)
            ),
            "neighbourhood_income": _missing(income.round(-2), rng.random(n) < 0.015),
            TARGET: price.round(-2),
        }
    )


def _by_area(field: str, code: npt.NDArray[np.int64]) -> _Floats:
    return np.array([getattr(area, field) for area in _AREAS], np.float64)[code]


def _codes(*names: str) -> list[int]:
    return [i for i, area in enumerate(_AREAS) if area.name in names]


def _season_and_trend(start: datetime, seconds: _Floats) -> _Floats:
    """Change of the logarithm of the price since the first of January of the reference year."""
    origin = datetime(_REFERENCE_YEAR, 1, 1, tzinfo=UTC)
    day = (start - origin) / timedelta(days=1) + seconds / 86_400
    return _TREND * day / 365.25 + _SEASON * np.sin(2 * np.pi * (day - _SPRING) / 365.25)


def _sigmoid(x: _Floats) -> _Floats:
    return 1 / (1 + np.exp(-x))


def _missing(values: _Floats, gone: npt.NDArray[np.bool]) -> _Floats:
    return np.where(gone, np.nan, values)
