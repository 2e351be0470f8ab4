"""Traffic that was accepted as a baseline: it may hold categories that the model never saw."""

import numpy as np
import pytest
from scipy import stats

from drift_core.bins import Column
from drift_core.schema import UNSEEN, Feature, Kind, Matrix
from tests.unit.drift_core.fixture_house import SETTINGS, first_verdict, single

AREA = Feature(name="area", kind=Kind.CATEGORICAL, categories=("centre", "coast", "hills", "moor"))
CODES = np.array([UNSEEN, 0.0, 1.0, 2.0, 3.0, np.nan])
USUAL = (0.05, 0.1, 0.5, 0.0, 0.34, 0.01)
"""Shares by code: the first area has become rare, the third is gone, 5 % are of a new one."""


def areas(n: int, seed: int, shares: tuple[float, ...] = USUAL) -> Matrix:
    return np.random.default_rng(seed).choice(CODES, n, p=shares)


BASELINE = single(AREA, areas(20_000, 1))


def test_every_row_is_counted_in_its_bin() -> None:
    values = areas(20_000, 1)
    column = Column.of_feature(AREA, values)
    assert column.categories == AREA.categories
    expected = [
        *((values == code).sum() for code in range(4)),
        0,
        (values == UNSEEN).sum(),
        np.isnan(values).sum(),
    ]
    assert list(column.reference) == expected


def test_traffic_with_the_accepted_share_of_a_new_category_is_quiet() -> None:
    """At the budget's level of one window, so that 300 windows hold none."""
    scores = [
        first_verdict(BASELINE, areas(500, seed)[:, None], SETTINGS).drift_score for seed in range(2, 302)
    ]
    assert max(scores) < 1


@pytest.mark.parametrize(
    "shares",
    [
        (0.12, 0.1, 0.43, 0.0, 0.34, 0.01),  # more of the new one
        (0.0, 0.1, 0.55, 0.0, 0.34, 0.01),  # none of it
        (0.05, 0.1, 0.47, 0.03, 0.34, 0.01),  # what was gone comes back
        (0.05, 0.45, 0.15, 0.0, 0.34, 0.01),  # the old order returns
    ],
)
def test_what_was_not_accepted_alarms(shares: tuple[float, ...]) -> None:
    found = [
        first_verdict(BASELINE, areas(2_000, seed, shares)[:, None], SETTINGS).drift for seed in range(20)
    ]
    assert sum(found) >= stats.binom.ppf(0.001, 20, 0.95)
