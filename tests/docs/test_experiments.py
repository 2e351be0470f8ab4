"""The page on experiments: its texts are those of the figures, its pictures are there and small."""

from __future__ import annotations

import json
import re

import pytest

from scripts.experiment import PAGE, PICTURES
from scripts.experiment_story import EXPERIMENTS
from scripts.experiment_told import told

TEXT = PAGE.read_text()
LARGEST = 60_000
"""Bytes of a picture."""


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_section_has_command_picture_and_the_figures_text(name: str) -> None:
    section = TEXT.partition(f"\n## {name.capitalize()}\n")[2].partition("\n## ")[0]
    assert f"```sh\npython -m scripts.experiment {name}\n```" in section
    assert f"](images/experiments/{name}.png)" in section
    made = re.search(rf"<!-- figures:begin {name} -->\n(.*?)\n<!-- figures:end -->", section, re.DOTALL)
    assert made is not None
    assert made[1] == told(json.loads((PICTURES / f"{name}.json").read_text())), "run: make experiments"


def test_pictures_are_those_of_the_page_and_small() -> None:
    assert {path.stem for path in PICTURES.glob("*.png")} == set(EXPERIMENTS)
    assert {path.stem for path in PICTURES.glob("*.json")} == set(EXPERIMENTS)
    assert [path.name for path in PICTURES.glob("*.png") if not 0 < path.stat().st_size <= LARGEST] == []


def test_figures_are_of_the_experiments_as_they_are() -> None:
    for name, one in EXPERIMENTS.items():
        found = json.loads((PICTURES / f"{name}.json").read_text())
        assert (found["experiment"], found["hours"], found["rows"]) == (name, one.windows, one.rows)
        assert [model["model"] for model in found["models"]] == [model.told for model in one.models]
        assert [(act["scenario"], act["from"]) for act in found["models"][0]["acts"]] == [
            (act.scenario, act.from_window) for act in one.acts
        ]
