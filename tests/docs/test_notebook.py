"""The committed notebook has run from top to bottom, and its outputs are those of its code."""

from __future__ import annotations

import re

import pytest

from scripts.notebook import NOTEBOOK
from scripts.notebook_run import LARGEST, RAN, code_digest, leaks, read, written
from tests.checkout import PROJECT

COMMITTED = read(NOTEBOOK)
CODE = [cell for cell in COMMITTED.cells if cell.cell_type == "code"]


def test_every_cell_ran_in_order_without_an_error() -> None:
    assert [cell.execution_count for cell in CODE] == list(range(1, len(CODE) + 1)), "run: make notebook"
    assert COMMITTED.metadata[RAN] == code_digest(COMMITTED), "its code changed since; run: make notebook"
    kinds = [output.output_type for cell in CODE for output in cell.outputs]
    assert "error" not in kinds
    pictures = [output for cell in CODE for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 4


def test_outputs_tell_nothing_of_a_machine_and_are_small() -> None:
    assert leaks(COMMITTED) == []
    assert len(NOTEBOOK.read_text()) <= LARGEST
    assert written(COMMITTED) == NOTEBOOK.read_text()


def test_the_incident_is_understood() -> None:
    """What `make notebook` sent: square feet from one area, from one hour on."""
    told = str([output.get("data", {}).get("text/plain", "") for cell in CODE for output in cell.outputs])
    assert re.search(r"guilty +living_area_m2", told)
    assert re.search(r"area = harbour +\d+ +[\d.]+ +[\d.]+ +10\.\d+", told)
    assert re.search(r"repair .* yes", told)


@pytest.mark.parametrize("command", re.findall(r"python -m ([\w.]+)", NOTEBOOK.read_text()))
def test_commands_that_it_names_exist(command: str) -> None:
    assert (PROJECT / f"{command.replace('.', '/')}.py").exists()
