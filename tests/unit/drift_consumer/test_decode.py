"""Every record comes out once: as the row it describes, or refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drift_consumer import decode as module
from drift_consumer.decode import Decoded, decode
from drift_consumer.records import Records
from drift_core.event import Event
from drift_core.schema import Feature, FeatureSchema, Kind
from tests.unit.drift_consumer.fake_aws import client_error
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    NOON,
    VERSION,
    World,
    bundle_objects,
    event_id,
    kinesis_event,
    label,
    prediction,
    shadow,
)

OTHER_SCHEMA = FeatureSchema((Feature(name="rooms", kind=Kind.NUMERIC),))
OTHER_VERSION = "20260202T000000Z-0123abcd"


def read(*payloads: bytes | Event, world: World | None = None) -> Decoded:
    encoded = [payload if isinstance(payload, bytes) else payload.encode() for payload in payloads]
    [records] = Records.by_shard(kinesis_event(encoded))
    return decode(records, MODEL, (world or World()).resources().baselines)


def changed(**changes: Any) -> bytes:
    """A good prediction's JSON with fields replaced; `...` removes one."""
    described = {**json.loads(prediction(1).encode()), **changes}
    return json.dumps({key: value for key, value in described.items() if value is not ...}).encode()


def shadow_with(**changes: Any) -> bytes:
    """A good shadow's JSON with fields replaced; `...` removes one."""
    described = {**json.loads(shadow(1).encode()), **changes}
    return json.dumps({key: value for key, value in described.items() if value is not ...}).encode()


def test_a_plain_batch_is_read_as_columns() -> None:
    read_out = read(prediction(1), label(2), prediction(3, confidence=None, interval=None), shadow(4))
    by_kind = {group.kind: group for group in read_out.groups}
    assert not read_out.rejected
    assert by_kind["prediction"].positions.tolist() == [0, 2]
    assert by_kind["label"].positions.tolist() == [1]
    rows = by_kind["prediction"].table.to_pylist()
    assert rows[0]["features"] == {"size": 6.0, "area": "coast", "garden": False}
    assert rows[0]["interval"] == {"lower": 90.0, "upper": 111.0, "coverage": 0.9}
    assert rows[1]["interval"] is None
    assert by_kind["label"].table["prediction_id"].to_pylist() == [event_id(2)]
    [beside] = by_kind["shadow"].table.to_pylist()
    assert (beside["prediction_id"], beside["event_id"]) == (event_id(4), event_id(2_000_004))
    assert (beside["features"]["size"], beside["prediction"]) == (6.0, 104.0)


def test_plain_records_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "_read_singly", lambda records, positions, models: ([], dict.fromkeys(positions, ""))
    )
    assert not read(*(event(i) for i in range(50) for event in (prediction, shadow, label))).rejected
    assert list(read(*(prediction(i) for i in range(50)), changed(confidence="high")).rejected) == list(
        range(51)
    )
    assert list(read(*(prediction(i) for i in range(50)), changed(event_id="x")).rejected) == [50]


