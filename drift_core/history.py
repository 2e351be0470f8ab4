"""History: training rows cut into windows, as if they had been traffic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drift_core.bins import SCORE_ONE, Counts, Layout
from drift_core.schema import Matrix

ABSENT = -1
"""Place of a value that a row does not have: predictions of rows that the model was fitted on."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Counts of many windows.

    Attributes
    ----------
    n : shape (windows,), rows.
    counts : shape (windows, bins).
    comoments : shape (windows, columns, columns).
    """

    n: Counts
    counts: Counts
    comoments: Counts

    def __getitem__(self, chosen: npt.NDArray[np.generic]) -> Windows:
        return Windows(self.n[chosen], self.counts[chosen], self.comoments[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Rows of one baseline's layout, binned.

    Attributes
    ----------
    flat : shape (m, columns), place of each value in the flat vector of counts, or `ABSENT`.
    """

    layout: Layout
    flat: Counts

    @classmethod
    def of(cls, layout: Layout, rows: Matrix, absent: npt.NDArray[np.bool_] | None = None) -> History:
        """Bin rows.

        Parameters
        ----------
        rows : shape (m, columns), coded by the schema.
        absent : shape (m, columns), values that a row does not have at all, which is not the same as missing.
        """
        bins = [column.index(rows[:, i]) + layout.offsets[i] for i, column in enumerate(layout.columns)]
        flat = np.column_stack(bins).astype(np.int64)
        if absent is not None:
            flat[absent] = ABSENT
        return cls(layout, flat)

    @property
    def scores(self) -> Matrix:
        """Normal scores, shape (m, columns); 0 for absent values."""
        return np.where(self.flat == ABSENT, 0.0, self.layout.scores[self.flat]) / SCORE_ONE

    def windows(self, rows: list[npt.NDArray[np.intp]]) -> Windows:
        """Count windows.

        Parameters
        ----------
        rows : of each window its row numbers, any number of times each.
        """
        size, width = self.layout.offsets[-1], self.flat.shape[1]
        counts = np.zeros((len(rows), size), np.int64)
        comoments = np.zeros((len(rows), width, width), np.int64)
        scores = np.append(self.layout.scores, 0.0)  # the last one is for absent values
        for i, chosen in enumerate(rows):
            flat = self.flat[chosen]
            scored = scores[flat]
            counts[i] = np.bincount(flat[flat >= 0], minlength=size)
            comoments[i] = scored.T @ scored
        return Windows(np.array([len(chosen) for chosen in rows], np.int64), counts, comoments)


def by_time(times: npt.NDArray[np.int64], length: int, fewest: int) -> list[npt.NDArray[np.intp]]:
    """Row numbers of each span of the grid that holds enough rows, in the order of time.

    Parameters
    ----------
    times : shape (m,), UTC milliseconds.
    length : of a span, milliseconds.
    fewest : rows.
    """
    starts = times // length
    order = np.argsort(starts, kind="stable")
    cuts = np.flatnonzero(np.diff(starts[order])) + 1
    return [rows for rows in np.split(order, cuts) if len(rows) >= fewest]


def by_rows(times: npt.NDArray[np.int64], size: int) -> list[npt.NDArray[np.intp]]:
    """Row numbers of blocks of `size` rows in the order of time; the rest is left out."""
    order = np.argsort(times, kind="stable")
    return list(order[: len(order) // size * size].reshape(-1, size))


def mixes_of(
    spans: list[npt.NDArray[np.intp]], cells: npt.NDArray[np.int64]
) -> dict[tuple[tuple[int, int], ...], list[int]]:
    """Numbers of the spans by their rows in each of the season's cells.

    Parameters
    ----------
    spans : row numbers of each.
    cells : shape (m,), the season's cell of each row.
    """
    mixes: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for i, rows in enumerate(spans):
        found, n = np.unique(cells[rows], return_counts=True)
        # Windows within one cell are compared with the same shares, whatever their rows.
        mix = (
            ((int(found[0]), 1),) if len(found) == 1 else tuple(zip(found.tolist(), n.tolist(), strict=True))
        )
        mixes.setdefault(mix, []).append(i)
    return mixes
