"""The page of results: speed.json, and speed.md made from it alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.speed.report import Cell, Figure, Part, Table

RESULTS = Path("benchmarks/results")

ORDER = ("ingest", "consumer", "fold", "evaluator", "replay", "browse", "soak")

INTRODUCTION = """
# How fast it is, and in how much memory

Made by `make bench`, the soak by `python -m benchmarks.speed.soak --minutes 10`; do not edit.
`python -m benchmarks.speed --only consumer` measures one part again; the others stay as they are.

Each figure stands beside a named alternative that ran in the same run, on the same input, in turns, one
thread each. A ratio of times is the median over repetitions, so it holds on a busy machine too; the absolute
values are those of the machine that is named. Not measured here: the network, AWS's own services, Lambda's
start of an environment.
""".strip()


def add(folder: Path, parts: Iterable[Part]) -> Path:
    """Put parts into speed.json, in place of those of the same name, and write the page; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "speed.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    found |= {part.name: part.to_json() for part in parts}
    found = {name: found[name] for name in ORDER if name in found}
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    page = folder / "speed.md"
    page.write_text(written(found))
    return page


def written(found: dict[str, Any]) -> str:
    """The page of what is in speed.json."""
    parts = [Part.from_json(told) for told in found.values()]
    return "\n".join([INTRODUCTION, "", *_targets(parts), *(line for part in parts for line in _part(part))])


def shown(value: Cell | None) -> str:
    """A number with three digits that count, a text as it is.

    >>> shown(0.01234), shown(166534.2), shown(12.0), shown(None)
    ('0.0123', '166,534', '12', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def lines(part: Part) -> list[str]:
    """What a terminal shows of a part."""
    told = [part.title]
    for figure in part.figures:
        beside = f", {figure.beside} {shown(figure.other)}: {shown(figure.ratio)} ×" if figure.beside else ""
        target = f"  {_verdict(figure)} {_target(figure)}" if figure.target else ""
        told.append(f"  {figure.name}: {shown(figure.value)} {figure.unit}{beside}{target}")
    return told


def _targets(parts: list[Part]) -> list[str]:
    rows = [
        (_verdict(figure), part.title, figure.name, _target(figure), _found(figure))
        for part in parts
        for figure in part.figures
        if figure.target is not None
    ]
    return ["## Targets", "", *_rows(("", "part", "figure", "target", "found"), rows), ""]


def _verdict(figure: Figure) -> str:
    return "reached" if figure.reached else "**MISSED**"


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    sign = "≤" if figure.target.at_most else "≥"
    limit = shown(figure.target.limit)
    if figure.target.of == "ratio":
        return f"{sign} {limit} × {figure.beside}"
    return f"{sign} {limit} {figure.unit}".rstrip()


def _found(figure: Figure) -> str:
    if figure.target is not None and figure.target.of == "ratio":
        return f"{shown(figure.ratio)} ×"
    return f"{shown(figure.value)} {figure.unit}".rstrip()


def _part(part: Part) -> list[str]:
    machine = part.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    rows = [
        (
            figure.name,
            f"{shown(figure.value)} {figure.unit}".rstrip(),
            figure.beside,
            f"{shown(figure.other)} {figure.unit}" if figure.other is not None else "",
            f"{shown(figure.ratio)}" if figure.ratio is not None else "",
        )
        for figure in part.figures
    ]
    return [
        f"## {part.title}",
        "",
        part.text,
        "",
        *_rows(("figure", "Driftline", "beside", "it has", "ratio"), rows),
        "",
        *(line for table in part.tables for line in _table(table)),
        f"Measured {machine['measured_at']} on {machine['cores']} cores of {machine['cpu']}, "
        f"{machine['memory_gib']} GiB, {machine['system']}; load at the end {machine['load']}. {versions}.",
        "",
    ]


def _table(table: Table) -> list[str]:
    return [f"{table.caption}:", "", *_rows(table.columns, table.rows), ""]


def _rows(columns: Iterable[str], rows: Iterable[Iterable[Cell]]) -> list[str]:
    names = list(columns)
    cells = [[shown(cell) for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [names, ["---"] * len(names), *cells]]