REASONS: list[tuple[str, bytes, str]] = [
    ("not JSON", b"{", "not JSON (Expecting property name"),
    ("empty", b"", "not JSON (Expecting value"),
    ("two objects", changed() + b"\n" + changed(), "not JSON (Extra data"),
    ("null alone", b"null", "a JSON NoneType; write one JSON object a record"),
    ("null behind an object", changed() + b"null" + changed(), "not JSON (Extra data"),
    (
        "invalid UTF-8",
        changed(source="X").replace(b"X", b"\xff"),
        "not JSON ('utf-8' codec can't decode byte 0xff",
    ),
    ("too deep", b'{"features":' + b"[" * 200_000, "not JSON (maximum recursion depth exceeded"),
    (
        "aggregated",
        b"\xf3\x89\x9a\xc2\x0a\x01",
        "an aggregated record of the Kinesis Producer Library; turn its aggregation off",
    ),
    (
        "half a surrogate pair",
        changed(source="\ud800"),
        "source holds half of a surrogate pair; write whole characters",
    ),
    ("no event id", changed(event_id=...), "event_id is absent; write a UUID"),
    ("short event id", changed(event_id="7"), "event_id is '7'; write a UUID"),
    (
        "id of the right shape",
        changed(event_id="hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"),
        "event_id is 'hhhhhhhh-",
    ),
    ("no version of the contract", changed(schema_version=0), "schema_version is '0'; write the version of"),
    ("half a version", changed(schema_version=1.5), "schema_version is '1.5'; write the version of"),
    (
        "version in words",
        changed(schema_version="2"),
        "schema_version is '2'; write the version of the event",
    ),
    ("kind", changed(event_type="odd"), "event_type is 'odd'; write"),
    ("negative time", changed(event_time=-1), "event_time is '-1'; write UTC milliseconds"),
    ("huge time", changed(event_time=2**62), "event_time is '4611686018427387904'; write UTC milliseconds"),
    (
        "time to come",
        changed(event_time=NOON + 10_000 + 3_600_001),
        f"event_time is {NOON + 3_610_001}, more than an hour after its arrival at {NOON + 10_000}; "
        f"write UTC milliseconds and set the producer's clock",
    ),
    (
        "seconds",
        changed(event_time=NOON // 1000),
        f"event_time is {NOON // 1000}, before the year 2000; write",
    ),
    ("year 1999", changed(event_time=946_684_799_999), "event_time is 946684799999, before the year 2000"),
    ("label of before", label(1, prediction_id=event_id(1, 946_684_799_999)).encode(), "prediction_id is '"),
    (
        "features elsewhere",
        changed(event_type={"size": 4711}),
        'event_type is an object; write "prediction", "label" or "shadow"',
    ),
    (
        "features for a version",
        changed(schema_version={"size": 4711}),
        "schema_version is an object; write the version",
    ),
    ("features for a time", changed(event_time=[4711]), "event_time is a list; write UTC milliseconds"),
    ("no model", changed(model_name=""), "model_name is ''; write a string"),
    (
        "unknown version",
        changed(model_version="v9"),
        f"model_version is 'v9', but model '{MODEL}' has no such bundle; upload it to bundles/{MODEL}/v9/ "
        f"and send the event again",
    ),
    ("impossible version", changed(model_version="../x"), "model_version is '../x'; use 1 to 64 letters"),
    ("no features", changed(features=None), "features is not an object; write an object"),
    (
        "unknown feature",
        changed(features={"attic": 4711}),
        f'features has \'attic\', which {VERSION} does not know; write ["size", "area", "garden"]',
    ),
    (
        "text for a number",
        changed(features={"size": "4711"}),
        "features.size is a JSON string; write a number or null",
    ),
    (
        "truth for a number",
        changed(features={"size": True}),
        "features.size is a JSON boolean; write a number or null",
    ),
    ("list", changed(features={"size": [4711]}), "features.size is a JSON array; write a number or null"),
    ("object", changed(features={"area": {}}), "features.area is a JSON object; write a string or null"),
    (
        "number for a category",
        changed(features={"area": 4711}),
        "features.area is a JSON number; write a string or null",
    ),
    (
        "number for a truth",
        changed(features={"garden": 1}),
        "features.garden is a JSON number; write true or false or null",
    ),
    (
        "beyond a float",
        changed(features={"size": 10**400}),
        "features.size is a JSON number beyond 1.8e308; write a smaller",
    ),
    (
        "beyond what is read",
        changed(features={"size": 0}).replace(b": 0", b": " + b"9" * 5000),
        "not JSON (Exceeds",
    ),
    ("no prediction", changed(prediction=None), "prediction is 'None'; write a finite number"),
    ("infinite prediction", changed(prediction=float("inf")), "prediction is 'inf'; write a finite number"),
    (
        "class",
        changed(prediction="dear"),
        f"prediction is 'dear'; write a number, since {VERSION} is a regression",
    ),
    (
        "half an interval",
        changed(interval={"lower": 1, "upper": 2}),
        "interval.coverage is absent; write a finite number",
    ),
    ("confidence", changed(confidence="high"), "confidence is 'high'; write a number"),
    ("source", changed(source=5), "source is '5'; write a string"),
    ("shadow of nothing", shadow_with(prediction_id=...), "prediction_id is absent; write a UUID"),
    (
        "shadow of a random id",
        shadow_with(prediction_id="01234567-89ab-4def-8123-456789abcdef"),
        "prediction_id is '01234567-89ab-4def-8123-456789abcdef', which no prediction from 2000 to",
    ),
    ("shadow to come", shadow_with(prediction_id=event_id(1, NOON + 10**10)), "prediction_id is '"),
    (
        "shadow of an unknown version",
        shadow_with(model_version="v9"),
        f"model_version is 'v9', but model '{MODEL}' has no such bundle",
    ),
    ("shadow without a prediction", shadow_with(prediction=None), "prediction is 'None'; write a finite"),
    ("shadow without a version", shadow_with(model_version=""), "model_version is ''; write a string"),
    ("label for nothing", label(1, prediction_id="x" * 36).encode(), "prediction_id is 'xxxx"),
    (
        "label for a random id",
        label(1, prediction_id="01234567-89ab-4def-8123-456789abcdef").encode(),
        "prediction_id is '01234567-89ab-4def-8123-456789abcdef', which no prediction from 2000 to",
    ),
    ("label to come", label(1, prediction_id=event_id(1, NOON + 10**10)).encode(), "prediction_id is '"),
    (
        "label of no model",
        label(1, model_name="a/b").encode(),
        f"model_name is 'a/b', but this stack watches '{MODEL}'; write to the stream of the model's own",
    ),
    (
        "label of another model",
        label(1, model_name="other").encode(),
        "model_name is 'other', but this stack",
    ),
    ("prediction of another model", changed(model_name="other"), "model_name is 'other', but this stack"),
    ("empty label", label(1, label="").encode(), "label is ''; write a finite number or a class label"),
    (
        "probability of half a surrogate pair",
        changed(probabilities={"\ud800": None}),
        "probabilities.\\ud800 is 'None'; write a finite number",
    ),
]


@pytest.mark.parametrize(
    ("payload", "reason"), [case[1:] for case in REASONS], ids=[case[0] for case in REASONS]
)
def test_a_bad_record_is_refused_alone_and_told_why(payload: bytes, reason: str) -> None:
    read_out = read(prediction(1), payload, prediction(2))
    assert list(read_out.rejected) == [1]
    assert read_out.rejected[1].startswith(reason)
    assert "4711" not in read_out.rejected[1], "a reason must not give a feature's value away"
    read_out.rejected[1].encode()
    [group] = read_out.groups
    assert group.positions.tolist() == [0, 2]


GOOD: list[tuple[str, bytes, dict[str, Any]]] = [
    ("missing features", changed(features={}), {"features": {"size": None, "area": None, "garden": None}}),
    (
        "whole number",
        changed(features={"size": 2**60}),
        {"features": {"size": 2.0**60, "area": None, "garden": None}},
    ),
    (
        "NaN",
        changed(features={"size": float("nan")}),
        {"features": {"size": None, "area": None, "garden": None}},
    ),
    (
        "beyond a double",
        changed(features={"size": 0}).replace(b": 0}", b": 1e999}"),
        {"features": {"size": float("inf"), "area": None, "garden": None}},
    ),
    (
        "infinity",
        changed(features={"size": float("-inf")}),
        {"features": {"size": -float("inf"), "area": None, "garden": None}},
    ),
    (
        "new category",
        changed(features={"area": "möøn"}),
        {"features": {"size": None, "area": "möøn", "garden": None}},
    ),
    ("probabilities", changed(probabilities={"a": 0.5}), {"prediction": 101.0}),
    ("further field", changed(request_id="r"), {"prediction": 101.0}),
    ("upper-case id", changed(event_id=event_id(255).upper()), {"event_id": event_id(255)}),
    ("key twice", changed().replace(b'{"schema', b'{"confidence":0.1,"schema', 1), {"confidence": 0.5}),
    ("line break inside", changed().replace(b",", b",\n"), {"prediction": 101.0}),
    ("byte order mark", b"\xef\xbb\xbf" + changed(), {"prediction": 101.0}),
]


@pytest.mark.parametrize(("payload", "fields"), [case[1:] for case in GOOD], ids=[case[0] for case in GOOD])
def test_an_odd_record_that_keeps_the_contract_is_read(payload: bytes, fields: dict[str, Any]) -> None:
    read_out = read(prediction(1), payload, prediction(2))
    assert not read_out.rejected
    [group] = read_out.groups
    row = group.table.to_pylist()[1]
    assert {name: row[name] for name in fields} == fields


def test_versions_with_other_features_are_kept_apart() -> None:
    world = World({**bundle_objects(), **bundle_objects(OTHER_VERSION, OTHER_SCHEMA)})
    other = prediction(2, model_version=OTHER_VERSION, features={"rooms": 3})
    poorer = prediction(3, model_version=OTHER_VERSION, features={})
    read_out = read(prediction(1), other, poorer, world=world)
    assert not read_out.rejected
    by_version = {group.model_version: group for group in read_out.groups}
    assert by_version[VERSION].table["features"].to_pylist() == [
        {"size": 6.0, "area": "coast", "garden": False}
    ]
    assert by_version[OTHER_VERSION].table["features"].to_pylist() == [{"rooms": 3.0}, {"rooms": None}]


def test_a_label_read_singly_is_merged_with_those_read_as_columns() -> None:
    """Beside predictions, whose features the columns of the batch have."""
    odd = label(2).encode().replace(event_id(1_000_002).encode(), event_id(1_000_002).upper().encode())
    read_out = read(prediction(1), label(1), odd, label(3))
    assert not read_out.rejected
    by_kind = {group.kind: group for group in read_out.groups}
    assert by_kind["label"].positions.tolist() == [1, 2, 3]
    assert by_kind["label"].table["event_id"].to_pylist()[1] == event_id(1_000_002)


def test_a_fault_of_aws_is_not_an_unknown_model() -> None:
    world = World()

    def denied(number: int, when: str) -> None:
        raise client_error("AccessDenied")

    world.calls.hook = denied
    with pytest.raises(ClientError, match="AccessDenied"):
        read(prediction(1), world=world)


def test_an_unknown_version_is_asked_for_once_a_batch() -> None:
    world = World({})
    read_out = read(*(prediction(i) for i in range(40)), world=world)
    assert len(read_out.rejected) == 40
    assert world.calls.count == 2, "one question for the version, and one for all that there are"


def test_text_labels_are_kept_apart_from_numbers() -> None:
    [group] = read(label(1), label(2, label="dear")).groups
    assert group.table["label"].to_pylist() == [101.5, None]
    assert group.table["label_class"].to_pylist() == [None, "dear"]
