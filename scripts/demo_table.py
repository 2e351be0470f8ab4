"""The demo's table of windows, drawn again as verdicts come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from scripts.demo_watch import SeenVerdict
from scripts.demo_watch import clock as time_of_day

_BAR = 14  # characters of a bar
_ALARM = 5  # of them up to a score of 1
_NAMES = 26  # characters of guilty features


def windows_table(
    starts: Sequence[int],
    verdicts: Mapping[int, SeenVerdict],
    *,
    injected_ms: int,
    changes: Sequence[Mapping[str, str]],
) -> Table:
    """Windows with their verdicts; those that wait have none yet.

    Parameters
    ----------
    starts : begins of the windows, UTC milliseconds.
    injected_ms : begin of the first changed window.
    changes : of the alarm's state.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("   window", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("score", justify="right")
    table.add_column("1 is the alarm", min_width=_BAR, no_wrap=True)
    table.add_column("verdict", no_wrap=True, min_width=7)
    table.add_column("guilty", no_wrap=True)
    for start in starts:
        clock = f"   {time_of_day(start)}"
        found = verdicts.get(start)
        note = "[dim]drift begins[/dim]" if start == injected_ms else ""
        if found is None:
            table.add_row(clock, "", "", "", "[dim]waits[/dim]", note)
            continue
        style = "bold red" if found.drift else "green"
        verdict = "drift" if found.drift else "normal"
        table.add_row(
            clock,
            f"{found.rows:,}",
            f"{found.score:.2f}",
            bar(found.score),
            f"[{style}]{verdict}[/{style}]",
            escape(named(found.guilty)),
        )
    if changes:
        path = " → ".join([changes[0]["from"], *(change["to"] for change in changes)])
        table.caption, table.caption_justify = f"   alarm: {path}", "left"
    return table


def bar(score: float) -> str:
    """A score as a bar with the alarm's mark at 1.

    >>> bar(0.6), bar(2)
    ('━━━  ┃', '━━━━━┃━━━━')
    """
    length = min(_BAR, round(score * _ALARM))
    drawn = ("━" * length).ljust(_ALARM)
    return (drawn[:_ALARM] + "┃" + drawn[_ALARM + 1 :])[:_BAR]


def named(features: Sequence[str]) -> str:
    """The first features, and how many more there are.

    >>> named(["rooms", "area"]), named(["neighbourhood_income", "living_area_m2", "area"])
    ('rooms, area', 'neighbourhood_income + 2')
    """
    shown = list(features)
    while len(shown) > 1 and len(", ".join(shown)) > _NAMES:
        shown.pop()
    more = len(features) - len(shown)
    return ", ".join(shown) + (f" + {more}" if more else "")
