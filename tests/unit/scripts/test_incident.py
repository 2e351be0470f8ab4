"""What the notebook computes: the incident among verdicts, what moved and where, and what speaks for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift_core.bins import Column
from drift_core.policy import RetrainingPolicy
from drift_core.schema import Kind
from queries.athena import Answer
from scripts import incident_plots
from scripts.archived import Archived
from scripts.bundles import LoadedBundle
from scripts.incident_documents import (
    GAP,
    Document,
    NoIncidentError,
    impossible_percent,
    latest,
    moved,
    scores,
    table,
)
from scripts.incident_outcome import Evidence, Trial, decisions, trial
from scripts.incident_rows import archived_rows, by_segment, counted, errors, onset, shares
from scripts.retraining_watch import time_of
from scripts.stack import Stack
from training import generator
from training.table import tabulate

MINUTE = 60_000
BEGIN = time_of("2026-03-02T00:00:00+00:00")


def judged(score: float, **told: Any) -> Document:
    shares = dict.fromkeys(("missing_share", "unseen_share", "out_of_range_share"), 0.0)
    return {"score": score, "drift": score > 1, **shares, **told}


def verdict(
    number: int, features: Mapping[str, Document], *, version: str = "v1", since: int | None = None
) -> Document:
    """A verdict on minute `number` as the archive has it, as far as the notebook reads it."""
    start, end = (datetime.fromtimestamp((BEGIN + i * MINUTE) / 1000, UTC) for i in (number, number + 1))
    guilty = sorted(
        (name for name in features if features[name]["drift"]), key=lambda n: -features[n]["score"]
    )
    return {
        "model_name": "house-prices",
        "model_version": version,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "window_seconds": 60,
        "drift": bool(guilty),
        "drift_score": max(one["score"] for one in features.values()),
        "guilty": guilty,
        "since": None
        if since is None
        else datetime.fromtimestamp((BEGIN + since * MINUTE) / 1000, UTC).isoformat(),
        "features": features,
        "multivariate": None,
        "prediction": judged(0.1),
        "interval_width": None,
    }


def windows(drifting: Mapping[int, float], count: int = 20, **told: Any) -> list[Document]:
    return [
        verdict(i, {"rooms": judged(drifting.get(i, 0.3)), "area": judged(0.2)}, **told) for i in range(count)
    ]


def minute(time: int) -> float:
    return (time - BEGIN) / MINUTE


def test_the_latest_run_of_drifting_windows_is_the_incident() -> None:
    found = latest(windows(dict.fromkeys([2, 3, 10, 11, 11 + GAP, 15], 2.0)))
    assert [minute(time) for time in (found.begin, found.found, found.end)] == [10, 10, 16]
    assert [time_of(one["start"]) for one in found.before] == [BEGIN + i * MINUTE for i in range(10)]
    assert len(found.during) == 6  # the quiet ones among them too
    assert (found.guilty, found.window_seconds) == (("rooms",), 60)


def test_quiet_windows_longer_than_the_gap_part_two_incidents() -> None:
    assert minute(latest(windows({5: 2.0, 5 + GAP: 2.0})).found) == 5
    assert minute(latest(windows({5: 2.0, 6 + GAP: 2.0})).found) == 6 + GAP


def test_an_incident_begins_when_the_charts_say() -> None:
    quiet = windows({})
    told = [*quiet[:10], verdict(10, {"rooms": judged(1.1)}, since=7), *quiet[11:]]
    found = latest(told)
    assert (minute(found.begin), minute(found.found), len(found.before), len(found.during)) == (7, 10, 7, 4)


def test_only_one_versions_windows_are_the_incidents() -> None:
    both = sorted(
        [*windows({9: 2.0}, version="v1"), *windows({12: 2.0}, version="v2")],
        key=lambda one: time_of(one["start"]),
    )
    assert latest(both).model_version == "v2"
    assert minute(latest(both, "v1").found) == 9
    assert {one["model_version"] for one in latest(both, "v1").before} == {"v1"}


def test_without_drift_there_is_no_incident() -> None:
    with pytest.raises(
        NoIncidentError, match=r"v9 drifted among 20 verdicts \(versions: v1\); look further back"
    ):
        latest(windows({4: 2.0}), "v9")
    with pytest.raises(NoIncidentError, match=r"any version drifted among 0 verdicts \(versions: none\)"):
        latest([])


def test_scores_have_a_row_for_each_column_and_nan_where_a_verdict_has_none() -> None:
    one, other = verdict(0, {"a": judged(0.5)}), verdict(1, {"b": judged(2.0)})
    found = scores([one, other])
    assert list(found) == ["a", "prediction", "b"]
    np.testing.assert_array_equal(found["a"], [0.5, np.nan])
    np.testing.assert_array_equal(found["prediction"], [0.1, 0.1])


def test_the_worst_of_the_impossible_is_what_came_new() -> None:
    usual = {"rooms": judged(0.3, missing_share=0.1), "area": judged(0.1, unseen_share=0.0)}
    now = {"rooms": judged(2.0, missing_share=0.12), "area": judged(2.0, unseen_share=0.3)}
    found = latest([*(verdict(i, usual) for i in range(5)), *(verdict(i, now) for i in range(5, 7))])
    assert impossible_percent(found) == pytest.approx(30)
    assert impossible_percent(replace(found, before=())) == pytest.approx(30)


def test_numbers_that_are_guilty_come_before_those_that_are_not(bundle: LoadedBundle) -> None:
    features = {"area": judged(3.0), "rooms": judged(0.4), "garden": judged(0.1)}
    assert moved(latest([verdict(0, features)]), bundle.manifest) == ["rooms"]


def test_answers_become_numbers_times_and_truths() -> None:
    answer = Answer(
        columns=("n", "x", "at", "drift", "name"),
        types=("bigint", "double", "timestamp(3) with time zone", "boolean", "varchar"),
        rows=(("3", "0.5", "2026-03-02 00:00:00.000 UTC", "true", "a"), (None, None, None, None, None)),
        scanned_bytes=0,
        seconds=0.0,
    )
    found = table(answer)
    assert found.iloc[0].tolist() == [3, 0.5, pd.Timestamp("2026-03-02", tz="UTC"), True, "a"]
    assert found.iloc[1].isna().all()
    assert table(replace(answer, rows=())).empty


def rows(count: int, begin: float, **changes: float) -> pd.DataFrame:
    """Rooms of houses, 60 a minute; from minute `begin` on those at the coast are multiplied."""
    random = np.random.default_rng(1)
    minutes = np.arange(count) / 60
    area = random.choice(["centre", "coast"], count)
    rooms = random.normal(5.0, 1.0, count)
    rooms *= np.where((area == "coast") & (minutes >= begin), changes.get("times", 1.0), 1.0)
    rooms += changes.get("slope", 0.0) * np.clip(minutes - begin, 0, None)
    times = pd.to_datetime(BEGIN + (minutes * MINUTE).astype(int), unit="ms", utc=True)
    return pd.DataFrame({"area": area, "rooms": rooms, "garden": random.random(count) < 0.5, "time": times})


def column() -> Column:
    values = np.random.default_rng(2).normal(5.0, 1.0, 5_000)
    return Column.freeze("rooms", Kind.NUMERIC, values)


def test_a_shift_of_one_segment_is_found_there_with_its_factor(bundle: LoadedBundle) -> None:
    every = rows(6_000, 50, times=3.0)
    begin = pd.Timestamp(BEGIN + 50 * MINUTE, unit="ms", tz="UTC")
    before, during = every[every["time"] < begin], every[every["time"] >= begin]
    found = by_segment(before, during, "rooms", bundle.manifest, 1.0)
    assert found.index[0] == "area = coast"
    assert {name.partition(" = ")[0] for name in found.index} == {"area", "garden"}
    top, other = found.loc["area = coast"], found.loc["area = centre"]
    assert top["times"] == pytest.approx(3.0, rel=0.02)
    assert top["shift_sigma"] == pytest.approx(10.0, rel=0.02)
    assert top["part"] == pytest.approx(1.0, abs=0.05)
    assert top["part"] + other["part"] == pytest.approx(1.0, abs=0.05)  # each row is of one area
    assert by_segment(before.head(5), during, "rooms", bundle.manifest, 1.0).empty


@pytest.mark.parametrize(("change", "abrupt"), [({"times": 2.0}, True), ({"slope": 0.05}, False)])
def test_what_comes_at_once_is_told_from_what_creeps(change: dict[str, float], abrupt: bool) -> None:
    begin = pd.Timestamp(BEGIN + 50 * MINUTE, unit="ms", tz="UTC")
    found = onset(rows(6_000, 50, **change), column(), begin, pd.Timedelta(minutes=1))
    assert found.abrupt is abrupt
    assert len(found.means) == 100
    assert abs(found.means.iloc[:50].mean()) < 5 / np.sqrt(3_000) + 5 / np.sqrt(5_000)


def test_a_season_is_the_same_at_the_same_hours() -> None:
    hours = pd.date_range("2026-03-02", periods=4 * 24 * 60, freq="min", tz="UTC")
    value = 5 + np.sin(2 * np.pi * hours.hour / 24) + np.random.default_rng(3).normal(0, 0.1, len(hours))
    every = pd.DataFrame({"rooms": value, "time": hours})
    begin = pd.Timestamp("2026-03-05T03:30", tz="UTC")  # of the hour itself the day has rows too
    crest = every[(every["time"] < begin + pd.Timedelta(hours=6))]
    found = onset(crest, column(), begin, pd.Timedelta(hours=1))
    assert found.same_hours_sigma is not None
    assert abs(found.same_hours_sigma) < 0.1  # though the crest lies above the day's mean
    assert found.means.iloc[-6:].mean() > 0.5
    today = crest[crest["time"] >= begin - pd.Timedelta(hours=3)]
    assert onset(today, column(), begin, pd.Timedelta(hours=1)).same_hours_sigma is None


def test_errors_are_those_of_labelled_rows() -> None:
    every = rows(120, 1).assign(prediction=10.0, lower=5.0, upper=15.0, label=12.0)
    every.loc[every.index[60:], "label"] = np.nan
    every.loc[0, "label"] = 30.0
    found = errors(every, pd.Timedelta(minutes=1))
    assert len(found) == 1
    assert found.iloc[0].tolist() == pytest.approx([60, (59 * 2 + 20) / 60, -(59 * 2 + 20) / 60, 59 / 60])
    assert errors(every.assign(label=np.nan), pd.Timedelta(minutes=1)).empty


def test_shares_of_bins_add_up_and_are_named() -> None:
    frozen = column()
    times = pd.DataFrame({"now": counted(frozen, np.array([5.0, np.nan, 1e9, -1e9]))})
    found = shares(frozen, times)
    np.testing.assert_allclose(found.sum(), 1.0)
    assert list(found.index[-4:]) == ["(below)", "(above)", "(missing)", "(non finite)"]
    assert found.loc[["(missing)", "(below)", "(above)"], "now"].tolist() == [0.25] * 3


WIDE: dict[str, Any] = {"part": 0.3, "impossible": 0.0}
"""Of no single segment, and of values that training knew."""

POOR = Trial(labelled=3_000, needed=2_000, served_mae=66.0, trial_mae=64.0)

SUDDEN = Evidence(
    begin="2026-03-02T00:00Z",
    abrupt=True,
    part=0.97,
    segment="area = coast",
    impossible=9.0,
    shift_sigma=1.7,
    mae_before=20.0,
    mae_during=66.0,
    trial=Trial(labelled=3_000, needed=2_000, served_mae=66.0, trial_mae=25.0),
)


@pytest.mark.parametrize(
    ("changes", "yes"),
    [
        ({}, ["repair"]),
        (WIDE, ["retrain"]),
        ({"abrupt": False, "impossible": 0.2}, ["retrain"]),
        ({**WIDE, "mae_during": 20.5}, ["accept"]),
        ({**WIDE, "mae_during": 20.5, "shift_sigma": 0.05}, ["accept", "raise the tolerance"]),
        ({**WIDE, "trial": POOR}, []),
    ],
)
def test_decisions_follow_the_evidence(changes: dict[str, Any], yes: list[str]) -> None:
    found = decisions(replace(SUDDEN, **changes))
    assert found.index[found["here"] == "yes"].tolist() == yes
    assert "unknown" not in found["here"].tolist()


def test_what_comes_at_once_everywhere_may_be_broken() -> None:
    assert decisions(replace(SUDDEN, **WIDE))["here"]["repair"] == "perhaps"
    assert decisions(replace(SUDDEN, **WIDE, abrupt=False))["here"]["repair"] == "no"


def test_without_labels_harm_is_unknown() -> None:
    found = decisions(replace(SUDDEN, part=0.1, impossible=0.0, mae_during=np.nan))
    assert found.loc[["accept", "retrain"], "here"].tolist() == ["unknown", "unknown"]
    assert "no labels yet; 3,000 of 2,000 labels" in found["because"]["retrain"]
    assert "python -m scripts.accept --from 2026-03-02T00:00Z" in found["command"]["accept"]


def test_a_trial_learns_a_law_that_changed_and_needs_labels(bundle: LoadedBundle) -> None:
    houses = generator.houses(1_500, seed=5)
    made = tabulate(houses, target=generator.TARGET, time_column=generator.TIME_COLUMN)
    made = replace(made, labels=2 * made.labels)
    manifest = replace(bundle.manifest, schema=made.schema, retraining=RetrainingPolicy(min_labels=500))
    served = {"prediction": houses[generator.TARGET].to_numpy(float)}
    read = Archived(table=made, served=served, window_seconds=60, copies=0)
    found = trial(read, manifest)
    assert (found.labelled, found.needed, found.better) == (1_500, 500, True)
    assert found.served_mae == pytest.approx(made.labels[900:].mean() / 2)
    few = trial(
        replace(read, table=replace(made, labels=np.where(np.arange(1_500) < 300, made.labels, np.nan))),
        manifest,
    )
    assert (few.labelled, few.better) == (300, False)
    assert np.isnan(few.trial_mae)


def test_rows_that_the_archive_has_not_are_said(
    monkeypatch: pytest.MonkeyPatch, bundle: LoadedBundle
) -> None:
    found = latest(windows({10: 2.0}))
    asked: list[tuple[int, int]] = []

    def none(stack: object, manifest: object, start: int, end: int) -> None:
        asked.append((start, end))

    monkeypatch.setattr("scripts.incident_rows.archived", none)
    stack: Stack = None  # type: ignore[assignment]
    with pytest.raises(
        NoIncidentError, match="no rows before the incident, which begins at 2026-03-02 00:10:00 UTC"
    ):
        archived_rows(stack, bundle.manifest, found)
    assert asked == [(BEGIN, found.begin), (found.begin, found.end)]


def test_pictures_are_drawn_of_what_there_is() -> None:
    told = windows({10: 2.0})
    figure = incident_plots.timeline(told, latest(told))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["rooms", "area", "prediction"]
    begin = pd.Timestamp(BEGIN + 50 * MINUTE, unit="ms", tz="UTC")
    every = rows(6_000, 50, times=2.0)
    course = {"rooms": onset(every, column(), begin, pd.Timedelta(minutes=1))}
    none = errors(every.assign(prediction=1.0, lower=0.0, upper=2.0, label=np.nan), pd.Timedelta(minutes=1))
    below = incident_plots.course(course, none, begin, 1.0).axes[1]
    assert [text.get_text() for text in below.texts] == ["no labels yet"]
    left, right = incident_plots.relation(every, every, ("rooms", "area")).axes
    assert [np.size(axes.lines[0].get_xdata()) for axes in (left, right)] == [400, 400]
