"""Facts for tests: a small model whose traffic the real monitor judged, a large one made of numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from drift_consumer.document import document
from drift_consumer.gathered import Gathered
from drift_consumer.progress import Judged
from drift_consumer.series import Series
from drift_core.baseline import Baseline
from drift_core.bins import Column
from drift_core.freeze import freeze
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Feature, FeatureSchema, Kind, Matrix
from drift_core.span import Span
from drift_core.window import WindowState, hash_event_ids
from report.facts import MEASURES, Facts, Timeline
from report.timeline import timeline

NOON = 1_763_985_600_000
"""2025-11-24 12:00 UTC."""

WINDOW = 300_000
MODEL, VERSION = "house-prices", "20251124T100000Z-0badcafe"
AREAS = ("centre", "coast", "suburb", "village")
SCHEMA = FeatureSchema(
    (
        Feature(name="area", kind=Kind.CATEGORICAL, categories=AREAS),
        Feature(name="living_area_m2", kind=Kind.NUMERIC),
        Feature(name="rooms", kind=Kind.NUMERIC),
        Feature(name="energy_kwh_m2", kind=Kind.NUMERIC),
        Feature(name="distance_km", kind=Kind.NUMERIC),
    )
)
ROWS = 400


def rows(random: np.random.Generator, n: int) -> Matrix:
    """Rows as training has them: features, the prediction and the width of its interval."""
    size = random.lognormal(4.4, 0.35, n)
    rooms = np.clip(np.round(size / 28 + random.normal(0, 0.6, n)), 1, 9)
    area = random.choice(len(AREAS), n, p=[0.2, 0.1, 0.5, 0.2]).astype(float)
    distance = random.gamma(2, 4, n)
    energy = random.normal(120, 30, n)
    energy[random.random(n) < 0.04] = np.nan
    price = 3_500 * size - 4_000 * distance + random.normal(0, 20_000, n)
    width = 60_000 + 300 * size
    return np.column_stack([area, size, rooms, energy, distance, price, width])


@cache
def baseline() -> Baseline:
    """Of 6,000 rows."""
    drawn = rows(np.random.default_rng(1), 6_000)
    return freeze(
        model_name=MODEL,
        model_version=VERSION,
        schema=SCHEMA,
        matrix=drawn[:, :5],
        predictions=drawn[:, 5],
        interval_widths=drawn[:, 6],
        settings=MonitorSettings(),
    )


def _drift(number: int, drawn: Matrix, random: np.random.Generator) -> Matrix:
    """Larger houses from window 30 on, missing energy from window 40 on."""
    if number >= 30:
        drawn[:, 1] *= 1.35
        drawn[:, 5] *= 1.35
    if number >= 40:
        drawn[random.random(len(drawn)) < 0.4, 3] = np.nan
    return drawn


def verdicts(
    windows: int = 48,
    change: Callable[[int, Matrix, np.random.Generator], Matrix] = _drift,
) -> list[dict[str, Any]]:
    """Documents of windows one after another, as the evaluator writes them."""
    monitor = Monitor(baseline=baseline(), settings=MonitorSettings())
    series = Series(kind="prediction", model_name=MODEL, model_version=VERSION, window_seconds=300)
    memory, random, told = monitor.start(), np.random.default_rng(2), []
    for number in range(windows):
        start = NOON + number * WINDOW
        drawn = change(number, rows(random, ROWS), random)
        ids = np.array([f"{number}-{i}".encode() for i in range(ROWS)])
        state = WindowState.of(baseline().layout, drawn, np.full(ROWS, start, np.int64), hash_event_ids(ids))
        judgement = monitor.judge(state, span=Span.WINDOW, start=start, end=start + WINDOW, memory=memory)
        memory = judgement.memory
        gathered = Gathered(
            span=Span.WINDOW,
            start=start,
            end=start + WINDOW,
            state=state,
            cells={monitor.cell(start): ROWS},
            shards=("shardId-0",),
            fresh=(),
        )
        judged = Judged(
            span=Span.WINDOW, start=start, end=start + WINDOW, n=ROWS, duplicates=0, first_n=ROWS, revision=0
        )
        told.append(
            document(
                judgement.verdict,
                judged,
                gathered,
                series=series,
                quarantined=number % 7 == 3,
                now=start + WINDOW + 60_000,
            )
        )
    return told


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()


def incident(**changes: Any) -> dict[str, Any]:
    """The document of one that began with the drift of `verdicts`."""
    opened = NOON + 31 * WINDOW
    return {
        "format": 1,
        "incident_id": f"{datetime.fromtimestamp(opened / 1000, UTC):%Y%m%dT%H%M%SZ}-data",
        "model_name": MODEL,
        "model_version": VERSION,
        "cause": "data",
        "state": "open",
        "opened_at": _iso(opened),
        "since": _iso(opened - WINDOW),
        "updated_at": _iso(NOON + 41 * WINDOW),
        "recovered_at": None,
        "alarms": ["drift", "gross-shift"],
        "features": ["living_area_m2", "prediction", "energy_kwh_m2"],
        "score": 7.5,
        "affected_share": 0.31,
        "reopened": 0,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "muted_until": None,
        "messages": 2,
        "report": None,
    } | changes


def quality() -> tuple[dict[str, Any], ...]:
    """Rows of four hours, the later ones worse, with two segments each."""
    found = []
    for hour in range(4):
        start, mae = NOON + hour * 3_600_000, 20_000.0 + (25_000 if hour > 1 else 900 * hour)
        about = {
            **{"format": 1, "model_name": MODEL, "model_version": VERSION, "window_hours": 1},
            **{"start": _iso(start), "end": _iso(start + 3_600_000), "predictions": 4_800},
            **{
                "judged_at": _iso(start + 7_200_000),
                "rmse": 1.4 * mae,
                "bias": 0.2 * mae,
                "mape": 0.09,
                "r2": 0.8,
            },
        }
        for segment, share in (("(all)", 1.0), ("area=coast", 0.1), ("area=centre", 0.2)):
            whole = segment == "(all)"
            found.append(
                {
                    **about,
                    **{
                        "segment": segment,
                        "labelled": round(900 * share),
                        "mae": mae * (1.2 if share == 0.1 else 1),
                    },
                    **{"interval_coverage": 0.9 if hour < 2 else 0.6, "label_share": 0.19 if whole else None},
                    **{
                        "label_delay_seconds": 4_000.0 if whole else None,
                        "training_mae": 21_000.0 if whole else None,
                    },
                    **{"estimated_mae": 20_800.0 if whole else None, "score": 0.3 + hour if whole else None},
                    **{
                        "degraded": hour > 0 if whole else None,
                        "since": _iso(NOON + 7_200_000) if hour > 1 else None,
                    },
                }
            )
    return tuple(found)


def explained() -> tuple[dict[str, Any], ...]:
    """Rows of two hours: of all features and of each."""
    found = []
    for hour in (2, 3):
        start = NOON + hour * 3_600_000
        about = {
            **{"format": 1, "model_name": MODEL, "model_version": VERSION, "predictions": 4_800, "rows": 256},
            **{"start": _iso(start), "end": _iso(start + 3_600_000), "judged_at": _iso(start + 7_200_000)},
        }
        empty = dict.fromkeys(("importance", "training_importance", "ndcg", "estimated_mae", "since"))
        found.append(
            {**about, **empty, "feature": "(all)", "ndcg": 0.97, "score": 1.4, "guilty": True}
            | {"estimated_mae": 20_800.0, "training_estimated_mae": 20_500.0, "estimated_error_score": 0.2}
        )
        for place, feature in enumerate(SCHEMA.features):
            found.append(
                {**about, **empty, "feature": feature.name, "importance": 50_000.0 / (place + 1)}
                | {
                    "training_importance": 40_000.0 / (place + 1),
                    "score": 1.4 - 0.3 * place,
                    "guilty": place == 0,
                }
            )
    return tuple(found)


@cache
def small() -> Facts:
    """Four hours of a model: drift, an incident, labels."""
    told = verdicts()
    return Facts(
        model_name=MODEL,
        model_version=VERSION,
        since=NOON,
        until=NOON + 48 * WINDOW,
        made_at=NOON + 49 * WINDOW,
        other_versions=("20251120T100000Z-00000000",),
        settings={
            "window_seconds": 300,
            "min_samples": 100,
            "false_alarms_per_month": 1.0,
            "drift_threshold": 2.0,
        },
        columns=baseline().columns,
        windows=timeline(told, baseline().columns),
        hours=timeline([], baseline().columns),
        days=timeline([], baseline().columns),
        relations=(
            {"span": "hour", "start": _iso(NOON), "end": _iso(NOON + 3_600_000), "score": 1.3}
            | {"top_contrast": "correlation", "pair": ["living_area_m2", "rooms"], "correlation_before": 0.81}
            | {"correlation_now": 0.35, "classifier_auc": 0.71},
        ),
        segments={
            "area=coast": (
                {"span": "window", "start": _iso(NOON), "end": _iso(NOON + WINDOW), "n": 40, "drift": True}
                | {"score": 1.2, "column": "rooms", "top_contrast": "location", "guilty": ["rooms"]},
            )
        },
        incidents=(incident(),),
        quality=quality(),
        explained=explained(),
        reconciled=(
            {"kind": "prediction", "model_name": MODEL, "model_version": VERSION, "window_start": _iso(NOON)}
            | {"captured": 19_200, "archived": 19_200, "folded": 19_200, "waiting": 0, "unaccounted": 0},
        ),
    )


def quiet() -> Facts:
    """A model of which there is nothing to tell, without labels."""
    told = timeline(verdicts(12, lambda _, drawn, __: drawn), baseline().columns)
    empty = timeline([], baseline().columns)
    return Facts(
        model_name=MODEL,
        model_version=VERSION,
        since=NOON,
        until=NOON + 12 * WINDOW,
        made_at=NOON + 13 * WINDOW,
        other_versions=(),
        settings={
            "window_seconds": 300,
            "min_samples": 100,
            "false_alarms_per_month": 1.0,
            "drift_threshold": 2.0,
        },
        columns=baseline().columns,
        windows=told,
        hours=empty,
        days=empty,
        relations=(),
        segments={},
        incidents=(),
        quality=(),
        explained=(),
        reconciled=(),
    )


@cache
def large(features: int = 100, windows: int = 2_000) -> Facts:
    """Many features and windows; a fifth of the features drift in the last tenth of the time."""
    random = np.random.default_rng(5)
    columns = tuple(_column(number, random) for number in range(features))
    span = _large(columns, windows, random)
    empty = timeline([], columns)
    return Facts(
        model_name="large",
        model_version="v1",
        since=NOON,
        until=NOON + windows * WINDOW,
        made_at=NOON + windows * WINDOW,
        other_versions=(),
        settings={
            "window_seconds": 300,
            "min_samples": 100,
            "false_alarms_per_month": 1.0,
            "drift_threshold": 2.0,
        },
        columns=columns,
        windows=span,
        hours=empty,
        days=empty,
        relations=(),
        segments={},
        incidents=(),
        quality=(),
        explained=(),
        reconciled=(),
    )


def _column(number: int, random: np.random.Generator) -> Column:
    name = f"feature_{number:03d}_{hashlib.sha256(str(number).encode()).hexdigest()[:6]}"
    if number % 5 == 4:
        codes = random.choice(6, 3_000).astype(float)
        feature = Feature(name=name, kind=Kind.CATEGORICAL, categories=tuple("abcdef"))
        return Column.of_feature(feature, codes)
    return Column.freeze(name, Kind.NUMERIC, random.lognormal(0, 1, 3_000))


def _large(columns: tuple[Column, ...], windows: int, random: np.random.Generator) -> Timeline:
    shape = (windows, len(columns))
    score = random.gamma(2.0, 0.12, shape)
    late = slice(windows - windows // 10, windows)
    score[late, ::5] += random.uniform(0.5, 3, score[late, ::5].shape)
    measures: Mapping[str, Matrix] = {
        name: score if name == "score" else random.random(shape) / 10 for name in MEASURES
    }
    counts = np.concatenate(
        [random.multinomial(500, np.array(c.reference) / sum(c.reference), windows) for c in columns], axis=1
    )
    start = NOON + WINDOW * np.arange(windows)
    drift = score.max(1) > 1
    names = [column.name for column in columns]
    guilty = tuple(tuple(names[j] for j in np.argsort(-row) if row[j] > 1) for row in score)
    zeros = np.zeros(windows, np.int64)
    return Timeline(
        start=start,
        end=start + WINDOW,
        judged_at=start + 2 * WINDOW,
        n=np.full(windows, 500),
        duplicates=zeros,
        quarantined=zeros,
        late=zeros,
        score=score.max(1),
        detectable=np.full(windows, 0.3),
        lasting=np.full(windows, 0.08),
        drift=drift,
        calibrating=zeros.astype(bool),
        guilty=guilty,
        relations=np.full(windows, 0.2),
        measures=measures,
        signal=np.zeros(shape, np.int16),
        signals=("location",),
        since=np.zeros(shape, np.int64),
        counts=counts,
    )
