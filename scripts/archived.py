"""Archived traffic of one model version in a range of time: each event once, as training has its rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from drift_consumer.columns import flatten, numbers, one_chunk
from drift_consumer.series import NAMELESS
from drift_consumer.slices import codes
from drift_core.baseline import PREDICTION
from drift_core.bundle import Manifest
from drift_core.schema import Kind, Matrix
from scripts.stack import Stack
from training.table import Table

_HOUR_MS = 3_600_000
_AT_ONCE = 16  # objects that are fetched at the same time; they are many and small
_PREDICTIONS = ("event_id", "event_time", "model_name", "model_version", "features", "prediction")
_INTERVAL = ("interval_lower", "interval_upper")
_LABELS = ("event_id", "event_time", "model_name", "prediction_id", "label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """Predictions as they were archived, in the order of time.

    Attributes
    ----------
    table : with the newest label of each row, NaN where none has come.
    served : by column of a bundle's sample, shape (n,): the prediction and the bounds of its interval, NaN
        where there is none.
    window_seconds : length of the windows they were counted into.
    copies : rows left out, because their event is there already.
    """

    table: Table
    served: Mapping[str, Matrix]
    window_seconds: int
    copies: int

    @property
    def interval_widths(self) -> Matrix | None:
        """Shape (n,), NaN where there is no interval; None if no row has one."""
        lower, upper = (self.served[name] for name in _INTERVAL)
        with np.errstate(over="ignore", invalid="ignore"):
            widths: Matrix = upper - lower
        return widths if np.isfinite(widths).any() else None


def archived(
    stack: Stack,
    manifest: Manifest,
    start: int,
    end: int,
    progress: Callable[[float], None] = lambda done: None,
) -> Archived | None:
    """Read the archive.

    Parameters
    ----------
    manifest : of the version whose predictions are wanted.
    start, end : UTC milliseconds of the events' time, the end excluded.
    progress : told the share that is done.

    Returns
    -------
    None if there is no row.
    """
    name, version = manifest.model_name, manifest.model_version
    hours = range(start // _HOUR_MS * _HOUR_MS, end, _HOUR_MS)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        find = _Finder(stack.client("s3"), stack.outputs["ArchiveBucketName"], pool)
        keys = find.keys("predictions", hours, f"{name}.{version}.")
        label_keys = find.keys("labels", hours, f"{name}.{NAMELESS}.")
        read = find.tables(
            keys + label_keys, [_PREDICTIONS + _INTERVAL] * len(keys) + [_LABELS] * len(label_keys)
        )
        tables = []
        for table in read:
            tables.append(table)
            progress(len(tables) / (len(keys) + len(label_keys)))
    # A name with a dot may begin as another's does, so the columns decide.
    ours = [_where(table, model_name=name, model_version=version) for table in tables[: len(keys)]]
    if not sum(map(len, ours)):
        return None
    every = pa.concat_tables(ours)
    times = one_chunk(every["event_time"]).cast(pa.int64()).to_numpy()
    every = every.filter(pa.array((times >= start) & (times < end)))
    every = every.sort_by([("event_time", "ascending"), ("event_id", "ascending")])
    if not len(every):
        return None
    ids = np.array(every["event_id"].to_pylist())
    first = np.sort(np.unique(ids, return_index=True)[1])
    labels = _labels([_where(table, model_name=name) for table in tables[len(keys) :]])
    return _as_trained(every.take(first), manifest, labels, _window_seconds(keys), len(ids) - len(first))


@dataclass(frozen=True, slots=True)
class _Finder:
    s3: Any
    bucket: str
    pool: ThreadPoolExecutor

    def keys(self, folder: str, hours: Sequence[int], begin: str) -> list[str]:
        """Keys of the objects of some hours whose names begin so."""
        found = self.pool.map(lambda hour: self._of_hour(folder, hour, begin), hours)
        return [key for keys in found for key in keys]

    def _of_hour(self, folder: str, hour: int, begin: str) -> list[str]:
        at = datetime.fromtimestamp(hour / 1000, UTC)
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{folder}/{at:dt=%Y-%m-%d/hour=%H}/{begin}"
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def tables(self, keys: Sequence[str], columns: Sequence[tuple[str, ...]]) -> Iterator[Any]:
        """Their content, in order."""
        return self.pool.map(self._table, keys, columns)

    def _table(self, key: str, columns: tuple[str, ...]) -> Any:
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return pq.read_table(io.BytesIO(body), columns=list(columns))


def _where(table: Any, **wanted: str) -> Any:
    for column, value in wanted.items():
        table = table.filter(pc.equal(table[column], value))
    return table


def _window_seconds(keys: Sequence[str]) -> int:
    """Length of most windows, as the keys tell it; see `drift_consumer.archive.object_key`."""
    seconds = [int(key.rsplit(".", 5)[1]) for key in keys]
    return max(set(seconds), key=seconds.count)


def _labels(tables: Sequence[Any]) -> dict[str, float]:
    """The newest label of each prediction."""
    if not tables:
        return {}
    ordered = pa.concat_tables(tables).sort_by([("event_time", "ascending"), ("event_id", "ascending")])
    pairs = zip(ordered["prediction_id"].to_pylist(), ordered["label"].to_pylist(), strict=True)
    return {prediction_id: label for prediction_id, label in pairs if label is not None}


def _as_trained(
    rows: Any, manifest: Manifest, labels: Mapping[str, float], window_seconds: int, copies: int
) -> Archived:
    schema = manifest.schema
    parts = dict(zip(schema.names, flatten(rows["features"]), strict=True))
    values = {
        feature.name: numbers(parts[feature.name])
        if feature.kind is Kind.NUMERIC
        else parts[feature.name].to_numpy(zero_copy_only=False).astype(object)
        for feature in schema.features
    }
    table = Table(
        schema=schema,
        target=manifest.target,
        values=values,
        matrix=np.column_stack([codes(feature, parts[feature.name]) for feature in schema.features]),
        labels=np.array([labels.get(event_id, np.nan) for event_id in rows["event_id"].to_pylist()]),
        times=one_chunk(rows["event_time"]).cast(pa.int64()).to_numpy(),
    )
    served = {name: numbers(one_chunk(rows[name])) for name in (PREDICTION, *_INTERVAL)}
    return Archived(table=table, served=served, window_seconds=window_seconds, copies=copies)
