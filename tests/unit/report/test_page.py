"""The page's text: what it may ask the browser for, and how its numbers are packed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from report import arrays, chart_library
from report.histograms import MOST_CELLS, MOST_DRIFTED, group_bounds, kept
from report.page import page
from report.phrases import headline
from tests.unit.report.facts_drawn import made_facts


class Elements(HTMLParser):
    """Tags and their attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script":
            self.scripts.append((self.found[-1][1], data))


def test_the_policy_lets_nothing_run_but_our_two_scripts() -> None:
    elements = Elements(page(made_facts(windows=12)))
    told = next(one["content"] for tag, one in elements.found if "http-equiv" in one and tag == "meta")
    assert told is not None
    directives = {name: values for name, *values in (part.split() for part in told.split(";"))}
    assert directives["default-src"] == ["'none'"]
    assert "connect-src" not in directives
    ours = next(text for attributes, text in elements.scripts if not attributes)
    library = next(text for attributes, text in elements.scripts if attributes.get("id") == "vega-data")
    run = [ours.encode(), gzip.decompress(base64.b64decode(library))]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in run]
    assert directives["script-src"] == hashes
    sources = [one.get("src") or one.get("href") for _, one in elements.found]
    assert {one for one in sources if one and not one.startswith(("#", "data:"))} == set()


def test_a_served_page_may_ask_its_own_origin_only() -> None:
    text = page(made_facts(windows=12), refresh_seconds=5)
    assert "; connect-src &#39;self&#39;;" in text
    assert 'data-refresh="5"' in text


def test_headings_and_landmarks_make_an_outline() -> None:
    elements = Elements(page(made_facts(windows=12)))
    tags = [tag for tag, _ in elements.found]
    assert [tags.count(one) for one in ("h1", "main", "header", "footer")][:2] == [1, 1]
    ids = {one["id"] for _, one in elements.found if "id" in one}
    pointed = [one[name] for _, one in elements.found for name in ("aria-labelledby", "for") if name in one]
    assert set(pointed) <= ids
    inputs = {one["id"] for tag, one in elements.found if tag in {"input", "select"} and "id" in one}
    labelled = {one["for"] for tag, one in elements.found if tag == "label" and "for" in one}
    assert inputs - labelled <= {"only"}  # which stands within its label


def test_a_package_holds_the_charts_library(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    chart_library.write(tmp_path)
    put = (tmp_path / "report" / chart_library.BUNDLE.name).read_bytes()
    assert gzip.decompress(put).decode() == chart_library.source()
    assert "vegaEmbed" in chart_library.source()
    assert len(put) < 400_000


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=50))
def test_packed_scores_stay_on_their_side_of_the_threshold(values: list[float]) -> None:
    scores = np.array(values)
    read = arrays.scores(scores) * arrays.SCORE_UNIT
    assert ((read > 1) == (scores > 1)).all()
    inside = scores < 655
    assert (np.abs(read - scores)[inside] <= 0.01001).all()


@given(st.lists(st.floats(1e-4, 1e6), min_size=1, max_size=50))
def test_packed_distances_are_off_by_half_a_percent_at_most(values: list[float]) -> None:
    distances = np.array(values)
    steps = arrays.distances(distances).astype(float)
    read = arrays.LEAST * 10 ** (arrays.DECADES * (steps - 1) / arrays.STEPS)
    assert (np.abs(read / distances - 1) <= 0.005).all()


def test_few_cells_all_have_their_histogram_and_many_the_strongest() -> None:
    rng = np.random.default_rng(1)
    assert kept(rng.random((600, MOST_CELLS // 600))).all()
    score = rng.exponential(0.5, (2_000, 100))
    chosen = kept(score)
    assert chosen.sum() <= MOST_DRIFTED + 100
    assert chosen[score.argmax(0), np.arange(100)].all()
    assert score[chosen].min() >= np.sort(score.ravel())[-MOST_DRIFTED - 1] or not (score > 1).any()
    assert kept(np.minimum(score, 0.9)).sum() == 100  # no drift: the strongest of each feature alone


@given(st.integers(1, 5_000))
def test_groups_of_spans_cover_each_once(spans: int) -> None:
    bounds = group_bounds(spans)
    assert bounds[0] == 0
    assert bounds[-1] == spans
    assert (np.diff(bounds) > 0).all()


def test_histograms_of_a_page_are_those_of_the_facts() -> None:
    facts = made_facts(windows=24)
    text = page(facts)
    told = json.loads(re.search(r'id="names-data">(.*?)</script>', text)[1])  # type: ignore[index]
    blob = gzip.decompress(base64.b64decode(re.search(r'id="histograms-data">(.*?)<', text)[1]))  # type: ignore[index]
    types = {"Uint8Array": np.uint8, "Uint16Array": np.uint16, "Uint32Array": np.uint32}
    at = 0
    for column, place in zip(facts.columns, told["spans"]["windows"]["histograms"]["columns"], strict=True):
        counts = place["counts"]
        kind = types[counts["type"]]
        read = np.frombuffer(blob, kind, counts["length"], counts["at"]).reshape(24, column.size)
        np.testing.assert_array_equal(read, facts.windows.counts[:, at : at + column.size])
        at += column.size


@pytest.mark.parametrize("cut", [16, 24])
def test_the_headline_tells_whether_it_lasts(cut: int) -> None:
    facts = made_facts(windows=24)  # of which 14 to 20 drift
    windows = facts.windows
    first = {
        name: getattr(windows, name)[:cut] for name in ("start", "end", "drift", "score", "since", "signal")
    }
    measures = {name: one[:cut] for name, one in windows.measures.items()}
    told = headline(
        replace(facts, windows=replace(windows, **first, measures=measures, guilty=windows.guilty[:cut]))
    )
    assert told.state == ("drift" if cut == 16 else "drifted")
    assert ("since 2026-01-01 01:10" in told.title) == (cut == 16)
    assert f"{2 if cut == 16 else 7} of {cut} windows drifted" in told.text
