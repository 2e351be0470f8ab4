"""Facts of a model that never was: traffic drawn from training's own bins, and from a time on from others.

Counts are drawn, and every number beside them is computed from the counts, so that what a page shows of one
agrees with what it shows of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from drift_core.bins import Column, Counts
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Kind, Matrix
from report.facts import MEASURES, Facts, Timeline

NEW_YEAR = 1_767_225_600_000
"""2026-01-01 00:00 UTC."""

MINUTE = 60_000
ROWS = 400
"""Of a window."""

TRAINING_ROWS = 20_000
THRESHOLD = 5.5
"""Standard errors of a signal at which its score is 1."""

NUMBERS = ("living_area_m2", "rooms", "age_years", "distance_km", "plot_m2")
CATEGORIES = ("district", "garden", "heating")
DISTRICTS = ("centre", "coast", "hills", "north", 'old <town> & "port"')


def made_facts(*, features: int = 9, windows: int = 60, seed: int = 0, drift: bool = True) -> Facts:
    """Facts of so many features and windows of five minutes.

    Three features drift from three fifths of the time on, up to nine tenths of it: the first number moves by
    1.5 standard deviations, the first category's largest value gives way to the second and to unseen ones,
    and of the second number a fifth is missing.

    Parameters
    ----------
    drift : whether they do.
    """
    rng = np.random.default_rng(seed)
    columns = _columns(features, rng)
    starts = NEW_YEAR + 5 * MINUTE * np.arange(windows, dtype=np.int64)
    at = (int(windows * 0.6), int(windows * 0.9)) if drift else (windows, windows)
    counts = np.concatenate([_drawn(i, one, windows, at, rng) for i, one in enumerate(columns)], axis=1)
    began = int(starts[at[0]]) if drift else None
    judged = _timeline(columns, starts, 5 * MINUTE, counts, began)
    end = int(starts[-1]) + 5 * MINUTE
    guilty = tuple(dict.fromkeys(name for names in judged.guilty for name in names))
    return Facts(
        model_name="house-prices",
        model_version="20260101T000000Z-0123abcd",
        since=NEW_YEAR,
        until=end,
        made_at=end + MINUTE,
        other_versions=("20251201T000000Z-89abcdef",),
        settings=asdict(MonitorSettings()),
        columns=columns,
        windows=judged,
        hours=_summed(columns, judged, 60 * MINUTE, began),
        days=_summed(columns, judged, 24 * 60 * MINUTE, began),
        segments=_segments(judged, drift=drift),
        incidents=(_incident(judged, guilty, at, end),) if drift else (),
        quality=tuple(_quality(hour, end, rng, drifted=drift) for hour in range(NEW_YEAR, end, 60 * MINUTE)),
        explained=tuple(
            row for hour in range(NEW_YEAR, end, 60 * MINUTE) for row in _explained(hour, columns)
        ),
        reconciled=tuple(_reconciled(judged, i) for i in range(len(judged))),
        relations=(),
    )


def _columns(features: int, rng: np.random.Generator) -> tuple[Column, ...]:
    found = []
    told: tuple[str, ...]
    for i in range(features):
        name, number = _name(i)
        if name.startswith("garden"):
            values, kind, told = (
                rng.integers(0, 2, TRAINING_ROWS).astype(float),
                Kind.BOOLEAN,
                ("false", "true"),
            )
        elif i % 3 == 1:
            shares = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
            values, kind, told = (
                rng.choice(5, TRAINING_ROWS, p=shares).astype(float),
                Kind.CATEGORICAL,
                DISTRICTS,
            )
        else:
            spread = 10.0 ** (number % 4)
            values = spread * (
                5 + (rng.gamma(4, 0.5, TRAINING_ROWS) if i % 2 else rng.normal(0, 1, TRAINING_ROWS))
            )
            values = np.where(rng.random(TRAINING_ROWS) < 0.01, np.nan, values)
            kind, told = Kind.NUMERIC, ()
        found.append(Column.freeze(name, kind, values, told))
    prices, widths = rng.normal(300_000, 80_000, TRAINING_ROWS), rng.gamma(9, 5_000, TRAINING_ROWS)
    found.append(Column.freeze("prediction", Kind.NUMERIC, prices))
    found.append(Column.freeze("interval_width", Kind.NUMERIC, widths))
    return tuple(found)


def _name(i: int) -> tuple[str, int]:
    """Every third feature is a category; further ones have a number behind the name."""
    of_kind = i // 3 if i % 3 == 1 else i - (i + 1) // 3
    names = CATEGORIES if i % 3 == 1 else NUMBERS
    again = of_kind // len(names)
    return names[of_kind % len(names)] + (f"_{again + 1}" if again else ""), of_kind


def _drawn(
    position: int, column: Column, windows: int, at: tuple[int, int], rng: np.random.Generator
) -> Counts:
    before = np.array(column.reference, float) / sum(column.reference)
    counts = rng.multinomial(ROWS, before, size=windows)
    after = before.copy()
    match position:
        case 0:
            after = before * np.exp(1.5 * column.scores() / 1024)
            after[column.special("above")] = 0.02 * after.sum()
        case 1:
            after[1] += after[0] * 0.5
            after[column.special("unseen")] = after[0] * 0.25
            after[0] *= 0.25
        case 2:
            after *= 0.8
            after[column.special("missing")] += 0.2
        case _:
            return counts.astype(np.int64)
    counts[at[0] : at[1]] = rng.multinomial(ROWS, after / after.sum(), size=at[1] - at[0])
    return counts.astype(np.int64)


def _timeline(
    columns: tuple[Column, ...], starts: Counts, length: int, counts: Counts, began: int | None
) -> Timeline:
    widths = np.cumsum([0, *(one.size for one in columns)])
    n = counts[:, : widths[1]].sum(1)
    told = [_measured(one, counts[:, widths[i] : widths[i + 1]]) for i, one in enumerate(columns)]
    measures = {name: np.stack([one[0][name] for one in told], axis=1) for name in MEASURES}
    signals = tuple(sorted({name for one in told for name in one[1]}))
    signal = np.stack([[signals.index(name) for name in one[1]] for one in told], axis=1).astype(np.int16)
    score = measures["score"]
    order = np.argsort(-score, axis=1)
    guilty = tuple(tuple(columns[j].name for j in row if score[i, j] > 1) for i, row in enumerate(order))
    drifted = score > 1
    spans = len(starts)
    return Timeline(
        start=starts,
        end=starts + length,
        judged_at=starts + length + MINUTE,
        n=n,
        duplicates=(n // 200),
        quarantined=np.arange(spans, dtype=np.int64) % 7 // 6,
        late=np.arange(spans, dtype=np.int64) % 5 // 4,
        score=score.max(1),
        detectable=THRESHOLD / np.sqrt(n),
        lasting=np.full(spans, 0.06) if length == 5 * MINUTE else np.full(spans, np.nan),
        drift=drifted.any(1),
        calibrating=np.arange(spans) < min(12, spans // 4),
        guilty=guilty,
        relations=np.full(spans, 0.4),
        measures=measures,
        signal=signal,
        signals=signals,
        since=np.where(drifted & (score < 4) & (began is not None), began or 0, 0).astype(np.int64),
        counts=counts,
    )


def _measured(column: Column, counts: Counts) -> tuple[Mapping[str, Matrix], list[str]]:
    """Measures of one column, each of shape (spans,), and the strongest signal of each span."""
    n = counts.sum(1)
    before = np.array(column.reference, float)
    spans, total = len(n), before.sum()
    shares = {name: counts[:, column.special(name)] / n for name in column.specials}
    z = {name: _z(share, before[column.special(name)] / total, n) for name, share in shares.items()}
    if column.numeric:
        outside = shares["below"] + shares["above"]
        z = {"missing": z["missing"], "non_finite": z["non_finite"], "out_of_range": _z(outside, 0.0, n)}
        scores = column.scores() / 1024
        moved = (counts @ scores) / n - before @ scores / total
        z["location"] = moved * np.sqrt(n)
    else:
        outside, moved = np.zeros(spans), np.full(spans, np.nan)
        for k, name in enumerate(column.categories[:4]):
            z[f"category:{name}"] = _z(counts[:, k] / n, before[k] / total, n)
    names = list(z)
    found = np.abs(np.stack([z[name] for name in names], axis=1))
    p, q = (before + 0.5) / (before + 0.5).sum(), (counts + 0.5) / (counts + 0.5).sum(1)[:, None]
    middle = (p + q) / 2
    measures = dict.fromkeys(MEASURES, np.full(spans, np.nan)) | {
        "score": found.max(1) / THRESHOLD,
        "missing_share": shares["missing"],
        "unseen_share": shares.get("unseen", np.zeros(spans)),
        "out_of_range_share": outside,
        "mean_shift_sigma": moved,
        "psi": ((q - p) * np.log(q / p)).sum(1),
        "js": np.sqrt((p * np.log2(p / middle) + q * np.log2(q / middle)).sum(1).clip(0) / 2),
    }
    if column.numeric:
        measures["ks"] = np.abs(np.cumsum(q - p, axis=1)).max(1)
        measures["wasserstein_sigma"] = np.abs(moved)
    else:
        measures["chi2"] = ((counts - n[:, None] * p) ** 2 / (n[:, None] * p)).sum(1)
    return measures, [names[k] for k in found.argmax(1)]


def _z(share: Matrix, before: float, n: Counts) -> Matrix:
    """Standard errors between a share and training's, each with half a row more."""
    at = max(before, 0.5 / TRAINING_ROWS)
    return np.asarray((share - before) * np.sqrt(n / at / (1 - at)))


