"""Baseline: the training distribution, frozen at training time and never touched again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from drift_core.bins import Column, Layout
from drift_core.schema import FeatureSchema, Kind, Matrix

FORMAT = 1

PREDICTION = "prediction"
INTERVAL_WIDTH = "interval_width"
RESERVED = (PREDICTION, INTERVAL_WIDTH)
"""Columns watched beside the features; a feature cannot take these names."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What one version of a model saw in training.

    Attributes
    ----------
    columns : the features in schema order, then the prediction and the width of its interval.
    """

    model_name: str
    model_version: str
    schema: FeatureSchema
    columns: tuple[Column, ...]

    @cached_property
    def layout(self) -> Layout:
        """The bins of this model's windows."""
        return Layout(self.columns)

    @property
    def rows(self) -> int:
        """Training rows behind the features (m of the method)."""
        return sum(self.columns[0].reference)

    @classmethod
    def freeze(
        cls,
        *,
        model_name: str,
        model_version: str,
        schema: FeatureSchema,
        matrix: Matrix,
        predictions: Matrix,
        interval_widths: Matrix,
    ) -> Baseline:
        """Freeze the training distribution.

        Parameters
        ----------
        matrix : shape (m, number of features), all rows known at training time, coded by the schema.
        predictions, interval_widths : shape (h,), of held-out rows, since a model flatters its own
            training rows.

        Raises
        ------
        ValueError
            If a feature takes a reserved name.
        """
        taken = [name for name in schema.names if name in RESERVED]
        if taken:
            raise ValueError(f"feature {taken[0]!r} has a reserved name; rename the column")
        features = [Column.of_feature(feature, matrix[:, i]) for i, feature in enumerate(schema.features)]
        served = [
            Column.freeze(PREDICTION, Kind.NUMERIC, predictions),
            Column.freeze(INTERVAL_WIDTH, Kind.NUMERIC, interval_widths),
        ]
        return cls(
            model_name=model_name,
            model_version=model_version,
            schema=schema,
            columns=(*features, *served),
        )

    def to_json(self) -> str:
        """JSON text; `from_json` is its inverse, to the bit."""
        return json.dumps(
            {
                "format": FORMAT,
                "model_name": self.model_name,
                "model_version": self.model_version,
                "schema": self.schema.to_json(),
                "columns": [column.to_json() for column in self.columns],
            },
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Baseline:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If the format is of another version.
        """
        described: Mapping[str, Any] = json.loads(text)
        if described.get("format") != FORMAT:
            raise ValueError(f"baseline format is {described.get('format')!r}, this reader knows {FORMAT}")
        return cls(
            model_name=described["model_name"],
            model_version=described["model_version"],
            schema=FeatureSchema.from_json(described["schema"]),
            columns=tuple(Column.from_json(column) for column in described["columns"]),
        )


def served_matrix(features: Matrix, prediction: Matrix, interval_width: Matrix) -> Matrix:
    """Rows as the windows count them, shape (n, number of features + 2)."""
    return np.column_stack([features, prediction, interval_width])
