"""Pictures of an incident, for the notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.incident_documents import Document, Incident, scores
from scripts.incident_rows import Onset
from scripts.method_style import BLUE, GREEN, GREY, INK, RED, canvas
from scripts.retraining_watch import time_of
from scripts.score_strip import score_bar, strip

TICKS = 6

_POINTS = 400  # of each time in a scatter plot


def timeline(documents: Sequence[Document], incident: Incident) -> Figure:
    """The scores of all columns over the windows of one version.

    Parameters
    ----------
    documents : in the order of time; those of other versions are left out.
    """
    ours = [one for one in documents if one["model_version"] == incident.model_version]
    found = scores(ours)
    figure, (axes,) = canvas(1, 0.9 + 0.19 * len(found))
    score_bar(strip(axes, found), [axes])
    starts = [time_of(one["start"]) for one in ours]
    at = np.unique(np.linspace(0, len(ours) - 1, TICKS).round().astype(int)).tolist()
    labels = [f"{pd.Timestamp(starts[place], unit='ms'):%a %H:%M}" for place in at]
    axes.set_xticks([place + 0.5 for place in at], labels, fontsize=8)
    _begins(axes, int(np.searchsorted(starts, incident.begin)))
    axes.set_title("Scores of all windows; the incident begins at the dashed line (UTC)")
    return figure


def distributions(compared: Mapping[str, pd.DataFrame]) -> Figure:
    """Shares of rows by bin: training, before and during.

    Parameters
    ----------
    compared : by column, from `scripts.incident_rows.shares`, with `training`, `before` and `during`.
    """
    figure, panels = canvas(1, 2.3 * len(compared), rows=len(compared))
    for axes, (name, shares) in zip(panels, compared.items(), strict=True):
        seen = shares[(shares > 0).any(axis=1)]
        place = np.arange(len(seen))
        axes.bar(place, 100 * seen["during"], width=0.8, color=RED, alpha=0.55, label="during")
        axes.step(place, 100 * seen["before"], where="mid", color=BLUE, label="before")
        axes.plot(place, 100 * seen["training"], "_", color=INK, markersize=11, label="training")
        axes.set_xticks(place, [str(text) for text in seen.index], rotation=40, ha="right", fontsize=7)
        axes.set(title=name, ylabel="rows, %")
    panels[0].legend(ncols=3)
    return figure


def relation(before: pd.DataFrame, during: pd.DataFrame, pair: tuple[str, str]) -> Figure:
    """How two features went together before, and during."""
    first, second = pair
    both = pd.concat([before[[first, second]], during[[first, second]]])
    figure, panels = canvas(2, 2.8)
    for axes, rows, title in zip(panels, (before, during), ("Before", "During"), strict=True):
        some = rows[[first, second]].dropna()
        some = some.sample(min(_POINTS, len(some)), random_state=0)
        x, y = (_drawn(some[name]) for name in pair)
        axes.plot(x, y, "o", color=BLUE, markersize=3, alpha=0.6, markeredgewidth=0)
        axes.set(title=title, xlabel=first, ylabel=second)
        for name, limit in ((first, axes.set_xlim), (second, axes.set_ylim)):
            if pd.api.types.is_numeric_dtype(both[name]):
                limit(*both[name].quantile([0.001, 0.999]))
    return figure


def course(found: Mapping[str, Onset], errors: pd.DataFrame, begin: pd.Timestamp, promised: float) -> Figure:
    """The means of what drifted from window to window, and the error by labels below, if there are any.

    Parameters
    ----------
    found : by feature.
    errors : from `scripts.incident_rows.errors`.
    promised : the error in training.
    """
    figure, (means, below) = canvas(1, 4.0, rows=2)
    for (name, one), colour in zip(found.items(), (BLUE, GREEN, GREY), strict=False):
        means.plot(one.means.index, one.means, color=colour, label=name)
    means.axhline(0, color=INK, linestyle=":", linewidth=1.0)
    means.set(ylabel="mean, σ from training's")
    below.plot(errors.index, errors["mae"], color=BLUE, label="by labels")
    below.axhline(promised, color=INK, linestyle=":", linewidth=1.2, label="in training")
    below.set(ylabel="mean absolute error", ylim=(0, None))
    for axes in (means, below):
        _begins(axes, begin)
        axes.legend(loc="upper left")
        axes.tick_params(axis="x", labelsize=8)
    if errors.empty:
        below.text(0.5, 0.5, "no labels yet", transform=below.transAxes, ha="center")
    return figure


def _begins(axes: Axes, at: Any) -> None:
    """A dashed line where the incident begins; a time, or the number of a window."""
    axes.axvline(at, color=INK, linestyle=(0, (4, 2)), linewidth=1.0)


def _drawn(values: pd.Series) -> pd.Series:
    """Numbers as they are, categories by name."""
    return values if pd.api.types.is_numeric_dtype(values) else values.map(str)
