"""The report in a real browser: what a person sees, points at, types and prints."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from report.facts import Facts
from report.page import page as report
from tests.unit.report.facts_drawn import made_facts

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import Open

DRIFTING = ("district", "living_area_m2", "rooms")
"""What `made_facts` lets drift, the strongest first."""


@cache
def facts() -> Facts:
    return made_facts(windows=144)


@cache
def html() -> str:
    return report(facts())


def names(page: Page) -> list[str]:
    return page.locator("#names div").all_inner_texts()


def point(page: Page, row: int, share: float) -> tuple[float, float]:
    """Where in the map a row is, at a share of the time."""
    box = page.locator("#cells").bounding_box()
    assert box
    return box["x"] + share * box["width"], box["y"] + 20 * row + 9


def test_the_verdict_comes_first_and_agrees_with_the_facts(opened: Open) -> None:
    page = opened(html())
    windows = int(facts().windows.drift.sum())
    assert page.locator("h2").first.inner_text() == "Drift found, and over: district and 2 more"
    assert f"{windows} of 144 windows drifted." in page.locator("#verdict").inner_text()
    tiles = dict(one.split("\n")[:2] for one in page.locator(".tile").all_inner_texts())
    assert tiles["Judged"] == f"{int(facts().windows.n.sum()):,}"
    assert tiles["Quarantined"] == f"{int(facts().windows.quarantined.sum()):,}"


def test_hovering_names_the_cell_under_the_pointer(opened: Open) -> None:
    page = opened(html())
    page.locator("#timeline").scroll_into_view_if_needed()
    page.mouse.move(*point(page, 0, 0.75))
    tip = page.locator("#tip")
    assert re.search(r"^district\ndrift, score [\d.]+ \(.+\)\n2026-01-01 0[89]:", tip.inner_text())
    page.mouse.move(*point(page, 0, 0.2))
    assert "no drift, score 0." in tip.inner_text()
    page.mouse.move(*point(page, 4, 0.75))
    assert tip.inner_text().splitlines()[:1] == names(page)[4:5]
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_features_are_filtered_and_sorted(opened: Open) -> None:
    page = opened(html())
    assert tuple(names(page)[:3]) == DRIFTING
    page.get_by_label("only those that drifted").check()
    assert tuple(names(page)) == DRIFTING
    page.get_by_label("Filter features by name").fill("AREA")
    assert names(page) == ["living_area_m2"]
    assert page.locator("#features tbody tr:visible").count() == 1  # the table says the same
    page.get_by_label("only those that drifted").uncheck()
    page.get_by_label("Filter features by name").fill("")
    page.get_by_label("Sort features").select_option("name")
    assert names(page) == sorted(names(page))
    page.get_by_label("Sort features").select_option("schema")
    assert tuple(names(page)) == tuple(one.name for one in facts().columns)


def test_a_click_on_a_cell_opens_its_detail(opened: Open) -> None:
    page = opened(html())
    page.locator("#timeline").scroll_into_view_if_needed()
    page.mouse.click(*point(page, 1, 0.75))
    expect(page.locator("#detail-title")).to_have_text("living_area_m2")
    expect(page.locator("#detail")).to_be_focused()
    why = page.locator("#why").inner_text()
    assert why.startswith("Why this is drift: ")
    assert re.search(r"The mean is [\d.]+; in training it was 5, so it lies 1\.\d+ σ higher", why)
    for chart in ("histogram", "specials", "scores", "shares"):
        page.locator(f"#{chart} svg").wait_for()
    assert "now" in (page.locator("#specials").get_attribute("aria-label") or "")
    shown = page.locator("#distances td").all_inner_texts()
    assert shown[0] == "out of range"
    assert float(shown[1]) == pytest.approx(1.5, abs=0.4)  # what made_facts moves it by


def test_the_histogram_is_of_the_span_that_is_chosen(opened: Open) -> None:
    page = opened(html())
    page.locator("#pick").select_option(label="rooms")
    label = page.locator("#specials")
    page.evaluate("location.hash")
    page.locator("#sum").select_option("run")
    expect(label).to_have_attribute("aria-label", re.compile(r"missing \d.* in training, now (19|2\d) %"))
    page.locator("#sum").select_option("shown")
    share = 0.01 + 0.2 * facts().windows.drift.mean()
    expect(label).to_have_attribute(
        "aria-label", re.compile(rf"missing \d.* in training, now {share * 100:.1f}"[:-2])
    )


def test_the_keyboard_does_what_the_mouse_does(opened: Open) -> None:
    page = opened(html())
    grid = page.get_by_role("application")
    grid.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    said = page.locator("#said")
    expect(said).to_contain_text("living_area_m2, no drift")
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("00:05 to 00:10")
    page.keyboard.press("+")
    expect(page.locator("#shown")).not_to_contain_text("144 windows")
    page.keyboard.press("0")
    expect(page.locator("#shown")).to_contain_text("144 windows")
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_focused()
    expect(page.locator("#detail-when")).to_contain_text("00:05 to 00:10")


def test_an_incident_leads_to_its_place_on_the_map(opened: Open) -> None:
    page = opened(html())
    page.get_by_role("button", name="Show on the map").click()
    expect(page.locator("#shown")).not_to_contain_text("144 windows")
    features = facts().incidents[0]["features"]
    expect(page.locator("#detail-title")).to_have_text(features[0])
    expect(page.locator("#detail-badge")).to_have_text("drift, threshold 1")
    band = page.locator("#bands").bounding_box()
    assert band
    page.mouse.move(band["x"] + band["width"] / 2, band["y"] + 6)
    assert page.locator("#tip").inner_text().startswith("Incident: data, recovered")


def test_dragging_zooms_and_all_goes_back(opened: Open) -> None:
    page = opened(html())
    page.locator("#timeline").scroll_into_view_if_needed()
    page.mouse.move(*point(page, 2, 0.25))
    page.mouse.down()
    page.mouse.move(*point(page, 2, 0.4))
    page.mouse.move(*point(page, 2, 0.501))
    page.mouse.up()
    expect(page.locator("#shown")).to_contain_text("37 windows")
    expect(page.locator("#shown")).to_contain_text("03:00 to 06:05")
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator("#shown")).to_contain_text("144 windows")
    page.get_by_role("button", name="Hours").click()
    expect(page.locator("#shown")).to_contain_text("12 hours")


def test_what_is_looked_at_outlives_a_reload(opened: Open) -> None:
    page = opened(html())
    page.get_by_label("Filter features by name").fill("o")
    page.locator("#pick").select_option(label="rooms")
    before, when = names(page), page.locator("#detail-when").inner_text()
    page.reload()
    page.wait_for_function("document.documentElement.dataset.ready")
    assert names(page) == before
    assert page.locator("#detail-title").inner_text() == "rooms"
    assert page.locator("#detail-when").inner_text() == when


def test_names_are_text_whatever_they_hold(opened: Open) -> None:
    bad = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>'{{ 7*7 }}", "</script><b>&amp;")
    told = facts()
    renamed = {told.columns[i].name: name for i, name in enumerate(bad)}
    columns = tuple(replace(one, name=renamed.get(one.name, one.name)) for one in told.columns)
    guilty = tuple(tuple(renamed.get(one, one) for one in row) for row in told.windows.guilty)
    incident = {**told.incidents[0], "features": list(bad), "acknowledged_by": bad[0]}
    page = opened(
        report(
            replace(
                told,
                columns=columns,
                windows=replace(told.windows, guilty=guilty),
                incidents=(incident,),
                model_name=bad[2],
            )
        )
    )
    assert set(bad) < set(names(page))
    assert bad[1] in page.locator("#verdict").inner_text()
    assert page.locator("h1").inner_text() == bad[2]
    page.mouse.move(*point(page, 0, 0.75))
    page.locator("#pick").select_option(label=bad[0])
    page.locator("#histogram").scroll_into_view_if_needed()
    page.locator("#histogram svg").wait_for()
    assert page.locator("img, b:not([id]):not(.tile b)").count() == 0
    assert bad[0] in page.locator("#incidents").inner_text()


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_the_body_does_not_scroll_sideways(opened: Open, *, dark: bool) -> None:
    page = opened(html(), width=390, height=844, dark=dark)
    for chart in page.locator(".chart").all():
        chart.scroll_into_view_if_needed()
        chart.locator("svg").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#cells").bounding_box()["width"] > 200  # type: ignore[index]


def test_the_theme_is_the_systems_until_somebody_chooses(opened: Open) -> None:
    page = opened(html(), dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Show in light colours").click()
    light = page.evaluate(ground)
    assert [sum(map(int, re.findall(r"\d+", one))) > 3 * 128 for one in (dark, light)] == [False, True]
    pixel = "(([r, g, b]) => r + g + b)(cells.getContext('2d').getImageData(3, 190, 1, 1).data)"
    assert page.evaluate(pixel) > 3 * 128  # the map too


def test_printing_has_the_verdict_and_every_chart(opened: Open, tmp_path: Path) -> None:
    page = opened(html())
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for chart in page.locator(".chart").all():
        chart.locator("svg").wait_for()
    assert not page.get_by_label("Filter features by name").is_visible()
    assert page.locator("#verdict-title").is_visible()
    printed = page.pdf(path=tmp_path / "report.pdf")
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 2


def test_without_windows_it_says_so_and_without_labels_what_brings_them(opened: Open) -> None:
    told = made_facts(windows=12, drift=False)
    page = opened(report(replace(told, quality=(), explained=(), reconciled=())))
    assert page.locator("#verdict-title").inner_text() == "No drift in 12 windows"
    assert "0.06 σ" in page.locator("#verdict").inner_text()
    assert "Send what really happened as label records" in page.locator("#quality").inner_text()
    assert "Concept drift" in page.locator("#blind").inner_text()
    page = opened(report(replace(told, windows=told.days, hours=told.days)))
    assert page.locator("#verdict-title").inner_text() == "Nothing was judged"


def test_a_large_report_is_small_and_soon_there(opened: Open) -> None:
    text = report(made_facts(features=100, windows=2_000))
    assert len(text.encode()) <= 5_000_000
    page = opened(text)
    ready = page.evaluate("performance.getEntriesByName('interactive')[0].startTime")
    print(f"100 x 2,000: {len(text) / 1e6:.2f} MB, interactive after {ready:.0f} ms")  # noqa: T201
    assert page.locator("#names div").count() == 102
    page.locator("#pick").select_option(
        label="rooms_2"
    )  # never drifted: only its strongest has its own counts
    page.locator("#after").click()
    expect(page.locator("#histogram-note")).to_contain_text("drawn is the sum of 16 windows")


def test_a_served_report_reloads_when_there_is_a_newer_one(browser: Browser) -> None:
    told = made_facts(windows=12)
    newer = replace(told, made_at=told.made_at + 60_000, model_version="newer")
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/changed"):
                asked.append(self.path)
                self.send_response(204 if str(newer.made_at) in self.path else 200)
                self.end_headers()
                return
            body = report(newer if asked else told, refresh_seconds=1).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_function("document.documentElement.dataset.ready")
        page.get_by_label("Filter features by name").fill("rooms")
        page.evaluate("scrollTo({top: 400, behavior: 'instant'})")
        expect(page.locator(".chip")).to_have_text("version newer")
        page.wait_for_function("document.documentElement.dataset.ready")
        assert names(page) == ["rooms"]
        page.wait_for_function("scrollY === 400")
        expect(page.locator(".chip")).to_have_text("version newer")
        page.close()
        server.shutdown()
    assert asked[0] == f"/changed?since={told.made_at}"
