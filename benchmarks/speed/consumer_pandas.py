"""The consumer as one would write it with pandas: the same checks, the same columns, the same counts.

Like Driftline's, its state of a window also holds moments, products of each two numbers, and a sample.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.speed.batch import MODEL, SHARD, VERSION
from benchmarks.speed.memory_aws import MemoryDynamoDB, MemoryS3
from drift_core.baseline import Baseline
from drift_core.bins import Column
from drift_core.event import FUTURE_LIMIT_MS
from drift_core.schema import Kind
from drift_core.window import Z_LIMIT

PLACE = ("payload", "sequence_number", "arrival")
"""Columns that say where a record came from."""

TYPED = {
    Kind.NUMERIC: pd.api.types.is_numeric_dtype,
    Kind.CATEGORICAL: pd.api.types.is_string_dtype,
    Kind.BOOLEAN: pd.api.types.is_bool_dtype,
}
TYPES = {Kind.NUMERIC: (int, float), Kind.CATEGORICAL: (str,), Kind.BOOLEAN: (bool,)}

SAMPLE = 256
"""Rows."""

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def consume(event: dict[str, Any], baseline: Baseline, s3: MemoryS3, dynamodb: MemoryDynamoDB) -> None:
    """Decode, check, archive and count one shard's batch of predictions."""
    frame = decoded(event)
    good = valid(frame, baseline)
    rejected = frame.loc[~good, ["payload", "sequence_number", "arrival"]]
    if len(rejected):
        s3.put_object(Key="quarantine.parquet", Body=_parquet(rejected))
    if not good.any():
        return
    fresh = frame[good].drop(columns=["payload", "arrival"]).drop_duplicates("event_id")
    fresh["shard_id"] = pd.Categorical.from_codes(np.zeros(len(fresh), np.int8), pd.Index([SHARD]))
    fresh["event_time"] = pd.to_datetime(fresh["event_time"], unit="ms", utc=True)
    fresh["interval_width"] = fresh["interval_upper"] - fresh["interval_lower"]
    for window, rows in fresh.groupby(fresh["event_time"].dt.floor("5min")):
        key = {"pk": {"S": str(window)}, "sk": {"S": SHARD}}
        stored = dynamodb.get_item(Key=key).get("Item")
        part = rows[rows["sequence_number"].map(int) > int(stored["last"]["S"])] if stored else rows
        counts = {column.name: _counts(column, part[column.name]) for column in baseline.columns}
        moments, sample = _moments(baseline, part), _sample(baseline, part)
        if stored:
            before = json.loads(stored["counts"]["S"])
            counts = {name: np.add(before[name], now).tolist() for name, now in counts.items()}
            earlier = json.loads(stored["moments"]["S"])
            moments = {name: np.add(earlier[name], now).tolist() for name, now in moments.items()}
            kept = pd.read_json(io.StringIO(stored["sample"]["S"]), orient="split")
            sample = pd.concat([kept, sample]).nsmallest(SAMPLE, "hash")
        first, last = part["sequence_number"].iloc[[0, -1]]
        archived = _parquet(part.assign(window_start=window))
        s3.put_object(Key=f"{window}.{SHARD}.{first}-{last}.parquet", Body=archived)
        state = {
            "counts": {"S": json.dumps(counts)},
            "moments": {"S": json.dumps(moments)},
            "sample": {"S": sample.to_json(orient="split", index=False)},
        }
        dynamodb.put_item(Item={**key, **state, "last": {"S": last}})


