"""Errors of a segment in training: what its held-out rows showed, to compare its labels with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from drift_core.clumping import clumping, window_rows
from drift_core.described import Described

FEWEST_ROWS = 100
"""Held-out rows that a segment needs to be charted: with fewer, an interval that promises 90 % may miss twice
as often before its chart grows, and a part of the budget would be spent on next to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentErrors:
    """Shares of a segment's held-out rows, and how they clump.

    Attributes
    ----------
    rows : held-out rows.
    missed : labels outside their interval.
    beyond : absolute errors beyond the quantiles of all rows, `drift_core.errors.ErrorBaseline.quantiles`.
    above : predictions above their label.
    window_rows : rows of the segment that one of them shares its window with, itself included; 1 without
        times.
    missed_clumping, beyond_clumping, above_clumping : as in `ErrorBaseline`, of the segment's rows.
    """

    rows: int
    missed: float
    beyond: tuple[float, ...]
    above: float
    window_rows: float
    missed_clumping: float
    beyond_clumping: tuple[float, ...]
    above_clumping: float

    @classmethod
    def of(
        cls,
        missed: npt.NDArray[np.bool_],
        above: npt.NDArray[np.bool_],
        beyond: npt.NDArray[np.bool_],
        windows: npt.NDArray[np.int64] | None,
    ) -> Self:
        """Measure the rows of one segment.

        Parameters
        ----------
        missed, above : shape (n,).
        beyond : shape (levels, n).
        windows : shape (n,), the window of each row; None without times.
        """
        counted = (missed, above, *beyond)
        clumps = [0.0 if windows is None else clumping(one, windows) for one in counted]
        return cls(
            rows=len(missed),
            missed=float(missed.mean()),
            beyond=tuple(beyond.mean(axis=1).tolist()),
            above=float(above.mean()),
            window_rows=1.0 if windows is None else window_rows(windows),
            missed_clumping=clumps[0],
            above_clumping=clumps[1],
            beyond_clumping=tuple(clumps[2:]),
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `read` is its inverse."""
        described = {name: getattr(self, name) for name in self.__slots__}
        return described | {name: list(described[name]) for name in ("beyond", "beyond_clumping")}

    @classmethod
    def read(cls, read: Described, *, levels: int, most: int) -> Self:
        """From a part of `errors.json`.

        Parameters
        ----------
        levels : shares in `beyond`.
        most : rows.

        Raises
        ------
        ValueError
            If a field is not what it must be; the text names it.
        """
        rows = read.whole("rows", least=1, most=most)
        return cls(
            rows=rows,
            missed=read.share("missed"),
            beyond=read.shares("beyond", levels),
            above=read.share("above"),
            window_rows=read.number("window_rows", above=0, most=rows),
            missed_clumping=read.share("missed_clumping"),
            beyond_clumping=read.shares("beyond_clumping", levels),
            above_clumping=read.share("above_clumping"),
        )
