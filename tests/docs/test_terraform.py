"""The Terraform module hands over every parameter and output of the template, with its type and default."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import hcl2
import pytest

from scripts import terraform
from scripts.local_template import read
from tests.checkout import PROJECT

FOLDER = PROJECT / "terraform"
TEMPLATE = read(PROJECT / "sam_template.yaml")
OWN = {"template_url", "stack_name", "tags"}
"""Variables of the module itself."""


def plain(value: Any) -> Any:
    """A value without the quotation marks that the parser may keep."""
    return value.strip('"').replace("$${", "${") if isinstance(value, str) else value


def blocks(kind: str) -> dict[str, dict[str, Any]]:
    """Blocks of a kind in all files, by their label."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.tf")):
        for block in hcl2.loads(path.read_text()).get(kind, []):
            for name, body in block.items():
                found[plain(name)] = body
    return found


def test_the_variables_are_the_templates_parameters() -> None:
    variables = {name: one for name, one in blocks("variable").items() if name not in OWN}
    parameters = {terraform.snake(name): one for name, one in TEMPLATE["Parameters"].items()}
    assert variables.keys() == parameters.keys()
    for name, parameter in parameters.items():
        assert plain(variables[name]["description"]) == parameter["Description"]
        default = plain(variables[name]["default"])
        if parameter["Type"] == "Number":
            assert float(default) == float(parameter["Default"])
            assert "number" in str(variables[name]["type"])
        else:
            assert str(default) == str(parameter["Default"])


def test_every_parameter_and_output_is_handed_over() -> None:
    (local,) = hcl2.loads((FOLDER / "parameters.tf").read_text())["locals"]
    handed = {
        plain(name): str(value) for name, value in local["parameters"].items() if name != "__is_block__"
    }
    assert handed.keys() == TEMPLATE["Parameters"].keys()
    for name, value in handed.items():
        assert f"var.{terraform.snake(name)}" in value
    assert blocks("output").keys() == {terraform.snake(name) for name in TEMPLATE["Outputs"]}


def test_what_is_written_from_the_template_is_up_to_date() -> None:
    for name, text in terraform.files(TEMPLATE).items():
        assert (FOLDER / name).read_text() == text, "run: python -m scripts.terraform"


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_finds_it_well_formed() -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(FOLDER)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
