"""Stream records to typed rows: columnar where a batch allows it, one by one where it does not.

A plain batch is parsed at once. Any row that `columns.vouched` does not vouch for, and every row of a batch
that does not parse, is read by `single.read`, whose refusal is the reason in the quarantine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from drift_consumer import single
from drift_consumer.baselines import Baselines, Bundle
from drift_consumer.columns import event_schema, features_type, one_chunk, parse, vouched
from drift_consumer.records import Records
from drift_consumer.series import NAMELESS
from drift_consumer.single import KnownModels
from drift_core.event import LABEL, EventError

type Positions = npt.NDArray[np.intp]

_PROBES = 20  # records, evenly spread, looked at to learn which features a batch has
_LABEL_CLASS = pa.field("label_class", pa.string())


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one kind of one model version.

    Attributes
    ----------
    model_version : NAMELESS for labels.
    bundle : of predictions, served or in shadow; None for labels.
    positions : shape (n,), increasing; where the rows stand in the batch.
    table : n rows of the columns of `event_schema`, and `label_class`.
    """

    kind: str
    model_name: str
    model_version: str
    bundle: Bundle | None
    positions: Positions
    table: Any

    @property
    def key(self) -> tuple[str, str, str]:
        """What no two groups of a batch share."""
        return self.kind, self.model_name, self.model_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A batch, every record in exactly one place.

    Attributes
    ----------
    groups : at most one of each kind, model and version.
    rejected : reason by position in the batch.
    """

    groups: list[Group]
    rejected: dict[int, str]


def decode(records: Records, model_name: str, baselines: Baselines) -> Decoded:
    """Type a shard's records; faults of `baselines` other than an unknown model pass through.

    Parameters
    ----------
    model_name : the only model whose events are read.
    """
    models = KnownModels(model_name, baselines)
    plain, left = _read_columns(records, models)
    others, rejected = _read_singly(records, left, models)
    return Decoded(groups=_merged([*plain, *others]), rejected=rejected)


def _read_columns(records: Records, models: KnownModels) -> tuple[list[Group], Sequence[int]]:
    """The rows that can be read as columns, and the positions of the others."""
    features = _expected_features(records, models)
    table = parse(records.payloads, event_schema(features))
    if table is None:
        return [], range(len(records.payloads))
    table = table.append_column(_LABEL_CLASS, pa.nulls(table.num_rows, pa.string()))
    good = vouched(table, records.arrivals)
    groups = []
    for kind, name, version, rows in _by_model(table, np.flatnonzero(good)):
        ours = name == models.model_name  # of another model nothing is asked
        bundle = _fitting_bundle(models, version, features) if ours and kind != LABEL else None
        if not ours or (kind != LABEL and bundle is None):
            good[rows] = False
            continue
        groups.append(
            Group(
                kind=kind,
                model_name=name,
                model_version=version,
                bundle=bundle,
                positions=rows,
                table=_of_kind(kind, _at(table, rows)),
            )
        )
    return groups, np.flatnonzero(~good).tolist()


def _at(table: Any, rows: Positions) -> Any:
    return table if len(rows) == table.num_rows else table.take(rows)


def _of_kind(kind: str, table: Any) -> Any:
    """Rows with the columns that `_group` gives them, so that both can be merged: labels have no features."""
    if kind != LABEL:
        return table
    return table.set_column(
        table.schema.get_field_index("features"), "features", pa.nulls(table.num_rows, pa.struct([]))
    )


def _expected_features(records: Records, models: KnownModels) -> Any | None:
    """The features of the first prediction that can be read: a guess, which `parse` tests."""
    for position in range(0, len(records.payloads), 1 + len(records.payloads) // _PROBES):
        try:
            row = single.read(records.payloads[position], int(records.arrivals[position]), models)
        except EventError:
            continue  # it is refused in its turn
        if row.bundle is not None:
            return features_type(row.bundle.manifest.schema)
    return None


def _fitting_bundle(models: KnownModels, version: str, features: Any) -> Bundle | None:
    try:
        bundle = models.get(version)
    except EventError:
        return None  # its records are refused one by one
    return bundle if features_type(bundle.manifest.schema) == features else None


def _by_model(table: Any, rows: Positions) -> Iterator[tuple[str, str, str, Positions]]:
    """Kind, model, version and rows of each group."""
    if not len(rows):
        return
    kinds, names, versions = _at(table.select(["event_type", "model_name", "model_version"]), rows).columns
    versions = pc.if_else(pc.equal(kinds, LABEL), NAMELESS, versions)
    columns = [one_chunk(column).dictionary_encode() for column in (kinds, names, versions)]
    codes = np.zeros(len(rows), np.int64)
    for column in columns:
        codes = codes * len(column.dictionary) + column.indices.to_numpy()
    for code in np.unique(codes):
        mine = np.flatnonzero(codes == code)
        kind, name, version = (column[int(mine[0])].as_py() for column in columns)
        yield kind, name, version, rows[mine]


def _read_singly(
    records: Records, positions: Iterable[int], models: KnownModels
) -> tuple[list[Group], dict[int, str]]:
    rejected: dict[int, str] = {}
    found: dict[tuple[str, str, str], list[tuple[int, single.Row]]] = {}
    for position in positions:
        try:
            row = single.read(records.payloads[position], int(records.arrivals[position]), models)
        except EventError as refusal:
            rejected[position] = str(refusal)
        else:
            found.setdefault((row.kind, row.model_name, row.model_version), []).append((position, row))
    return [_group(rows) for rows in found.values()], rejected


def _group(rows: list[tuple[int, single.Row]]) -> Group:
    first = rows[0][1]
    schema = event_schema(features_type(first.bundle.manifest.schema) if first.bundle else None)
    fields = [row.fields for _, row in rows]
    return Group(
        kind=first.kind,
        model_name=first.model_name,
        model_version=first.model_version,
        bundle=first.bundle,
        positions=np.array([position for position, _ in rows], np.intp),
        table=pa.Table.from_pylist(fields, schema.append(_LABEL_CLASS)),
    )


def _merged(groups: Iterable[Group]) -> list[Group]:
    """One group of each key, so that a window's records are counted in one step."""
    merged: dict[tuple[str, str, str], Group] = {}
    for group in groups:
        other = merged.get(group.key)
        merged[group.key] = group if other is None else _interleaved(other, group)
    return list(merged.values())


def _interleaved(one: Group, other: Group) -> Group:
    positions = np.concatenate([one.positions, other.positions])
    order = np.argsort(positions)
    table = pa.concat_tables([one.table, other.table]).take(order).combine_chunks()
    return replace(one, positions=positions[order], table=table)
