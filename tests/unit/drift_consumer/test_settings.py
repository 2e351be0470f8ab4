"""The environment is read once and refused by name."""

from __future__ import annotations

import pytest

from drift_consumer.settings import ConsumerSettings, EvaluatorSettings, QualitySettings, ReconcilerSettings
from drift_core.monitor_settings import MonitorSettings

CONSUMER = {
    "MODEL_NAME": "house-prices",
    "MODELS_BUCKET": "m",
    "ARCHIVE_BUCKET": "a",
    "WINDOW_TABLE": "w",
    "WINDOW_SECONDS": "",
}
EVALUATOR = {**CONSUMER, "METRICS_NAMESPACE": "Driftline"}

QUALITY = {**EVALUATOR, "ATHENA_WORKGROUP": "g", "GLUE_DATABASE": "d"}

RECONCILER = {**EVALUATOR, "FAILED_BATCHES_BUCKET": "f", "RECONCILE_AFTER_HOURS": "24"}


def test_an_empty_override_leaves_the_manifest() -> None:
    settings = EvaluatorSettings.from_env(EVALUATOR)
    manifest = MonitorSettings(window_seconds=60, min_samples=7)
    assert settings.monitor(manifest) == manifest
    assert ConsumerSettings.from_env(CONSUMER).window_seconds is None


def test_an_override_replaces_the_manifest() -> None:
    settings = EvaluatorSettings.from_env(
        {**EVALUATOR, "GRACE_SECONDS": "5", "FALSE_ALARMS_PER_MONTH": "0.5"}
    )
    found = settings.monitor(MonitorSettings(min_samples=7))
    assert (found.grace_seconds, found.false_alarms_per_month, found.min_samples) == (5, 0.5, 7)


def test_an_absent_variable_is_named() -> None:
    with pytest.raises(ValueError, match="WINDOW_TABLE is not set; the template sets it"):
        ConsumerSettings.from_env({**CONSUMER, "WINDOW_TABLE": ""})


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(ValueError, match="WINDOW_SECONDS is 'five'; set a number or leave it empty"):
        ConsumerSettings.from_env({**CONSUMER, "WINDOW_SECONDS": "five"})


@pytest.mark.parametrize("settings", [ConsumerSettings, EvaluatorSettings])
def test_a_window_must_divide_an_hour(settings: type[ConsumerSettings | EvaluatorSettings]) -> None:
    with pytest.raises(ValueError, match="window_seconds is 7; it must divide an hour"):
        settings.from_env({**EVALUATOR, "WINDOW_SECONDS": "7"})


@pytest.mark.parametrize("settings", [ConsumerSettings, EvaluatorSettings])
def test_windows_longer_than_an_hour_are_not_counted(
    settings: type[ConsumerSettings | EvaluatorSettings],
) -> None:
    with pytest.raises(ValueError, match="window_seconds is 86400; traffic is counted in windows of an hour"):
        settings.from_env({**EVALUATOR, "WINDOW_SECONDS": "86400"})


def test_a_manifest_with_windows_longer_than_an_hour_needs_an_override() -> None:
    daily = MonitorSettings(window_seconds=86_400)
    with pytest.raises(ValueError, match="set the parameter WindowSeconds to 3600 or less"):
        EvaluatorSettings.from_env(EVALUATOR).monitor(daily)
    settings = EvaluatorSettings.from_env({**EVALUATOR, "WINDOW_SECONDS": "3600"})
    assert settings.monitor(daily).window_seconds == 3600


@pytest.mark.parametrize("hours", ["", "0", "-1", "soon"])
def test_a_window_is_not_compared_at_once(hours: str) -> None:
    assert ReconcilerSettings.from_env(RECONCILER).reconcile_after_hours == 24
    with pytest.raises(ValueError, match=f"RECONCILE_AFTER_HOURS is '{hours}'; set"):
        ReconcilerSettings.from_env({**RECONCILER, "RECONCILE_AFTER_HOURS": hours})


def test_the_budget_of_quality_is_that_of_the_inputs() -> None:
    assert QualitySettings.from_env(QUALITY).false_alarms_per_month is None
    assert QualitySettings.from_env({**QUALITY, "FALSE_ALARMS_PER_MONTH": "2"}).false_alarms_per_month == 2
    given = QualitySettings.from_env({**QUALITY, "GRACE_SECONDS": "1", "MIN_SAMPLES": "40"})
    manifest = MonitorSettings(grace_seconds=60, min_samples=100, false_alarms_per_month=3)
    assert given.monitor(manifest) == MonitorSettings(
        grace_seconds=1, min_samples=40, false_alarms_per_month=3
    )
    with pytest.raises(ValueError, match="false_alarms_per_month is -1"):
        QualitySettings.from_env({**QUALITY, "FALSE_ALARMS_PER_MONTH": "-1"})
    with pytest.raises(ValueError, match="GLUE_DATABASE is not set; the template sets it"):
        QualitySettings.from_env({**QUALITY, "GLUE_DATABASE": ""})
