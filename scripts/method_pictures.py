"""The pictures of docs/method.md that show one stream each."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from drift_core.signals import CONTRASTS
from scripts.method_parts import Parts
from scripts.method_quiet import NoisyWindows, Seasons
from scripts.method_style import BLUE, GREEN, GREY, INK, ORANGE, RED, canvas, threshold_lines
from scripts.method_traffic import Coupled, SlowDrift


def parts(seen: Parts) -> Figure:
    """One feature's window, from counts to evidence."""
    figure, (counts, basis, evidence) = canvas(3, 2.7)
    bins = np.arange(len(seen.training))
    counts.bar(bins, 100 * seen.window, color=BLUE, width=0.8, label="window")
    counts.step(
        np.append(bins, len(bins)) - 0.5,
        100 * np.append(seen.training, seen.training[-1]),
        where="post",
        color=INK,
        label="training",
    )
    counts.set(title="1  Count into frozen bins", xlabel="bin", ylabel="rows, %")
    counts.set_ylim(0, 100 * seen.window.max() * 1.3)
    counts.legend(ncols=2, loc="upper center")
    for name, curve, colour, line in zip(
        CONTRASTS, seen.basis, (GREY, BLUE, GREEN, ORANGE), (":", "-", "--", "-."), strict=True
    ):
        basis.plot(bins, curve, line, color=colour, label=name)
    basis.set(title="2  Weigh the differences", xlabel="bin", ylabel="weight ψ")
    basis.set_ylim(-3, 4.6)
    basis.legend(ncols=2, loc="upper center")
    places = np.arange(len(seen.z))[::-1]
    beyond = seen.z > seen.threshold
    evidence.barh(places, seen.z, color=np.where(beyond, RED, BLUE).tolist(), height=0.65)
    evidence.axvline(seen.threshold, color=RED, linestyle="--", linewidth=1.2)
    evidence.text(seen.threshold + 0.15, places[0], "threshold", color=RED, va="center")
    evidence.set(
        title="3  Evidence", xlabel="|z| beyond what is harmless", yticks=places, yticklabels=seen.names
    )
    return figure


def noisy(seen: NoisyWindows) -> Figure:
    """What looks like drift when the noise between windows is not known."""
    figure, panels = canvas(2, 2.5)
    titles = ("As if rows were independent", f"Divided by √φ, φ = {seen.phi:.1f}")
    for axes, z, limit, title in zip(panels, seen.z, seen.limits.tolist(), titles, strict=True):
        beyond = np.abs(z) > limit
        number = np.arange(len(z))
        axes.plot(number[~beyond], z[~beyond], ".", color=BLUE, markersize=4)
        axes.plot(number[beyond], z[beyond], "x", color=RED, markersize=5)
        threshold_lines(axes, -limit, limit)
        axes.set(title=title, xlabel="window", ylim=(-11, 11))
    panels[0].set_ylabel("z of one feature's mean")
    panels[1].text(number[-1], limit + 0.4, "threshold", color=RED, ha="right")
    return figure


def season(seen: Seasons) -> Figure:
    """A feature with a season, judged with and without."""
    figure, (means, scores) = canvas(1, 3.6, rows=2)
    means.plot(seen.hours, seen.means, color=INK, linewidth=1.2)
    means.set(ylabel="mean, σ", title="A feature that swings with the day, no drift")
    scores.plot(seen.hours, seen.scores_without, "-", color=ORANGE, label="compared with all hours")
    scores.plot(seen.hours, seen.scores, "-", color=BLUE, label="compared with the same hours")
    threshold_lines(scores, 1.0)
    scores.text(24, 1.08, "threshold", color=RED, ha="center")
    scores.set(ylabel="score", xlabel="hour", ylim=(0, 3))
    scores.legend(loc="upper right", ncols=2)
    for axes in (means, scores):
        axes.set_xticks(np.arange(0, 73, 12))
    return figure


def chart(seen: SlowDrift) -> Figure:
    """A slow drift, which no window shows and the charts add up."""
    figure, (shift, score) = canvas(1, 3.8, rows=2)
    shift.plot(seen.shift, color=INK)
    shift.set(ylabel="true shift, σ", title="One feature's mean creeps away")
    shift.annotate(
        "drift begins", (seen.begin, 0), (seen.begin - 12, 0.1), arrowprops={"arrowstyle": "->", "color": INK}
    )
    score.plot(seen.alone, color=ORANGE, label="the window alone")
    score.plot(seen.charts, color=BLUE, label="strongest chart")
    threshold_lines(score, 1.0)
    score.plot(seen.alarm, seen.charts[seen.alarm], "o", color=RED)
    score.annotate(
        "alarm",
        (seen.alarm, seen.charts[seen.alarm]),
        (seen.alarm - 9, 1.28),
        color=RED,
        arrowprops={"arrowstyle": "->", "color": RED},
    )
    score.annotate(
        "since", (seen.since, 0), (seen.since - 8, 0.62), arrowprops={"arrowstyle": "->", "color": INK}
    )
    score.set(ylabel="score", xlabel="window", ylim=(0, 1.6))
    score.legend(loc="upper left", ncols=2)
    return figure


def relations(seen: Coupled) -> Figure:
    """Two features that stay as they were, and go together as they did not."""
    figure, (*panels, scores) = canvas(3, 2.6)
    for axes, rows, title in zip(panels, (seen.before, seen.now), ("Training", "Window"), strict=True):
        axes.plot(*rows[:150].T, "o", color=BLUE, markersize=3, alpha=0.7, markeredgewidth=0)
        axes.set(title=title, xlabel="f0", ylabel="f1", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
    names = [*seen.verdict.features, "relations"]
    values = [column.score for column in seen.verdict.features.values()]
    values.append(seen.verdict.multivariate.score if seen.verdict.multivariate else 0.0)
    places = np.arange(len(names))[::-1]
    scores.barh(places, values, color=[RED if score > 1 else BLUE for score in values], height=0.65)
    scores.axvline(1.0, color=RED, linestyle="--", linewidth=1.2)
    scores.text(1.07, places[0], "threshold", color=RED, va="center")
    scores.set(title="Scores of the window", xlabel="score", yticks=places, yticklabels=names)
    return figure
