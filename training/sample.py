"""The bundle's sample: held-out rows in raw values, for traffic that looks like the training data."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from drift_core.schema import Kind, Matrix
from training.table import Table

MAX_ROWS = 10_000

_TYPES = {Kind.NUMERIC: pa.float64(), Kind.CATEGORICAL: pa.string(), Kind.BOOLEAN: pa.bool_()}


def sample_parquet(
    table: Table, rows: npt.NDArray[np.intp], served: Mapping[str, Matrix], *, seed: int
) -> bytes:
    """Parquet of at most `MAX_ROWS` rows, chosen at random, in the order of `rows`.

    Parameters
    ----------
    rows : shape (h,), the held-out rows of the table.
    served : by column name, shape (h,): what the model answers for these rows.

    Returns
    -------
    Columns: the features by name in the schema's order, the target, those of `served`, and `event_time`
    (UTC milliseconds) when the table has times.
    """
    chosen = np.arange(len(rows))
    if len(rows) > MAX_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(rows), MAX_ROWS, replace=False))
    rows = rows[chosen]
    columns = {
        feature.name: pa.array(table.values[feature.name][rows], _TYPES[feature.kind], from_pandas=True)
        for feature in table.schema.features
    }
    columns[table.target] = pa.array(table.labels[rows])
    columns |= {name: pa.array(values[chosen]) for name, values in served.items()}
    if table.times is not None:
        columns["event_time"] = pa.array(table.times[rows], pa.timestamp("ms", tz="UTC"))
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd")
    return buffer.getvalue()
