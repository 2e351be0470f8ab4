"""A batch cut by window: the piece that one archive object holds and one window item counts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from drift_consumer.columns import EVENT_ID_LENGTH, flatten, id_bytes, id_times, numbers, one_chunk
from drift_consumer.decode import Decoded, Group, Positions
from drift_consumer.records import Records
from drift_consumer.series import NAMELESS, NO_COLUMNS, QUARANTINE, Series, WindowKey
from drift_core.baseline import INTERVAL_WIDTH, PREDICTION, Baseline, served_matrix
from drift_core.bins import Counts, Layout
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Feature, Kind, Matrix
from drift_core.window import WindowState, hash_event_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Records of one window in one batch of one shard.

    Attributes
    ----------
    layout : of the window's state.
    sequences : shape (n,), whole numbers of any size (dtype object).
    ids : shape (n,), what makes a record distinct, ASCII.
    times : shape (n,), UTC milliseconds by which the records are windowed.
    rows : shape (n, columns of the layout).
    table : pyarrow, n rows; what the archive keeps of them, with their `sequence_number`.
    """

    key: WindowKey
    layout: Layout
    sequences: npt.NDArray[np.object_]
    ids: npt.NDArray[np.bytes_]
    times: Counts
    rows: Matrix
    table: Any

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def sequence_range(self) -> str:
        """First and last sequence number: "first-last"."""
        return f"{self.sequences.min()}-{self.sequences.max()}"

    def after(self, last_sequence: int) -> Slice:
        """The records above a sequence number."""
        return self._taking(np.flatnonzero(self.sequences > last_sequence))

    def distinct(self) -> Slice:
        """The first delivery of each event."""
        hashes = np.sort(hash_event_ids(self.ids))
        if (hashes[1:] != hashes[:-1]).all():
            return self
        return self._taking(np.sort(np.unique(self.ids, return_index=True)[1]))

    def without(self, events: Slice) -> tuple[int, ...]:
        """Sequence numbers of the records that are not in a part of this slice."""
        if len(events) == len(self):
            return ()
        return tuple(sorted(set(self.sequences.tolist()) - set(events.sequences.tolist())))

    def count(self, *, duplicates: int) -> WindowState:
        """The state of these records, which must be distinct."""
        ids = hash_event_ids(self.ids)
        return WindowState.of(self.layout, self.rows, self.times, ids, duplicates=duplicates)

    def _taking(self, kept: Positions) -> Slice:
        if len(kept) == len(self):
            return self
        return replace(
            self,
            sequences=self.sequences[kept],
            ids=self.ids[kept],
            times=self.times[kept],
            rows=self.rows[kept],
            table=self.table.take(kept),
        )


def by_window(records: Records, decoded: Decoded, window_seconds: int | None) -> list[Slice]:
    """Cut a batch, in the order of kinds, models and windows.

    Parameters
    ----------
    window_seconds : overrides the length in the bundles' manifests; None leaves it, and is the default
        length for labels and the quarantine.
    """
    wholes = [_of_group(group, records, window_seconds) for group in decoded.groups]
    if decoded.rejected:
        wholes.append(_of_rejected(records, decoded.rejected, window_seconds))
    return [piece for whole in wholes for piece in _cut(whole)]


def _cut(whole: Slice) -> Iterator[Slice]:
    length = whole.key.series.window_seconds * 1000
    starts = whole.times // length * length
    for start in np.unique(starts).tolist():
        piece = whole._taking(np.flatnonzero(starts == start))
        yield replace(piece, key=replace(whole.key, start=start))


def _of_group(group: Group, records: Records, window_seconds: int | None) -> Slice:
    table, names = group.table, _at(records.sequences, group.positions)
    event_ids = id_bytes(table["event_id"])
    if group.bundle is None:
        seconds, layout, rows = MonitorSettings().window_seconds, NO_COLUMNS, np.zeros((len(names), 0))
        times = id_times(id_bytes(table["prediction_id"]))
    else:
        seconds = group.bundle.manifest.monitor.window_seconds
        layout = group.bundle.baseline.layout
        lower, upper, _ = flatten(table["interval"])
        rows = matrix(group.bundle.baseline, table["features"], table["prediction"], lower, upper)
        times = one_chunk(table["event_time"]).to_numpy(zero_copy_only=False)
    series = Series(
        kind=group.kind,
        model_name=group.model_name,
        model_version=group.model_version,
        window_seconds=window_seconds or seconds,
    )
    return Slice(
        key=WindowKey(series=series, start=0, shard_id=records.shard_id),
        layout=layout,
        sequences=_numbers(names),
        ids=event_ids.view(f"S{EVENT_ID_LENGTH}").ravel(),
        times=times,
        rows=rows,
        table=table.append_column("sequence_number", pa.array(names)),
    )


def _of_rejected(records: Records, rejected: dict[int, str], window_seconds: int | None) -> Slice:
    positions = np.array(sorted(rejected), np.intp)
    arrivals, names = records.arrivals[positions], _at(records.sequences, positions)
    series = Series(
        kind=QUARANTINE,
        model_name=NAMELESS,
        model_version=NAMELESS,
        window_seconds=window_seconds or MonitorSettings().window_seconds,
    )
    columns = {
        "reason": [rejected[position] for position in positions.tolist()],
        "arrival_time": arrivals,
        "payload": [b64encode(payload).decode() for payload in _at(records.payloads, positions)],
        "sequence_number": names,
    }
    return Slice(
        key=WindowKey(series=series, start=0, shard_id=records.shard_id),
        layout=NO_COLUMNS,
        sequences=_numbers(names),
        ids=np.array([name[-EVENT_ID_LENGTH:] for name in names], f"S{EVENT_ID_LENGTH}"),
        times=arrivals,
        rows=np.zeros((len(positions), 0)),
        table=pa.table(columns),
    )


def _at[T](values: list[T], positions: Positions) -> list[T]:
    return values if len(positions) == len(values) else [values[position] for position in positions.tolist()]


def _numbers(sequences: list[str]) -> npt.NDArray[np.object_]:
    return np.array([int(sequence) for sequence in sequences], object)


def codes(feature: Feature, values: Any) -> Matrix:
    """A feature's values as the model's matrix holds them; categories are looked up once each.

    Parameters
    ----------
    values : a pyarrow array, shape (n,).
    """
    if feature.kind is not Kind.CATEGORICAL:
        return numbers(values)
    encoded = values.dictionary_encode()
    known = np.append(feature.codes(encoded.dictionary.to_pylist()), np.nan)
    found: Matrix = known[encoded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)]
    return found


def matrix(baseline: Baseline, features: Any, prediction: Any, lower: Any, upper: Any) -> Matrix:
    """Predictions as the windows count them, shape (n, columns of the baseline).

    Parameters
    ----------
    features : a pyarrow struct array, its fields in the order of the schema.
    prediction, lower, upper : pyarrow arrays of numbers; the bounds of the interval.
    """
    fields = zip(baseline.schema.features, flatten(features), strict=True)
    parts = [codes(feature, part) for feature, part in fields]
    with np.errstate(over="ignore", invalid="ignore"):
        width = numbers(one_chunk(upper)) - numbers(one_chunk(lower))
    served = {PREDICTION: numbers(one_chunk(prediction)), INTERVAL_WIDTH: width}
    watched = [served[column.name] for column in baseline.columns[len(parts) :]]
    # Column by column in memory, as windows count them.
    return served_matrix(np.array(parts).T, *watched)
