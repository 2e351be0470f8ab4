"""What a soak's samples say: latencies by minute, growth of memory, and the account of its records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.speed.report import Cell


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the running system, so many seconds after the start.

    Attributes
    ----------
    memory : resident bytes by name of the process.
    lag : seconds from the newest counted event's time to now.
    backlog : records that are sent and not counted.
    """

    at: float
    memory: Mapping[str, int]
    lag: float
    backlog: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of every record, by its id.

    Attributes
    ----------
    sent, archived : ids of predictions.
    broken, quarantined : how many records were sent that cannot be read, and how many lie in the quarantine.
    copies : archived rows beyond the first of an id: a producer that got no answer in time sends again.
    """

    sent: frozenset[str]
    archived: frozenset[str]
    broken: int
    quarantined: int
    copies: int = 0

    @property
    def lost(self) -> int:
        """Records that were taken and lie nowhere."""
        return len(self.sent - self.archived) + max(0, self.broken - self.quarantined)

    @property
    def strange(self) -> int:
        """Records that lie somewhere and were not sent so."""
        return len(self.archived - self.sent) + max(0, self.quarantined - self.broken)


def by_minute(latencies: Iterable[tuple[float, float]]) -> list[tuple[Cell, ...]]:
    """Rows of a table: minute, requests, p50, p90, p99 and max in milliseconds; the last row is of all.

    Parameters
    ----------
    latencies : seconds after the start at which a request was answered, and how long it took in seconds.

    >>> by_minute([(1.0, 0.1), (61.0, 0.3)])[1][:3]
    ('2', '1', 300.0)
    """
    minutes: dict[int, list[float]] = defaultdict(list)
    for at, seconds in latencies:
        minutes[int(at // 60)].append(1e3 * seconds)
    everything = [one for times in minutes.values() for one in times]
    rows = [(f"{minute + 1}", minutes[minute]) for minute in sorted(minutes)] + [("all", everything)]
    return [
        (name, f"{len(times):,}", *np.percentile(times, [50, 90, 99]).tolist(), max(times))
        for name, times in rows
    ]


def growth(samples: Sequence[Sample], name: str) -> tuple[float, float, float] | None:
    """How a process' memory grew: its median in the second and in the last quarter, and the slope.

    The first quarter is left out, in which libraries and caches are loaded.

    Returns
    -------
    Bytes, bytes, and bytes a minute; None if the process was seen less than twice in either quarter.
    """
    seen = [(sample.at, sample.memory[name]) for sample in samples if name in sample.memory]
    end = samples[-1].at
    early = [size for at, size in seen if end / 4 <= at < end / 2]
    late = [size for at, size in seen if at >= 3 * end / 4]
    if min(len(early), len(late)) < 2:
        return None
    rest = np.array([(at, size) for at, size in seen if at >= end / 4])
    slope = float(np.polyfit(rest[:, 0] / 60, rest[:, 1], 1)[0])
    return median(early), median(late), slope


def memory_by_minute(samples: Sequence[Sample]) -> tuple[list[str], list[tuple[Cell, ...]]]:
    """Names of the processes, and rows of a table: minute, MiB of each, lag in seconds and backlog."""
    names = sorted({name for sample in samples for name in sample.memory})
    minutes: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        minutes[int(sample.at // 60)].append(sample)
    rows: list[tuple[Cell, ...]] = []
    for minute, taken in sorted(minutes.items()):
        sizes = [max((one.memory.get(name, 0) for one in taken), default=0) / 2**20 for name in names]
        lag = median(one.lag for one in taken)
        rows.append((f"{minute + 1}", *sizes, lag, f"{max(one.backlog for one in taken):,}"))
    return names, rows
