"""Baseline: the training distribution, frozen at training time and never touched again."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.bins import Column, Layout
from drift_core.described import Described
from drift_core.noise import Noise
from drift_core.reference import Seasonal
from drift_core.relations import Relations
from drift_core.schema import FeatureSchema, Kind, Matrix
from drift_core.segment_cells import cells_of
from drift_core.segment_training import SegmentTraining
from drift_core.signals import Signals
from drift_core.span import Span
from drift_core.thresholds import Calibration

FORMAT = 2

PREDICTION = "prediction"
INTERVAL_WIDTH = "interval_width"
RESERVED = (PREDICTION, INTERVAL_WIDTH)
"""Columns watched beside the features; a feature cannot take these names."""

SAMPLE_ROWS = 512
"""Training rows kept for a classifier to compare traffic with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """What one version of a model saw in training.

    Attributes
    ----------
    columns : the features in schema order, then the prediction and the width of its interval if they are
        watched.
    seasonal : training counts by hour of the week, where the training data has times.
    relations : how the features went together.
    noise : by span, how much more signals varied than independent rows would; absent where training cannot
        tell.
    block_noise : the same of blocks of rows in the order of time, when the training data is thinner than
        traffic; live windows count where they are noisier.
    calibration : thresholds of the charts by simulation; None for the conservative ones.
    sample : shape (at most `SAMPLE_ROWS`, columns), rows as windows sample them.
    segments : the same counts by segment; None for a model without.
    """

    model_name: str
    model_version: str
    schema: FeatureSchema
    columns: tuple[Column, ...]
    seasonal: Seasonal
    relations: Relations
    sample: npt.NDArray[np.float32]
    noise: Mapping[Span, Noise] = field(default_factory=dict)
    block_noise: Noise | None = None
    calibration: Calibration | None = None
    segments: SegmentTraining | None = None

    @cached_property
    def layout(self) -> Layout:
        """The bins of this model's windows."""
        return Layout(self.columns, cells_of(self.segments.segments, self.schema) if self.segments else ())

    @cached_property
    def signals(self) -> Signals:
        """All that is tested and charted."""
        return Signals(self.columns, self.schema.names)

    @property
    def rows(self) -> int:
        """Training rows behind the features (m of the method)."""
        return sum(self.columns[0].reference)

    def to_json(self) -> str:
        """JSON text; `from_json` is its inverse, to the bit."""
        segments = {"segments": self.segments.to_json()} if self.segments else {}
        return json.dumps(
            {
                "format": FORMAT,
                "model_name": self.model_name,
                "model_version": self.model_version,
                "schema": self.schema.to_json(),
                "columns": [column.to_json() for column in self.columns],
                "seasonal": self.seasonal.to_json(),
                "relations": self.relations.to_json(),
                "noise": {span.value: noise.to_json() for span, noise in self.noise.items()},
                "block_noise": self.block_noise and self.block_noise.to_json(),
                "calibration": self.calibration and self.calibration.to_json(),
                "sample": base64.b64encode(self.sample.astype("<f4").tobytes()).decode(),
                **segments,
            },
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Baseline:
        """Read what `to_json` wrote, here or in a later version, whose fields are ignored.

        Raises
        ------
        ValueError
            If the format is older, or a field is not what it must be; the text names it.
        """
        read = Described.of_json(text)
        found = read.whole("format") if read.has("format") else None
        if found is None or found < FORMAT:
            raise ValueError(
                f"baseline format is {found!r}, this reader knows {FORMAT} and later; train the bundle again"
            )
        try:
            return cls(**_fields(read))
        except ValueError as error:
            raise ValueError(f"not a baseline: {error}; train the bundle again") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Baseline) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # holds arrays


def _fields(read: Described) -> dict[str, Any]:
    """A baseline's fields from its JSON object."""
    schema = FeatureSchema.from_json(read.parts("schema"))
    columns = tuple(Column.from_json(column) for column in read.parts("columns"))
    watched = [(feature.name, feature.kind) for feature in schema.features]
    served = [(column.name, column.kind) for column in columns[len(watched) :]]
    if [(column.name, column.kind) for column in columns[: len(watched)]] != watched or served not in (
        [(name, Kind.NUMERIC) for name in RESERVED if name in dict(served)],
    ):
        read.refuse("columns", f"those of the schema, in its order, and then of {', '.join(RESERVED)}")
    layout, signals = Layout(columns), len(Signals(columns, schema.names))
    noise = read.part("noise")
    return {
        "model_name": read.text("model_name"),
        "model_version": read.text("model_version"),
        "schema": schema,
        "columns": columns,
        "seasonal": Seasonal.from_json(read.part("seasonal"), layout),
        "relations": Relations.from_json(read.part("relations"), len(schema.features)),
        "sample": read.packed_rows("sample", len(columns), most=SAMPLE_ROWS),
        "noise": {span: Noise.from_json(noise.part(span), signals) for span in Span if noise.has(span)},
        "block_noise": Noise.from_json(read.part("block_noise"), signals)
        if read.has("block_noise")
        else None,
        "calibration": Calibration.from_json(read.part("calibration")) if read.has("calibration") else None,
        "segments": SegmentTraining.from_json(read.part("segments"), schema, columns, signals)
        if read.has("segments")
        else None,
    }


def served_matrix(features: Matrix, *served: Matrix) -> Matrix:
    """Rows as the windows count them, shape (n, number of features + number of served columns).

    Parameters
    ----------
    features : shape (n, number of features).
    served : each of shape (n,): the prediction and the width of its interval.
    """
    return np.column_stack([features, *served])
