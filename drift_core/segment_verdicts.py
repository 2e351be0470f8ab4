"""Segments judged: the tests of a single span for the rows of each segment, against its own training rows.

They have no charts, which would need a memory for each segment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from drift_core.baseline import Baseline
from drift_core.bins import Counts
from drift_core.evidence import Raw, column_raw, standardised
from drift_core.noise import Noise
from drift_core.reference import Reference
from drift_core.schema import Matrix
from drift_core.segment_training import SegmentTraining
from drift_core.signals import Signals, sides_of
from drift_core.span import Span
from drift_core.verdict import SegmentVerdict

type Factors = Callable[[Reference, Counts, Noise], tuple[Matrix, Matrix]]
"""φ and the degrees of freedom behind it, see `Monitor.factors`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTests:
    """What the segments of a span are judged with.

    Attributes
    ----------
    hours : all rows of the span by the season's cell.
    noise : between such spans, of all rows.
    threshold : the z above which a test of the span alarms, those of segments counted among them.
    fewest : rows of a segment, in the span and in training, from which it is judged.
    """

    span: Span
    hours: Mapping[int, int]
    noise: Noise
    threshold: float
    fewest: int
    factors: Factors


@dataclass(frozen=True, slots=True)
class SegmentSignals:
    """The signals of a model's segments: those of each column, and none of their relations."""

    baseline: Baseline
    training: SegmentTraining

    def reference(self, cell: int, hours: Mapping[int, int]) -> Reference:
        """What a segment's rows of a span are compared with: its own training rows of the same hours.

        Parameters
        ----------
        hours : all rows of the span by the season's cell.
        """
        layout = self.baseline.layout
        everywhere = self.baseline.seasonal.counts[:, layout.slice(0)].sum(1)
        mix = self.training.mix(layout, cell, everywhere, hours)
        return self.training.seasonal[cell].reference(layout, mix)

    def raw(self, cell: int, reference: Reference, counts: Counts, phi: Matrix) -> Raw:
        """The signals of a segment, column by column.

        Parameters
        ----------
        reference : of the segment.
        counts : shape (windows, bins), its rows.
        phi : shape (windows, signals), from `Monitor.factors`.
        """
        layout, places = self.baseline.layout, self.baseline.signals.positions
        columns = enumerate(self.training.columns(layout, cell))
        return Raw.join(
            [
                column_raw(
                    column,
                    reference.counts(layout, i),
                    counts[:, layout.slice(i)],
                    phi[:, places[column.name]],
                )
                for i, column in columns
            ]
        )

    def judge(self, cell: int, counts: Counts, tests: SegmentTests) -> SegmentVerdict:
        """The verdict on one segment.

        Parameters
        ----------
        counts : shape (bins,), its rows.
        """
        baseline, signals = self.baseline, Signals(self.baseline.columns)
        n = int(counts[baseline.layout.slice(0)].sum())
        reference = self.reference(cell, tests.hours)
        noise = tests.noise
        if tests.span in self.training.noise:
            noise = self.training.noise[tests.span][cell].wider(noise, baseline.signals.two_sided)
        phi, freedom = tests.factors(reference, np.array([n]), noise)
        raw = self.raw(cell, reference, counts[None], phi)
        evidence = standardised(raw, signals, phi[:, : len(signals)], freedom[: len(signals)])
        scores = evidence.strength(signals.two_sided)[0] / tests.threshold
        by_column = {name: float(scores[place].max()) for name, place in signals.positions.items()}
        top = int(scores.argmax())
        return SegmentVerdict(
            n=n,
            drift=float(scores[top]) > 1,
            score=float(scores[top]),
            column=signals.all[top].column,
            top_contrast=signals.all[top].name,
            guilty=tuple(
                sorted((name for name in by_column if by_column[name] > 1), key=lambda name: -by_column[name])
            ),
        )


def segment_sides(baseline: Baseline) -> int:
    """Tests of segments that share a span's budget, whether or not a span has the rows for all."""
    return baseline.layout.cells * sides_of(baseline.columns)


def judged_segments(
    baseline: Baseline, counts: Counts | None, tests: SegmentTests
) -> dict[str, SegmentVerdict] | None:
    """Judge the segments of a span that have enough rows; None where segments are not watched or not known.

    Parameters
    ----------
    counts : shape (cells, bins), as in `WindowState.segments`.
    """
    training = baseline.segments
    if training is None or counts is None:
        return None
    rows = counts[:, baseline.layout.slice(0)].sum(1)
    trained = [int(training.rows(baseline.layout, cell).sum()) for cell in range(len(rows))]
    enough = np.minimum(rows, trained) >= tests.fewest
    judge = SegmentSignals(baseline, training).judge
    return {
        training.names[cell]: judge(cell, counts[cell], tests) for cell in np.flatnonzero(enough).tolist()
    }


def with_segments(guilty: tuple[str, ...], segments: Mapping[str, SegmentVerdict]) -> tuple[str, ...]:
    """Columns that drifted, then those that drifted within a segment only, those of the strongest first."""
    ordered = sorted(segments.values(), key=lambda one: -one.score)
    return tuple(dict.fromkeys([*guilty, *(name for one in ordered for name in one.guilty)]))
