"""Errors in training: what a model's errors were on rows that it had not seen, to compare labels with.

The file `errors.json` of a bundle. A bundle with it has its quality watched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.clumping import clumping, window_rows
from drift_core.described import Described
from drift_core.expected_error import ExpectedErrorBaseline
from drift_core.schema import Matrix
from drift_core.segment_errors import FEWEST_ROWS, SegmentErrors
from drift_core.segments import MOST_SEGMENTS

LEVELS = (0.5, 0.75, 0.9, 0.975)
"""Of the quantiles of |error| in training; live errors beyond each are counted."""

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBaseline:
    """Errors (prediction - label) of held-out rows, in the target's unit.

    Attributes
    ----------
    rows, calibration_rows : held-out rows, and those of them that calibrated the interval.
    mae : mean absolute error.
    quantiles : of the absolute error at `LEVELS`; a share of 1 - level is larger at most.
    above : share of the predictions above their label.
    centre : mean of the labels, from which live ones are counted.
    window_rows : held-out rows that one of them shares its window with, itself included; 1 without times.
    missed_clumping, beyond_clumping, above_clumping : correlation within windows of what is counted:
        intervals that miss, errors beyond each quantile, predictions above; 0 without times.
    expected : the estimated error's figures; None where there is no `expected_error.onnx`.
    segments : by name, those with `FEWEST_ROWS` held-out rows at least.
    """

    rows: int
    calibration_rows: int
    mae: float
    quantiles: tuple[float, ...]
    above: float
    centre: float
    window_rows: float = 1.0
    missed_clumping: float = 0.0
    beyond_clumping: tuple[float, ...] = (0.0,) * len(LEVELS)
    above_clumping: float = 0.0
    expected: ExpectedErrorBaseline | None = None
    segments: Mapping[str, SegmentErrors] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        predictions: Matrix,
        labels: Matrix,
        missed: npt.NDArray[np.bool_],
        *,
        calibration_rows: int,
        windows: npt.NDArray[np.int64] | None,
        expected: ExpectedErrorBaseline | None = None,
        segments: Mapping[str, npt.NDArray[np.bool_]] | None = None,
    ) -> ErrorBaseline:
        """Measure held-out rows.

        Parameters
        ----------
        predictions, labels, missed : shape (n,); whether the interval misses its label.
        windows : shape (n,), the window of each row; None without times.
        segments : by name, shape (n,): whether a row is of it.
        """
        errors = predictions - labels
        size = np.abs(errors)
        quantiles = np.quantile(size, LEVELS, method="higher")
        above, beyond = errors > 0, size > quantiles[:, None]
        clumps = [0.0] * (2 + len(LEVELS))
        if windows is not None:
            counted = (missed, above, *beyond)
            clumps = [clumping(one, windows) for one in counted]
        return cls(
            rows=len(labels),
            calibration_rows=calibration_rows,
            mae=float(size.mean()),
            quantiles=tuple(quantiles.tolist()),
            above=float(above.mean()),
            centre=float(labels.mean()),
            window_rows=1.0 if windows is None else window_rows(windows),
            missed_clumping=clumps[0],
            above_clumping=clumps[1],
            beyond_clumping=tuple(clumps[2:]),
            expected=expected,
            segments={
                name: SegmentErrors.of(
                    missed[of], above[of], beyond[:, of], None if windows is None else windows[of]
                )
                for name, of in sorted((segments or {}).items())
                if of.sum() >= FEWEST_ROWS
            },
        )

    def to_json(self) -> str:
        """JSON text; `from_json` is its inverse."""
        described: dict[str, Any] = {
            "format": FORMAT,
            "rows": self.rows,
            "calibration_rows": self.calibration_rows,
            "mae": self.mae,
            "levels": list(LEVELS),
            "quantiles": list(self.quantiles),
            "above": self.above,
            "centre": self.centre,
            "window_rows": self.window_rows,
            "missed_clumping": self.missed_clumping,
            "beyond_clumping": list(self.beyond_clumping),
            "above_clumping": self.above_clumping,
        }
        if self.expected is not None:
            described["expected"] = self.expected.to_json()
        if self.segments:
            described["segments"] = {name: one.to_json() for name, one in self.segments.items()}
        return json.dumps(described, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> ErrorBaseline:
        """Read what `to_json` wrote, here or in a later version, whose fields are ignored.

        Raises
        ------
        ValueError
            If it is not an error baseline; the text names the field.
        """
        read = Described.of_json(text)
        read.whole("format", least=FORMAT)
        if tuple(read.matrix("levels", len(LEVELS)).tolist()) != LEVELS:
            read.refuse("levels", f"{list(LEVELS)}, which this version knows; train the bundle again")
        rows = read.whole("rows", least=1)
        quantiles = read.matrix("quantiles", len(LEVELS), least=0)
        if (np.diff(quantiles) < 0).any():
            read.refuse("quantiles", "numbers in order")
        mae = read.number("mae")
        if mae < 0:
            read.refuse("mae", "a number from 0")
        return cls(
            rows=rows,
            calibration_rows=read.whole("calibration_rows", least=1, most=rows),
            mae=mae,
            quantiles=tuple(quantiles.tolist()),
            above=read.share("above"),
            centre=read.number("centre"),
            window_rows=read.number("window_rows", above=0, most=rows),
            missed_clumping=read.share("missed_clumping"),
            beyond_clumping=read.shares("beyond_clumping", len(LEVELS)),
            above_clumping=read.share("above_clumping"),
            expected=ExpectedErrorBaseline.read(read.part("expected")) if read.has("expected") else None,
            segments=_segments(read, rows),
        )


def _segments(read: Described, rows: int) -> dict[str, SegmentErrors]:
    if not read.has("segments"):
        return {}
    parts = read.part("segments")
    names = parts.names()
    if len(names) > MOST_SEGMENTS:
        read.refuse("segments", f"at most {MOST_SEGMENTS} segments")
    return {
        name: SegmentErrors.read(parts.part(name), levels=len(LEVELS), most=rows) for name in sorted(names)
    }
