"""Real data: a random split is quiet, another region or another year is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from scripts import backtest
from scripts.stack import PROJECT
from tests.unit.scripts.fixture_backtest import files, options

DATA = PROJECT.parent / "shared" / "data"
HOUSES = options(target="median_house_value", window_rows=100)


def frame(name: str) -> pd.DataFrame:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is missing; it is real data that the project does not contain")
    found: pd.DataFrame = pd.read_csv(path)
    return found


def run(folder: Path, reference: pd.DataFrame, live: pd.DataFrame, asked: list[str]) -> tuple[str, list[Any]]:
    done = CliRunner().invoke(backtest.app, [*files(folder, reference, live), *asked], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    written = (folder / "verdicts.jsonl").read_text().splitlines()
    return " ".join(done.output.split()), [json.loads(line) for line in written]


def halves(rows: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows.iloc[order[: len(rows) // 2]], rows.iloc[order[len(rows) // 2 :]]


@pytest.mark.parametrize("seed", range(3))
def test_californian_houses_split_at_random_are_quiet(tmp_path: Path, seed: int) -> None:
    """103 windows are a third of a day: three such stretches alarm with a chance of 4 % at most."""
    text, told = run(tmp_path, *halves(frame("california_housing.csv"), seed), HOUSES)
    assert len(told) == 103
    assert not any(line["drift"] for line in told)
    assert "No drift: the monitor would have stayed quiet in all 103 windows" in text


def test_houses_of_the_coast_are_not_those_inland(tmp_path: Path) -> None:
    houses = frame("california_housing.csv").sample(frac=1, random_state=0)
    inland = houses["ocean_proximity"] == "INLAND"
    asked = [*HOUSES, *options(ignore="longitude,latitude,ocean_proximity")]
    _, told = run(tmp_path, houses[inland], houses[~inland], asked)
    assert np.mean([line["drift"] for line in told]) > 0.9
    named = [name for line in told for name in line["guilty"]]
    assert named.count("median_income") > len(told) / 2


def test_bikes_of_2012_are_not_those_of_2011(tmp_path: Path) -> None:
    bikes = frame("bike_sharing_hour.csv")
    asked = options(target="cnt", time_column="timestamp", window="1D", ignore="yr,mnth,season,casual")
    text, told = run(tmp_path, bikes[bikes["yr"] == 0], bikes[bikes["yr"] == 1], [*asked, "--no-calibrate"])
    assert {line["span"] for line in told} == {"window"}
    assert len(told) == 182  # a day has 24 rows, 30 have a shape: two days a window
    assert "instant │ left out │ whole numbers, no two rows alike" in text
    assert "dteday │ left out │ dates" in text
    assert "Season of the reference: hour of week" in text
    named = [name for line in told if line["drift"] for name in line["guilty"]]
    assert "registered" in named  # the service grew by two thirds


def test_census_with_awkward_names_is_read_whole(tmp_path: Path) -> None:
    text, told = run(tmp_path, *halves(frame("adult.csv"), 0), options(target="class", window_rows=200))
    assert set(told[0]["features"]) >= {"education-num", "marital-status", "hours-per-week"}
    assert sum(line["features"]["workclass"]["missing_share"] for line in told) / len(told) > 0.04
    assert not any(line["drift"] for line in told)
    assert "education-num │ numeric │ 16 different whole numbers" in text
