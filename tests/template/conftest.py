"""The template as its tests see it."""

from typing import Any

import pytest

from scripts.local_template import Template, read
from scripts.stack import PROJECT


@pytest.fixture(scope="session")
def template() -> Template:
    return read(PROJECT / "sam_template.yaml")


@pytest.fixture(scope="session")
def resources(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"]
    return found
