"""What several kinds of tests share: the packages, built once, and no deadline for what hypothesis draws."""

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
