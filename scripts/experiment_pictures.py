"""The picture of an experiment: all scores as a heat strip, what labels say below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.experiment_figures import first
from scripts.experiment_story import Experiment
from scripts.experiment_watch import Played
from scripts.method_style import BLUE, GREEN, INK, RED
from scripts.score_strip import score_bar, strip

_ROW, _ERRORS, _MARGIN = 0.155, 1.35, 1.0  # inches
_LINE = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.0}


def picture(experiment: Experiment, played: Sequence[Played]) -> Figure:
    """Draw what each model's functions said."""
    rows = len(played[0].scores)
    heights = [_ROW * rows] * len(played) + [_ERRORS]
    figure = Figure((8.4, sum(heights) + _MARGIN), layout="constrained", facecolor="white")
    *strips, errors = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for axes, one in zip(strips, played, strict=True):
        image = strip(axes, one.scores)
        _found(axes, one, len(one.scores))
        if len(played) > 1:
            axes.set_title(one.model.told, fontsize=9)
    score_bar(image, strips)
    figure.suptitle(experiment.title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    _acts(strips[0], experiment)
    _errors(errors, played[0])
    for axes in (*strips, errors):
        for begin in {act.from_window for act in experiment.acts if act.told}:
            axes.axvline(begin, **_LINE)
    return figure


def _found(axes: Axes, played: Played, rows: int) -> None:
    """A mark below the hours of the first alarm and of the begin that it tells."""
    begins = played.experiment.begins
    found = first([one.drift for one in played.windows], begins)
    if found is None:
        return
    verdict = played.windows[found]
    axes.plot(found + 0.5, rows - 0.5, "^", color=RED, markersize=6, clip_on=False, zorder=5)
    told = f"found in hour {found}"
    since = verdict.features[verdict.guilty[0]].since if verdict.guilty[0] in verdict.features else None
    if since is not None:
        hour = (since - played.windows[0].start) // (verdict.end - verdict.start)
        told += f": “since hour {hour}”"
    right = found < 0.6 * len(played.windows)
    axes.annotate(
        told,
        (found + 0.5, rows - 0.5),
        (9 if right else -9, -3),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top",
        fontsize=7.5,
        color=RED,
        annotation_clip=False,
    )


def _acts(axes: Axes, experiment: Experiment) -> None:
    told = [act for act in experiment.acts if act.told]
    for act in told:
        late = act.from_window > 0.85 * experiment.windows
        axes.annotate(
            f"{act.told} ▸" if late else f"◂ {act.told}",
            (act.from_window, -0.85),
            (-3 if late else 3, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="bottom",
            fontsize=8,
            annotation_clip=False,
        )


def _errors(axes: Axes, played: Played) -> None:
    """True and estimated error of each hour, and when labels raise the alarm."""
    hours = np.arange(len(played.quality)) + 0.5
    mae = played.mae / 1_000
    estimated = np.array([one.mae or np.nan for one in played.estimates]) / 1_000
    axes.plot(hours, mae, color=BLUE, label="by labels", linewidth=1.6 if len(mae) < 300 else 0.8)
    axes.plot(
        hours, estimated, "--", color=GREEN, label="estimated", linewidth=1.2 if len(mae) < 300 else 0.7
    )
    axes.axhline(played.training_mae / 1_000, color=INK, linestyle=":", linewidth=1.2, label="in training")
    high = max(1.3 * float(np.nanmax(mae)), 2 * played.training_mae / 1_000)
    alarms = {
        "labels alarm": (RED, 0.0, [one.degraded for one in played.quality]),
        "estimate alarms": (GREEN, 0.055, [one.score > 1 for one in played.estimates]),
    }
    for label, (colour, foot, alarmed) in alarms.items():
        if any(alarmed):
            spans = [(hour, 1) for hour, one in enumerate(alarmed) if one]
            axes.broken_barh(spans, (foot * high, 0.05 * high), color=colour, linewidth=0, label=label)
    axes.set(ylim=(0, high), xlabel="hour", ylabel="mean error,\n1,000 EUR", xlim=(0, len(mae)))
    axes.legend(
        loc="upper left",
        ncols=5,
        fontsize=7.5,
        borderaxespad=0.1,
        frameon=True,
        edgecolor="none",
        framealpha=0.9,
    )
