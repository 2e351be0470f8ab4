"""What several kinds of tests share: the packages, built once."""

from pathlib import Path

import pytest

from scripts.deployment import build
from scripts.stack import LOCAL


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `sam build`: one package a function and template.yaml."""
    folder = tmp_path_factory.mktemp("built")
    build(LOCAL, folder=folder)
    return folder
