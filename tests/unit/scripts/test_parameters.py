"""Parameters are refused as the template would, before anything is built."""

from pathlib import Path

import pytest

from drift_core.monitor_settings import MonitorSettings
from scripts.parameters import ParameterError, check, model_name, named


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("FalseAlarmsPerMonth", "0", "give a number above 0, at most 100, or nothing"),
        ("MinSamples", "5", "give a whole number from 30 to 9999999, or nothing; fewer rows have no sound"),
        ("DriftThreshold", "0", "give a number from 0.1"),
        ("DriftThreshold", "nan", "give a number from 0.1"),
        ("ErrorRatePercent", "101", "give a number from 0 to 100"),
        ("ShardCount", "two", "give a number from 1 to 200"),
        ("Architecture", "arm", "give one of x86_64, arm64"),
        ("FeatureTypes", "a:int", "give what fits [^:,<>]+:"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(name: str, value: str, told: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check({name: value})
    assert str(caught.value).startswith(f"{name} is {value!r}; {told}")


def test_values_that_fit_are_taken() -> None:
    check({"WindowSeconds": "60", "MinSamples": "", "DriftThreshold": "2.0", "AlarmEmail": "a@b.org"})


def test_the_monitor_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the template's rule is wider than what the functions take."""
    monkeypatch.setattr(
        "scripts.parameters.local_template.read", lambda _: {"Parameters": {"WindowSeconds": RULE}}
    )
    told = (
        "the parameters do not fit the bundle: window_seconds is 7; it must divide an hour (3600), or be "
        "whole hours that divide a day (86400)"
    )
    with pytest.raises(ParameterError) as caught:
        check({"WindowSeconds": "7"}, MonitorSettings())
    assert str(caught.value) == told


RULE = {"AllowedPattern": "[0-9]+"}


@pytest.mark.parametrize(
    "stem", ["california_housing", "Houses", "2026", "_", "ä ö", "x" * 50, "a" * 39 + "-b"]
)
def test_a_files_name_becomes_one_that_the_template_takes(stem: str) -> None:
    check({"ModelName": model_name(Path(f"data/{stem}.csv"))})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--data=a/B_c.csv"], ["--data=a/B_c.csv", "--model-name", "b-c"]),
        (["--data", "B.csv", "--model-name", "mine"], ["--data", "B.csv", "--model-name", "mine"]),
        (["--data", "B.csv", "--model-name=mine"], ["--data", "B.csv", "--model-name=mine"]),
        (["--generate", "5"], ["--generate", "5"]),
        ([], []),
    ],
)
def test_a_model_gets_a_name_unless_it_has_one(options: list[str], expected: list[str]) -> None:
    assert named(options) == expected
