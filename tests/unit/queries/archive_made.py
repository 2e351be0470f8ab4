"""A random archive as its files hold it: copies, corrected labels, versions, revised verdicts, shadows."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

BEGIN = datetime(2026, 1, 28)
"""A Wednesday: the rows reach over two weeks and two months."""

DAYS = 6
WINDOW = timedelta(minutes=5)
FEATURES = ("rooms", "area")

_FEATURES = pa.struct([("rooms", pa.float64()), ("area", pa.string())])
_TIME = pa.timestamp("us")
_PREDICTED = [
    *(
        ("event_id", pa.string()),
        ("event_time", _TIME),
        ("model_name", pa.string()),
        ("model_version", pa.string()),
    ),
    *(
        ("source", pa.string()),
        ("features", _FEATURES),
        ("prediction", pa.float64()),
        ("predicted_class", pa.string()),
    ),
    *(
        (name, pa.float64())
        for name in ("interval_lower", "interval_upper", "interval_coverage", "confidence")
    ),
    *(("window_start", _TIME), ("shard_id", pa.string()), ("sequence_number", pa.string())),
    *(("dt", pa.string()), ("hour", pa.int32())),
]
SCHEMAS = {
    "prediction_files": pa.schema(_PREDICTED),
    "shadow_files": pa.schema([*_PREDICTED, ("prediction_id", pa.string())]),
    "label_files": pa.schema(
        [
            *(("event_id", pa.string()), ("event_time", _TIME), ("model_name", pa.string())),
            *(("prediction_id", pa.string()), ("label", pa.float64()), ("label_class", pa.string())),
            *(("source", pa.string()), ("window_start", _TIME), ("shard_id", pa.string())),
            *(("sequence_number", pa.string()), ("dt", pa.string()), ("hour", pa.int32())),
        ]
    ),
    "quarantine_files": pa.schema(
        [
            *(("reason", pa.string()), ("shard_id", pa.string()), ("sequence_number", pa.string())),
            *(("arrival_time", _TIME), ("payload", pa.string()), ("dt", pa.string()), ("hour", pa.int32())),
        ]
    ),
    "verdict_files": pa.schema(
        [
            *((name, pa.string()) for name in ("model_name", "model_version", "span", "start", "end")),
            *(
                ("n", pa.int64()),
                ("drift", pa.bool_()),
                ("drift_score", pa.float64()),
                ("calibrating", pa.bool_()),
            ),
            *((name, pa.list_(pa.string())) for name in ("guilty", "guilty_segments")),
            *(("in_segments_only", pa.bool_()), ("since", pa.string()), ("gross_shift", pa.bool_())),
            *((name, pa.float64()) for name in ("mean_shift_sigma", "smallest_detectable_sigma")),
            *(("smallest_lasting_sigma", pa.float64()), ("judged_at", pa.string()), ("revision", pa.int32())),
            *(("late_records", pa.int64()), ("window_seconds", pa.int32()), ("shadow", pa.bool_())),
            ("dt", pa.string()),
        ]
    ),
    "reconciled_files": pa.schema(
        [
            *(
                (name, pa.string())
                for name in ("kind", "model_name", "model_version", "window_start", "shard_id")
            ),
            *(
                (name, pa.int64())
                for name in ("captured", "archived", "folded", "waiting", "unaccounted", "orphans")
            ),
            *(("window_seconds", pa.int32()), ("reconciled_at", pa.string()), ("dt", pa.string())),
        ]
    ),
    "quality_files": pa.schema(
        [
            *((name, pa.string()) for name in ("model_name", "model_version", "start", "end", "segment")),
            *(("predictions", pa.int64()), ("labelled", pa.int64())),
            *((name, pa.float64()) for name in ("mae", "bias", "r2", "interval_coverage", "label_share")),
            *((name, pa.float64()) for name in ("training_mae", "estimated_mae", "score")),
            *(
                ("degraded", pa.bool_()),
                ("since", pa.string()),
                ("judged_at", pa.string()),
                ("dt", pa.string()),
            ),
        ]
    ),
    "explained_files": pa.schema(
        [
            *(
                (name, pa.string())
                for name in ("model_name", "model_version", "start", "end", "feature", "since")
            ),
            *(("predictions", pa.int64()), ("rows", pa.int32()), ("guilty", pa.bool_())),
            *((name, pa.float64()) for name in ("importance", "training_importance", "score", "ndcg")),
            *(
                (name, pa.float64())
                for name in ("estimated_mae", "training_estimated_mae", "estimated_error_score")
            ),
            *(("estimated_error_since", pa.string()), ("judged_at", pa.string()), ("dt", pa.string())),
        ]
    ),
}


SCHEMAS["incident_files"] = pa.schema(
    [
        *((name, pa.string()) for name in ("incident_id", "cause", "state", "opened_at", "recovered_at")),
        *((name, pa.list_(pa.string())) for name in ("features", "alarms")),
        *(("score", pa.float64()), ("reopened", pa.int32()), ("messages", pa.int32())),
        *((name, pa.string()) for name in ("acknowledged_by", "report", "dt")),
    ]
)


@dataclass(frozen=True, slots=True)
class Archive:
    """Rows by table."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]

    def database(self) -> duckdb.DuckDBPyConnection:
        """The tables in DuckDB, which the local Athena asks."""
        database = duckdb.connect()
        database.execute("set timezone = 'UTC'")
        for name, schema in SCHEMAS.items():
            database.register(f"given_{name}", pa.Table.from_pylist(list(self.tables[name]), schema=schema))
            database.execute(f"create table {name} as select * from given_{name}")
        return database


