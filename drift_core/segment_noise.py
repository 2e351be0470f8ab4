"""Noise of segments between spans of training.

A segment may be noisier than all rows together: its clients differ from each other where those of all
segments average out, or its days run otherwise than the season of all says. So it is measured, where training
can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drift_core.bins import Counts
from drift_core.evidence import FEWEST_VALUES
from drift_core.history import History, mixes_of
from drift_core.monitor import Monitor
from drift_core.noise import Noise
from drift_core.schema import Matrix
from drift_core.segment_cells import counted_by_cell
from drift_core.segment_verdicts import SegmentSignals

MOST_MIXES = 24
"""Mixes of the season's hours whose spans are measured: each is one more reference for each segment."""

MOST_SPANS = 480
"""Spans that are measured, over all mixes."""

type _Mixed = list[tuple[dict[int, int], Counts]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentHistory:
    """Training rows that can be counted by segment.

    Attributes
    ----------
    rows : shape (m, columns), those of the history, coded by the schema.
    cells : shape (m,), the season's cell of each row.
    """

    history: History
    rows: Matrix
    cells: npt.NDArray[np.int64]

    def counts(self, spans: list[npt.NDArray[np.intp]]) -> Counts:
        """Count spans by segment, shape (spans, segments, bins).

        Parameters
        ----------
        spans : row numbers of each.
        """
        layout, flat = self.history.layout, self.history.flat
        return np.stack([counted_by_cell(layout, self.rows[at], flat[at].T) for at in spans])


def segment_noise(
    monitor: Monitor, history: SegmentHistory, spans: list[npt.NDArray[np.intp]]
) -> tuple[Noise, ...]:
    """Noise of each segment, in the signals of its columns and none of their relations; of none, nothing.

    Parameters
    ----------
    spans : row numbers of each.
    """
    training = monitor.baseline.segments
    if training is None:
        return ()
    mixes = mixes_of(spans, history.cells)
    evenly = np.linspace(0, len(mixes) - 1, min(len(mixes), MOST_MIXES)).astype(int)
    counted: _Mixed = []
    for mix in [sorted(mixes)[i] for i in evenly.tolist()]:
        most = min(len(mixes[mix]), MOST_SPANS // len(evenly))
        chosen = np.linspace(0, len(mixes[mix]) - 1, most).astype(int).tolist()
        counted.append((dict(mix), history.counts([spans[mixes[mix][i]] for i in chosen])))
    signals = SegmentSignals(monitor.baseline, training)
    return tuple(_noise_of(monitor, signals, cell, counted) for cell in range(monitor.baseline.layout.cells))


def _noise_of(monitor: Monitor, segment: SegmentSignals, cell: int, counted: _Mixed) -> Noise:
    """Of one segment, measured twice: a shape is judged after its contrasts' noise was taken out."""
    signals, layout = len(monitor.baseline.signals), monitor.baseline.layout
    found: Noise | None = None
    for _ in range(2):
        before, found = found, Noise.none(signals)
        for mix, counts in counted:
            own = counts[:, cell]
            own = own[own[:, layout.slice(0)].sum(1) >= FEWEST_VALUES]
            n = own[:, layout.slice(0)].sum(1)
            if not len(own):
                continue
            reference = segment.reference(cell, mix)
            phi = np.ones((len(n), signals))
            if before is not None:
                phi, _ = monitor.factors(reference, n, before)
            spread = np.full((len(n), signals), np.nan)  # of relations nothing is known
            raw = segment.raw(cell, reference, own, phi)
            spread[:, : raw.spread.shape[1]] = raw.spread
            found += Noise.of(spread, n)
    return found if found is not None else Noise.none(signals)
