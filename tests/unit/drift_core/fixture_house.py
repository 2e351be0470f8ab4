"""A model of houses to test the core with: its training rows, its baseline, and windows of its traffic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drift_core.baseline import Baseline, served_matrix
from drift_core.bins import Column, Layout
from drift_core.freeze import freeze
from drift_core.history import History
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.noise import Noise
from drift_core.reference import Seasonal
from drift_core.relations import Relations
from drift_core.schema import Feature, FeatureSchema, Kind, Matrix
from drift_core.season import Season
from drift_core.span import Span
from drift_core.verdict import Verdict
from drift_core.window import WindowState, hash_event_ids

SETTINGS = MonitorSettings()
WINDOW_MS = 300_000
SCHEMA = FeatureSchema(
    (
        Feature(name="size", kind=Kind.NUMERIC),
        Feature(name="age", kind=Kind.NUMERIC),
        Feature(name="area", kind=Kind.CATEGORICAL, categories=("centre", "coast", "hills")),
        Feature(name="garden", kind=Kind.BOOLEAN),
    )
)


def rows(n: int, seed: int) -> Matrix:
    """Coded features: a skewed size, an age with 3 % missing, three areas, a boolean."""
    rng = np.random.default_rng(seed)
    age = np.where(rng.random(n) < 0.03, np.nan, rng.uniform(0, 90, n))
    area = rng.choice(3, n, p=[0.5, 0.3, 0.2]).astype(float)
    return np.column_stack([rng.gamma(5, 20, n), age, area, (rng.random(n) < 0.4).astype(float)])


def served(features: Matrix) -> Matrix:
    """The features with a prediction and the width of its interval, as windows count them."""
    prediction = np.nan_to_num(features[:, 0], nan=0, posinf=0, neginf=0) * 3
    return served_matrix(features, prediction, prediction / 4 + 10)


def quiet(baseline: Baseline, usual: int = 500) -> Baseline:
    """The baseline as if countless spans of training had shown that rows are independent: φ is 1."""
    spans = np.full(len(baseline.signals), 10**9)
    signed = baseline.signals.two_sided
    first, second = np.where(signed, 0.0, spans), np.where(signed, spans - 1.0, spans)
    powers = np.stack([first, second, first, np.where(signed, 3.0 * spans, spans)])
    noise = Noise(spans=spans, rows=1.0 * usual * spans, powers=powers)
    return replace(baseline, noise=dict.fromkeys(Span, noise))


REFERENCE = rows(50_000, 1)
UNTIMED = freeze(
    model_name="m",
    model_version="v",
    schema=SCHEMA,
    matrix=REFERENCE,
    predictions=served(REFERENCE[:20_000])[:, -2],
    interval_widths=served(REFERENCE[:20_000])[:, -1],
)
"""Frozen without times: the noise between its windows is not known."""

BASELINE = quiet(UNTIMED)


def single(feature: Feature, values: Matrix, usual: int = 500) -> Baseline:
    """A quiet baseline of one feature and nothing else."""
    schema = FeatureSchema((feature,))
    return quiet(freeze(model_name="m", model_version="v", schema=schema, matrix=values[:, None]), usual)


def of_column(column: Column, values: Matrix, usual: int = 500) -> Baseline:
    """A quiet baseline of a column that is frozen already, of more categories than a model may have."""
    layout = Layout((column,))
    history = History.of(layout, values[:, None])
    cells = np.zeros(len(values), np.int64)
    return quiet(
        Baseline(
            model_name="m",
            model_version="v",
            schema=FeatureSchema((Feature(name=column.name, kind=Kind.NUMERIC),)),
            columns=(column,),
            seasonal=Seasonal.of(layout, Season.NONE, history.flat, cells),
            relations=Relations.of(history.scores, cells, seed=0),
            sample=np.zeros((0, 1), np.float32),
        ),
        usual,
    )


def state_of(baseline: Baseline, matrix: Matrix, first: int = 0) -> WindowState:
    """Count rows as a consumer would."""
    n = len(matrix)
    ids = hash_event_ids(np.array([f"id-{first + i}" for i in range(n)], "S"))
    return WindowState.of(baseline.layout, matrix, np.arange(first, first + n), ids)


def first_verdict(baseline: Baseline, matrix: Matrix, settings: MonitorSettings = SETTINGS) -> Verdict:
    """Of the first window that a monitor ever sees."""
    monitor = Monitor(baseline=baseline, settings=settings)
    state = state_of(baseline, matrix)
    memory = monitor.start()
    return monitor.judge(state, span=Span.WINDOW, start=0, end=WINDOW_MS, memory=memory).verdict


def verdict_of(features: Matrix, settings: MonitorSettings = SETTINGS) -> Verdict:
    """Of a first window of houses."""
    return first_verdict(BASELINE, served(features), settings)
