"""Reference: shares of an hour shrunk towards the whole by as much as the hours differ."""

import json

import numpy as np
import pytest
from scipy import stats

from drift_core.bins import Column, Layout
from drift_core.described import Described
from drift_core.reference import Seasonal
from drift_core.schema import Kind, Matrix
from drift_core.season import Season

BINS = 8
P = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])


def layout_of(columns: int = 1) -> Layout:
    """Columns of eight inner bins and the four special ones."""
    edges = tuple(np.arange(BINS + 1.0))
    return Layout(
        tuple(
            Column(name=f"x{i}", kind=Kind.NUMERIC, edges=edges, reference=(1,) * 12) for i in range(columns)
        )
    )


def seasonal_of(shares: Matrix, rows: int, rng: np.random.Generator) -> Seasonal:
    """Training rows whose bins follow `shares`, shape (cells, bins)."""
    counts = np.array([rng.multinomial(rows, share) for share in shares])
    cells = np.repeat(np.arange(len(shares)), rows)
    flat = np.concatenate([np.repeat(np.arange(BINS), row) for row in counts])
    season = {48: Season.DAY_KIND, 168: Season.WEEK}[len(shares)]
    return Seasonal.of(layout_of(), season, flat[:, None], cells)


def test_without_season_the_hours_are_pooled_entirely() -> None:
    """The rule says two standard errors of a χ²: it errs in about 3 % of columns."""
    rng, runs = np.random.default_rng(1), 300
    found = [np.isfinite(seasonal_of(np.tile(P, (48, 1)), 200, rng).pooling[0]) for _ in range(runs)]
    assert sum(found) <= stats.binom.ppf(0.9999, runs, 0.04)


@pytest.mark.parametrize("truth", [30.0, 300.0])
def test_the_pooling_is_that_of_a_dirichlet_multinomial(truth: float) -> None:
    """A little below it: of the contrasts, which all spread alike here, the widest by chance decides."""
    rng = np.random.default_rng(int(truth))
    found = [seasonal_of(rng.dirichlet(truth * P, 168), 500, rng).pooling[0] for _ in range(12)]
    assert 0.6 * truth < np.median(found) < 1.05 * truth


def test_a_season_of_the_mean_alone_is_not_averaged_away_over_the_bins() -> None:
    """Hours that move the mean only, by 0.3 standard deviations, must not be drawn together by the rest."""
    rng = np.random.default_rng(8)
    score = np.linspace(-1, 1, BINS)
    score = (score - P @ score) / np.sqrt(P @ (score - P @ score) ** 2)
    shares = P * (1 + 0.3 * np.sin(2 * np.pi * np.arange(168) / 24)[:, None] * np.sqrt(2) * score)
    pooling = seasonal_of(shares / shares.sum(1, keepdims=True), 500, rng).pooling[0]
    assert 1 / (pooling + 1) == pytest.approx(0.3**2, rel=0.3)


def test_the_shares_of_a_cell_are_shrunk_towards_the_whole_by_the_pooling() -> None:
    rng, layout = np.random.default_rng(2), layout_of()
    seasonal = seasonal_of(rng.dirichlet(50 * P, 48), 100, rng)
    nu, counts = seasonal.pooling[0], seasonal.counts
    whole = counts.sum(0) / counts.sum()
    for cell in (0, 17, 47):
        reference = seasonal.reference(layout, {cell: 500})
        assert reference.shares == pytest.approx((counts[cell] + nu * whole) / (counts[cell].sum() + nu))
        assert reference.rows[0] == pytest.approx(100 + nu)
        assert reference.counts(layout, 0) == pytest.approx(reference.shares * reference.rows[0])


@pytest.mark.parametrize("pooling", [0.0, 0.5, 40.0])
def test_a_cell_that_training_never_saw_is_compared_with_the_whole(pooling: float) -> None:
    """And is worth what it is lent, at least one row."""
    layout, counts = layout_of(), np.zeros((48, 12), np.int64)
    counts[:47, :BINS] = np.random.default_rng(5).multinomial(60, P, 47)
    seasonal = Seasonal(season=Season.DAY_KIND, counts=counts, pooling=np.array([pooling]))
    reference = seasonal.reference(layout, {47: 100})
    assert reference.shares == pytest.approx(counts.sum(0) / counts.sum())
    assert reference.rows[0] == pytest.approx(max(pooling, 1.0))


def test_shrinking_brings_shares_nearer_to_the_truth() -> None:
    """What empirical Bayes is for: nearer than the hour's own shares and than the whole's."""
    rng, layout = np.random.default_rng(3), layout_of()
    truth = rng.dirichlet(100 * P, 168)
    seasonal = seasonal_of(truth, 100, rng)
    own = seasonal.counts[:, :BINS] / 100
    whole = np.tile(own.mean(0), (168, 1))
    shrunk = np.array([seasonal.reference(layout, {cell: 1}).shares[:BINS] for cell in range(168)])
    errors = [float(((shares - truth) ** 2).sum()) for shares in (shrunk, own, whole)]
    assert errors[0] < 0.65 * min(errors[1:])


def test_a_span_of_several_cells_is_compared_with_their_mix() -> None:
    rng, layout = np.random.default_rng(4), layout_of()
    seasonal = seasonal_of(rng.dirichlet(50 * P, 48), 100, rng)
    alone = [seasonal.reference(layout, {cell: 1}) for cell in (3, 4)]
    mixed = seasonal.reference(layout, {3: 300, 4: 100, 9: 0})
    assert mixed.shares == pytest.approx(0.75 * alone[0].shares + 0.25 * alone[1].shares)
    # Errors of the two cells add: variance 0.75² / m₃ + 0.25² / m₄.
    worth = 1 / (0.75**2 / alone[0].rows[0] + 0.25**2 / alone[1].rows[0])
    assert mixed.rows[0] == pytest.approx(worth)
    whole = seasonal.reference(layout, dict.fromkeys(range(48), 10))
    assert whole.rows[0] == seasonal.counts.sum()  # never more than there were


def test_shares_add_to_one_and_columns_without_season_keep_all_their_rows() -> None:
    rng, layout = np.random.default_rng(5), layout_of(2)
    cells = np.repeat(np.arange(48), 200)
    seasonal_column = np.concatenate([rng.choice(BINS, 200, p=p) for p in rng.dirichlet(20 * P, 48)])
    steady = np.tile(np.arange(BINS), len(cells) // BINS)
    absent = np.arange(len(cells)) % 4 == 0
    flat = np.column_stack([seasonal_column, np.where(absent, -1, layout.offsets[1] + steady)])
    reference = Seasonal.of(layout, Season.DAY_KIND, flat, cells).reference(layout, {7: 10})
    assert reference.rows[0] < 2_000
    assert reference.rows[1] == (~absent).sum()
    assert [reference.shares[layout.slice(i)].sum() for i in range(2)] == pytest.approx([1, 1])


def test_json_round_trip_keeps_infinite_pooling() -> None:
    rng = np.random.default_rng(6)
    for shares in (np.tile(P, (48, 1)), rng.dirichlet(50 * P, 48)):
        seasonal = seasonal_of(shares, 100, rng)
        read = Seasonal.from_json(
            Described(json.loads(json.dumps(seasonal.to_json(), allow_nan=False))), layout_of(1)
        )
        assert read.season is seasonal.season
        assert np.array_equal(read.counts, seasonal.counts)
        assert np.array_equal(read.pooling, seasonal.pooling)
