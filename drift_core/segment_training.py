"""What training says of each segment: its rows in each bin by season, and how noisy its windows were."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from drift_core.bins import Column, Counts, Layout
from drift_core.described import MOST_WHOLE, Described
from drift_core.history import History
from drift_core.noise import Noise
from drift_core.packed_counts import pack, unpack
from drift_core.reference import Seasonal, pooling_in, season_in
from drift_core.schema import FeatureSchema, Matrix
from drift_core.season import Season
from drift_core.segment_cells import cells_of, check_room
from drift_core.segments import MOST_COLUMNS, Segmentation, check_segments
from drift_core.span import Span


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentTraining:
    """The training rows of each segment.

    Attributes
    ----------
    segments : by column.
    seasonal : of each cell, its rows over the same bins as those of all; of a served column held-out ones.
    noise : by span, of each cell how much more its signals varied than independent rows would; absent where
        training cannot tell.
    """

    segments: tuple[Segmentation, ...]
    seasonal: tuple[Seasonal, ...]
    noise: Mapping[Span, tuple[Noise, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, segments: Sequence[Segmentation], history: History, rows: Matrix, season: Season, hours: Counts
    ) -> Self:
        """Count training rows.

        Parameters
        ----------
        history : of a layout with these segments.
        rows : shape (m, columns), those of the history, coded by the schema.
        hours : shape (m,), the season's cell of each row.
        """
        seasonal = []
        for one in history.layout.segments:
            index = one.index(rows[:, one.position])
            for cell in range(len(one.names)):
                own = index == cell
                seasonal.append(Seasonal.of(history.layout, season, history.flat[own], hours[own]))
        return cls(segments=tuple(segments), seasonal=tuple(seasonal))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the cells."""
        return tuple(name for one in self.segments for name in one.names)

    def rows(self, layout: Layout, cell: int) -> Counts:
        """Training rows of a cell by season, shape (season's cells,)."""
        found: Counts = self.seasonal[cell].counts[:, layout.slice(0)].sum(1)
        return found

    def columns(self, layout: Layout, cell: int) -> tuple[Column, ...]:
        """The columns as if a cell's rows had been all of training; their bins are those of all."""
        counts = self.seasonal[cell].counts.sum(0)
        return tuple(
            replace(column, reference=tuple(counts[layout.slice(i)].tolist()))
            for i, column in enumerate(layout.columns)
        )

    def mix(
        self, layout: Layout, cell: int, everywhere: Counts, hours: Mapping[int, int]
    ) -> dict[int, float]:
        """How many of a span's rows are expected of a cell, by season: a segment has hours of its own.

        Parameters
        ----------
        everywhere : shape (season's cells,), training rows of all segments.
        hours : all rows of the span by the season's cell.
        """
        if len(hours) == 1:
            return dict.fromkeys(hours, 1.0)
        own = self.rows(layout, cell)
        found = {hour: n * float(own[hour]) / max(float(everywhere[hour]), 1.0) for hour, n in hours.items()}
        return found if any(found.values()) else {hour: float(n) for hour, n in hours.items()}

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        return {
            "columns": [one.to_json() for one in self.segments],
            "seasonal": [
                {**one.to_json(), "counts": base64.b64encode(pack(one.counts)).decode()}
                for one in self.seasonal
            ],
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
        if len(read.list_of("seasonal")) != layout.cells:
            read.refuse("seasonal", f"a list of {layout.cells}, one a segment")
        noise = read.part("noise")
        found = {}
        for span in Span:
            if noise.has(span):
                if len(noise.list_of(span)) != layout.cells:
                    noise.refuse(span, f"a list of {layout.cells}, one a segment")
                found[span] = tuple(Noise.from_json(one, signals) for one in noise.parts(span))
        return cls(
            segments=segments,
            seasonal=tuple(_seasonal(one, layout) for one in read.parts("seasonal")),
            noise=found,
        )


def _seasonal(read: Described, layout: Layout) -> Seasonal:
    season = season_in(read)
    try:
        packed = base64.b64decode(read.text("counts"), validate=True)
        counts = unpack(packed, season.cells, layout.offsets[-1])
    except ValueError as error:
        raise ValueError(f"{read.place('counts')}: {error}") from None
    if (counts > MOST_WHOLE).any():
        raise ValueError(f"{read.place('counts')}: a count is beyond {MOST_WHOLE}")
    return Seasonal(season=season, counts=counts, pooling=pooling_in(read, len(layout.columns)))
