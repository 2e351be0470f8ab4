"""What training says of each segment: how many of its rows lay in each bin, how noisy its windows were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from drift_core.bins import Column, Counts, Layout
from drift_core.described import Described
from drift_core.noise import Noise
from drift_core.reference import Reference
from drift_core.schema import FeatureSchema
from drift_core.segment_cells import cells_of, check_room
from drift_core.segments import MOST_COLUMNS, Segmentation, check_segments
from drift_core.span import Span


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentTraining:
    """The training rows of each segment.

    Attributes
    ----------
    segments : by column.
    counts : shape (cells, bins), rows over the same bins as those of all; of a served column held-out ones.
    noise : by span, of each cell how much more its signals varied than independent rows would; absent where
        training cannot tell.
    """

    segments: tuple[Segmentation, ...]
    counts: Counts
    noise: Mapping[Span, tuple[Noise, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the cells."""
        return tuple(name for one in self.segments for name in one.names)

    def rows(self, layout: Layout) -> Counts:
        """Training rows of each cell, shape (cells,)."""
        found: Counts = self.counts[:, layout.slice(0)].sum(1)
        return found

    def columns(self, layout: Layout, cell: int) -> tuple[Column, ...]:
        """The columns as if a cell's rows had been all of training; their bins are those of all."""
        counts = self.counts[cell]
        return tuple(
            replace(column, reference=tuple(counts[layout.slice(i)].tolist()))
            for i, column in enumerate(layout.columns)
        )

    def reference(self, layout: Layout, cell: int, here: Reference, everywhere: Counts) -> Reference:
        """What a cell's rows are compared with: its own training rows, bent as the season bends all.

        Training counts no segment by the hour. So the expected share of a bin is the segment's, times that of
        the hour over that of all hours; its precision is that of both.

        Parameters
        ----------
        here : what all rows of the span are compared with.
        everywhere : shape (bins,), training rows of all hours.
        """
        starts = np.array(layout.offsets[:-1])
        sizes = np.diff(layout.offsets)
        own, all_rows = self.counts[cell].astype(float), everywhere.astype(float)
        m, whole = np.add.reduceat(own, starts), np.add.reduceat(all_rows, starts)
        usual = all_rows / np.repeat(np.maximum(whole, 1.0), sizes)
        bent = own * np.where(usual > 0, here.shares / np.where(usual > 0, usual, 1.0), 1.0)
        shares = bent / np.repeat(np.maximum(np.add.reduceat(bent, starts), 1e-300), sizes)
        season = np.maximum(1 / np.maximum(here.rows, 1e-300) - 1 / np.maximum(whole, 1.0), 0.0)
        worth = np.where(m > 0, 1 / (1 / np.maximum(m, 1.0) + season), 0.0)
        return Reference(shares, worth)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        return {
            "columns": [one.to_json() for one in self.segments],
            "counts": self.counts.tolist(),
            "noise": {span.value: [one.to_json() for one in cells] for span, cells in self.noise.items()},
        }

    @classmethod
    def from_json(
        cls, read: Described, schema: FeatureSchema, columns: tuple[Column, ...], signals: int
    ) -> Self:
        """Read what `to_json` wrote; a ValueError names the field that is not what it must be.

        Parameters
        ----------
        columns : that were counted.
        signals : of a model with these columns.
        """
        read.list_of("columns", most=MOST_COLUMNS)
        segments = tuple(map(Segmentation.read, read.parts("columns")))
        check_segments(segments, schema)
        layout = Layout(columns, cells_of(segments, schema))
        check_room(layout)
        noise = read.part("noise")
        found = {}
        for span in Span:
            if noise.has(span):
                cells = [Noise.from_json(one, signals) for one in noise.parts(span)]
                if len(cells) != layout.cells:
                    noise.refuse(span, f"a list of {layout.cells}")
                found[span] = tuple(cells)
        return cls(
            segments=segments,
            counts=read.counts("counts", layout.cells, layout.offsets[-1]),
            noise=found,
        )
