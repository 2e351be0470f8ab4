"""The page of results: a JSON file, pictures and Markdown."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from benchmarks.detection import figures
from benchmarks.detection.changes import PATIENCE
from benchmarks.detection.figures import LEVEL, OURS, Compared, Found
from benchmarks.detection.mixed import CHANGES
from benchmarks.detection.quiet import HARMLESS_MOVE, HARMLESS_ROWS

mpl.use("Agg")

BEFORE = 5

BLUE, ORANGE, GREY = "#0072b2", "#e69f00", "#808080"

KIND_NAMES = {
    "iid": "independent rows",
    "correlated": "columns correlated, ρ = 0.8",
    "diurnal": "daily season",
    "autocorrelated": "rows AR(0.3)",
}


def write(found: dict[str, list[Found]], folder: Path) -> Path:
    """Write `detection.json`, `detection.md` and its pictures.

    Parameters
    ----------
    found : results by the name of the study.

    Returns
    -------
    The page's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    quiet = figures.quiet(found["months"])
    delays = figures.delay(found["delays"], PATIENCE)
    told = {"quiet": [asdict(one) for one in quiet], "delays": [asdict(one) for one in delays]}
    parts = [
        "# How well drift is detected",
        "",
        "Made by `make bench-detection`; do not edit. 30 columns, windows of 500 rows, 50,000 training "
        "rows unless said. "
        f"Python {platform.python_version()}, numpy {version('numpy')}, scipy {version('scipy')}. "
        "Intervals are 95 %.",
        "",
        *_quiet(quiet),
        *_parts(quiet, found.get("harmless", [])),
        *_delays(delays),
    ]
    if found.get("rivals"):
        shipped = figures.as_shipped(found["rivals"], found["scores"], BEFORE, "any")
        whole = figures.as_shipped(found["rivals"], found["scores"], BEFORE, "dataset")
        level = figures.at_one_level(found["rivals"], found["scores"], BEFORE)
        told |= {"as_shipped": [asdict(one) for one in shipped], "dataset": [asdict(one) for one in whole]}
        told |= {"at_one_level": [asdict(one) for one in level]}
        _picture(shipped, level, folder / "detection.svg")
        parts += _peers(found["rivals"], shipped, whole, level)
    (folder / "detection.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    page = folder / "detection.md"
    page.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return page


def _quiet(rows: list[figures.Quiet]) -> list[str]:
    lines = [
        "## False alarms without drift",
        "",
        f"Each baseline watches a stream of its own for {rows[0].days} days. A larger budget shows in days "
        "what a smaller one does in months. `worst` is the baseline with most alarms: its windows between "
        "two alarms, relative to what was promised; ½ is the least that is accepted. Where less than one "
        "alarm was promised it would be chance.",
        "",
        "| traffic | baselines | promised a month | alarms a month "
        "| of windows, charts, hours, days | worst |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.part == "all":
            by = ", ".join(str(count) for count in row.alarms.values())
            worst = "–" if row.worst is None else f"{row.worst:.2g}"
            lines.append(
                f"| {KIND_NAMES[row.kind]} | {row.baselines} | {row.promised:g} | {row.rate} "
                f"| {by} | {worst} |"
            )
    return [*lines, ""]


def _parts(rows: list[figures.Quiet], harmless: list[Found]) -> list[str]:
    lines = [
        "## What each part protects from",
        "",
        "The same traffic with one part switched off.",
        "",
        "| traffic | switched off | promised a month | alarms a month | with it |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        if row.part == "all":
            continue
        [whole] = [
            one for one in rows if (one.part, one.kind, one.promised) == ("all", row.kind, row.promised)
        ]
        off = row.part.removeprefix("without ")
        lines.append(
            f"| {KIND_NAMES[row.kind]} | {off} | {row.promised:g} | {row.rate} | {whole.rate.value:.3g} |"
        )
    lines += ["", *([_harmless(harmless), ""] if harmless else [])]
    return lines


def _harmless(found: list[Found]) -> str:
    shares = {
        part: figures.binomial(
            sum(one["alarmed"] for one in found if one["part"] == part),
            sum(one["windows"] for one in found if one["part"] == part),
        )
        for part in ("all", "without tolerance")
    }
    return (
        f"A shift of all means by {HARMLESS_MOVE} σ, which nobody cares about, in windows of "
        f"{HARMLESS_ROWS:,} rows: the share of windows with an alarm is {shares['all']}, without the "
        f"tolerance {shares['without tolerance']}."
    )


def _delays(rows: list[figures.Delay]) -> list[str]:
    lines = [
        "## Windows until a change is found",
        "",
        "One of 30 columns changes; a budget of one false alarm a month. 1 is the first changed window. "
        "Runs that found "
        f"nothing in {PATIENCE} windows count as {PATIENCE}.",
        "",
        "| change | target | mean delay | median | within the target | right column first | not found | "
        "alarm before |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.change} | {row.target} | {row.delay} | {row.median:g} | {row.within} | {row.named} "
        f"| {row.missed} of {row.runs} | {row.early} |"
        for row in rows
    ]
    return [*lines, ""]


def _peers(
    rivals: list[Found], shipped: list[Compared], whole: list[Compared], level: list[Compared]
) -> list[str]:
    versions: dict[str, str] = {}
    for told in rivals[0]["found"].values():
        versions |= told["versions"]
    named = ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
    verdicts = {one.name: one.false for one in whole}
    lines = [
        "## Against the peers",
        "",
        f"Paired: {len(rivals)} baselines, the same rows for all. {named}. alibi-detect is here for "
        "comparison only; its "
        "licence forbids production. Peers that watch one column at a time cannot see a correlation; "
        "those that drop "
        "missing values cannot see more of them.",
        "",
        "![False alarms as shipped, and delays at one level](detection.svg)",
        "",
        "### A: as shipped",
        "",
        "An alarm is any flagged column. Delays mean little where quiet windows alarm too.",
        "",
        "| detector | quiet windows with an alarm | verdict on the whole window | "
        + " | ".join(CHANGES)
        + " |",
        "|---" * (3 + len(CHANGES)) + "|",
    ]
    lines += [
        f"| {one.name} | {one.false} | {verdicts[one.name].value:.3g} | {_row(one)} |" for one in shipped
    ]
    lines += [
        "",
        f"### B: one false alarm in {LEVEL} windows for everybody",
        "",
        f"Every score gets the threshold that {LEVEL}-th of the held-out quiet windows pass; detectors "
        "without a score the "
        "most sensitive setting with no more alarms. Mean delay; `–` never found, `%` the share of "
        "baselines in which it "
        "was.",
        "",
        "| detector | quiet windows with an alarm | " + " | ".join(CHANGES) + " |",
        "|---" * (2 + len(CHANGES)) + "|",
    ]
    lines += [f"| {one.name} | {one.false} | {_row(one)} |" for one in level]
    return [*lines, ""]


def _row(one: Compared) -> str:
    cells = []
    for change in CHANGES:
        share = one.found[change]
        text = "–" if not share else f"{one.delays[change]:.1f}"
        cells.append(text if share in {0, 1} else f"{text} ({share:.0%})")
    return " | ".join(cells)


def _picture(shipped: list[Compared], level: list[Compared], file: Path) -> None:
    plt.rcParams["svg.hashsalt"] = "driftline"
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.4), width_ratios=(1, 1.3))
    names = [one.name for one in shipped][::-1]
    left.barh(
        names,
        [100 * one.false.value for one in shipped][::-1],
        color=[BLUE if name == OURS else GREY for name in names],
    )
    left.bar_label(left.containers[0], fmt="%.1f", padding=3, fontsize=8)
    left.set_xlabel("quiet windows with an alarm, %")
    left.set_title("As shipped")
    changes = list(CHANGES)
    for i, one in enumerate(level):
        waits = [one.delays[change] for change in changes]
        ours = one.name == OURS
        right.plot(
            waits,
            np.arange(len(changes)) + (i - len(level) / 2) * 0.07,
            "o" if ours else "x",
            color=BLUE if ours else plt.get_cmap("tab10")(i),
            markersize=8 if ours else 6,
            label=one.name,
        )
    right.set_yticks(range(len(changes)), changes)
    right.invert_yaxis()
    right.set_xscale("log")
    right.set_xticks([1, 2, 5, 10, 20, 30], ["1", "2", "5", "10", "20", "30"])
    right.minorticks_off()
    right.set_xlabel("windows until the alarm")
    right.set_title(f"One false alarm in {LEVEL} windows")
    right.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None}, facecolor="white")
    plt.close(figure)
