"""What the studies found, in numbers: rates with their intervals, delays, comparisons at one level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.detection.mixed import CHANGES, GUILTY
from benchmarks.detection.rivals import RIVALS, TUNED

type Found = dict[str, Any]

OURS = "Driftline"

LEVEL = 100
"""Windows between two false alarms at which all detectors are compared."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.2g} to {self.high:.2g})"


def poisson(count: int, exposure: float) -> Interval:
    """A rate by its exact interval (Garwood 1936).

    >>> poisson(0, 20.0).low
    0.0
    """
    low = float(stats.chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    high = float(stats.chi2.ppf(0.975, 2 * count + 2)) / 2
    return Interval(count / exposure, low / exposure, high / exposure)


def binomial(hits: int, runs: int) -> Interval:
    """A share by its exact interval (Clopper, Pearson 1934)."""
    found = stats.binomtest(hits, runs).proportion_ci()
    return Interval(hits / runs, float(found.low), float(found.high))


def bootstrap_mean(groups: Sequence[Sequence[float]]) -> Interval:
    """A mean by resampling whole baselines, since runs of one baseline resemble each other."""
    rng = np.random.default_rng(0)
    means = np.array([np.mean(group) for group in groups])
    drawn = means[rng.integers(0, len(means), (4000, len(means)))].mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(means.mean()), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Quiet:
    """False alarms on one kind of traffic at one budget.

    Attributes
    ----------
    rate : alarms in a month.
    promised : the budget, a month.
    worst : the baseline with most alarms: its windows between two, relative to what was promised; None where
        less than one alarm was promised for a stream, for then it is chance.
    days : of each stream.
    """

    kind: str
    part: str
    baselines: int
    promised: float
    alarms: dict[str, int]
    rate: Interval
    worst: float | None
    days: int


def quiet(months: Iterable[Found]) -> list[Quiet]:
    """By kind, part and budget."""
    cases: dict[tuple[str, str, int], list[tuple[Found, Found]]] = {}
    for month in months:
        for i, told in enumerate(month["budgets"]):
            cases.setdefault((month["part"], month["kind"], i), []).append((month, told))
    rows = []
    for (part, kind, _), members in cases.items():
        days = sum(month["days"] for month, _ in members)
        counts = [sum(told["alarms"].values()) for _, told in members]
        first = members[0][1]
        alarms = {name: sum(told["alarms"][name] for _, told in members) for name in first["alarms"]}
        rows.append(
            Quiet(
                kind=kind,
                part=part,
                baselines=len(members),
                promised=first["budget"] * 30 / members[0][0]["days"],
                alarms=alarms,
                rate=poisson(sum(counts), days / 30),
                worst=first["budget"] / max(*counts, 1) if first["budget"] >= 1 else None,
                days=members[0][0]["days"],
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class Delay:
    """How one change was found.

    Attributes
    ----------
    delay : mean windows, 1 is the first changed one.
    within : share found within the target.
    named : share of alarms whose first name is the changed column.
    missed, early : runs without an alarm, and with one before the change.
    """

    change: str
    target: int
    runs: int
    delay: Interval
    median: float
    within: Interval
    named: Interval
    missed: int
    early: int


def delay(found: list[Found], patience: int) -> list[Delay]:
    """By change, over all baselines."""
    rows = []
    for change, (_, target) in CHANGES.items():
        groups = [one["changes"][change] for one in found]
        runs = [run for group in groups for run in group]
        waits = [[run["delay"] or patience for run in group] for group in groups]
        alarmed = [run for run in runs if run["delay"]]
        guilty = {GUILTY.get(change, "f00"), *(("f01",) if change.startswith("correlation") else ())}
        rows.append(
            Delay(
                change=change,
                target=target,
                runs=len(runs),
                delay=bootstrap_mean(waits),
                median=float(np.median([wait for group in waits for wait in group])),
                within=binomial(sum(run["delay"] <= target for run in alarmed), len(runs)),
                named=binomial(sum(set(run["named"]) <= guilty for run in alarmed), max(len(alarmed), 1)),
                missed=len(runs) - len(alarmed),
                early=sum(run["early"] for run in runs),
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class Compared:
    """One detector on the streams that all get.

    Attributes
    ----------
    false : share of quiet windows with an alarm.
    delays : by change the mean delay, those not found counted as the whole length; NaN where it never alarms.
    found : by change the share of baselines in which it alarmed at all.
    """

    name: str
    false: Interval
    delays: dict[str, float]
    found: dict[str, float]


def as_shipped(rivals: list[Found], scores: list[Found], before: int, verdict: str) -> list[Compared]:
    """Track A: each at its own defaults.

    Parameters
    ----------
    verdict : "any", an alarm is any flagged feature; "dataset", what the detector says of the window as a
        whole.
    """
    detectors = {OURS: scores} | {name: [one["found"][name] for one in rivals] for name in RIVALS}
    return [
        _compared(name, [{key: told[key][verdict] for key in ("quiet", *CHANGES)} for told in found], before)
        for name, found in detectors.items()
    ]


def at_one_level(rivals: list[Found], scores: list[Found], before: int) -> list[Compared]:
    """Track B: each with its threshold for one false alarm in `LEVEL` windows of the quiet streams.

    Peers without a score take the most sensitive setting that gives no more.
    """
    detectors = {OURS: scores} | {name: [one["found"][name] for one in rivals] for name in RIVALS}
    rows = []
    for name, found in detectors.items():
        if found[0]["quiet"]["top"] is None:
            continue
        level = np.quantile(np.concatenate([told["quiet"]["top"] for told in found]), 1 - 1 / LEVEL)
        alarms = [
            {key: [top > level for top in told[key]["top"]] for key in ("quiet", *CHANGES)} for told in found
        ]
        rows.append(_compared(name, alarms, before))
    for name in sorted({tuned.split("@")[0] for tuned in TUNED}):
        settings = [
            _compared(
                setting.replace("@", ", δ "),
                [{key: one["found"][setting][key]["any"] for key in ("quiet", *CHANGES)} for one in rivals],
                before,
            )
            for setting in (*TUNED, *RIVALS)
            if setting.split("@")[0] == name
        ]
        quiet_enough = [setting for setting in settings if setting.false.value <= 1 / LEVEL]
        if quiet_enough:
            rows.append(max(quiet_enough, key=lambda setting: setting.false.value))
    return rows


def _compared(name: str, streams: list[dict[str, list[bool]]], before: int) -> Compared:
    quiet_windows = [alarm for stream in streams for alarm in stream["quiet"]]
    delays, found = {}, {}
    for change in CHANGES:
        waits, hits = [], 0
        for stream in streams:
            after = np.flatnonzero(stream[change][before:])
            hits += len(after) > 0
            waits.append(int(after[0]) + 1 if len(after) else len(stream[change]) - before)
        found[change] = hits / len(streams)
        delays[change] = float(np.mean(waits)) if hits else float("nan")
    return Compared(name, binomial(sum(quiet_windows), len(quiet_windows)), delays, found)
