"""The built template without what the local AWS does not know."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

UNKNOWN_TYPES = ("AWS::Athena::NamedQuery", "AWS::CloudWatch::CompositeAlarm")

GRADUAL = "DeploymentPreference"
"""Property of a function that SAM turns into resources of CodeDeploy, which the local AWS does not have."""

UNPLACED = ("athena:GetQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution")
"""Actions that name no workgroup, only a query; the local AWS does not look up whose query it is, and
allows them on every resource or on none."""

PLACE = "Resource"
"""Property of a statement that such an action loses."""

type Template = dict[str, Any]


def read(path: Path) -> Template:
    """A template, its tags in their long form: `!Ref x` is {"Ref": "x"}."""
    template: Template = yaml.load(path.read_text(), _Loader)  # nosec B506 # noqa: S506 - a safe loader with more tags
    return template


def for_local(template: Template) -> tuple[Template, dict[str, str]]:
    """Leave out the resources that the local AWS refuses, and the gradual deployment, which would make some.

    A statement with an action of `UNPLACED` loses its resource.

    Returns
    -------
    The smaller template, and what was left out: the type of a resource by its logical id, `GRADUAL` by the
    function's, `PLACE` by a role's.
    """
    left_out = {
        name: resource["Type"] for name, resource in template["Resources"].items() if _is_unknown(resource)
    }
    kept = {name: resource for name, resource in template["Resources"].items() if name not in left_out}
    for name, resource in kept.items():
        if GRADUAL in resource.get("Properties", {}):
            properties = {key: value for key, value in resource["Properties"].items() if key != GRADUAL}
            kept[name] = {**resource, "Properties": properties}
            left_out[name] = GRADUAL
        if "athena:" in str(resource.get("Properties", {}).get("Policies")):
            kept[name] = _unplaced(resource)
            left_out[name] = PLACE
    return {**template, "Resources": kept}, left_out


def write(template: Template, path: Path) -> None:
    """Write a template as JSON, which is YAML too."""
    path.write_text(json.dumps(template, indent=1))


def reserved_concurrency(template: Template) -> dict[str, int]:
    """Reserved concurrency by the function's logical id, where one is set."""
    return {
        name: resource["Properties"]["ReservedConcurrentExecutions"]
        for name, resource in template["Resources"].items()
        if "ReservedConcurrentExecutions" in resource.get("Properties", {})
    }


def _unplaced(role: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(dict(role))
    for policy in changed["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if set(UNPLACED) & set(statement.get("Action", ())):
                statement["Resource"] = "*"
    return changed


def _is_unknown(resource: Mapping[str, Any]) -> bool:
    computed_alarm = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return computed_alarm or resource["Type"] in UNKNOWN_TYPES


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags."""


def _long_form(loader: _Loader, function: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
    if function == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {function if function in ("Ref", "Condition") else f"Fn::{function}": value}


_Loader.add_multi_constructor("!", _long_form)
