"""Parameters of the template, checked before anything is built and not after minutes of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drift_core.monitor_settings import MonitorSettings
from scripts import local_template
from scripts.stack import PROJECT

TEMPLATE = PROJECT / "sam_template.yaml"

_MONITOR = {
    "WindowSeconds": ("window_seconds", int),
    "GraceSeconds": ("grace_seconds", int),
    "MinSamples": ("min_samples", int),
    "FalseAlarmsPerMonth": ("false_alarms_per_month", float),
    "DriftThreshold": ("drift_threshold", float),
}
"""Field of MonitorSettings that a parameter overrides, and its type."""


class ParameterError(ValueError):
    """A parameter that the template does not take; the text names it, its value and the remedy."""


def check(given: Mapping[str, str], monitor: MonitorSettings | None = None) -> None:
    """Do nothing, if a stack can be deployed with these parameters.

    Parameters
    ----------
    given : value by name.
    monitor : the manifest's settings, which some parameters override.

    Raises
    ------
    ParameterError
        If the template does not know a parameter or its rule refuses the value.
    """
    rules: Mapping[str, Any] = local_template.read(TEMPLATE)["Parameters"]
    for name, value in given.items():
        if name not in rules:
            raise ParameterError(f"the template has no parameter {name}; it has {', '.join(rules)}")
        needed = _needed(rules[name], value)
        if needed is not None:
            raise ParameterError(f"{name} is {value!r}; give {needed}")
    changes = {field: kind(given[name]) for name, (field, kind) in _MONITOR.items() if given.get(name)}
    try:
        (monitor or MonitorSettings()).overridden(changes)
    except ValueError as error:
        raise ParameterError(f"the parameters do not fit the bundle: {error}") from error


def model_name(data: Path) -> str:
    """A name that the template takes, after a file's.

    >>> model_name(Path("Houses_2026.csv")), model_name(Path("2026.csv"))
    ('houses-2026', 'model-2026')
    """
    words = re.sub(r"[^a-z0-9]+", "-", data.stem.lower()).strip("-")
    return (words if words[:1].isalpha() else f"model-{words}")[:40].strip("-")


def named(options: Sequence[str]) -> list[str]:
    """Options of `python -m training` with a model's name that the template takes.

    Raises
    ------
    ParameterError
        If they name one that it does not take.

    >>> named(["--data", "My_houses.csv"])
    ['--data', 'My_houses.csv', '--model-name', 'my-houses']
    """
    name, data = _value(options, "--model-name"), _value(options, "--data")
    if name is not None:
        check({"ModelName": name})
    if name is not None or data is None:
        return list(options)
    return [*options, "--model-name", model_name(Path(data))]


def _needed(rule: Mapping[str, Any], value: str) -> str | None:
    """What a parameter's rule demands; None if the value fits."""
    if "AllowedValues" in rule:
        allowed = [str(one) for one in rule["AllowedValues"]]
        shown = ", ".join(one or "nothing (empty)" for one in allowed)
        return None if value in allowed else f"one of {shown}"
    if "AllowedPattern" in rule:
        fits = re.fullmatch(rule["AllowedPattern"], value)
        return None if fits else str(rule.get("ConstraintDescription", f"what fits {rule['AllowedPattern']}"))
    lowest, highest = float(rule.get("MinValue", -math.inf)), float(rule.get("MaxValue", math.inf))
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and lowest <= number <= highest:
        return None
    return f"a number from {lowest:g}" + ("" if math.isinf(highest) else f" to {highest:g}")


def _value(options: Sequence[str], name: str) -> str | None:
    """The value of an option, written `--name value` or `--name=value`; the last one counts."""
    found = None
    for i, option in enumerate(options):
        if option == name and i + 1 < len(options):
            found = options[i + 1]
        elif option.startswith(f"{name}="):
            found = option.partition("=")[2]
    return found
