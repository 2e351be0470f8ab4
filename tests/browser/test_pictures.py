"""Pictures for the documents are taken of any report, each small enough for git."""

from __future__ import annotations

from pathlib import Path
from struct import unpack
from typing import TYPE_CHECKING

import pytest

from report.page import page
from scripts.pictures import MOST_BYTES, SHOTS, take
from tests.unit.report.facts_drawn import made_facts

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.parametrize("name", ["report-detail", "report-phone"])
def test_a_picture_has_the_size_that_is_said(browser: Browser, tmp_path: Path, name: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(made_facts(windows=60)), encoding="utf-8")
    shot = SHOTS[name]
    taken = take(browser, file.as_uri(), shot)
    assert unpack(">II", taken[16:24]) == (shot.width, shot.height)
    assert len(taken) <= MOST_BYTES
