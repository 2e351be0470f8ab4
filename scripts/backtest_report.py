"""What a backtest tells people: how columns were read, what drifted, and one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from rich.table import Table

from drift_core.span import Span
from scripts.backtest_columns import Reading, Role
from scripts.backtest_inject import Found, Injection
from scripts.backtest_null import NullRuns
from scripts.backtest_watch import Told
from scripts.backtest_windows import Cut

_SHOWN = 10  # guilty columns in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that a backtest found.

    Attributes
    ----------
    told : every verdict.
    timed : whether rows have times.
    budget : false alarms a month that the user accepts.
    """

    cut: Cut
    told: Sequence[Told]
    timed: bool
    budget: float

    @property
    def windows(self) -> list[Told]:
        """Verdicts on windows."""
        return [one for one in self.told if one.window.span is Span.WINDOW]

    @property
    def drifted(self) -> list[Told]:
        """Windows that drifted."""
        return [one for one in self.windows if one.verdict.drift]

    @property
    def alarms(self) -> int:
        """Episodes of consecutive windows with drift."""
        flags = [one.verdict.drift for one in self.windows]
        return sum(now and not before for before, now in zip([False, *flags], flags, strict=False))

    @property
    def alarms_a_month(self) -> float:
        """Alarms by the time that the windows cover."""
        return self.alarms / self.cut.months

    def at(self, one: Told) -> str:
        """A window's number and, if rows have times, when it began."""
        number = f"window {one.window.number}"
        return f"{number} ({_minute(one.window.start)})" if self.timed else number


def columns(readings: Sequence[Reading]) -> Table:
    """How each column is read, and why."""
    table = Table("column", "read as", "why", title="How the columns are read", title_justify="left")
    for how in readings:
        as_ = how.kind.value if how.role is Role.FEATURE and how.kind else how.role.value
        table.add_row(how.column, as_, how.why, style="dim" if how.role is Role.LEFT_OUT else None)
    return table


def summary(outcome: Outcome) -> Table:
    """Windows, drift, alarms and what could have been found."""
    windows, drifted = outcome.windows, outcome.drifted
    table = Table(show_header=False, title="What the monitor would have said", title_justify="left")
    table.add_row(
        "windows",
        f"{len(windows):,}" + (f"; {outcome.cut.left:,} rows left over" if outcome.cut.left else ""),
    )
    calibrating = sum(one.verdict.calibrating for one in windows)
    if calibrating:
        table.add_row("calibrating", f"{calibrating:,} of them; only gross shifts alarm there")
    table.add_row("drifted", f"{len(drifted):,}, in {outcome.alarms:,} episodes")
    table.add_row("first drift", outcome.at(drifted[0]) if drifted else "none")
    table.add_row(
        "alarms a month", f"{outcome.alarms_a_month:.2g}; the budget for false ones is {outcome.budget:g}"
    )
    for span in (Span.HOUR, Span.DAY):
        of_span = [one for one in outcome.told if one.window.span is span]
        if of_span:
            table.add_row(
                f"{span}s", f"{sum(one.verdict.drift for one in of_span):,} of {len(of_span):,} drifted"
            )
    table.add_row(
        "smallest drift found at once", _sigma([one.verdict.smallest_detectable_sigma for one in windows])
    )
    lasting = [one.verdict.smallest_lasting_sigma for one in windows]
    table.add_row(
        "smallest drift found if it lasts", _sigma([sigma for sigma in lasting if sigma is not None])
    )
    return table


def guilty(outcome: Outcome) -> Table | None:
    """Columns that drifted, the most frequent first; None if none did."""
    named: dict[str, list[Told]] = {}
    for one in outcome.drifted:
        for column in one.verdict.guilty or ("(the features together)",):
            named.setdefault(column, []).append(one)
    if not named:
        return None
    table = Table("guilty", "windows", "named first in", "first", title="What drifted", title_justify="left")
    ordered = sorted(named.items(), key=lambda item: -len(item[1]))
    for column, told in ordered[:_SHOWN]:
        leading = sum(one.verdict.guilty[:1] == (column,) for one in told)
        table.add_row(column, f"{len(told):,}", f"{leading:,}", outcome.at(told[0]))
    if len(ordered) > _SHOWN:
        table.caption = f"and {len(ordered) - _SHOWN} more columns"
    return table


def plain(outcome: Outcome) -> str:
    """The verdict in one sentence."""
    windows, drifted = outcome.windows, outcome.drifted
    if not drifted:
        silent = sum(one.verdict.calibrating for one in windows)
        told = f"No drift: the monitor would have stayed quiet in all {len(windows):,} windows"
        return told + (f", {silent:,} of them while it was still calibrating." if silent else ".")
    names = [name for one in drifted for name in one.verdict.guilty[:1]]
    most = max(set(names), key=names.count) if names else "the way features go together"
    return (
        f"Drift: {len(drifted):,} of {len(windows):,} windows, first in {outcome.at(drifted[0])}; "
        f"most often it is {most}."
    )


def injected(found: Found, injection: Injection) -> str:
    """How an injected drift was found."""
    what = f"{injection.name} of {found.feature}, strength {injection.strength:g}"
    what += f", from window {injection.window}"
    before = "no window before it drifted"
    if found.before:
        before = (
            f"{len(found.before):,} windows before it drifted: {', '.join(map(str, found.before[:_SHOWN]))}"
        )
        before += ", ..." if len(found.before) > _SHOWN else ""
    if found.window is None:
        return f"Injected {what}: never found; {before}."
    hours = "" if found.hours is None else f", {found.hours:.3g} hours"
    first = "the right feature is named first"
    if found.first_named != found.feature:
        first = f"named first is {found.first_named or 'nothing'}"
    count = "1 window" if found.delay == 1 else f"{found.delay} windows"
    return f"Injected {what}: found in window {found.window} after {count}{hours}; {first}; {before}."


def null(runs: NullRuns, outcome: Outcome, *, quiet: bool) -> str:
    """False alarms a month, with their interval, beside the budget.

    Parameters
    ----------
    quiet : whether the windows that were drawn are quiet whatever the live ones said.
    """
    low, high = runs.interval
    told = (
        f"Null runs: {runs.alarms:,} alarms in {runs.runs:,} runs of {runs.windows:,} windows "
        f"({runs.months:.3g} months, blocks of {runs.block}): {runs.a_month:.2g} a month, 90 % interval "
        f"{low:.2g} to {high:.2g}; windows may have {runs.share * outcome.budget:.2g} of the budget of "
        f"{outcome.budget:g}."
    )
    if quiet or not outcome.drifted:
        return told
    return (
        told + " Live windows drifted: if that is real, they are no quiet period, and these no false alarms."
    )


def _sigma(values: Sequence[float]) -> str:
    return f"{median(values):.2g} σ of a feature's mean (median over windows)" if values else "none"


def _minute(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"
