"""What several kinds of tests share: the packages, built once, and who runs what in which process.

`make test` runs two processes. Tests of one group run in one of them, one after another, and what takes
longest begins first: much of it is waiting, so that the other process has the machine.
"""

from pathlib import Path

import pytest
from hypothesis import settings

from scripts.deployment import build
from scripts.stack import LOCAL

settings.register_profile("driftline", deadline=None)  # a busy machine is no bug
settings.load_profile("driftline")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `sam build`: one package a function and template.yaml."""
    folder = tmp_path_factory.mktemp("built")
    build(LOCAL, folder=folder)
    return folder


STACK = "stack"
"""The group of the tests that share the packages or the deployed stack."""

LAST = ("test_notebook.py", "test_api_contract.py", "test_shadow.py")
"""Of the stack's tests. The first two drift on purpose, and others wait for an alarm. The last waits until
the function asks for its shadow again."""

LONG = (
    "docs/test_readme.py",
    "e2e/test_demo_retraining.py",
    "e2e/test_demo.py",
    "properties/test_seeded_bugs.py",
    "properties/test_faults.py",
)
"""What takes minutes, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests belong together, and begin with those that take longest."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_turn)


def _group(item: pytest.Item) -> str:
    shares = {"built", "local_aws"} & set(getattr(item, "fixturenames", ()))
    return STACK if shares else str(item.path.relative_to(item.config.rootpath))


def _turn(item: pytest.Item) -> tuple[int, int]:
    if _group(item) == STACK:
        return 0, 1 + LAST.index(item.path.name) if item.path.name in LAST else 0
    place = f"{item.path.parent.name}/{item.path.name}"
    return 1, LONG.index(place) if place in LONG else len(LONG)
