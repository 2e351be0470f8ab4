"""Drift in words: every signal has a sentence, whose numbers are those of the rows."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_core.bins import Column
from drift_core.classified import CLASSIFIER
from drift_core.schema import Kind
from drift_core.signals import CORRELATION, JOINT_SHIFT, column_signals
from report.numbers import plain
from report.shares import affected, quantile
from report.why import Why, why

RNG = np.random.default_rng(3)
SIZES = RNG.normal(80, 20, 20_000)
NUMBER = Column.freeze("size", Kind.NUMERIC, np.where(RNG.random(20_000) < 0.01, np.nan, SIZES))
AREAS = ("centre", "coast", "hills")
CATEGORY_CODES = RNG.choice(3, 20_000, p=[0.5, 0.3, 0.2]).astype(float)
CATEGORY = Column.freeze("area", Kind.CATEGORICAL, CATEGORY_CODES, AREAS)
FLAG = Column.freeze("garden", Kind.BOOLEAN, RNG.integers(0, 2, 20_000).astype(float), ("false", "true"))
SIGNALS = [(column, one.name) for column in (NUMBER, CATEGORY, FLAG) for one in column_signals(column)]


def counts_of(column: Column, values: np.ndarray) -> np.ndarray:
    return np.bincount(column.index(values), minlength=column.size)


def told(column: Column, values: np.ndarray, signal: str) -> Why:
    """With the measures that the monitor would have of these values."""
    finite = values[np.isfinite(values)]
    shift = (finite.mean() - column.center) / column.scale if column.numeric else np.nan
    measures = {"score": 3.0, "mean_shift_sigma": shift}
    return why(column, measures, signal=signal, counts=counts_of(column, values))


@pytest.mark.parametrize(("column", "signal"), SIGNALS, ids=[f"{c.name}-{s}" for c, s in SIGNALS])
def test_every_signal_of_a_column_has_a_sentence_with_before_and_after(column: Column, signal: str) -> None:
    values = SIZES[:500] * 1.5 if column.numeric else np.ones(500)
    found = told(column, values, signal)
    assert "The distribution changed." not in found.text
    assert re.search(r"\d", found.before), found
    assert re.search(r"\d", found.after), found
    assert found.before in found.text
    assert found.after in found.text


@pytest.mark.parametrize("signal", [JOINT_SHIFT, CORRELATION, CLASSIFIER])
def test_so_have_signals_of_several_columns(signal: str) -> None:
    assert "The distribution changed." not in why(NUMBER, {}, signal=signal).text


def test_a_signal_that_a_later_version_has_is_named() -> None:
    text = why(NUMBER, {"score": 3.0}, signal="kurtosis").text
    assert text.startswith("The distribution changed. Strongest signal: kurtosis.")


def test_the_sentences_of_a_mean() -> None:
    found = told(NUMBER, SIZES[:2_000] + 30, "location")
    mean = float(re.search(r"to ([\d.]+),", found.text)[1])  # type: ignore[index]
    assert mean == pytest.approx(SIZES[:2_000].mean() + 30, rel=1e-3)
    assert "1.5" in found.text
    assert "σ higher" in found.text
    assert "σ lower" in told(NUMBER, SIZES[:2_000] - 30, "location").text


def test_what_else_changed_is_told_beside_the_signal() -> None:
    """A fifth missing is told also where the mean found the drift, and what did not change is not."""
    values = np.where(np.arange(2_000) % 5 == 0, np.nan, SIZES[:2_000] + 30)
    text = told(NUMBER, values, "location").text
    assert re.search(r"Missing values: (0\.9|1|1\.1)\d* % of the rows in training, 20 % now\.", text)
    quiet = told(CATEGORY, np.repeat([0.0, 1.0, 2.0], [500, 300, 200]), "category:centre").text
    assert "Missing" not in quiet
    assert "never saw" not in quiet
    factor = why(NUMBER, {"unit_factor": 10.764}, signal="location").text
    assert "multiplied by 10.76, as after a change of unit" in factor


def test_other_categories_are_those_without_a_bin_seen_or_not() -> None:
    """As the signal counts them: a tenth that training never saw is a tenth more."""
    codes = np.where(np.arange(1_000) % 10 == 0, -1.0, CATEGORY_CODES[:1_000])
    found = told(CATEGORY, codes, "other")
    assert (found.before, found.after) == ("0 %", "10 %")


def test_where_no_bin_tells_how_far_the_edge_is_told() -> None:
    found = told(NUMBER, SIZES[:500] + 1_000, "scale")
    assert found.after == f"above {plain(NUMBER.edges[-1])}"
    assert "above" not in found.before


def test_since_and_evidence_are_told() -> None:
    text = why(NUMBER, {"score": 7.54321}, signal="location", since=1_767_268_800_000).text
    assert "The evidence is 7.54 times its threshold." in text
    assert "since 2026-01-01 12:00 UTC" in text
    assert "since" not in why(NUMBER, {"score": 7.5}, signal="location").text


def test_documents_of_before_have_no_counts() -> None:
    """Shares stand in the measures; how many rows lie elsewhere is not known, and not said."""
    unknown = np.full(NUMBER.size, -1)
    found = why(NUMBER, {"missing_share": 0.25}, signal="missing", counts=unknown)
    assert 0.9 <= float(found.before.removesuffix(" %")) <= 1.1
    assert (found.after, found.affected_share) == ("25 %", None)
    assert "At least" not in found.text


def test_a_column_without_rows_is_explained() -> None:
    for column, signal in SIGNALS:
        found = why(column, {}, signal=signal, counts=np.zeros(column.size, np.int64))
        assert "nan" not in found.text
        assert found.affected_share is None


@given(
    rows=st.lists(st.integers(0, 5), min_size=1, max_size=60),
    moves=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 5)), max_size=30),
)
def test_the_affected_share_is_a_lower_bound(rows: list[int], moves: list[tuple[int, int]]) -> None:
    """However rows are moved between bins: never more than were moved is told."""
    before = np.array(rows)
    now = before.copy()
    for at, to in moves:
        now[at % len(now)] = to
    p, q = np.bincount(before, minlength=6), np.bincount(now, minlength=6)
    column = Column(name="x", kind=Kind.NUMERIC, edges=(0, 1, 2), reference=tuple(p.tolist()))
    assert affected(column, q) <= (before != now).mean() + 1e-9


@pytest.mark.parametrize("rows", [100, 400, 10_000])
@pytest.mark.parametrize("column", [NUMBER, CATEGORY], ids=["number", "category"])
def test_chance_alone_affects_nothing_on_average_and_drift_does(column: Column, rows: int) -> None:
    """On average at most chance is told without drift, and with drift the truth less chance at least."""
    draw = np.random.default_rng(rows)
    reference = np.array(column.reference)
    p = reference / reference.sum()
    quiet = [affected(column, one) for one in draw.multinomial(rows, p, size=500)]
    moved = np.where(np.arange(column.size) == 0, 0.5, 0) + p / 2
    loud = [affected(column, one) for one in draw.multinomial(rows, moved, size=500)]
    truth = np.abs(moved - p).sum() / 2
    chance = np.sqrt(2 / np.pi * p * (1 - p) * (1 / rows + 1 / reference.sum())).sum() / 2
    assert np.mean(quiet) < 0.4 * chance
    error = 4 * np.std(loud) / np.sqrt(500)
    assert truth - chance - error < np.mean(loud) < truth + error


@given(
    values=st.lists(st.floats(20, 140), min_size=1, max_size=200),
    level=st.sampled_from([0.05, 0.25, 0.5, 0.75, 0.95]),
)
def test_a_quantile_is_wrong_by_a_bin_at_most(values: list[float], level: float) -> None:
    """Against numpy's quantile by the inverse of the distribution, of the values themselves."""
    counts = counts_of(NUMBER, np.array(values))
    found = quantile(NUMBER, counts, level)
    truth = float(np.quantile(values, level, method="inverted_cdf"))
    at = int(NUMBER.index(np.array([truth]))[0])
    assert found is not None
    if at < NUMBER.inner:
        assert NUMBER.edges[at] - 1e-9 <= found <= NUMBER.edges[at + 1] + 1e-9
    else:
        assert found == (np.inf if at == NUMBER.special("above") else -np.inf)
