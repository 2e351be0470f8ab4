"""The page: one self-contained HTML text, which asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from report import blind, chart_library, phrases, tables
from report.arrays import base64_of
from report.data import data
from report.facts import Facts

HERE = Path(__file__).parent

SCRIPTS = ("data.js", "words.js", "heatmap.js", "charts.js", "detail.js", "main.js")
"""Read in this order, within one function."""

OUTPUTS = ("prediction", "interval_width")
"""Columns that are no features."""


def page(facts: Facts, *, refresh_seconds: int | None = None) -> str:
    """The report as HTML.

    Parameters
    ----------
    refresh_seconds : how often the page asks its own origin, `GET /changed?since=<made_at>`, whether there
        is a newer one: 200 says that there is, 204 that there is not. None: it asks nobody for anything.
    """
    told, numbers, histograms = data(facts)
    script = _script()
    relations = [getattr(facts, name).relations for name in ("windows", "hours", "days")]
    outputs = [
        {"position": position, "name": column.name}
        for position, column in enumerate(facts.columns)
        if column.name in OUTPUTS
    ]
    return (
        _environment()
        .get_template("page.html")
        .render(
            facts=facts,
            windows=len(facts.windows),
            headline=phrases.headline(facts),
            counts=tables.counts(facts),
            agreement=tables.agreement(facts),
            incidents=tables.incidents(facts),
            features=tables.features(facts),
            quality=tables.quality(facts),
            importance=tables.importance(facts),
            segments=tables.segments(facts),
            blind=blind.blind_spots(facts),
            outputs=outputs,
            related=tables.relations(facts),
            relations=any(np.isfinite(one).any() for one in relations),
            time=phrases.time,
            number=phrases.number,
            policy=policy(script, refresh=refresh_seconds is not None),
            style=_static("page.css"),
            script=script,
            names=_json(told),
            numbers=base64_of(numbers),
            histograms=base64_of(histograms),
            vega=chart_library.text(),
            refresh_seconds=refresh_seconds,
        )
    )


def policy(script: str, *, refresh: bool) -> str:
    """What the browser lets the page do: run these scripts, show its own styles, and nothing else.

    Parameters
    ----------
    refresh : whether it may ask its own origin.
    """
    allowed = " ".join(f"'sha256-{_sha256(text)}'" for text in (script, chart_library.source()))
    told = ["default-src 'none'", f"script-src {allowed}", "style-src 'unsafe-inline'", "img-src data:"]
    told += ["connect-src 'self'"] if refresh else []
    return "; ".join([*told, "base-uri 'none'", "form-action 'none'"])


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(told: dict[str, Any]) -> str:
    """JSON that can end no script element, whatever a feature is called."""
    text = json.dumps(told, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@cache
def _script() -> str:
    parts = "".join((HERE / "static" / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


@cache
def _static(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(HERE / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
