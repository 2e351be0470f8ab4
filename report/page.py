"""The page: facts as one HTML text that holds all it needs and reaches nothing."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

from report.facts import Facts
from report.numbers import moment
from report.packed import packed
from report.sections import attribution, balance, counts, features, incidents, limits, quality, related
from report.vega import library
from report.words import of_cell, strongest, words

HERE = Path(__file__).parent

WHY_CELLS = 400
"""Drifted cells that are put into words, at most: each column's strongest, then the newest."""

BADGES = {
    "drift": ("●", "Drift now"),
    "over": ("◐", "Drift is over"),
    "degraded": ("●", "The model became worse"),
    "quiet": ("○", "As in training"),
    "unjudged": ("–", "Nothing judged"),
}


def page(facts: Facts, *, refresh_seconds: int | None = None) -> str:
    """The report.

    Parameters
    ----------
    refresh_seconds : how often a page that is served asks its server for a newer one; None for a file.
    """
    told = words(facts)
    sign, state = BADGES[told.state]
    title = f"{facts.model_name}: {told.headline}"
    rows, explained = quality(facts), attribution(facts)
    data = {
        **packed(facts),
        "why": _why(facts),
        "quality": [row for row in facts.quality if row["segment"] == "(all)"],
        "attribution": explained,
    }
    relations, segments = related(facts)
    text: str = _template().render(
        facts=facts,
        title=title,
        words=told,
        badge={"sign": sign, "text": state},
        since=moment(facts.since),
        until=moment(facts.until),
        made_at=facts.made_at,
        refresh=refresh_seconds,
        counts=counts(facts),
        balance=balance(facts),
        incidents=incidents(facts),
        has_windows=len(facts.windows) > 0,
        features=features(facts),
        quality=rows,
        attribution=explained,
        attribution_note=_since_when(explained),
        relations=relations,
        segments=segments,
        limits=limits(facts),
        made=(
            f"Made {moment(facts.made_at)} UTC from the archive's documents. Windows of "
            f"{facts.settings['window_seconds']} s; a budget of {facts.settings['false_alarms_per_month']:g} "
            f"false alarms a month."
        ),
        css=(HERE / "static" / "report.css").read_text(),
        js=(HERE / "static" / "report.js").read_text(),
        vega=library(),
        data=_json(data),
    )
    return text


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(), trim_blocks=True
    )
    return environment.get_template("report.html")


def _json(data: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _why(facts: Facts) -> dict[str, str]:
    """In words, by window and column, why cells drifted."""
    score = facts.windows.measures["score"]
    newest = [
        (window, column)
        for window in range(len(facts.windows) - 1, -1, -1)
        for column in range(len(facts.columns))
        if score[window, column] > 1
    ]
    cells = list(dict.fromkeys([*strongest(facts), *newest]))[:WHY_CELLS]
    return {f"{window}.{column}": of_cell(facts, window, column).text for window, column in cells}


def _since_when(explained: list[dict[str, Any]]) -> str:
    return f", in the hour from {explained[0]['hour']} UTC" if explained else ""