def made(seed: int) -> Archive:
    """Six days of an archive, in any order within its files."""
    draw = random.Random(seed)
    predictions = [_prediction(draw, number) for number in range(600)]
    predictions.sort(key=lambda row: row["event_time"])
    tables = {
        "prediction_files": _copied(draw, predictions),
        "label_files": _copied(draw, _labels(draw, predictions)),
        "shadow_files": _copied(draw, _shadows(draw, predictions)),
        "quarantine_files": _quarantine(draw),
        "verdict_files": _verdicts(draw),
        "reconciled_files": _reconciled(draw),
        "quality_files": _quality(draw),
        "explained_files": _explained(draw),
        "incident_files": _incidents(draw),
    }
    for rows in tables.values():
        draw.shuffle(rows)
    return Archive(tables)


def iso(time: datetime) -> str:
    return time.replace(tzinfo=UTC).isoformat()


def _placed(time: datetime) -> dict[str, Any]:
    return {
        "window_start": datetime.min + (time - datetime.min) // WINDOW * WINDOW,
        "dt": f"{time:%Y-%m-%d}",
        "hour": time.hour,
    }


def _prediction(draw: random.Random, number: int) -> dict[str, Any]:
    # Busy mornings; a burst and a silent stretch on the fifth day.
    hour = draw.choice([8, 8, 9, 9, 9, 10, 14])
    time = BEGIN + timedelta(days=draw.randrange(DAYS), hours=hour, seconds=draw.randrange(3600))
    if number % 6 == 0:
        time = BEGIN + timedelta(days=4, hours=9, seconds=draw.randrange(3600))
    prediction = round(draw.gauss(100, 20), 2)
    width = round(draw.uniform(5, 60), 2)
    bare = draw.random() < 0.1
    return {
        "event_id": f"e{number:04d}",
        "event_time": time,
        "model_name": "m",
        "model_version": "v2" if time >= BEGIN + timedelta(days=3) else draw.choice(["v1", "v1", "v2"]),
        "source": draw.choice(["api", "api", "batch"]),
        "features": {
            "rooms": None if draw.random() < 0.1 else float(draw.randrange(1, 9)),
            "area": None if draw.random() < 0.05 else draw.choice(["coast", "hills", "o'hara"]),
        },
        "prediction": prediction,
        "predicted_class": None,
        "interval_lower": None if bare else prediction - width,
        "interval_upper": None if bare else prediction + width,
        "interval_coverage": None if bare else 0.9,
        "confidence": None if bare else round(draw.random(), 3),
        **_placed(time),
    }


