"""The archive: one Parquet object a window, shard and batch, under a key that fixes its content.

An object accounts for every record of its range: the rows are the distinct events, and the sequence numbers
of further deliveries stand in the file's key-value metadata.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from drift_consumer.columns import flatten
from drift_consumer.series import QUARANTINE, Series, WindowKey
from drift_consumer.slices import Slice
from drift_core.event import LABEL, PREDICTION, SHADOW

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REPEATED = "repeated_sequence_numbers"
"""Key of the file's metadata that names deliveries left out of the rows, decimal, between blanks."""

FOLDERS = {PREDICTION: "predictions", LABEL: "labels", SHADOW: SHADOW, QUARANTINE: QUARANTINE}
"""The archive's folder of each kind."""

_TIME = pa.timestamp("ms", tz="UTC")


class Archive:
    """Parquet objects in the archive bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, key: str, content: bytes) -> None:
        """Write an object; a key fixes its content, so writing it twice changes nothing."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Remove an object that no window lists."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)


def object_key(window: WindowKey, sequence_range: str) -> str:
    """Where a window's records of one range of sequence numbers lie.

    Parameters
    ----------
    sequence_range : "first-last", as the window's item lists it.

    >>> from drift_consumer.series import Series
    >>> series = Series(kind="label", model_name="m", model_version="-", window_seconds=300)
    >>> object_key(WindowKey(series=series, start=300_000, shard_id="s"), "7-9")
    'labels/dt=1970-01-01/hour=00/m.-.300.0000000300000.s.7-9.parquet'
    """
    parts = (window.shard_id, sequence_range, "parquet")
    return f"{window_prefix(window.series, window.start)}{'.'.join(parts)}"


def window_prefix(series: Series, start: int) -> str:
    """What the keys of a window's objects of all shards begin with."""
    parts = (series.model_name, series.model_version, str(series.window_seconds), f"{start:013d}", "")
    return hour_prefix(series.kind, start) + ".".join(parts)


def hour_prefix(kind: str, start: int) -> str:
    """Where the objects of the windows that begin in an hour lie.

    >>> hour_prefix("prediction", 3_600_000)
    'predictions/dt=1970-01-01/hour=01/'
    """
    return f"{FOLDERS[kind]}/{datetime.fromtimestamp(start / 1000, UTC):dt=%Y-%m-%d/hour=%H}/"


def parquet(piece: Slice, repeated: Iterable[int] = ()) -> bytes:
    """A slice as Parquet.

    Parameters
    ----------
    repeated : sequence numbers of further deliveries of its events.
    """
    return written(_COLUMNS[piece.key.series.kind](piece), repeated)


def written(table: Any, repeated: Iterable[int]) -> bytes:
    """A table of the archive's columns as Parquet; see `parquet`."""
    dictionaries = [path for path, column in _leaves(table.schema) if pa.types.is_dictionary(column)]
    left_out = " ".join(map(str, sorted(repeated)))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=dictionaries,
        write_statistics=["event_time", "arrival_time"],
        write_batch_size=8_192,  # rows; the default of 1,024 takes a twentieth longer
        store_schema=False,
    ) as file:
        file.write_table(table)
        if left_out:
            file.add_key_value_metadata({REPEATED: left_out})
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _leaves(schema: Any) -> list[tuple[str, Any]]:
    return [
        (".".join(filter(None, (field.name, part and part.name))), part.type if part else field.type)
        for field in schema
        for part in (field.type.fields if pa.types.is_struct(field.type) else [None])
    ]


def _predictions(piece: Slice) -> Any:
    table = piece.table
    lower, upper, coverage = flatten(table["interval"])
    return pa.table(
        {
            "event_id": table["event_id"],
            "event_time": _times(table["event_time"]),
            "model_name": _constant(piece.key.series.model_name, len(piece)),
            "model_version": _constant(piece.key.series.model_version, len(piece)),
            "source": _source(table),
            "features": _repeated_texts(table["features"]),
            "prediction": table["prediction"],
            "predicted_class": pa.nulls(len(piece), pa.string()),
            "interval_lower": lower,
            "interval_upper": upper,
            "interval_coverage": coverage,
            "confidence": table["confidence"],
            **_place(piece),
        }
    )


def _shadows(piece: Slice) -> Any:
    """The columns of predictions, and which served one each stands beside."""
    table = _predictions(piece)
    return table.add_column(1, "prediction_id", piece.table["prediction_id"])


def _labels(piece: Slice) -> Any:
    table = piece.table
    return pa.table(
        {
            "event_id": table["event_id"],
            "event_time": _times(table["event_time"]),
            "model_name": _constant(piece.key.series.model_name, len(piece)),
            "prediction_id": table["prediction_id"],
            "label": table["label"],
            "label_class": table["label_class"],
            "source": _source(table),
            **_place(piece),
        }
    )


def _quarantine(piece: Slice) -> Any:
    place = _place(piece)
    table = piece.table
    return pa.table(
        {
            "reason": table["reason"],
            "shard_id": place["shard_id"],
            "sequence_number": place["sequence_number"],
            "arrival_time": _times(table["arrival_time"]),
            "payload": table["payload"],
        }
    )


_COLUMNS = {PREDICTION: _predictions, LABEL: _labels, SHADOW: _shadows, QUARANTINE: _quarantine}


def _place(piece: Slice) -> dict[str, Any]:
    """Where in the stream and in which window the records were."""
    start = pa.scalar(piece.key.start, _TIME)
    return {
        "window_start": pa.repeat(start, len(piece)),
        "shard_id": _constant(piece.key.shard_id, len(piece)),
        "sequence_number": piece.table["sequence_number"],
    }


def _times(milliseconds: Any) -> Any:
    return pc.cast(milliseconds, _TIME)


def _constant(text: str, count: int) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [text])


def _source(table: Any) -> Any:
    return pc.fill_null(table["source"], "unknown").dictionary_encode()


def _repeated_texts(features: Any) -> Any:
    """The features with categories as dictionaries: they repeat."""
    chunk = features.combine_chunks()
    parts = [part.dictionary_encode() if pa.types.is_string(part.type) else part for part in chunk.flatten()]
    return pa.StructArray.from_arrays(parts, [field.name for field in chunk.type])
