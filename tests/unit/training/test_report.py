"""The report says what the bundle says."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from drift_core.budget import smallest_detectable_sigma
from drift_core.bundle import MonitorSettings
from drift_core.verdict import number_of_tests
from training.bundle import Bundle
from training.report import report
from training.train import train

SETTINGS = MonitorSettings(min_samples=700, false_alarms_per_month=2)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    x = np.random.default_rng(0).normal(size=400)
    frame = pd.DataFrame(
        {"x": x, "same": 3, "kind": "[red]", "gap": np.where(x > 0, np.nan, 1.0), "y": 9 * x}
    )
    return train(
        frame, target="y", model_name="tiny", created_at=datetime(2026, 1, 2, tzinfo=UTC), monitor=SETTINGS
    )


def said(bundle: Bundle, *, width: int) -> str:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(report(bundle))
    return captured.get()


def test_columns_are_told_by_kind_values_and_missing_share(bundle: Bundle) -> None:
    rows = {line.split("│")[1].strip(): line for line in said(bundle, width=120).splitlines() if "│" in line}
    assert "numeric" in rows["same"]
    assert "3, constant" in rows["same"]
    assert "categorical" in rows["kind"]
    assert "[red]" in rows["kind"]  # not taken for markup
    missing = bundle.manifest.training["missing"]["gap"] / 400
    assert f"{missing:.1%}" in rows["gap"]


def test_the_smallest_drift_is_that_of_the_settings(bundle: Bundle) -> None:
    tests = sum(number_of_tests(column) for column in bundle.baseline.columns)
    sigmas = {n: smallest_detectable_sigma(n, 400, SETTINGS, tests) for n in (700, 5_000)}
    line = ", ".join(f"{sigma:.2f} σ with {n:,} rows" for n, sigma in sigmas.items())
    assert f"in one window: {line}." in said(bundle, width=200)


def test_long_names_are_not_cut_in_a_narrow_window(bundle: Bundle) -> None:
    assert "…" not in said(bundle, width=70)
