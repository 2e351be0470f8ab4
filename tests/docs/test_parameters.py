"""The README's table of parameters is the template's."""

import re

from scripts.local_template import read
from scripts.stack import PROJECT

ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)
NOT_SHOWN = {"FeatureTypes": "those of the generated houses"}
"""Defaults that are too long for a table."""


def test_the_readme_has_every_parameter_with_its_default_and_meaning() -> None:
    parameters = read(PROJECT / "sam_template.yaml")["Parameters"]
    section = (PROJECT / "README.md").read_text().partition("## Configure")[2].partition("\n## ")[0]
    shown = [
        (
            name,
            NOT_SHOWN.get(name, f"`{found['Default']}`" if found["Default"] != "" else "empty"),
            found["Description"],
        )
        for name, found in parameters.items()
    ]
    assert ROW.findall(section) == shown
