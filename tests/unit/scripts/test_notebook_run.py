"""A notebook is run with parameters, and its outputs tell nothing of the machine."""

from __future__ import annotations

import json
from collections.abc import Sequence

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from scripts.demo_errors import DemoError
from scripts.notebook import judged
from scripts.notebook_run import LARGEST, RAN, NotebookError, code_digest, leaks, run, written
from scripts.notebook_story import Story
from scripts.stack import Stack
from scripts.traffic import Plan


def notebook(*sources: str, tags: Sequence[str] = ("parameters",), text: str | None = None) -> NotebookNode:
    """Code cells, of which the first is tagged and has printed the text."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{i}",
            "source": source,
            "metadata": {"tags": list(tags)} if i == 0 else {},
            "execution_count": None,
            "outputs": []
            if i or text is None
            else [{"output_type": "stream", "name": "stdout", "text": text}],
        }
        for i, source in enumerate(sources)
    ]
    made = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return nbformat.reads(json.dumps(made), as_version=4)  # type: ignore[no-untyped-call,no-any-return]


def saying(text: str) -> NotebookNode:
    return notebook("x = 1", text=text)


@pytest.mark.filterwarnings("ignore")  # of the kernel's machinery
def test_parameters_are_put_in_and_not_kept() -> None:
    made = notebook("DAYS = 7  # back", "import scripts\nDAYS * 2")
    done = run(made, {"DAYS": 4})
    assert done.cells[1].outputs[0].data["text/plain"] == "8"
    assert [cell.source for cell in done.cells] == [cell.source for cell in made.cells]
    assert [cell.execution_count for cell in done.cells] == [1, 2]
    assert "execution" not in done.cells[0].metadata
    assert done.metadata[RAN] == code_digest(made) != code_digest(notebook("DAYS = 8  # back", "DAYS * 2"))
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run(notebook("DAYS = 7", "1 / DAYS"), {"DAYS": 0})


def test_a_parameter_that_the_notebook_has_not_is_refused() -> None:
    with pytest.raises(NotebookError, match="no parameter 'WEEKS'; it has:\nDAYS = 7"):
        run(notebook("DAYS = 7"), {"WEEKS": 1})
    with pytest.raises(NotebookError, match="0 cells are tagged 'parameters'"):
        run(notebook("DAYS = 7", tags=()), {})


@pytest.mark.parametrize(
    "text",
    [
        "File /home/ada/driftline/scripts/stack.py",
        "written to '/tmp/x'",
        "https://localhost:4566/bucket",
        "at 127.0.0.1",
        "10.0.0.7:9000",
        r"C:\Users\ada",
    ],
)
def test_what_tells_of_the_machine_is_found_and_not_written(text: str) -> None:
    assert leaks(saying(text)) != []
    with pytest.raises(NotebookError, match="outputs tell of this machine: cell 0"):
        written(saying(text))


def test_other_text_is_not_taken_for_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "build-7f3a")
    assert leaks(saying("s3://bucket/home/x, kWh/m2/year, 1/2, version 1.5.33, build-7f3")) == []
    assert leaks(saying("on build-7f3a")) == ["cell 0: build-7f3a"]


def test_a_notebook_that_is_too_large_is_not_written() -> None:
    with pytest.raises(NotebookError, match=r"bytes, allowed 500,000; draw less"):
        written(saying("x" * LARGEST))


def test_windows_that_are_not_judged_in_time_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("scripts.notebook.invoke", lambda stack, name, patience: asked.append(name))
    told = [{"model_version": version, "n": 250} for version in ("v1", "v1", "v2")]
    monkeypatch.setattr("scripts.notebook.verdicts", lambda *_: told)
    story = Story(plan=Plan(start_ms=0, windows=2, rows=250, window_seconds=60), from_window=1, label_delay=0)
    stack: Stack = None  # type: ignore[assignment]
    judged(stack, story, version="v1", patience=0)
    assert asked == ["EvaluatorFunction", "QualityFunction"]
    with pytest.raises(DemoError, match="1 of 2 windows were judged within 0 s"):
        judged(stack, story, version="v2", patience=0)
