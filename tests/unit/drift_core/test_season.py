"""Season: the cells of a week against the calendar."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_core.season import DAY_MS, HOUR_MS, Season


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))
def test_cells_follow_the_calendar_in_utc(moment: datetime) -> None:
    at = int(moment.replace(tzinfo=UTC).timestamp() * 1000)
    assert Season.WEEK.cell(at) == moment.weekday() * 24 + moment.hour
    assert Season.DAY_KIND.cell(at) == moment.hour + 24 * (moment.weekday() >= 5)
    assert Season.NONE.cell(at) == 0


@pytest.mark.parametrize("season", list(Season))
def test_a_week_visits_every_cell(season: Season) -> None:
    week = np.arange(168) * HOUR_MS + 20_000 * DAY_MS
    assert set(season.cell(week).tolist()) == set(range(season.cells))


@pytest.mark.parametrize(
    ("days", "season"), [(1, Season.NONE), (12.9, Season.NONE), (14, Season.DAY_KIND), (28, Season.WEEK)]
)
def test_the_finest_season_that_the_training_data_has_seen_twice(days: float, season: Season) -> None:
    assert Season.of(np.array([0, int(days * DAY_MS)])) is season


def test_data_without_times_has_no_season() -> None:
    assert Season.of(None) is Season.NONE
    assert Season.of(np.array([], np.int64)) is Season.NONE
