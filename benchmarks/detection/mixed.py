"""Rows of 29 numeric columns and one of categories, and what may happen to them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drift_core.schema import UNSEEN, Feature, FeatureSchema, Kind, Matrix

NUMERIC = 29
CATEGORIES = ("a", "b", "c", "d", "e")
SHARES = (0.4, 0.25, 0.2, 0.1, 0.05)

REFERENCE, ROWS = 50_000, 500
WINDOW_MS = 300_000

type Change = Callable[[Matrix, np.random.Generator], None]


def _add(column: int, size: float) -> Change:
    def change(rows: Matrix, rng: np.random.Generator) -> None:
        del rng
        rows[:, column] += size

    return change


def _times(column: int, factor: float) -> Change:
    def change(rows: Matrix, rng: np.random.Generator) -> None:
        del rng
        rows[:, column] *= factor

    return change


def _some(column: int, share: float, value: float) -> Change:
    def change(rows: Matrix, rng: np.random.Generator) -> None:
        rows[rng.random(len(rows)) < share, column] = value

    return change


def _correlate(rows: Matrix, rng: np.random.Generator) -> None:
    del rng
    rows[:, 1] = 0.5 * rows[:, 0] + np.sqrt(0.75) * rows[:, 1]


CHANGES: dict[str, tuple[Change, int]] = {
    "mean + 0.1 σ": (_add(0, 0.1), 9),
    "mean + 0.2 σ": (_add(0, 0.2), 3),
    "scale × 1.2": (_times(0, 1.2), 3),
    "unit × 1000": (_times(0, 1000.0), 1),
    "missing + 2 points": (_some(0, 0.02, np.nan), 1),
    "new category 0.5 %": (_some(NUMERIC, 0.005, UNSEEN), 2),
    "correlation 0 → 0.5": (_correlate, 3),
}
"""By name: what happens to the rows, and within how many windows it should be found."""

GUILTY = {"new category 0.5 %": f"f{NUMERIC:02}"}
"""The column that should be named first, where it is not f00."""


def mixed_schema() -> FeatureSchema:
    """29 numeric columns and one of categories."""
    numeric = [Feature(name=f"f{i:02}", kind=Kind.NUMERIC) for i in range(NUMERIC)]
    return FeatureSchema(
        (*numeric, Feature(name=f"f{NUMERIC:02}", kind=Kind.CATEGORICAL, categories=CATEGORIES))
    )


def mixed_rows(n: int, rng: np.random.Generator) -> Matrix:
    """Independent rows of the mixed schema, shape (n, 30)."""
    codes = rng.choice(len(CATEGORIES), n, p=SHARES).astype(float)
    return np.column_stack([rng.standard_normal((n, NUMERIC)), codes])


def stream(change: str | None, seed: int, *, before: int, windows: int) -> Matrix:
    """Windows of one stream, shape (windows, rows, columns).

    Streams with changes share their rows, so that changes and detectors are compared in pairs; the one
    without is held out from them.

    Parameters
    ----------
    before : windows before the change.
    """
    rng = np.random.default_rng([seed, 20 if change is None else 21])
    rows = mixed_rows(windows * ROWS, rng).reshape(windows, ROWS, -1)
    if change is not None:
        for window in range(before, windows):
            CHANGES[change][0](rows[window], np.random.default_rng([seed, 22, window]))
    return rows
