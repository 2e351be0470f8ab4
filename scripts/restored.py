"""An object of the archive read back: the slice that was counted, so its state is the same to the bit."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from drift_consumer.archive_reader import footer
from drift_consumer.columns import EVENT_ID_LENGTH, id_bytes, id_times, one_chunk
from drift_consumer.series import NO_COLUMNS, QUARANTINE, WindowKey
from drift_consumer.slices import Slice, matrix
from drift_core.baseline import Baseline
from drift_core.event import LABEL
from drift_core.window import WindowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The records of an object.

    Attributes
    ----------
    events : the rows; their table has the archive's columns.
    repeated : sequence numbers of further deliveries of these events.
    """

    events: Slice
    repeated: tuple[int, ...]

    @property
    def sequences(self) -> frozenset[int]:
        """Of all records."""
        return frozenset(self.events.sequences.tolist()).union(self.repeated)

    def state(self) -> WindowState:
        """What counting the object gives."""
        return self.events.count(duplicates=len(self.repeated))


def restore(content: bytes, key: WindowKey, baseline: Baseline | None) -> Restored:
    """Read an object.

    Parameters
    ----------
    content : Parquet, as `drift_consumer.archive.parquet` makes it.
    baseline : of predictions, served or in shadow; None for what is only counted.
    """
    table = pq.read_table(io.BytesIO(content)).combine_chunks()
    return Restored(events=slice_of(table, key, baseline), repeated=footer(content).repeated)


def slice_of(table: Any, key: WindowKey, baseline: Baseline | None) -> Slice:
    """Rows of the archive's columns as the slice that they were."""
    names = table["sequence_number"].to_pylist()
    if key.series.kind == QUARANTINE:
        ids = np.array([name[-EVENT_ID_LENGTH:] for name in names], f"S{EVENT_ID_LENGTH}")
        times = table["arrival_time"]
    else:
        ids = id_bytes(table["event_id"]).view(f"S{EVENT_ID_LENGTH}").ravel()
        times = table["event_time"]
    rows = np.zeros((len(names), 0))
    if baseline is not None:
        bounds = table["interval_lower"], table["interval_upper"]
        rows = matrix(baseline, table["features"], table["prediction"], *bounds)
    milliseconds = pc.cast(one_chunk(times), pa.int64()).to_numpy(zero_copy_only=False)
    if key.series.kind == LABEL:
        milliseconds = id_times(id_bytes(table["prediction_id"]))
    return Slice(
        key=key,
        layout=NO_COLUMNS if baseline is None else baseline.layout,
        sequences=np.array([int(name) for name in names], object),
        ids=ids,
        times=milliseconds,
        rows=rows,
        table=table,
    )
