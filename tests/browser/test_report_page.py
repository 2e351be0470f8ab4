"""The report in a real browser: what a person sees, points at, types and prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect

from report.page import page as report
from tests.browser.conftest import Open
from tests.unit.report import facts_made as made

DRIFTED = ["living_area_m2", "prediction", "energy_kwh_m2"]
GUTTER = 190
"""Pixels left of the map that hold the names."""


@cache
def html() -> str:
    return report(made.small())


def cell(page: Page, row: int, share: float) -> tuple[float, float]:
    """Where in the map a row is, at a share of the time; the lane of incidents lies above."""
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map canvas").bounding_box()
    assert box
    return box["x"] + GUTTER + share * (box["width"] - GUTTER), box["y"] + 18 + 20 * row + 15


def listed(page: Page) -> list[str]:
    return page.locator("#features tbody tr:visible th").all_inner_texts()


def mapped(page: Page) -> list[str]:
    """Names of the map's rows, from above."""
    found: list[str] = page.evaluate("driftline.grid.rows.map((c) => driftline.names[c])")
    return found


def test_the_verdict_comes_first_in_words(opened: Open) -> None:
    page = opened(html())
    assert (
        page.locator("h2").first.inner_text()
        == "Drift since 2025-11-24 14:30 UTC: living_area_m2, prediction "
        "and energy_kwh_m2."
    )
    windows = made.small().windows
    figures = dict(
        (one.split("\n") for one in page.locator(".figures div").all_inner_texts()),
    )
    assert figures["windows with drift"] == str(windows.drift.sum())
    assert figures["rows"] == f"{windows.n.sum():,}"
    assert figures["records in quarantine"] == str(windows.quarantined.sum())


def test_hovering_names_the_feature_the_window_and_the_evidence(opened: Open) -> None:
    page = opened(html())
    page.mouse.move(*cell(page, 0, 0.8))
    tip = page.locator("#vg-tooltip-element")
    expect(tip).to_contain_text("living_area_m2")
    assert float(re.search(r"threshold\s*([\d.]+)", tip.inner_text())[1]) > 1  # type: ignore[index]
    page.mouse.move(*cell(page, 5, 0.2))
    expect(tip).not_to_contain_text("living_area_m2")
    assert float(re.search(r"threshold\s*([\d.]+)", tip.inner_text())[1]) < 1  # type: ignore[index]


def test_a_click_leads_to_why_this_is_drift(opened: Open) -> None:
    page = opened(html())
    page.mouse.click(*cell(page, 2, 0.95))
    expect(page.locator("#detail-title")).to_have_text("energy_kwh_m2")
    expect(page.locator("#detail")).to_be_focused()
    expect(page.locator(".why")).to_contain_text("Missing values: 3.9 % of the rows in training")
    for chart in ("histogram", "line", "shares"):
        page.locator(f"#{chart} svg").wait_for()
    expect(page.locator("#histogram")).to_contain_text("missing")
    page.mouse.click(*cell(page, 4, 0.1))
    expect(page.locator(".why")).to_contain_text("As in training")


def test_features_are_filtered_and_ordered_on_the_map_and_in_the_table(opened: Open) -> None:
    page = opened(html())
    assert mapped(page)[:3] == DRIFTED
    page.locator("#only").check()
    page.wait_for_function("driftline.grid.rows.length === 3")
    assert mapped(page) == listed(page) == DRIFTED
    page.locator("#filter").fill("AREA")
    page.wait_for_function("driftline.grid.rows.length === 1")
    assert mapped(page) == listed(page) == ["living_area_m2"]
    page.locator("#filter").fill("no such")
    expect(page.locator("#said")).to_have_text("No feature is shown; change the filter.")
    page.locator("#filter").fill("")
    page.locator("#only").uncheck()
    page.locator("#order").select_option("name")
    page.wait_for_function("driftline.grid.rows.length === 7 && driftline.state.order === 'name'")
    assert mapped(page) == sorted(mapped(page))


def test_the_keyboard_does_what_the_mouse_does(opened: Open) -> None:
    page = opened(html())
    page.locator("#map").focus()
    page.keyboard.press("ArrowDown")
    said = page.locator("#said")
    expect(said).to_contain_text("prediction, 2025-11-24 14:40")
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("14:45")
    expect(said).to_contain_text("drifted")
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_focused()
    expect(page.locator("#detail-title")).to_have_text("prediction")
    page.locator("button[data-column]", has_text="rooms").press("Enter")  # the table is the map's equal
    expect(page.locator("#detail-title")).to_have_text("rooms")


def test_zooming_shows_fewer_windows_and_all_again(opened: Open) -> None:
    page = opened(html())
    parts = "driftline.grid.parts.length"
    assert page.evaluate(parts) == 48
    page.locator("#in").click()
    page.wait_for_function(f"{parts} < 25")
    page.locator("#earlier").click()
    page.locator("#all").click()
    page.wait_for_function(f"{parts} === 48")
    strip = page.locator("#map canvas").bounding_box()
    assert strip
    y = strip["y"] + strip["height"] - 50
    page.mouse.move(strip["x"] + GUTTER + 300, y)
    page.mouse.down()
    page.mouse.move(strip["x"] + GUTTER + 500, y, steps=8)
    page.mouse.up()
    page.wait_for_function(f"{parts} < 20")


