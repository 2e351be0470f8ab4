"""The browser that opens reports for tests and pictures: the system's Chromium, driven by playwright."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
"""Without a sandbox it runs in containers as root; it opens files of our own making only."""


def launch(tool: Playwright) -> Browser:
    """Start it.

    Raises
    ------
    FileNotFoundError
        If it is not installed.
    """
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        raise FileNotFoundError(f"none of {', '.join(NAMES)} is installed; run: make browser")
    return tool.chromium.launch(executable_path=found, args=list(OPTIONS))
