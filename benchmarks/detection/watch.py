"""Driftline on a stream of the benchmark: the same core as the Lambdas, many windows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.detection.streams import WINDOW_MS
from drift_core.bins import Counts
from drift_core.charts import Charts
from drift_core.evidence import Evidence, Raw, standardised
from drift_core.history import History, Windows
from drift_core.memory import Memory
from drift_core.monitor import Monitor
from drift_core.noise import MOST_SPANS, Noise
from drift_core.schema import Matrix
from drift_core.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The protective parts of the method; a benchmark switches one off to show what it is for."""

    noise: bool = True
    allowance: bool = True
    tolerance: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Alarms:
    """Alarms in a stream, each the number of its window; for hours and days of the last window in them."""

    windows: list[int] = field(default_factory=list)
    charts: list[int] = field(default_factory=list)
    hours: list[int] = field(default_factory=list)
    days: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.windows) + len(self.charts) + len(self.hours) + len(self.days)


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Windows of a stream, counted, with their starts in UTC milliseconds."""

    starts: Counts
    windows: Windows


def counted(monitor: Monitor, rows: Matrix, starts: Counts) -> Counted:
    """Count windows.

    Parameters
    ----------
    rows : shape (windows, n, columns).
    """
    count, n, width = rows.shape
    history = History.of(monitor.baseline.layout, rows.reshape(-1, width))
    numbers = np.arange(count * n).reshape(count, n)
    return Counted(starts, history.windows(list(numbers)))


def merged(chunk: Counted, span_ms: int) -> Counted:
    """Sums of whole spans; the chunk must begin with one."""
    per = span_ms // WINDOW_MS
    whole = len(chunk.starts) // per

    def sums(values: Counts) -> Counts:
        return values[: whole * per].reshape(whole, per, *values.shape[1:]).sum(1)

    windows = chunk.windows
    return Counted(
        chunk.starts[: whole * per : per],
        Windows(sums(windows.n), sums(windows.counts), sums(windows.comoments)),
    )


def evidence(
    monitor: Monitor, chunk: Counted, noise: Noise, parts: Parts, span_ms: int = WINDOW_MS
) -> tuple[Evidence, Raw, Matrix]:
    """Evidence of windows, hours or days; with the allowance of each, shape (windows, signals)."""
    season = monitor.baseline.seasonal.season
    grid = chunk.starts[:, None] + np.arange(0, span_ms, min(span_ms, 3_600_000))
    cells = [tuple(row) for row in season.cell(grid).tolist()]
    z, harmless, allowance = (np.zeros((len(cells), len(monitor.baseline.signals))) for _ in range(3))
    spread = np.zeros_like(z)
    for mix in sorted(set(cells)):
        at = np.array([i for i, cell in enumerate(cells) if cell == mix])
        weights = {cell: mix.count(cell) for cell in set(mix)}
        reference = monitor.reference(weights)
        some = chunk.windows[at]
        phi, freedom = monitor.factors(reference, some.n, noise)
        if not parts.noise:
            phi, freedom = np.ones_like(phi), np.full_like(freedom, np.inf)
        raw = monitor.measure(reference, some.counts, some.comoments, phi, one_cell=len(weights) == 1)
        if not parts.tolerance:
            raw = replace(raw, harmless=np.zeros_like(raw.harmless))
        found = standardised(raw, monitor.baseline.signals, phi, freedom)
        z[at], harmless[at], spread[at] = found.z, found.harmless, raw.spread
        allowance[at] = [monitor.allowance(reference, int(n)) for n in some.n] if parts.allowance else 0.0
    return Evidence(z, harmless), Raw(z, harmless, harmless, spread), allowance


@dataclass(slots=True, eq=False)
class Watch:
    """A monitor that reads a stream chunk by chunk, at several budgets at once.

    Attributes
    ----------
    monitors : by budget; they share the baseline.
    restart : whether charts begin anew after an alarm, so that each alarm is one of its own.
    """

    monitors: dict[float, Monitor]
    parts: Parts = field(default_factory=Parts)
    restart: bool = True
    seen: int = 0
    alarms: dict[float, Alarms] = field(init=False)
    charts: dict[float, Charts] = field(init=False)
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        some = next(iter(self.monitors.values()))
        self.memory = some.start()
        self.alarms = {budget: Alarms() for budget in self.monitors}
        self.charts = dict.fromkeys(self.monitors, self.memory.charts)

    def read(self, rows: Matrix, starts: Counts) -> None:
        """Judge the next windows, which should be whole days for hours and days to be judged."""
        some = next(iter(self.monitors.values()))
        chunk = counted(some, rows, starts)
        for part in _learning(len(starts), self.memory.noise[Span.WINDOW].count, some):
            piece = Counted(starts[part], chunk.windows[np.arange(len(starts))[part]])
            self._windows(piece, some, begin=self.seen + part.start)
        for span, span_ms, told in (
            (Span.HOUR, 3_600_000, "hours"),
            (Span.DAY, 86_400_000, "days"),
        ):
            if len(starts) >= span_ms // WINDOW_MS:
                self._spans(span, span_ms, told, merged(chunk, span_ms), some)
        self.seen += len(starts)

    def _windows(self, chunk: Counted, some: Monitor, *, begin: int) -> None:
        found, raw, allowance = evidence(some, chunk, some.noise(Span.WINDOW, self.memory), self.parts)
        single = found.strength(some.baseline.signals.two_sided)
        quiet = np.ones(len(chunk.starts), bool)
        two_sided = some.baseline.signals.two_sided
        for budget, monitor in self.monitors.items():
            alarmed = single.max(1) > monitor.threshold(Span.WINDOW)
            self.alarms[budget].windows.extend((begin + np.flatnonzero(alarmed)).tolist())
            quiet &= ~alarmed
            charts = self.charts[budget]
            for i, start in enumerate(chunk.starts.tolist()):
                h = monitor.chart_threshold(int(chunk.windows.n[i]))
                charts = charts.advanced(
                    found.z[i], found.harmless[i], allowance[i], two_sided=two_sided, start=start
                ).capped(h)
                if (charts.evidence >= h).any():
                    self.alarms[budget].charts.append(begin + i)
                    quiet[i] = False
                    charts = Charts.start(len(two_sided)) if self.restart else charts
            self.charts[budget] = charts
        live = self.memory.noise[Span.WINDOW]
        if live.count < MOST_SPANS:
            learned = live + Noise.of(raw.spread[quiet], chunk.windows.n[quiet])
            self.memory = Memory(self.memory.charts, {**self.memory.noise, Span.WINDOW: learned})

    def _spans(self, span: Span, span_ms: int, told: str, chunk: Counted, some: Monitor) -> None:
        noise = some.noise(span, self.memory)
        found, raw, _ = evidence(some, chunk, noise, self.parts, span_ms)
        single = found.strength(some.baseline.signals.two_sided).max(1)
        per = span_ms // WINDOW_MS
        quiet = np.ones(len(single), bool)
        for budget, monitor in self.monitors.items():
            alarmed = single > monitor.threshold(span)
            quiet &= ~alarmed
            getattr(self.alarms[budget], told).extend(
                (self.seen + (np.flatnonzero(alarmed) + 1) * per - 1).tolist()
            )
        live = self.memory.noise[span]
        if live.count < MOST_SPANS:
            learned = live + Noise.of(raw.spread[quiet], chunk.windows.n[quiet])
            self.memory = Memory(self.memory.charts, {**self.memory.noise, span: learned})


def _learning(windows: int, learned: int, monitor: Monitor) -> Iterator[slice]:
    """Parts of a chunk within which the noise is taken as it was: finer while it is being learned."""
    known = Span.WINDOW in monitor.baseline.noise
    step = windows if known or learned >= MOST_SPANS else 20
    for first in range(0, windows, step):
        yield slice(first, first + step)
