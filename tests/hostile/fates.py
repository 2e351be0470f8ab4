"""What became of every record of a batch, checked against what the record says when it is read alone."""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq

from drift_consumer import single
from drift_consumer.consume import consume
from drift_consumer.series import NO_COLUMNS
from drift_consumer.single import KnownModels, Row
from drift_core.event import EventError, event_id_time
from drift_core.window import WindowState
from tests.hostile.odd import ARRIVAL, MARK
from tests.unit.drift_consumer.fixture_traffic import MODEL, World, kinesis_event, sequence_number

REASONS = {
    "aggregated": "an aggregated record",
    "not JSON: encoding": r"not JSON \('utf-?[0-9a-z-]+' codec",
    "not JSON: nesting": r"not JSON \(maximum recursion",
    "not JSON: digits": r"not JSON \(Exceeds the limit",
    "not JSON": r"not JSON \(",
    "not an object": "a JSON [A-Za-z]+; write one JSON object",
    "schema_version": "schema_version is ",
    "event_type": "event_type is ",
    "event_time: before": "event_time is [0-9]+, before the year 2000",
    "event_time: ahead": "event_time is [0-9]+, more than an hour",
    "prediction_id: time": "prediction_id is '.*', which no prediction",
    "model_name: other": "model_name is .*, but this stack watches",
    "model_version: no name": "model_version is .*; use 1 to 64 letters",
    "model_version: absent bundle": "model_version is .* has no such bundle",
    "prediction: a class": "prediction is .*, since .* is a regression",
    "features: unknown": "features has ",
    "features: mistyped": r"features\.[a-z]+ is a JSON [a-z]+; write",
    "features: beyond a double": r"features\.[a-z]+ is a JSON number beyond",
    "features: not an object": "features is (not an object|absent)",
    "interval": r"interval(\.[a-z]+)? (is|has) ",
    "probabilities": r"probabilities(\..*)? is ",
    "half a character": r"[a-z._]+ holds half of a surrogate pair",
    "a field": r"(event_id|event_time|model_name|model_version|prediction(_id)?|confidence|source|label) is ",
}
"""Kinds of reasons by how they begin; the first that fits."""


_FOLDER = {"prediction": "predictions", "label": "labels", "shadow": "shadow"}


def fates(payloads: Sequence[bytes]) -> Counter[str]:
    """Let the consumer take a batch, check each record's fate, and tell how often each occurred."""
    world = World()
    consume(kinesis_event(payloads, first=0, arrival=ARRIVAL), world.resources())
    archived = {kind: _by_sequence(world, kind) for kind in ("predictions", "labels", "shadow", "quarantine")}
    models = KnownModels(MODEL, world.resources().baselines)
    tally: Counter[str] = Counter()
    firsts: dict[tuple[str, int, str], int] = {}
    for position, payload in enumerate(payloads):
        sequence = str(sequence_number(position))
        places = [kind for kind, rows in archived.items() if sequence in rows]
        try:
            row = single.read(payload, ARRIVAL, models)
        except EventError as refusal:
            assert places == ["quarantine"], (places, payload[:500])
            kept = archived["quarantine"][sequence]
            assert kept["reason"] == str(refusal), payload[:500]
            assert base64.b64decode(kept["payload"]) == payload
            _check_reason(kept["reason"], payload)
            tally[_kind(kept["reason"])] += 1
            continue
        first = firsts.setdefault((row.kind, _window(row), row.fields["event_id"]), position)
        if first != position:
            assert not places, payload[:500]
            tally["duplicate"] += 1
            continue
        assert places == [_FOLDER[row.kind]], (places, payload[:500])
        assert _expected(row) == _found(row, archived[places[0]][sequence]), payload[:500]
        tally[row.kind] += 1
    assert tally.total() == len(payloads)
    assert _counted(world) == Counter(
        prediction=tally["prediction"],
        label=tally["label"],
        shadow=tally["shadow"],
        quarantine=sum(tally[kind] for kind in REASONS),
        duplicates=tally["duplicate"],
    )
    return tally


def _by_sequence(world: World, folder: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (bucket, key), content in world.s3.objects.items():
        if bucket == "archive" and key.startswith(folder + "/"):
            assert len(key) <= 1024, "the longest key that S3 takes"
            for row in pq.read_table(io.BytesIO(content)).to_pylist():
                assert row["sequence_number"] not in found, "a record is archived twice"
                found[row["sequence_number"]] = row
    return found


def _counted(world: World) -> Counter[str]:
    """Records by kind, and the duplicates, as the window items say."""
    counted: Counter[str] = Counter()
    layout = world.monitor().baseline.layout
    for (partition, _), item in world.dynamodb.items.items():
        kind = partition.partition("#")[0]
        if "state" in item:
            own = layout if kind in ("prediction", "shadow") else NO_COLUMNS
            state = WindowState.from_bytes(own, item["state"]["B"])
            counted[kind] += state.n
            counted["duplicates"] += state.duplicates
    return counted


def _window(row: Row) -> int:
    time = event_id_time(row.fields["prediction_id"]) if row.kind == "label" else row.fields["event_time"]
    return int(time) // 300_000


def _expected(row: Row) -> dict[str, Any]:
    """What the archive should hold of a record."""
    fields = dict(row.fields)
    if row.kind != "label":
        interval = fields.pop("interval", None) or {}
        fields |= {f"interval_{name}": interval.get(name) for name in ("lower", "upper", "coverage")}
    return fields | {"event_type": None}


def _found(row: Row, kept: dict[str, Any]) -> dict[str, Any]:
    found = {name: kept.get(name) for name in _expected(row)}
    assert isinstance(found["event_time"], datetime)
    return found | {"event_time": round(found["event_time"].timestamp() * 1000)}


def _check_reason(reason: str, payload: bytes) -> None:
    assert len(reason) <= 1000
    reason.encode()
    if str(MARK) in reason:  # allowed only where the record gives the value itself as another field
        outside = re.sub(rb"\{[^{}]*\}", b"", payload.lstrip()[1:])  # without the objects in the event
        assert str(MARK).encode() in outside, f"a reason gives a feature's value away: {reason}"


def _kind(reason: str) -> str:
    return next(kind for kind, pattern in REASONS.items() if re.match(pattern, reason, re.DOTALL))