def _summed(columns: tuple[Column, ...], windows: Timeline, length: int, began: int | None) -> Timeline:
    """Hours or days that are over."""
    whole = windows.start // length
    over = [one for one in np.unique(whole) if (one + 1) * length <= windows.end[-1]]
    counts = [windows.counts[whole == one].sum(0) for one in over]
    starts = np.array(over, np.int64) * length
    width = windows.counts.shape[1]
    summed = np.array(counts, np.int64).reshape(len(over), width)
    if over:
        return _timeline(columns, starts, length, summed, began)
    one = _timeline(columns, windows.start[:1], length, windows.counts[:1], None)
    told = {name: getattr(one, name) for name in one.__dataclass_fields__}
    nothing: dict[str, Any] = {name: v[:0] for name, v in told.items() if isinstance(v, np.ndarray)}
    nothing["measures"] = {name: value[:0] for name, value in one.measures.items()}
    return replace(one, **nothing, guilty=())


def _segments(windows: Timeline, *, drift: bool) -> dict[str, tuple[dict[str, Any], ...]]:
    found = {}
    for name, factor in (("district=centre", 0.4), ("district=coast", 0.6)):
        found[name] = tuple(
            {
                "start": _iso(int(windows.start[i])),
                "end": _iso(int(windows.end[i])),
                "span": "window",
                "n": int(windows.n[i] * factor),
                "drift": bool(drift and factor * windows.score[i] > 1),
                "score": float(factor * windows.score[i]),
                "column": "living_area_m2",
                "top_contrast": "location",
                "guilty": ["living_area_m2"] if drift and factor * windows.score[i] > 1 else [],
            }
            for i in range(len(windows))
        )
    return found


