"""The stream contract: round trips, and every refusal names field, value and remedy."""

import json
import re
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_core.event import (
    EventError,
    Interval,
    LabelEvent,
    PredictionEvent,
    ShadowEvent,
    decode,
    event_id_time,
    new_event_id,
)

PREDICTION = PredictionEvent(
    event_id=new_event_id(1_700_000_000_000),
    event_time=1_700_000_000_000,
    model_name="house-prices",
    model_version="v1",
    features={"size": 80.5, "area": None, "garden": True},
    prediction=310_000.5,
    interval=Interval(lower=280_000, upper=350_000, coverage=0.9),
    confidence=0.7,
    source="api",
)
LABEL = LabelEvent(
    event_id=new_event_id(1_700_000_900_000),
    event_time=1_700_000_900_000,
    model_name="house-prices",
    prediction_id=PREDICTION.event_id,
    label=305_000.0,
)


SHADOW = ShadowEvent(
    event_id=new_event_id(1_700_000_000_000),
    event_time=1_700_000_000_000,
    model_name="house-prices",
    model_version="v2",
    features={"size": 80.5},
    prediction=300_000.5,
    interval=Interval(lower=270_000, upper=340_000, coverage=0.9),
    confidence=0.6,
    source="api",
    prediction_id=PREDICTION.event_id,
)


@pytest.mark.parametrize(
    "event",
    [
        PREDICTION,
        LABEL,
        SHADOW,
        PredictionEvent(
            event_id=new_event_id(5),
            event_time=5,
            model_name="income",
            model_version="v2",
            features={},
            prediction=">50K",
            probabilities={">50K": 0.8, "<=50K": 0.2},
        ),
    ],
)
def test_an_event_survives_the_stream(event: PredictionEvent | LabelEvent) -> None:
    assert decode(event.encode()) == event
    assert b"\n" not in event.encode()


@given(st.integers(0, 2**47), st.integers(0, 2**47))
def test_event_ids_are_uuid7_and_sort_by_time(first: int, second: int) -> None:
    ids = new_event_id(first), new_event_id(second)
    assert all(uuid.UUID(i).version == 7 and uuid.UUID(i).variant == uuid.RFC_4122 for i in ids)
    assert [event_id_time(i) for i in ids] == [first, second]
    assert (ids[0] < ids[1]) == (first < second) or first == second


def test_event_ids_of_one_millisecond_differ() -> None:
    assert len({new_event_id(7) for _ in range(10_000)}) == 10_000


def changed(event: PredictionEvent | LabelEvent, **changes: Any) -> bytes:
    described = {**json.loads(event.encode()), **changes}
    return json.dumps({key: value for key, value in described.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"{", "not JSON ("),
        (b"\xff\xfe", "not JSON ("),
        (b"[" * 100_000, "not JSON ("),
        (b"[1]", "a JSON list; write one JSON object a record"),
        (changed(PREDICTION, schema_version=...), "schema_version is absent; write the version of the event"),
        (changed(PREDICTION, schema_version=0), "schema_version is '0'; write the version of the event, an"),
        (changed(PREDICTION, schema_version=-1), "schema_version is '-1'; write the version of the event"),
        (changed(PREDICTION, schema_version=1.5), "schema_version is '1.5'; write the version of the event"),
        (
            changed(PREDICTION, schema_version=True),
            "schema_version is 'True'; write the version of the event",
        ),
        (changed(PREDICTION, schema_version="1"), "schema_version is '1'; write the version of the event"),
        (
            changed(PREDICTION, event_type="guess"),
            'event_type is \'guess\'; write "prediction", "label" or "shadow"',
        ),
        (changed(PREDICTION, event_id=...), "event_id is absent; write a UUID (version 7)"),
        (changed(PREDICTION, event_id="7"), "event_id is '7'; write a UUID (version 7) of 36 characters"),
        (changed(PREDICTION, event_id="z" * 36), "write a UUID (version 7) of 36 characters"),
        (changed(PREDICTION, event_time="noon"), "event_time is 'noon'; write UTC milliseconds since 1970"),
        (changed(PREDICTION, event_time=True), "event_time is 'True'; write UTC milliseconds"),
        (changed(PREDICTION, event_time=-1), "event_time is '-1'; write UTC milliseconds"),
        (changed(PREDICTION, model_name=""), "model_name is ''; write a string that is not empty"),
        (changed(PREDICTION, model_version=3), "model_version is '3'; write a string"),
        (changed(PREDICTION, features=[1]), "features is not an object; write an object, value by name"),
        (changed(PREDICTION, features=...), "features is absent; write an object, value by name"),
        (changed(PREDICTION, prediction=...), "prediction is absent; write a finite number or a class label"),
        (changed(PREDICTION, prediction=float("nan")), "prediction is 'nan'; write a finite number"),
        (changed(PREDICTION, confidence="high"), "confidence is 'high'; write a number"),
        (changed(PREDICTION, interval={"lower": 1, "upper": 2}), "coverage is absent; write a finite number"),
        (changed(PREDICTION, confidence=1.5), "confidence is '1.5'; write a number from 0 to 1"),
        (
            changed(PREDICTION, interval={"lower": 2, "upper": 1, "coverage": 0.9}),
            "interval has its lower end above its upper; write them in order",
        ),
        (
            changed(PREDICTION, interval={"lower": 1, "upper": 2, "coverage": 7}),
            "interval.coverage is 7; write a share above 0, at most 1",
        ),
        (changed(PREDICTION, probabilities={"a": "b"}), "a is 'b'; write a number"),
        (changed(SHADOW, prediction_id=...), "prediction_id is absent; write a UUID"),
        (changed(SHADOW, features=...), "features is absent; write an object, value by name"),
        (changed(LABEL, prediction_id=None), "prediction_id is 'None'; write a UUID"),
        (changed(LABEL, label=[]), "label is a list; write a finite number or a class label"),
    ],
)
def test_a_broken_record_is_refused_by_name(payload: bytes, message: str) -> None:
    with pytest.raises(EventError, match=re.escape(message)):
        decode(payload)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_never_do_worse_than_a_refusal(payload: bytes) -> None:
    with pytest.raises(EventError):
        decode(payload)


def test_what_is_not_finite_is_never_written() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        LabelEvent(event_id="x", event_time=1, model_name="m", prediction_id="y", label=float("inf")).encode()
