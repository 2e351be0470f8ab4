"""Freeze a baseline: all that monitoring will ever know of the training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from drift_core.baseline import INTERVAL_WIDTH, PREDICTION, RESERVED, SAMPLE_ROWS, Baseline
from drift_core.bins import Column, Layout
from drift_core.calibrate import calibration
from drift_core.history import History, Windows, by_rows, by_time, mixes_of
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.noise import FEWEST_SPANS, Noise
from drift_core.reference import Seasonal
from drift_core.relations import Relations
from drift_core.schema import FeatureSchema, Kind, Matrix
from drift_core.season import Season
from drift_core.segment_cells import cells_of, check_room
from drift_core.segment_noise import SegmentHistory, segment_noise
from drift_core.segment_training import SegmentTraining
from drift_core.segments import Segmentation, check_segments
from drift_core.span import Span

BLOCKS = 100
"""Blocks into which training rows are cut when their times are too thin for windows and hours."""

MOST_MEASURED = 2_000
"""Spans of one kind that noise is measured on, evenly chosen."""


def freeze(
    *,
    model_name: str,
    model_version: str,
    schema: FeatureSchema,
    matrix: Matrix,
    predictions: Matrix | None = None,
    interval_widths: Matrix | None = None,
    held_out: npt.NDArray[np.intp] | None = None,
    times: npt.NDArray[np.int64] | None = None,
    settings: MonitorSettings | None = None,
    segments: Sequence[Segmentation] = (),
    seed: int = 0,
    calibrate: Callable[[float], None] | None = None,
) -> Baseline:
    """Freeze the training distribution.

    Parameters
    ----------
    matrix : shape (m, number of features), all rows known at training time, coded by the schema.
    predictions, interval_widths : shape (h,), of held-out rows, since a model flatters its own
        training rows; None if they are not watched.
    held_out : shape (h,), their row numbers; by default the first.
    times : shape (m,), UTC milliseconds, when each row happened; None if nobody knows, then there is no
        season, and noise between windows is learned from live ones.
    settings : whose windows the noise is measured on.
    segments : by whose columns rows are counted apart as well.
    seed : of the rows that are sampled, and of the simulation.
    calibrate : to find the charts' thresholds by simulation, some ten seconds; told the share that is done.
        None leaves the conservative ones, as do data from which the noise between windows cannot be told.

    Raises
    ------
    ValueError
        If a feature takes a reserved name, or a window's state has no room for the segments.
    """
    check_segments(tuple(segments), schema)
    taken = [name for name in schema.names if name in RESERVED]
    if taken:
        raise ValueError(f"feature {taken[0]!r} has a reserved name; rename the column")
    served = {PREDICTION: predictions, INTERVAL_WIDTH: interval_widths}
    watched = {name: values for name, values in served.items() if values is not None}
    columns = [Column.of_feature(feature, matrix[:, i]) for i, feature in enumerate(schema.features)]
    columns += [Column.freeze(name, Kind.NUMERIC, values) for name, values in watched.items()]
    rows = np.full((len(matrix), len(columns)), np.nan)
    absent = np.zeros(rows.shape, bool)
    rows[:, : matrix.shape[1]], absent[:, matrix.shape[1] :] = matrix, True
    for i, values in enumerate(watched.values(), start=matrix.shape[1]):
        places = np.arange(len(values)) if held_out is None else held_out
        rows[places, i], absent[places, i] = values, False
    layout = Layout(tuple(columns), cells_of(segments, schema))
    check_room(layout)
    history = History.of(layout, rows, absent)
    season = Season.of(times)
    cells = season.cell(np.zeros(len(rows), np.int64) if times is None else times)
    whole = np.flatnonzero(~absent.any(1))
    chosen = np.random.default_rng(seed).permutation(whole)[:SAMPLE_ROWS]
    with np.errstate(over="ignore"):  # beyond float32 is infinity, as in a window's sample
        sample = rows[np.sort(chosen)].astype(np.float32)
    baseline = Baseline(
        model_name=model_name,
        model_version=model_version,
        schema=schema,
        columns=layout.columns,
        seasonal=Seasonal.of(layout, season, history.flat, cells),
        relations=Relations.of(history.scores[:, : matrix.shape[1]], cells, seed=seed),
        sample=sample,
        segments=SegmentTraining.of(segments, history, rows, season, cells) if segments else None,
    )
    if times is None:
        return baseline
    settings = settings or MonitorSettings()
    baseline = _with_noise(baseline, history, times, cells, settings)
    counted = SegmentHistory(history=history, rows=rows, cells=cells)
    baseline = replace(baseline, segments=_segment_training(baseline, counted, times, settings))
    monitor = Monitor(baseline=baseline, settings=settings)
    if calibrate is None or monitor.noise(Span.WINDOW, monitor.start()).count < FEWEST_SPANS:
        return baseline
    found = calibration(monitor, history, times, cells, seed=seed, progress=calibrate)
    return replace(baseline, calibration=found)


def _with_noise(
    baseline: Baseline,
    history: History,
    times: npt.NDArray[np.int64],
    cells: npt.NDArray[np.int64],
    settings: MonitorSettings,
) -> Baseline:
    monitor = Monitor(baseline=baseline, settings=settings)
    noise = {}
    for span in Span:
        spans = by_time(times, span.seconds(settings) * 1000, settings.min_samples)
        if len(spans) >= FEWEST_SPANS:
            noise[span] = measured_noise(monitor, history, spans, cells)
    if Span.WINDOW in noise:
        return replace(baseline, noise=noise)
    blocks, size = noise.get(Span.HOUR), len(times) // BLOCKS
    if blocks is None and size >= settings.min_samples // 2:
        blocks = measured_noise(monitor, history, by_rows(times, size), cells)
    return replace(baseline, noise=noise, block_noise=blocks)


def _segment_training(
    baseline: Baseline, history: SegmentHistory, times: npt.NDArray[np.int64], settings: MonitorSettings
) -> SegmentTraining | None:
    """What training says of segments, with their noise; blocks stand in for windows that are too thin."""
    if baseline.segments is None:
        return None
    monitor = Monitor(baseline=baseline, settings=settings)
    noise = {
        span: segment_noise(
            monitor, history, by_time(times, span.seconds(settings) * 1000, settings.min_samples)
        )
        for span in baseline.noise
    }
    if Span.WINDOW not in noise and Span.HOUR in noise:
        noise[Span.WINDOW] = noise[Span.HOUR]
    elif Span.WINDOW not in noise and baseline.block_noise is not None:
        noise[Span.WINDOW] = segment_noise(monitor, history, by_rows(times, len(times) // BLOCKS))
    return replace(baseline.segments, noise=noise)


def measured_noise(
    monitor: Monitor, history: History, spans: list[npt.NDArray[np.intp]], cells: npt.NDArray[np.int64]
) -> Noise:
    """Noise between spans of training rows.

    Parameters
    ----------
    spans : row numbers of each.
    cells : shape (m,), the season's cell of each row.
    """
    if len(spans) > MOST_MEASURED:
        spans = [spans[i] for i in np.linspace(0, len(spans) - 1, MOST_MEASURED).astype(int)]
    windows = history.windows(spans)
    mixes = mixes_of(spans, cells)
    signals = len(monitor.baseline.signals)
    first = second = Noise.none(signals)
    for mix, members in mixes.items():
        first += _spread(monitor, windows[np.array(members)], dict(mix), None)
    # The joint shift is judged after each column's own noise was taken out, so it is measured after that too.
    for mix, members in mixes.items():
        second += _spread(monitor, windows[np.array(members)], dict(mix), first)
    return second


def _spread(monitor: Monitor, windows: Windows, mix: dict[int, int], noise: Noise | None) -> Noise:
    """How windows of one mix scatter after this noise was taken out; None for none."""
    reference = monitor.reference(mix)
    phi = np.ones((len(windows.n), len(monitor.baseline.signals)))
    if noise is not None:
        phi, _ = monitor.factors(reference, windows.n, noise)
    raw = monitor.measure(reference, windows.counts, windows.comoments, phi, one_cell=len(mix) == 1)
    return Noise.of(raw.spread, windows.n)
