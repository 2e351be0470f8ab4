"""The pictures of docs/method.md that compare rules, sizes and lengths."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from drift_core.budget import chart_floor_sigma
from drift_core.charts import BASELINE_ERROR
from drift_core.schema import Matrix
from scripts.method_charts import SIZES, OwnError
from scripts.method_rules import ROWS, RULES, SHIFTS, Flagged
from scripts.method_style import BLUE, GREEN, INK, ORANGE, PURPLE, canvas, threshold_lines
from scripts.method_tables import BUDGETS, REFERENCE, once


def rules(found: Flagged) -> Figure:
    """Fixed rules against rows in a window."""
    figure, panels = canvas(len(SHIFTS), 2.9)
    styles = dict(
        zip(
            RULES, ((ORANGE, "s", "-"), (GREEN, "D", "--"), (PURPLE, "^", "-"), (BLUE, "o", "-")), strict=True
        )
    )
    for axes, traffic in zip(panels, SHIFTS, strict=True):
        for rule, (colour, marker, line) in styles.items():
            axes.plot(
                ROWS,
                100 * found.of(traffic, rule),
                line,
                color=colour,
                marker=marker,
                markersize=5,
                label=rule,
            )
        axes.set(
            xscale="log", ylim=(-4, 104), title=traffic[0].upper() + traffic[1:], xlabel="rows in a window"
        )
    panels[0].set_ylabel("windows with an alarm, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(RULES))
    return figure


def floor(errors: OwnError) -> Figure:
    """Why charts allow for the baseline's own error, and what that costs."""
    figure, (without, allowed, cost) = canvas(3, 2.8)
    shown = errors.allowed.shape[1] // 8  # more would be a blue wall
    for axes, rise, title in (
        (without, errors.not_allowed, "No drift, no allowance"),
        (allowed, errors.allowed, "No drift, with allowance"),
    ):
        axes.plot(np.arange(0, len(rise), 10), rise[::10, :shown], color=BLUE, linewidth=0.7, alpha=0.7)
        threshold_lines(axes, 1.0)
        axes.set(title=title, xlabel="window", ylim=(0, 1.4))
        axes.set_xticks([0, 250, 500])
    without.set_ylabel("chart, in thresholds")
    m = np.geomspace(500, 1_000_000, 60)
    for n, colour, line in ((100, ORANGE, "-."), (500, BLUE, "-"), (5_000, GREEN, "--")):
        cost.plot(m, [chart_floor_sigma(n, rows) for rows in m], line, color=colour, label=f"n = {n:,}")
    cost.plot(m, BASELINE_ERROR / np.sqrt(m), ":", color=INK, label="3.5/√m")
    cost.set(
        xscale="log", yscale="log", title="Smallest lasting drift", xlabel="training rows", ylabel="shift, σ"
    )
    cost.set_ylim(0.002, 0.3)
    cost.set_yticks([0.003, 0.01, 0.03, 0.1, 0.3], ["0.003", "0.01", "0.03", "0.1", "0.3"])
    cost.minorticks_off()
    cost.legend(loc="lower left")
    return figure


def smallest() -> Figure:
    """What one window finds, and what charts find, by rows in a window."""
    figure, (axes,) = canvas(1, 3.2)
    n = np.geomspace(100, 10_000, 40).round().astype(int)
    lines = ((GREEN, "-."), (BLUE, "-"), (ORANGE, "--"), (PURPLE, (0, (5, 1))))
    for budget, (colour, line) in zip(BUDGETS, lines, strict=True):
        axes.plot(
            n,
            [once(rows, budget) for rows in n],
            linestyle=line,
            color=colour,
            label=f"one window, {budget:g} a month",
        )
    axes.plot(n, [chart_floor_sigma(rows, REFERENCE) for rows in n], ":", color=INK, label="if it lasts")
    axes.set(xscale="log", yscale="log", xlabel="rows in a window", ylabel="shift of a mean, σ")
    axes.set_xticks([100, 300, 1_000, 3_000, 10_000], ["100", "300", "1,000", "3,000", "10,000"])
    axes.set_yticks([0.03, 0.1, 0.3, 1.0], ["0.03", "0.1", "0.3", "1"])
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def delay(minutes: Mapping[int, Matrix]) -> Figure:
    """How long a drift of some size lasts until the alarm, by the length of a window."""
    figure, (axes,) = canvas(1, 3.2)
    styles = ((ORANGE, "s", "-."), (BLUE, "o", "-"), (GREEN, "D", "--"), (PURPLE, "^", "-"))
    for (length, median), (colour, marker, line) in zip(minutes.items(), styles, strict=True):
        found = np.isfinite(median)
        axes.plot(
            np.array(SIZES)[found],
            median[found],
            line,
            color=colour,
            marker=marker,
            markersize=5,
            label=f"windows of {length} min",
        )
    axes.set(xscale="log", yscale="log", xlabel="shift of a mean, σ", ylabel="minutes until the alarm")
    ticks = (0.04, 0.07, 0.1, 0.2, 0.3, 0.5, 1.0)
    axes.set_xticks(ticks, [f"{size:g}" for size in ticks])
    axes.set_yticks([1, 5, 15, 60, 240, 960], ["1", "5", "15", "60", "240", "960"])
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
