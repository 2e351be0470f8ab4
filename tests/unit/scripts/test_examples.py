"""The examples in the docstrings of the scripts are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = [
    "backtest_cells",
    "backtest_columns",
    "backtest_inject",
    "backtest_null",
    "backtest_windows",
    "bundles",
    "demo_table",
    "demo_watch",
    "event_ids",
    "pace",
    "package",
    "parameters",
    "question",
    "recorded_row",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"scripts.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
