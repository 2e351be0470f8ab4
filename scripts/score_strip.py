"""Scores as a heat strip: a row for each column, blue up to the threshold and orange above."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.image import AxesImage

from drift_core.schema import Matrix
from drift_core.signals import RELATIONS

HOTTEST = 2.5
"""Scores above have the last colour."""

COLOURS = LinearSegmentedColormap.from_list(
    "scores", [(0.0, "#f4f7fa"), (0.25, "#e3edf5"), (0.4999, "#8fbbdc"), (0.5, "#f0a860"), (1.0, "#9c3a00")]
)
"""The colour-blind and a grey print tell both sides of the threshold apart."""


def strip(axes: Axes, scores: Mapping[str, Matrix], *, length: float | None = None) -> AxesImage:
    """Draw scores of spans in the order of time.

    Parameters
    ----------
    scores : by column, shape (spans,); NaN where there is none.
    length : of the axis along the spans; by default their number.
    """
    grid = np.stack(list(scores.values()))
    end = grid.shape[1] if length is None else length
    image = axes.imshow(
        np.minimum(grid, HOTTEST),
        cmap=COLOURS,
        norm=TwoSlopeNorm(1.0, 0.0, HOTTEST),
        aspect="auto",
        interpolation="nearest",
        extent=(0, end, len(grid) - 0.5, -0.5),
    )
    names = ["relations" if name == RELATIONS else name for name in scores]
    axes.set_yticks(range(len(names)), names, fontsize=7.5)
    axes.tick_params(length=0)
    axes.hlines(np.arange(1, len(names)) - 0.5, 0, end, color="white", linewidth=0.8)
    for side in axes.spines.values():
        side.set_visible(False)
    return image


def score_bar(image: AxesImage, axes: list[Axes]) -> None:
    """The key to the colours, beside these axes."""
    figure = axes[0].figure
    bar = figure.colorbar(image, ax=axes, aspect=28, pad=0.01, ticks=[0, 0.5, 1, 1.5, 2, HOTTEST])
    bar.set_label("score; 1 is the alarm", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
