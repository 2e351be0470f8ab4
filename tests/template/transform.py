"""The template as CloudFormation gets it: SAM's resources made, conditions decided for given parameters."""

from __future__ import annotations

import copy
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from scripts.local_template import Template, read
from scripts.stack import PROJECT

type Resources = dict[str, dict[str, Any]]

KEY_ARN = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000"

EVERYTHING = {"Authorization": "API_KEY", "AlarmEmail": "who@is.awake", "SlackWebhookSecret": "slack"}
"""Parameters with which every resource is created."""

_ABSENT = {"Ref": "AWS::NoValue"}


@cache
def transformed(**parameters: str) -> Resources:
    """The resources of our template; see `from_sam`."""
    return from_sam(read(PROJECT / "sam_template.yaml"), **parameters)


def from_sam(template: Template, **parameters: str) -> Resources:
    """The resources that CloudFormation would create with these parameters, the others at their defaults.

    `Fn::If` is decided, and what a condition takes away is gone; other references stay as they are.
    """
    source = copy.deepcopy(template)
    del source["Globals"]["Function"]["CodeUri"]
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/package"  # what `sam deploy` puts there
    values = {name: str(given["Default"]) for name, given in source["Parameters"].items()} | parameters
    made = _translated({"template": source, "parameters": values})
    holds = {name: _holds(condition, values) for name, condition in made["Conditions"].items()}
    resources: Resources = _decided(made["Resources"], holds)
    return {name: found for name, found in resources.items() if holds.get(found.get("Condition", ""), True)}


def of_type(resources: Resources, kind: str) -> Resources:
    """Properties by logical id."""
    return {name: found["Properties"] for name, found in resources.items() if found["Type"] == kind}


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """A policy document's statements; `Action` and `Resource` are lists."""
    return [
        {**one, "Action": _listed(one["Action"]), "Resource": _listed(one.get("Resource", []))}
        for one in document["Statement"]
    ]


def _translated(given: dict[str, Any]) -> dict[str, Any]:
    """By the translator that `sam` itself uses; its pins are not those of this environment."""
    command = [
        str(PROJECT / ".venv-sam" / "bin" / "python"),
        str(Path(__file__).with_name("sam_transform.py")),
    ]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _holds(condition: Any, values: dict[str, str]) -> bool:
    match condition:
        case {"Fn::Not": [inner]}:
            return not _holds(inner, values)
        case {"Fn::Equals": [{"Ref": name}, value]}:
            return values[name] == str(value)
        case _:
            raise ValueError(f"a condition of another form: {condition}; teach it here")


def _decided(value: Any, holds: dict[str, bool]) -> Any:
    if isinstance(value, list):
        found = [_decided(item, holds) for item in value]
        return [item for item in found if item != _ABSENT]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::If"]:
        name, yes, no = value["Fn::If"]
        return _decided(yes if holds[name] else no, holds)
    decided = {key: _decided(item, holds) for key, item in value.items()}
    return {key: item for key, item in decided.items() if item != _ABSENT}
