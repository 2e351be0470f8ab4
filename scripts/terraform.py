"""Write variables and outputs of the Terraform module from the template: `python -m scripts.terraform`."""

from __future__ import annotations

import json
import re
from typing import Any

import typer

from scripts.local_template import Template, read
from scripts.stack import PROJECT

FOLDER = PROJECT / "terraform"
WRITTEN = "# Written from sam_template.yaml by python -m scripts.terraform.\n"

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def write() -> None:
    """Rewrite variables.tf, parameters.tf and outputs.tf."""
    for name, text in files(read(PROJECT / "sam_template.yaml")).items():
        (FOLDER / name).write_text(text)


def files(template: Template) -> dict[str, str]:
    """The written files' texts, by name."""
    parameters: dict[str, dict[str, Any]] = template["Parameters"]
    width = max(map(len, parameters))
    lines = [f"    {name:<{width}} = var.{snake(name)}" for name in parameters]
    return {
        "variables.tf": WRITTEN + "".join(_variable(name, one) for name, one in parameters.items()),
        "parameters.tf": f"{WRITTEN}\nlocals {{\n  parameters = {{\n" + "\n".join(lines) + "\n  }\n}\n",
        "outputs.tf": WRITTEN + "".join(_output(name, one) for name, one in template["Outputs"].items()),
    }


def snake(name: str) -> str:
    """A CloudFormation name as Terraform writes it.

    >>> snake("KmsKeyArn"), snake("MinimumRequestsPerHour")
    ('kms_key_arn', 'minimum_requests_per_hour')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _variable(name: str, parameter: dict[str, Any]) -> str:
    """A variable of the parameter's type, default and description."""
    number, default = parameter["Type"] == "Number", parameter["Default"]
    value = f"{default:g}" if isinstance(default, float) else str(default)
    lines = [
        f'variable "{snake(name)}" {{',
        f"  type        = {'number' if number else 'string'}",
        f"  description = {json.dumps(parameter['Description'])}",
        f"  default     = {value if number else _text(default)}",
    ]
    allowed = parameter.get("AllowedValues")
    if allowed:
        values = ", ".join(json.dumps(value) for value in allowed)
        named = ", ".join(str(value) or "empty" for value in allowed)
        lines += [
            "",
            "  validation {",
            f"    condition     = contains([{values}], var.{snake(name)})",
            f'    error_message = "{snake(name)} is one of {named}."',
            "  }",
        ]
    return "\n" + "\n".join([*lines, "}", ""])


def _output(name: str, output: dict[str, Any]) -> str:
    """An output of the stack; one with a condition may be absent."""
    value = f'aws_cloudformation_stack.driftline.outputs["{name}"]'
    if "Condition" in output:
        value = f'lookup(aws_cloudformation_stack.driftline.outputs, "{name}", null)'
    text = json.dumps(output["Description"])
    return f'\noutput "{snake(name)}" {{\n  description = {text}\n  value       = {value}\n}}\n'


def _text(value: object) -> str:
    return json.dumps(str(value)).replace("${", "$${")


if __name__ == "__main__":
    app(prog_name="python -m scripts.terraform")
