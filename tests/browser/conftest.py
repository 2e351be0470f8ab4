"""Chromium, started once; every page that a test opens fails it on an error or a request to anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, sync_playwright

from scripts.browser import launch

type Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as tool:
        started = launch(tool)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a page's HTML; at the end nothing may have been logged, thrown or asked for."""
    wrong: list[str] = []
    contexts = []

    def open_page(html: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport=ViewportSize(width=width, height=height),
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        file = tmp_path / "report.html"
        file.write_text(html, encoding="utf-8")

        def only_the_file(route: Route) -> None:
            if route.request.url.partition("#")[0] == file.as_uri():
                route.continue_()
            else:
                wrong.append(f"asked for {route.request.url}")
                route.abort()

        page = context.new_page()
        page.set_default_timeout(8_000)
        page.route("**/*", only_the_file)
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_function("document.documentElement.dataset.ready")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong
