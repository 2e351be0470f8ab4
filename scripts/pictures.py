"""Pictures of a report for the documents: what a person sees at a desk, in the dark and on a phone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from scripts.browser import launch
from scripts.stack import PROJECT

REPORT = PROJECT / "build" / "demo" / "report.html"
FOLDER = PROJECT / "docs" / "images"

MOST_BYTES = 300_000
"""Of one picture: they are kept in git."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture.

    Attributes
    ----------
    width, height : of the window, pixels.
    at : selector of what stands at the top of the window.
    dark : whether the system asks for dark colours.
    """

    width: int = 1280
    height: int = 860
    at: str = ".bar"
    dark: bool = False


SHOTS = {
    "report-desktop": Shot(height=1000),
    "report-detail": Shot(at="#detail", height=760),
    "report-dark": Shot(at="#timeline", dark=True, height=1000),
    "report-phone": Shot(width=390, height=844),
    "report-phone-map": Shot(width=390, height=844, at="#timeline"),
}
"""By the name of the file."""

app = typer.Typer(add_completion=False)


@app.command()
def pictures(
    report: Annotated[Path, typer.Argument(help="The report's file; make demo writes one.")] = REPORT,
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = FOLDER,
) -> None:
    """Take each picture of a report."""
    if not report.exists():
        raise typer.BadParameter(f"{report} is missing; run: make demo, or name another report")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as tool:
        browser = launch(tool)
        for name, shot in SHOTS.items():
            file = folder / f"{name}.png"
            taken = take(browser, report.resolve().as_uri(), shot)
            if len(taken) > MOST_BYTES:
                raise ValueError(
                    f"{file.name} has {len(taken)} bytes, more than {MOST_BYTES}; make it smaller"
                )
            file.write_bytes(taken)
            typer.echo(f"{file}: {len(taken) / 1000:.0f} kB")
        browser.close()


def take(browser: Browser, address: str, shot: Shot) -> bytes:
    """A picture as PNG, once all charts in the window are drawn."""
    page = browser.new_page(
        viewport=ViewportSize(width=shot.width, height=shot.height),
        color_scheme="dark" if shot.dark else "light",
        reduced_motion="reduce",
    )
    page.goto(address)
    page.wait_for_function("document.documentElement.dataset.ready")
    page.locator(shot.at).evaluate("element => scrollTo(0, element.getBoundingClientRect().top - 12)")
    page.wait_for_function(_DRAWN)
    taken: bytes = page.screenshot()
    page.close()
    return taken


_DRAWN = """() => [...document.querySelectorAll(".chart")].every((chart) => {
  const { top, bottom } = chart.getBoundingClientRect();
  return bottom < 0 || top > innerHeight || chart.querySelector("svg");
})"""


if __name__ == "__main__":
    app()