def _incident(windows: Timeline, guilty: tuple[str, ...], at: tuple[int, int], end: int) -> dict[str, Any]:
    opened = int(windows.judged_at[at[0]])
    recovered = int(windows.judged_at[min(at[1], len(windows) - 1)])
    return {
        "format": 1,
        "incident_id": f"{datetime.fromtimestamp(opened / 1000, UTC):%Y%m%dT%H%M%SZ}-data",
        "model_name": "house-prices",
        "model_version": "20260101T000000Z-0123abcd",
        "cause": "data",
        "state": "recovered",
        "opened_at": _iso(opened),
        "since": _iso(int(windows.start[at[0]])),
        "updated_at": _iso(recovered),
        "recovered_at": _iso(min(recovered, end)),
        "alarms": ["drift"],
        "features": list(guilty),
        "score": float(windows.score[at[0] : at[1]].max(initial=0)),
        "affected_share": 0.42,
        "reopened": 0,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "muted_until": None,
        "messages": 2,
        "report": None,
    }


def _quality(hour: int, end: int, rng: np.random.Generator, *, drifted: bool) -> dict[str, Any]:
    worse = 1.6 if drifted and hour > NEW_YEAR + 0.6 * (end - NEW_YEAR) else 1.0
    mae = float(24_000 * worse * rng.normal(1, 0.03))
    return {
        "format": 1,
        "model_name": "house-prices",
        "model_version": "20260101T000000Z-0123abcd",
        "window_hours": 1,
        "start": _iso(hour),
        "end": _iso(hour + 60 * MINUTE),
        "segment": "(all)",
        "predictions": 4_800,
        "labelled": 3_900,
        "mae": mae,
        "rmse": 1.3 * mae,
        "bias": 900.0 * worse,
        "mape": mae / 300_000,
        "r2": 0.85,
        "interval_coverage": 0.9 / worse,
        "label_share": 0.8125,
        "label_delay_seconds": 5_400.0,
        "training_mae": 24_000.0,
        "estimated_mae": 24_500.0 * worse,
        "score": 3.0 * (worse - 1),
        "degraded": worse > 1,
        "since": None,
        "judged_at": _iso(hour + 120 * MINUTE),
        "revision": 0,
    }


def _explained(hour: int, columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    about = {
        "format": 1,
        "model_name": "house-prices",
        "model_version": "20260101T000000Z-0123abcd",
        "start": _iso(hour),
        "end": _iso(hour + 60 * MINUTE),
        "predictions": 4_800,
        "rows": 512,
        "judged_at": _iso(hour + 70 * MINUTE),
    }
    first = {"feature": "(all)", "ndcg": 0.98, "score": 0.5, "estimated_mae": 24_500.0, "guilty": False}
    weights = [{"feature": one.name, "importance": 1 / (i + 2)} for i, one in enumerate(columns[:-2])]
    told = [{**one, "training_importance": 1 / (i + 1.9), "score": 0.3} for i, one in enumerate(weights)]
    return [
        {**about, **first, "training_estimated_mae": 24_000.0},
        *({**about, **one, "guilty": False} for one in told),
    ]


def _reconciled(windows: Timeline, i: int) -> dict[str, Any]:
    n, repeated = int(windows.n[i]), int(windows.duplicates[i])
    return {
        "kind": "prediction",
        "model_name": "house-prices",
        "model_version": "20260101T000000Z-0123abcd",
        "window_seconds": 300,
        "window_start": _iso(int(windows.start[i])),
        "shard_id": "shardId-000000000000",
        "captured": n + repeated,
        "archived": n,
        "folded": n + repeated,
        "waiting": 0,
        "unaccounted": 0,
        "orphans": 0,
        "reconciled_at": _iso(int(windows.end[i]) + 24 * 60 * MINUTE),
    }


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()