def decoded(event: dict[str, Any]) -> pd.DataFrame:
    """One row a record: its fields, features and interval as columns."""
    rows = []
    for record in event["Records"]:
        kinesis = record["kinesis"]
        payload = base64.b64decode(kinesis["data"])
        place = {
            "payload": payload,
            "sequence_number": kinesis["sequenceNumber"],
            "arrival": kinesis["approximateArrivalTimestamp"] * 1000,
        }
        try:
            row = json.loads(payload)
            row |= row.pop("features")
            row |= {f"interval_{name}": value for name, value in row.pop("interval").items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            row = {}
        rows.append({**row, **place})
    return pd.DataFrame(rows)


def valid(frame: pd.DataFrame, baseline: Baseline) -> pd.Series:
    """Rows that keep the contract; columns that a batch of broken records lacks count as missing."""
    needed = [
        "schema_version", "event_type", "event_id", "event_time", "model_name", "model_version", "prediction",
        "interval_lower", "interval_upper", "interval_coverage", "confidence",
    ]  # fmt: skip
    if not {*needed, *baseline.schema.names} <= set(frame.columns):
        return pd.Series(False, index=frame.index)
    good: pd.Series = (
        frame["schema_version"].eq(1)
        & frame["event_type"].eq("prediction")
        & frame["model_name"].eq(MODEL)
        & frame["model_version"].eq(VERSION)
        & frame["event_id"].str.fullmatch(UUID).fillna(value=False).astype(bool)
        & frame["event_time"].between(0, frame["arrival"] + FUTURE_LIMIT_MS)
        & frame["interval_lower"].le(frame["interval_upper"])
        & frame["interval_coverage"].between(0, 1)
        & frame["confidence"].between(0, 1)
        & np.isfinite(pd.to_numeric(frame["prediction"], errors="coerce"))
    )
    for feature in baseline.schema.features:
        values = frame[feature.name]
        if not TYPED[feature.kind](values):  # else pandas has found that all are of the type
            good &= values.isna() | values.map(type).isin(TYPES[feature.kind])
    strangers = frame.columns.difference([*needed, *baseline.schema.names, *PLACE, "source"])
    return good & frame[strangers].isna().all(axis=1)


def _counts(column: Column, values: pd.Series) -> list[int]:
    """Rows by bin, in the order of Driftline's, so that both can be compared."""
    missing = int(values.isna().sum())
    if column.numeric:
        inner = np.histogram(values.dropna(), [-np.inf, *column.edges, np.inf])[0].tolist()
        return [*inner[1:-1], inner[0], inner[-1], missing, 0]
    if column.kind is Kind.BOOLEAN:
        values = values.map({True: "true", False: "false"})
    found = values.value_counts()
    kept = [int(found.get(name, 0)) for name in column.categories]
    others = len(values) - missing - sum(kept)
    return [*kept, 0, others, missing]


def _moments(baseline: Baseline, part: pd.DataFrame) -> dict[str, list[Any]]:
    """Sums of standardised numbers, of their squares and of their logarithms, and products of each two."""
    columns = [column for column in baseline.columns if column.numeric]
    numbers = part[[column.name for column in columns]].astype(float)
    centers, scales = [column.center for column in columns], [column.scale for column in columns]
    standard = ((numbers - centers) / scales).clip(-Z_LIMIT, Z_LIMIT)
    logs = pd.DataFrame(np.log2(numbers.abs().where(numbers != 0)))
    filled = standard.fillna(0)
    return {
        "sums": standard.sum().tolist(),
        "squares": (standard * standard).sum().tolist(),
        "logs": logs.sum().tolist(),
        "logarithms": logs.count().tolist(),
        "products": filled.T.dot(filled).to_numpy().tolist(),
    }


def _sample(baseline: Baseline, part: pd.DataFrame) -> pd.DataFrame:
    """The rows with the smallest hashes of their ids."""
    hashed = part.assign(hash=pd.util.hash_array(part["event_id"].to_numpy(object)))
    return hashed.nsmallest(SAMPLE, "hash")[["hash", *(column.name for column in baseline.columns)]]


def _parquet(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.to_parquet(sink, compression="zstd", compression_level=1, index=False)
    return sink.getvalue()


def runner(event: dict[str, Any], baseline: Baseline) -> Callable[[], MemoryDynamoDB]:
    """One run over an AWS of its own."""

    def run() -> MemoryDynamoDB:
        dynamodb = MemoryDynamoDB()
        consume(event, baseline, MemoryS3(), dynamodb)
        return dynamodb

    return run