def _copied(draw: random.Random, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Places in the stream; some rows were delivered twice or three times."""
    return [
        {**row, "shard_id": draw.choice(["s-0", "s-1"]), "sequence_number": str(draw.randrange(10**9))}
        for row in rows
        for _ in range(draw.choice([1, 1, 1, 1, 1, 2, 3]))
    ]


def _labels(draw: random.Random, predictions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    labels: list[dict[str, Any]] = []
    for row in predictions:
        for _ in range(draw.choice([0, 0, 1, 1, 1, 2])):
            late = timedelta(days=40) if draw.random() < 0.05 else timedelta(hours=draw.uniform(1, 60))
            of_class = draw.random() < 0.05
            labels.append(
                {
                    **{name: row[name] for name in ("model_name", "window_start", "dt", "hour")},
                    "event_id": f"l{len(labels):04d}",
                    "event_time": row["event_time"] + late,
                    "prediction_id": row["event_id"] if draw.random() < 0.95 else "nobody",
                    "label": None if of_class else round(row["prediction"] + draw.gauss(3, 25), 2),
                    "label_class": "cat" if of_class else None,
                    "source": "crm",
                }
            )
    return labels


def _shadows(draw: random.Random, predictions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **row,
            "event_id": f"s{row['event_id']}",
            "prediction_id": row["event_id"],
            "model_version": "v3",
            "prediction": row["prediction"] + round(draw.gauss(0, 5), 2),
        }
        for row in predictions
        if draw.random() < 0.3
    ]


def _quarantine(draw: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(30):
        time = BEGIN + timedelta(minutes=draw.randrange(DAYS * 1440))
        row = {
            "reason": draw.choice(["not JSON", "event_time is absent", "prediction is 'x'"]),
            "shard_id": draw.choice(["s-0", "s-1"]),
            "sequence_number": str(number),
            "arrival_time": time,
            "payload": "eA==",
            "dt": f"{time:%Y-%m-%d}",
            "hour": time.hour,
        }
        rows += [row] * draw.choice([1, 1, 2])
    return rows


def _verdicts(draw: random.Random) -> list[dict[str, Any]]:
    lengths = {"window": 5, "hour": 60, "day": 1440}
    rows, seen = [], set()
    for _ in range(400):
        span = draw.choice(["window", "window", "window", "hour", "day"])
        length = timedelta(minutes=lengths[span])
        day = BEGIN + timedelta(days=draw.randrange(DAYS))
        # Windows lie close together: there are runs of drift, and gaps of more and of less than an hour.
        begin = day if span == "day" else day + timedelta(hours=draw.choice([8, 9, 10, 13]))
        begin += length * draw.randrange(12) if span == "window" else timedelta()
        version, shadow = draw.choice([("v1", None), ("v2", False), ("v3", True)])
        seconds = draw.choice([300, 300, 300, 600]) if span == "window" else 300
        place = (span, begin, version, seconds)
        if place in seen:
            continue
        seen.add(place)
        for revision in range(draw.choice([1, 1, 1, 2, 3])):
            score = round(draw.uniform(0, 2.2), 4)
            guilty = draw.sample(["rooms", "area", "prediction"], draw.randrange(1, 4)) if score > 1 else []
            segments = draw.sample(["area=coast", "area=hills"], draw.randrange(0, 3)) if score > 1 else []
            rows.append(
                {
                    **{"model_name": "m", "model_version": version, "span": span, "shadow": shadow},
                    **{"start": iso(begin), "end": iso(begin + length), "n": draw.randrange(50, 900)},
                    **{"drift": score > 1, "drift_score": score, "calibrating": draw.random() < 0.3},
                    **{"guilty": guilty, "guilty_segments": segments or ([] if score < 0.5 else None)},
                    "in_segments_only": draw.random() < 0.3 if segments else None,
                    **{"since": iso(begin - length) if score > 1.5 else None, "gross_shift": score > 2},
                    **{"mean_shift_sigma": round(score / 3, 4), "smallest_detectable_sigma": 0.3},
                    **{"smallest_lasting_sigma": 0.05, "judged_at": iso(begin + 2 * length)},
                    **{"revision": revision, "late_records": 7 * revision, "window_seconds": seconds},
                    "dt": f"{begin:%Y-%m-%d}",
                }
            )
    return rows


def _reconciled(draw: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(60):
        begin = BEGIN + timedelta(
            days=draw.randrange(DAYS), hours=draw.choice([8, 9]), minutes=5 * (number % 12)
        )
        captured = draw.randrange(10, 90)
        lost = draw.choice([0, 0, 0, 2])
        rows.append(
            {
                **{"kind": draw.choice(["prediction", "label"]), "model_name": "m", "window_seconds": 300},
                **{"model_version": draw.choice(["v1", "v2"]), "window_start": iso(begin), "shard_id": "s-0"},
                **{"captured": captured, "archived": captured - lost, "folded": captured, "waiting": 0},
                **{"unaccounted": lost, "orphans": 0, "reconciled_at": iso(begin + timedelta(days=1))},
                "dt": f"{begin:%Y-%m-%d}",
            }
        )
    return rows


def _hours() -> list[datetime]:
    return [BEGIN + timedelta(days=day, hours=hour) for day in range(DAYS) for hour in (8, 9, 10)]


def _quality(draw: random.Random) -> list[dict[str, Any]]:
    rows = []
    for begin in _hours():
        for version in ("v1", "v2"):
            for segment in ("(all)", "area=coast", "area=hills"):
                labelled = draw.choice([0, 3, 40])
                score = round(draw.uniform(0, 2), 4) if draw.random() < 0.7 else None
                rows.append(
                    {
                        **{"model_name": "m", "model_version": version, "segment": segment},
                        **{"start": iso(begin), "end": iso(begin + timedelta(hours=1))},
                        **{"predictions": labelled + draw.randrange(5), "labelled": labelled},
                        **{
                            name: round(draw.uniform(1, 9), 4) if labelled else None
                            for name in ("mae", "bias", "r2")
                        },
                        "interval_coverage": round(draw.random(), 4) if labelled else None,
                        "label_share": round(draw.random(), 4),
                        **{
                            "training_mae": 4.25,
                            "estimated_mae": round(draw.uniform(1, 9), 4),
                            "score": score,
                        },
                        **{"degraded": score is not None and score > 1, "since": None},
                        **{"judged_at": iso(begin + timedelta(hours=3)), "dt": f"{begin:%Y-%m-%d}"},
                    }
                )
    return rows


def _explained(draw: random.Random) -> list[dict[str, Any]]:
    rows = []
    for begin in _hours():
        about = {
            **{
                "model_name": "m",
                "model_version": "v2",
                "start": iso(begin),
                "since": None,
                "predictions": 300,
            },
            **{"end": iso(begin + draw.choice([1, 2]) * timedelta(hours=1)), "rows": 256, "guilty": False},
            **{"judged_at": iso(begin + timedelta(hours=3)), "dt": f"{begin:%Y-%m-%d}"},
        }
        estimated = round(draw.uniform(1, 9), 4) if draw.random() < 0.8 else None
        rows.append(
            {
                **about,
                **{"feature": "(all)", "ndcg": round(draw.random(), 4), "score": round(draw.random(), 4)},
                **{"estimated_mae": estimated, "training_estimated_mae": 4.0},
                **{
                    "estimated_error_score": round(draw.uniform(0, 2), 4),
                    "estimated_error_since": iso(begin),
                },
            }
        )
        for feature in FEATURES:
            measures = {
                name: round(draw.random(), 4) for name in ("importance", "training_importance", "score")
            }
            rows.append({**about, "feature": feature, **measures})
    return rows


def _incidents(draw: random.Random) -> list[dict[str, Any]]:
    rows = []
    for number in range(25):
        opened = BEGIN + timedelta(minutes=draw.randrange(DAYS * 1440))
        cause = draw.choice(["data", "quality", "delivery"])
        over = draw.random() < 0.7
        rows.append(
            {
                **{"incident_id": f"{opened:%Y%m%dT%H%M%SZ}-{number}-{cause}", "cause": cause},
                **{"state": "recovered" if over else "open", "opened_at": iso(opened)},
                "recovered_at": iso(opened + timedelta(hours=3)) if over else None,
                "features": draw.sample(["rooms", "area"], draw.randrange(3)) if cause == "data" else [],
                **{"alarms": ["drift"], "score": round(draw.uniform(1, 9), 3) if cause == "data" else None},
                **{"reopened": draw.choice([0, 0, 1]), "messages": draw.randrange(1, 5)},
                **{"acknowledged_by": draw.choice([None, "ann"]), "report": None, "dt": f"{opened:%Y-%m-%d}"},
            }
        )
    return rows
