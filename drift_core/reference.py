"""Reference: what a span of traffic is compared with, the training counts of the hours that it covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from drift_core.bins import Counts, Layout
from drift_core.described import MOST_WHOLE, Described
from drift_core.schema import Matrix
from drift_core.season import Season

FALSE_SEASON = 4.0
"""Standard errors by which a contrast's spread over cells must exceed chance to be a season."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Expected shares of each bin and what they are worth.

    Attributes
    ----------
    shares : shape (layout.offsets[-1],); they add up to 1 in each column.
    rows : shape (columns,): rows of a sample that would tell the shares as precisely (m_eff of the method).
    """

    shares: Matrix
    rows: Matrix

    def counts(self, layout: Layout, position: int) -> Matrix:
        """Expected shares of one column times its rows, shape (column.size,)."""
        return self.shares[layout.slice(position)] * float(self.rows[position])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seasonal:
    """Training counts by season.

    Attributes
    ----------
    season : how a week is cut into cells.
    counts : shape (cells, layout.offsets[-1]), training rows of each cell in each bin.
    pooling : shape (columns,), ν of the method: how many rows of the whole are lent to each cell; infinite
        for a column without season.
    """

    season: Season
    counts: Counts
    pooling: Matrix

    @classmethod
    def of(cls, layout: Layout, season: Season, flat: Counts, cells: Counts) -> Self:
        """Count training rows.

        Parameters
        ----------
        flat : shape (m, columns), position of each value's bin in the flat vector, -1 where a row has no
            value.
        cells : shape (m,), from `Season.cell`.
        """
        size = layout.offsets[-1]
        places = (cells[:, None] * size + flat)[flat >= 0]
        counts = np.bincount(places, minlength=season.cells * size).reshape(season.cells, size)
        pooling = [_pooling(counts[:, layout.slice(i)]) for i in range(len(layout.columns))]
        return cls(season=season, counts=counts.astype(np.int64), pooling=np.array(pooling))

    def reference(self, layout: Layout, rows: Mapping[int, float]) -> Reference:
        """What a span is compared with.

        In a cell p_s = (c_s + ν p) / (m_s + ν), worth m_s + ν rows, at most all of training's. Over several
        cells shares are averaged by rows, and the variances of their errors added.

        Parameters
        ----------
        rows : rows of the span by cell.
        """
        cells = sorted(cell for cell, n in rows.items() if n)
        weights = np.array([rows[cell] for cell in cells], float)
        weights /= weights.sum()
        shares, worth = [], []
        for i, pooling in enumerate(self.pooling):
            whole = self.counts[:, layout.slice(i)].sum(0).astype(float)
            m = whole.sum()
            if not np.isfinite(pooling) or m == 0:
                shares.append(whole / max(m, 1.0))
                worth.append(m)
                continue
            here = self.counts[cells, layout.slice(i)]
            lent = np.maximum(pooling, here.sum(1) == 0)  # a cell that training never saw has a row at least
            own = here.sum(1) + lent
            shares.append(weights @ ((here + lent[:, None] * whole / m) / own[:, None]))
            worth.append(min(m, 1 / float((weights**2 / own).sum())))
        return Reference(np.concatenate(shares), np.array(worth))

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        return {
            "season": self.season.value,
            "counts": self.counts.tolist(),
            "pooling": [value if np.isfinite(value) else None for value in self.pooling.tolist()],
        }

    @classmethod
    def from_json(cls, read: Described, layout: Layout) -> Self:
        """Read what `to_json` wrote; a ValueError names the field that is not what it must be.

        Parameters
        ----------
        layout : of the columns that were counted.
        """
        season = season_in(read)
        return cls(
            season=season,
            counts=read.counts("counts", season.cells, layout.offsets[-1]),
            pooling=pooling_in(read, len(layout.columns)),
        )


def season_in(read: Described) -> Season:
    """The field `season` of an object; a ValueError says what it must be."""
    try:
        return Season(read.text("season"))
    except ValueError:
        read.refuse("season", " or ".join(map(repr, map(str, Season))))


def pooling_in(read: Described, columns: int) -> Matrix:
    """The field `pooling` of an object, shape (columns,); a ValueError says what it must be."""
    lent = Described({str(i): v for i, v in enumerate(read.list_of("pooling"))}, read.place("pooling"))
    if len(lent.names()) != columns:
        read.refuse("pooling", f"{columns} numbers, null for infinity")
    found = [lent.number(i, above=-1e-300, most=MOST_WHOLE) if lent.has(i) else np.inf for i in lent.names()]
    return np.array(found, float)


def _pooling(counts: Counts) -> float:
    """ν of one column, by moments: 1 / (ν + 1) is the cells' spread along a contrast, less what chance gives.

    A season moves mostly one thing, the mean say, and that one decides: a ν averaged over all bins would
    draw the hours towards each other. Infinite where no contrast differs between cells by more than chance
    lets it.

    Parameters
    ----------
    counts : shape (cells, bins).
    """
    whole, rows = counts.sum(0), counts.sum(1).astype(float)
    inhabited = rows > 1
    basis = _directions(whole)
    if not len(basis) or inhabited.sum() < 2:
        return np.inf
    n: Matrix = rows[inhabited]
    means = counts[inhabited] @ basis.T / n[:, None]
    freedom = len(n) - 1
    excess: Matrix = (n[:, None] * means**2).sum(0) - freedom
    if (excess <= FALSE_SEASON * np.sqrt(2 * freedom)).all():
        return np.inf
    return max(float(n.sum() - len(n)) / float(excess.max()) - 1, 0.0)


def _directions(whole: Counts) -> Matrix:
    """Four orthonormal polynomials of the bins' midranks, and each bin for itself; each of variance 1."""
    p = whole / max(int(whole.sum()), 1)
    used = np.flatnonzero(p > 0)
    if len(used) < 2:
        return np.zeros((0, len(p)))
    midranks = (np.cumsum(p) - p / 2)[used]
    powers = np.vander(2 * midranks - 1, min(5, len(used)), increasing=True)
    factor, _ = np.linalg.qr(np.sqrt(p[used])[:, None] * powers)
    found = np.zeros((factor.shape[1] - 1 + len(used), len(p)))
    found[: factor.shape[1] - 1, used] = (factor / np.sqrt(p[used])[:, None]).T[1:]
    for row, b in enumerate(used, start=factor.shape[1] - 1):
        found[row] = -p[b]
        found[row, b] += 1
        found[row] /= np.sqrt(p[b] * (1 - p[b]))
    return found
