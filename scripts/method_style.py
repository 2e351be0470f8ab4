"""How the pictures of docs/method.md look: on white, so that light and dark pages show them alike."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType
from PIL import Image

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#767676"
"""Colours that also the colour-blind tell apart (Okabe and Ito 2008)."""

INK = "#24292f"

COLOURS = 160
"""In a picture, with all shades between two colours."""

STYLE: dict[RcKeyType, object] = {
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}


def canvas(
    columns: int, height: float = 2.7, *, rows: int = 1, width: float = 8.4
) -> tuple[Figure, list[Axes]]:
    """A white figure with axes in a grid; sizes in inches."""
    figure = Figure((width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.ravel())


def threshold_lines(axes: Axes, *levels: float) -> None:
    """Dashed lines where an alarm begins."""
    for level in levels:
        axes.axhline(level, color=RED, linestyle="--", linewidth=1.2)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG of few colours, which is small; the same figure gives the same bytes."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    drawn.seek(0)
    Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
