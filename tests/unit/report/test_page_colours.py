"""Colours of the page: text is read on its ground in light and in dark, by WCAG 2's contrast."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from report.page import HERE

TEXTS = (
    *(
        ("ink", "page"),
        ("ink", "card"),
        ("ink", "sunk"),
        ("soft", "page"),
        ("soft", "card"),
        ("accent", "card"),
    ),
    *(("bad", "card"), ("bad", "bad-tint"), ("warn", "warn-tint"), ("good", "good-tint"), ("card", "ink")),
    *(("bad", "page"), ("accent", "page")),
)
"""Text and ground, as the style sheet uses them: 4.5 at least."""

GRAPHICS = (
    ("accent", "card"),
    ("bad", "card"),
    ("warn", "card"),
    ("ink", "quiet-low"),
    ("ink", "quiet-high"),
)
"""Lines and marks that mean something: 3 at least."""


def colours(theme: int) -> dict[str, str]:
    css = (HERE / "static" / "page.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+): light-dark\(#(\w{6}), #(\w{6})\);", css)
    return {name: (light, dark)[theme] for name, light, dark in found}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_as_the_standard_has_it() -> None:
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("777777", "ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1])
def test_text_and_graphics_stand_out(theme: int) -> None:
    known = colours(theme)
    texts = {pair: contrast(known[pair[0]], known[pair[1]]) for pair in TEXTS}
    graphics = {pair: contrast(known[pair[0]], known[pair[1]]) for pair in GRAPHICS}
    assert {pair: ratio for pair, ratio in texts.items() if ratio < 4.5} == {}
    assert {pair: ratio for pair, ratio in graphics.items() if ratio < 3} == {}


@pytest.mark.parametrize("theme", [0, 1])
def test_the_threshold_is_a_break_for_who_sees_no_hue(theme: int) -> None:
    """Luminance goes one way below 1 and one way above, and the mark of drifted cells is seen on them."""
    known = colours(theme)
    quiet = [luminance(known[name]) for name in ("quiet-low", "quiet-high")]
    loud = [luminance(known[name]) for name in ("loud-low", "loud-mid", "loud-high")]
    for scale in (quiet, loud):
        steps = [b - a for a, b in pairwise(scale)]
        assert all(step > 0 for step in steps) or all(step < 0 for step in steps)
    assert (
        contrast(known["mark"], known["loud-low"]) >= 3
    )  # to a score of 3; beyond, marks have the ground's colour
    assert contrast(known["card"], known["loud-high"]) >= 3
