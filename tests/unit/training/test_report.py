"""The report says what the bundle says."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.quality_budget import for_inputs
from drift_core.span import Span
from drift_core.window import WindowState, hash_event_ids
from training.bundle import Bundle
from training.outlook import smallest_drifts
from training.report import report
from training.train import train

SETTINGS = MonitorSettings(min_samples=700, false_alarms_per_month=2)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    x = np.random.default_rng(0).normal(size=400)
    frame = pd.DataFrame(
        {"x": x, "same": 3, "kind": "[red]", "gap": np.where(x > 0, np.nan, 1.0), "y": 9 * x}
    )
    return trained(frame, None, SETTINGS)


def trained(frame: pd.DataFrame, time_column: str | None, monitor: MonitorSettings) -> Bundle:
    return train(
        frame,
        target="y",
        time_column=time_column,
        model_name="tiny",
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        monitor=monitor,
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


def test_features_are_told_with_how_far_they_move_answers(bundle: Bundle) -> None:
    """Those of `x` are nearly 9 |x - x'|, those of a constant nothing at all."""
    rows = {line.split("│")[1].strip(): line for line in said(bundle, width=120).splitlines() if "│" in line}
    moves = {name: float(rows[name].split("│")[-2]) for name in ("x", "same", "kind")}
    assert 5 < moves["x"] < 10
    assert moves["same"] == moves["kind"] == 0
    assert "moves: mean |Shapley value|" in " ".join(said(bundle, width=200).split())


def test_without_times_the_report_says_what_is_not_known(bundle: Bundle) -> None:
    told = " ".join(said(bundle, width=200).split())
    assert "Season: none" in told
    assert "Noise: not known from training; the first 20 windows of traffic are calibrating" in told
    assert "Charts: conservative thresholds" in told
    assert "while calibrating, less afterwards; no chart finds less than 3.5/√400 = 0.175 σ" in told


def test_with_times_it_says_what_season_and_noise_were_measured() -> None:
    """A month of one feature that follows the hour of the day, and one that does not."""
    rng = np.random.default_rng(0)
    at = pd.Series(pd.date_range("2024-01-01", periods=7_200, freq="6min", tz="UTC"))
    frame = pd.DataFrame({"x": rng.normal(size=7_200), "at": at})
    frame["daily"] = 3 * np.sin(at.dt.hour / 24 * 2 * np.pi) + rng.normal(size=7_200)
    frame["y"] = frame["x"] + rng.normal(size=7_200)
    bundle = trained(frame, "at", MonitorSettings(window_seconds=3600, min_samples=10))
    told = " ".join(said(bundle, width=200).split())
    assert "Season: by hour of week, in daily." in told
    assert "Noise: measured on 720 windows, 720 hours, 30 days." in told
    assert "calibrating" not in told

    thin = trained(frame, "at", MonitorSettings(min_samples=100))  # no 5 minutes, no hour holds so many
    told = " ".join(said(thin, width=200).split())
    assert (
        "Noise: measured on 100 blocks of 72 rows, in place of windows, 30 days; that of hours is learned"
        in told
    )


def test_the_estimated_error_and_the_budget_are_told(bundle: Bundle) -> None:
    told = " ".join(said(bundle, width=200).split())
    estimated = bundle.manifest.metrics["estimated_mae"]
    assert f"│ estimated │ {estimated:.4g} │ the MAE, as guessed without labels" in told
    assert "budget of false alarms: 2 a month, 1.5 of them for the inputs." in told


@pytest.mark.parametrize("n", [700, 5_000])
def test_the_smallest_drifts_are_those_of_the_first_verdict(bundle: Bundle, n: int) -> None:
    settings = for_inputs(SETTINGS, bundle.files)
    assert settings.false_alarms_per_month == 1.5
    monitor = Monitor(baseline=bundle.baseline, settings=settings)
    sample = bundle.baseline.sample.astype(float)
    rows = sample[np.random.default_rng(1).integers(0, len(sample), n)]
    ids = hash_event_ids(np.array([f"e{i}" for i in range(n)], "S"))
    state = WindowState.of(bundle.baseline.layout, rows, np.arange(n), ids)
    verdict = monitor.judge(state, span=Span.WINDOW, start=0, end=300_000, memory=monitor.start()).verdict
    once, lasting = smallest_drifts(monitor, n)
    assert (once, lasting) == (verdict.smallest_detectable_sigma, verdict.smallest_lasting_sigma)
    assert f"│ {n:,} │ {once:.2f} │ {lasting:.2f} │" in " ".join(said(bundle, width=200).split())


def test_long_names_are_not_cut_in_a_narrow_window(bundle: Bundle) -> None:
    assert "…" not in said(bundle, width=70)
