"""Each function gets exactly the variables that its Settings reads."""

import json
import re
from dataclasses import fields
from typing import Any

import pytest

from drift_consumer.alert_settings import AlertSettings
from drift_consumer.settings import ConsumerSettings, EvaluatorSettings, QualitySettings, ReconcilerSettings
from ingest_lambda.settings import Settings

type AnySettings = (
    Settings | ConsumerSettings | EvaluatorSettings | ReconcilerSettings | QualitySettings | AlertSettings
)

SETTINGS: dict[str, type[AnySettings]] = {
    "IngestFunction": Settings,
    "ConsumerFunction": ConsumerSettings,
    "EvaluatorFunction": EvaluatorSettings,
    "ReconcilerFunction": ReconcilerSettings,
    "QualityFunction": QualitySettings,
    "AlertFunction": AlertSettings,
}


def variables(resources: dict[str, Any], function: str) -> dict[str, Any]:
    found: dict[str, Any] = resources[function]["Properties"]["Environment"]["Variables"]
    return {name: value for name, value in found.items() if not name.startswith("POWERTOOLS_")}


@pytest.mark.parametrize("function", SETTINGS)
def test_the_variables_are_the_fields(resources: dict[str, Any], function: str) -> None:
    assert set(variables(resources, function)) == {field.name.upper() for field in fields(SETTINGS[function])}


@pytest.mark.parametrize("function", SETTINGS)
def test_the_defaults_of_the_parameters_are_accepted(template: dict[str, Any], function: str) -> None:
    """With each parameter's default and a name for each resource, the settings can be read."""
    defaults = {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()}
    environ = {
        name: defaults.get(value["Ref"], "a-name") if isinstance(value, dict) else value
        for name, value in variables(template["Resources"], function).items()
    }
    SETTINGS[function].from_env(environ)


def test_metrics_go_to_the_namespace_that_alarms_watch(template: dict[str, Any]) -> None:
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    names = {
        variables(template["Resources"], function)["METRICS_NAMESPACE"]
        for function in ("EvaluatorFunction", "ReconcilerFunction", "QualityFunction", "AlertFunction")
    }
    watched = re.findall(r'"Namespace": "(\w+)"', json.dumps(template["Resources"]))
    assert set(watched) == {shared["POWERTOOLS_METRICS_NAMESPACE"], *names}
