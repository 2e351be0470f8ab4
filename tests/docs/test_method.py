"""The page on the method is what the code does: its tables, fields, constants and pictures."""

from __future__ import annotations

import re
from dataclasses import fields

import numpy as np
import pytest

from drift_core import (
    arrival,
    baseline,
    bins,
    budget,
    charts,
    errors,
    joint,
    naming,
    noise,
    quality_budget,
    season,
    share_chart,
    signals,
    tolerance,
    track_record,
    window,
)
from drift_core.error_sums import ErrorSums
from drift_core.monitor_settings import MonitorSettings
from drift_core.quality import CHARTS, QualityVerdict
from drift_core.span import Span
from drift_core.verdict import ColumnVerdict, RelationsVerdict, Verdict
from scripts.method_figures import PAGE, PICTURES
from scripts.method_tables import QUICK

TEXT = PAGE.read_text()
PLAIN = " ".join(TEXT.split())
"""Without line breaks."""

MADE = dict(re.findall(r"<!-- figures:begin (\w+) -->\n(.*?)\n?<!-- figures:end -->", TEXT, re.DOTALL))

LARGEST = 60_000
"""Bytes of a picture."""

SETTINGS = MonitorSettings()

ENOUGH = round((charts.BASELINE_ERROR / tolerance.HARMLESS_SHIFT) ** 2, -2)

QUOTED = {
    "bins of a number": f"{bins.QUANTILE_BINS} bins of equal mass",
    "kept categories": f"the {bins.KEPT_CATEGORIES} most frequent categories with at least "
    f"{bins.KEPT_SHARE:.0%}".replace("%", " %"),
    "indicated categories": f"the largest {signals.INDICATED_CATEGORIES}, all without a bin",
    "harmless shift": f"a difference of {tolerance.HARMLESS_SHIFT:g} σ is harmless",
    "harmless distance": f"a distance of {tolerance.HARMLESS_DISTANCE:g}",
    "baseline's error": f"b = {charts.BASELINE_ERROR:g} √(n/(n + m))",
    "floor": f"below {charts.BASELINE_ERROR:g}/√m σ",
    "where more rows stop helping": f"at about {ENOUGH:,.0f} rows",
    "sizes of drift": "Δ = "
    + ", ".join(f"{d:g}" for d in charts.DELTAS[:-1]).replace("0.5", "½")
    + " and 4:",
    "bets": f"λ = min(Δ + 2(κ − b), {charts.BOLDEST:g}Δ)",
    "ceiling": f"stops at {charts.CEILING:g} thresholds",
    "calibrating": f"the first {noise.FEWEST_SPANS} windows are `calibrating`",
    "assumed noise": f"assumed to vary by {noise.GROSS_SHIFT:g} σ",
    "learning": f"up to {noise.MOST_SPANS} of them",
    "power": f"with a chance of {100 * budget.POWER:.0f} %",
    "names": f"at most {100 * naming.FALSE_NAMES:.0f} % are innocent",
    "correlations": f"from {joint.FEWEST_ROWS} rows on",
    "training's sample": f"from {baseline.SAMPLE_ROWS} of training",
    "a window's sample": f"a sample of {bins.Layout(()).sample_size} rows",
    "cut values": f"cuts single values at {window.Z_LIMIT:g} σ",
    "levels of errors": "quantiles at "
    + ", ".join(f"{level:g}" for level in errors.LEVELS[:-1])
    + f" and {errors.LEVELS[-1]:g}",
    "bets on shares": f"λ = {share_chart.BETS[0]:g}/a, {share_chart.BETS[1]:g}/a, … "
    f"{share_chart.BETS[-1]:g}/a",
    "errors of a share": f"{share_chart.BASELINE_ERRORS:g} of its standard errors, and "
    f"{tolerance.HARMLESS_SHIFT:g} σ",
    "tolerated misses": f"4,000 rows of calibration, a is "
    f"{100 * share_chart.tolerated(np.array([0.1]), 4_000, np.zeros(1), 1.0)[0]:.1f} %",
    "learning of arrival": f"The first {arrival.LEARNING_WINDOWS} windows teach",
    "the estimate's record": f"windows within {track_record.NEAR:.0%}".replace("%", " %"),
    "fewest rows": f"fewer than {SETTINGS.min_samples} (`MinSamples`)",
}
"""What the page says where it quotes a constant."""


@pytest.mark.parametrize("name", QUICK)
def test_tables_that_follow_from_formulas_are_theirs(name: str) -> None:
    assert MADE[name] == QUICK[name](), "make the page anew: python -m scripts.method_figures"


def test_every_place_is_filled() -> None:
    assert [name for name, text in MADE.items() if not text.strip()] == []
    assert TEXT.count("figures:begin") == TEXT.count("figures:end") == len(MADE)


def test_pictures_are_there_and_small() -> None:
    shown = re.findall(r"!\[([^]]+)\]\(images/method/([\w.]+)\)", TEXT)
    assert {name for _, name in shown} == {path.name for path in PICTURES.iterdir()}
    assert [name for _, name in shown if not 0 < (PICTURES / name).stat().st_size <= LARGEST] == []


@pytest.mark.parametrize(
    ("heading", "kind", "added"),
    [
        ("The verdict", Verdict, {"format"}),
        ("A column", ColumnVerdict, set()),
        ("The relations", RelationsVerdict, set()),
        ("The verdict on quality", QualityVerdict, set()),
    ],
)
def test_fields_of_a_verdict_are_all_there_and_no_others(heading: str, kind: type, added: set[str]) -> None:
    section = TEXT.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    named = [
        name for row in re.findall(r"^\| (`.+?) \|", section, re.M) for name in re.findall(r"`(\w+)`", row)
    ]
    assert len(named) == len(set(named))
    assert set(named) == {field.name for field in fields(kind)} | added


@pytest.mark.parametrize("quote", QUOTED.values(), ids=QUOTED)
def test_constants_are_the_codes(quote: str) -> None:
    assert quote in PLAIN


def test_charts_of_quality_are_all_there() -> None:
    section = TEXT.partition("| chart | counts | against |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.M)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(CHARTS)


def test_measures_of_quality_are_all_there() -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith("| `measures` |"))
    assert set(re.findall(r"`(\w+)`", row)) == {"measures", *ErrorSums().measures()}


def test_the_budget_is_divided_as_the_page_says() -> None:
    assert (
        "Half of the budget belongs to tests of single windows, hours and days, a third of it each." in PLAIN
    )
    assert budget.SINGLE_SPAN_SHARE == 1 / 2
    assert len(Span) == 3
    assert "three quarters to its inputs" in PLAIN
    assert quality_budget.QUALITY_SHARE == 1 / 4
    assert "five equal parts" in PLAIN
    assert len(quality_budget.PARTS) == 5


def test_the_season_needs_as_many_weeks_as_the_page_says() -> None:
    assert "With two weeks of training data with times" in PLAIN
    assert "with four weeks, with the same hour of the week" in PLAIN
    assert (season.TWO_WEEKS, season.FOUR_WEEKS) == (14, 28)


def test_signals_are_all_there() -> None:
    section = TEXT.partition("| signal | of | sees |")[2].partition("\n\n")[0]
    named = {name.partition(":")[0] for name in re.findall(r"`([\w:<>]+)`", section)}
    relations = {signals.JOINT_SHIFT, signals.CORRELATION, "classifier"}
    shares = {*signals.NUMERIC_SHARES, *signals.CATEGORICAL_SHARES, "category", signals.OTHER}
    assert named == {*signals.CONTRASTS, *shares, signals.SHAPE} | relations
