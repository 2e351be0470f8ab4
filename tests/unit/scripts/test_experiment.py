"""The experiments show what their page says: the committed figures are what the code gives, and more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from scripts.experiment import PAGE, PICTURES, app
from scripts.experiment_figures import Figures, figures
from scripts.experiment_story import EXPERIMENTS, Experiment
from scripts.experiment_told import told
from scripts.experiment_watch import play
from scripts.experiment_world import EVENING, SWING, traffic

pytestmark = pytest.mark.xdist_group("experiment")  # models are trained once in a process

SIGNIFICANT = 0.002
"""Relative: a processor may round differently, and files keep four digits."""


def committed(name: str) -> Figures:
    read: Figures = json.loads((PICTURES / f"{name}.json").read_text())
    return read


def played(experiment: Experiment) -> Figures:
    return figures(experiment, 0, [play(experiment, model) for model in experiment.models])


def without_attributions(found: Figures) -> Figures:
    return {**found, "models": [{**one, "attribution": None} for one in found["models"]]}


def close(found: Any, wanted: Any) -> bool:
    """Equal, but for the last digits of fractions."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(close(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(close, found, wanted))
    if isinstance(wanted, float):
        return bool(found == pytest.approx(wanted, rel=SIGNIFICANT))
    return bool(found == wanted)


@pytest.mark.parametrize("name", ["gradual", "sudden", "degradation", "concept"])
def test_committed_figures_are_what_the_code_gives(name: str) -> None:
    """Without attributions, which take a second for each hour."""
    found = played(replace(EXPERIMENTS[name], attributed=False))
    wanted = without_attributions(committed(name))
    assert close(found, wanted), f"make them anew: make experiments\n{found}\n{wanted}"


def test_a_quiet_week_keeps_the_budget() -> None:
    (one,) = played(replace(EXPERIMENTS["normal"], windows=168))["models"]
    assert one["alarms_before"] <= stats.poisson.ppf(0.999, one["false_alarms_allowed"])
    assert (one["days"], one["day_alarms"], one["quality"]["before"], one["estimate"]["before"]) == (
        7,
        0,
        0,
        0,
    )
    assert one["largest_score_before"] > 0.2  # it looks at all
    mean, error = one["mae"]["before"], one["training_mae"] / np.sqrt(168 * 500)
    assert abs(mean - one["training_mae"]) < 0.02 * mean + 5 * error


def test_the_committed_month_keeps_the_budget() -> None:
    (one,) = committed("normal")["models"]
    assert one["false_alarms_allowed"] == 0.75
    assert one["alarms_before"] + one["day_alarms"] <= stats.poisson.ppf(0.999, 0.75)


def test_a_sudden_shift_is_found_at_once_and_named() -> None:
    found = committed("sudden")
    (one,) = found["models"]
    assert one["found"] == found["begins"] == one["quality"]["found"] == one["estimate"]["found"]
    assert one["guilty"][0] == one["acts"][0]["feature"]
    assert one["drift_hours"] == found["hours"] - found["begins"]
    assert one["acts"][0]["strength"] > one["smallest_in_one_hour_sigma"]
    assert one["attribution"]["before"] == 0
    assert one["attribution"]["found"] <= found["begins"] + 2


def test_a_gradual_shift_is_found_before_an_hour_alone_could() -> None:
    found = committed("gradual")
    (one,) = found["models"]
    step = one["acts"][0]["strength"] / (found["hours"] - found["begins"])
    size = step * (one["found"] - found["begins"] + 1)
    assert one["smallest_lasting_sigma"] < size < one["smallest_in_one_hour_sigma"]
    assert found["begins"] <= one["since"] < one["found"]
    assert one["guilty"][0] == one["acts"][0]["feature"]
    assert one["alarms_before"] == 0


def test_each_decay_is_found_in_its_column_by_its_signal() -> None:
    (one,) = committed("degradation")["models"]
    missing, *more, unseen, unit = one["acts"]
    assert [act["signal"] for act in (missing, *more, unseen)] == ["missing"] * 3 + ["unseen"]
    assert missing["found"] < more[0]["from"]  # at its first size
    for act in (unseen, unit):
        assert act["found"] == act["from"]
    assert one["quality"]["found"] == unit["from"]


def test_a_change_of_the_concept_shows_in_labels_alone() -> None:
    found = committed("concept")
    (one,) = found["models"]
    assert one["alarms_before"] + one["drift_hours"] + one["day_alarms"] == 0
    assert one["estimate"]["before"] + one["estimate"]["hours"] == 0
    assert one["attribution"]["before"] + one["attribution"]["hours"] == 0
    assert one["quality"] == {
        "before": 0,
        "found": found["begins"],
        "hours": found["hours"] - found["begins"],
    }
    assert one["mae"]["after"] > 3 * one["mae"]["before"]


def test_a_model_with_times_tells_its_season_from_a_shift() -> None:
    """Three days and half of one, with the conservative thresholds, which take no simulation."""
    whole = EXPERIMENTS["seasonal"]
    (act,) = whole.acts
    small = replace(
        whole,
        windows=84,
        acts=(replace(act, from_window=72),),
        models=tuple(replace(model, calibrated=False) for model in whole.models),
    )
    for found in (played(small), committed("seasonal")):
        timed, timeless = found["models"]
        assert timed["alarms_before"] <= stats.poisson.ppf(0.999, timed["false_alarms_allowed"])
        assert timed["found"] == found["begins"] < timeless["found"]
        assert timeless["alarms_before"] > 2 * stats.poisson.ppf(0.999, timeless["false_alarms_allowed"])
        assert (timed["calibrating"], timeless["calibrating"] >= 20) == (0, True)


def test_traffic_with_a_season_swings_and_repeats_no_house() -> None:
    whole = EXPERIMENTS["seasonal"]
    rows = traffic(replace(whole, windows=48, acts=()), replace(whole.models[0], calibrated=False), 1)
    size = rows["living_area_m2"]
    by_hour = ((size - size.mean()) / size.std()).groupby(rows["window"] % 24).mean()
    evening, morning = by_hour[EVENING], by_hour[(EVENING + 12) % 24]
    error = 5 * np.sqrt(2 / (2 * whole.rows))
    # Of a normal feature and any number of candidates the difference would be 2 SWING.
    assert SWING < evening - morning < 2 * SWING + error
    assert not rows.drop(columns=["window", "event_time"]).duplicated().any()


def test_the_command_writes_a_picture_and_figures_and_leaves_the_page(tmp_path: Path) -> None:
    before = PAGE.read_text()
    done = CliRunner().invoke(app, ["degradation", "--out", str(tmp_path), "--seed", "3"])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "degradation.json").read_text())
    assert found["seed"] == 3
    assert not close(found["models"], committed("degradation")["models"])
    assert (tmp_path / "degradation.png").read_bytes().startswith(b"\x89PNG")
    assert "miles in place of kilometres" in " ".join(done.output.split())
    assert PAGE.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["sudden", "quick"], "no experiment 'quick'; there are normal, gradual, sudden, seasonal"),
        (["sudden", "--out", "absent"], "--out is absent, and there is no such folder"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is(arguments: list[str], why: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert why in done.output


def test_what_was_not_found_is_said() -> None:
    found = committed("degradation")
    (one,) = found["models"]
    acts = [{**act, "found": None, "signal": None} for act in one["acts"]]
    silent = {**one, "acts": acts, "found": None, "guilty": [], "quality": {**one["quality"], "found": None}}
    text = told({**found, "models": [silent]})
    assert text.count("never") == 3
    assert "no hour" in text