def test_an_incident_leads_to_its_time_and_back(opened: Open) -> None:
    page = opened(html())
    page.get_by_role("button", name="Show this time").click()
    page.wait_for_function("driftline.grid.parts.length < 30")
    x, y = cell(page, 0, 0.6)
    page.mouse.click(x, y - 25)
    expect(page.locator(".card.found")).to_contain_text("The data changed")


def test_quality_and_attributions_are_drawn_and_told_in_numbers(opened: Open) -> None:
    page = opened(html())
    for chart in ("errors", "coverage", "attribution"):
        expect(page.locator(f"#{chart} svg")).to_be_visible()
    page.get_by_text("Numbers").click()
    expect(page.locator("#quality tbody tr").first).to_contain_text("20,000")


def test_a_quiet_report_says_so_and_what_is_missing(opened: Open) -> None:
    page = opened(report(made.quiet()))
    assert page.locator("h2").first.inner_text() == "No drift in 12 windows."
    expect(page.locator("#quality")).to_contain_text("No labels have come")
    expect(page.locator("#limits")).to_contain_text("only labels show it")


def test_names_are_text_whatever_they_hold(opened: Open) -> None:
    """A feature's name is a producer's text: it must not run, end an element or break the data."""
    odd = "</script><script>document.title='pwned'</script>\"'&"
    facts = made.small()
    columns = (*facts.columns[:1], replace(facts.columns[1], name=odd), *facts.columns[2:])
    page = opened(report(replace(facts, columns=columns)))
    assert "pwned" not in page.title()
    assert odd in listed(page)
    assert odd in mapped(page)
    page.locator("button[data-column]", has_text="pwned").click()
    expect(page.locator("#detail-title")).to_have_text(odd)


def test_a_phone_shows_all_of_it_without_scrolling_sideways(opened: Open) -> None:
    page = opened(html(), width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#map canvas").bounding_box()["width"] <= 390  # type: ignore[index]
    page.locator("button[data-column]", has_text="energy").click()
    expect(page.locator("#detail-title")).to_have_text("energy_kwh_m2")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_what_is_chosen_outlasts_a_reload(opened: Open) -> None:
    page = opened(html())
    page.locator("#only").check()
    page.mouse.click(*cell(page, 1, 0.9))
    expect(page.locator("#detail-title")).to_have_text("prediction")
    page.locator("#theme").click()
    page.reload()
    page.wait_for_selector("html[data-drawn=yes]")
    expect(page.locator("#detail-title")).to_have_text("prediction")
    assert mapped(page) == DRIFTED
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(opened: Open, dark: bool) -> None:
    """WCAG's contrast of 4.5 for text, and 3 for what is drawn and must be told apart."""
    page = opened(html(), dark=dark)
    colour = {
        name: page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
        for name in [
            "ink",
            "soft",
            "link",
            "drift",
            "good",
            "warn",
            "paper",
            "raised",
            "drift-paper",
            "good-paper",
            "warn-paper",
            "train",
            "now",
        ]
    }
    pairs = [(text, ground, 4.5) for text in ("ink", "soft", "link") for ground in ("paper", "raised")]
    pairs += [(f"{text}", f"{text}-paper", 4.5) for text in ("drift", "good", "warn")]
    pairs += [("ink", f"{text}-paper", 4.5) for text in ("drift", "good", "warn")]
    pairs += [("train", "paper", 3.0), ("now", "paper", 3.0)]
    for one, other, least in pairs:
        light, low = sorted([_luminance(colour[one]), _luminance(colour[other])], reverse=True)
        assert (light + 0.05) / (low + 0.05) >= least, f"{one} on {other}"


def test_it_prints(opened: Open, tmp_path: Path) -> None:
    page = opened(html())
    page.emulate_media(media="print")
    expect(page.locator(".controls").first).to_be_hidden()
    expect(page.locator("#headline")).to_be_visible()
    content = page.pdf(format="A4")
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") >= 2


def test_a_hundred_features_by_two_thousand_windows(opened: Open) -> None:
    text = report(made.large())
    assert len(text.encode()) <= 5_000_000
    page = opened(text)
    assert page.evaluate("driftline.cells") == 100 * 250
    page.locator("#filter").fill("feature_07")
    page.wait_for_function("driftline.grid.rows.length === 10")


@pytest.fixture
def served(browser: Browser) -> Iterator[tuple[Page, dict[str, str]]]:
    """A served page, and what the server answers; a change of it is a newer page."""
    answer = {"text": report(made.quiet(), refresh_seconds=1), "status": "204"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.path.startswith("/changed")
            self.send_response(int(answer["status"]) if asked else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if not asked:
                answer["status"] = "204"
                self.wfile.write(answer["text"].encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        page.wait_for_selector("html[data-drawn=yes]")
        yield page, answer
        context.close()
        server.shutdown()


def test_a_served_page_renews_itself_and_keeps_the_readers_place(served: tuple[Page, dict[str, str]]) -> None:
    page, answer = served
    page.locator("button[data-column]", has_text="rooms").click()
    page.locator("#order").select_option("name")
    answer |= {"text": report(made.small(), refresh_seconds=1), "status": "200"}
    expect(page.locator("#headline")).to_contain_text("Drift since", timeout=10_000)
    page.wait_for_selector("html[data-drawn=yes]")
    expect(page.locator("#detail-title")).to_have_text("rooms")
    assert page.evaluate("driftline.state.order") == "name"
