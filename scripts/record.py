"""Writes events to a file that `python -m scripts.replay` reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from drift_core.event import Event, LabelEvent, PredictionEvent
from drift_core.schema import FeatureSchema, Kind

_TIME = pa.timestamp("ms", tz="UTC")
_TYPES = {Kind.NUMERIC: pa.float64(), Kind.CATEGORICAL: pa.string(), Kind.BOOLEAN: pa.bool_()}


def write(path: Path, events: Sequence[Event], schema: FeatureSchema) -> None:
    """Write a recording.

    Parameters
    ----------
    path : `.jsonl` holds the events as the stream does, in order of time; `.parquet` holds a row for each
        prediction, with the columns of the archive and its label.

    Raises
    ------
    ValueError
        If the name ends in something else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".jsonl":
            ordered = sorted(events, key=lambda event: event.event_time)
            path.write_bytes(b"".join(event.encode() + b"\n" for event in ordered))
        case ".parquet":
            pq.write_table(_table(events, schema), path, compression="zstd")
        case other:
            raise ValueError(f"{path} ends in {other!r}; write a .jsonl or a .parquet file")


def _table(events: Sequence[Event], schema: FeatureSchema) -> pa.Table:
    labels = {event.prediction_id: event for event in events if isinstance(event, LabelEvent)}
    rows = [_row(event, labels.get(event.event_id)) for event in events if isinstance(event, PredictionEvent)]
    features = pa.struct([(feature.name, _TYPES[feature.kind]) for feature in schema.features])
    columns = pa.schema(
        [
            ("event_id", pa.string()),
            ("event_time", _TIME),
            ("model_name", pa.string()),
            ("model_version", pa.string()),
            ("source", pa.string()),
            ("features", features),
            ("prediction", pa.float64()),
            ("predicted_class", pa.string()),
            ("interval_lower", pa.float64()),
            ("interval_upper", pa.float64()),
            ("interval_coverage", pa.float64()),
            ("confidence", pa.float64()),
            ("label", pa.float64()),
            ("label_time", _TIME),
        ]
    )
    return pa.Table.from_pylist(rows, schema=columns)


def _row(event: PredictionEvent, label: LabelEvent | None) -> dict[str, object]:
    a_class = isinstance(event.prediction, str)
    interval = event.interval
    return {
        "event_id": event.event_id,
        "event_time": event.event_time,
        "model_name": event.model_name,
        "model_version": event.model_version,
        "source": event.source,
        "features": event.features,
        "prediction": None if a_class else event.prediction,
        "predicted_class": event.prediction if a_class else None,
        "interval_lower": interval and interval.lower,
        "interval_upper": interval and interval.upper,
        "interval_coverage": interval and interval.coverage,
        "confidence": event.confidence,
        "label": label and label.label,
        "label_time": label and label.event_time,
    }
