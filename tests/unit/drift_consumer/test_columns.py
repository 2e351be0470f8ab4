"""The fast way of reading may refuse more than the slow one, but may never read another thing."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drift_consumer import single
from drift_consumer.columns import event_schema, features_type, id_bytes, id_times, parse, vouched
from drift_consumer.single import KnownModels
from drift_core.event import Event, EventError, Interval, event_id_time, new_event_id
from tests.unit.drift_consumer.fixture_traffic import MODEL, NOON, SCHEMA, World, label, prediction

ARRIVAL = NOON + 10_000
EXPECTED = event_schema(features_type(SCHEMA))
BASELINES = World().resources().baselines

NUMBERS = """
0 -0 1 -1 1.0 1e0 1E+2 1e400 -1e400 1e-400 NaN -NaN Infinity -Infinity Inf -Inf 01 +1 .5 1. 0x1
9223372036854775808 10000000000000000000000 0.1000000000000000055511151231257827 1.7976931348623159e308
"""
OTHERS = r"""
null true false {} [] [1] "" "a" "\u0000" "\ud800" "\ud83d\ude00" {"lower":1}
"""

ODD = st.one_of(
    st.sampled_from([*NUMBERS.split(), *OTHERS.split(), "9" * 25, "9" * 400, "9" * 4301]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    ).map(json.dumps),
    st.floats().map(repr),
    st.integers(NOON - 10**7, NOON + 10**7).map(str),
    st.uuids().map(lambda uuid: f'"{uuid}"'),
)

FIELDS = st.sampled_from(
    [*json.loads(prediction(1).encode()), "prediction_id", "label", "probabilities", "label_class", "odd"]
)
PARTS = st.sampled_from(["size", "area", "garden", "attic"])


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """An event with a few fields replaced, absent, added or written twice."""
    event = draw(st.sampled_from([prediction(1).encode(), label(1).encode()]))
    fields = [(name, json.dumps(value)) for name, value in json.loads(event).items()]
    fields += draw(st.lists(st.tuples(FIELDS, ODD), max_size=2))
    for name in draw(st.lists(FIELDS, max_size=2)):
        fields = [field for field in fields if field[0] != name]
    for part in draw(st.lists(PARTS, max_size=2)):
        fields = [(n, f'{{"{part}": {draw(ODD)}}}' if n == "features" else text) for n, text in fields]
    space = draw(st.sampled_from(["", " ", "\t", "\r"]))
    text = f"{{{space}" + f",{space}".join(f'"{name}"{space}:{text}' for name, text in fields) + "}"
    return text.encode() + space.encode()


@settings(max_examples=400, deadline=None)
@given(payloads())
@example(prediction(1).encode() + b"null")
@example(prediction(1).encode() + b" \t null" + prediction(2).encode())
@example(prediction(1).encode().replace(b"111", b"9" * 400))
@example(label(1).encode()[:-1] + b',"prediction":Inf}')
@example(prediction(1, confidence=1.01).encode())
@example(prediction(1, confidence=-0.01).encode())
@example(prediction(1, interval=Interval(lower=2.0, upper=1.0, coverage=0.9)).encode())
@example(prediction(1, interval=Interval(lower=1.0, upper=2.0, coverage=0.0)).encode())
@example(prediction(1, interval=Interval(lower=1.0, upper=2.0, coverage=1.1)).encode())
def test_what_the_columns_vouch_for_is_what_the_single_record_says(payload: bytes) -> None:
    good = prediction(2).encode()
    table = parse([good, payload, good], EXPECTED)
    if table is None or not vouched(table, np.full(3, ARRIVAL))[1]:
        return
    try:
        row = single.read(payload, ARRIVAL, KnownModels(MODEL, BASELINES))
    except EventError as refusal:
        # What only the bundle or the name can tell is left to the caller.
        assert str(refusal).startswith(("model_name is", "model_version is")), refusal
        return
    read = table.slice(1, 1).to_pylist()[0]
    assert read["source"] or row.fields["source"] == "unknown"
    for name, value in row.fields.items():
        if name != "source" and value is not None:
            assert same(read[name], value), name


def same(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return all(same(one[key], other[key]) for key in one.keys() | other.keys())
    if isinstance(one, float) and isinstance(other, float):
        return one == other and not math.isnan(one)
    return one == other


def test_good_events_are_vouched_for() -> None:
    events: list[Event] = [
        prediction(1),
        label(2),
        prediction(3, interval=None, confidence=None, features={}),
        prediction(4, interval=Interval(lower=1.0, upper=1.0, coverage=1.0), confidence=0.0),
        prediction(5, confidence=1.0),
    ]
    table = parse([event.encode() for event in events], EXPECTED)
    assert table is not None
    assert vouched(table, np.full(5, ARRIVAL)).all()


def test_a_later_version_of_the_contract_is_vouched_for_while_all_its_fields_are_known() -> None:
    """So producers that are ahead cost the consumer nothing until they send what it does not know."""
    event = prediction(1).encode()
    later = event.replace(b'"schema_version":1', b'"schema_version":2')
    none = event.replace(b'"schema_version":1', b'"schema_version":0')
    table = parse([event, later, none], EXPECTED)
    assert table is not None
    assert vouched(table, np.full(3, ARRIVAL)).tolist() == [True, True, False]
    assert parse([event, later[:-1] + b',"latency_ms":1.5}'], EXPECTED) is None  # read one by one


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"label": 1', b', "confidence": 1}', b'{"label": 1}{"label": 2}'],
        [b'{"label": 1}\n{"label": 2}', b""],
        [b'{"label": 1}\n{"label": 2}', b" "],
        [b'{"label": 1}', b""],
        [b""],
        [b"null", b"null"],
        [b'{"source": "\xff"}'],
        [b'{"source": "}', b'{"}'],
    ],
)
def test_records_that_run_into_each_other_are_not_parsed_together(lines: list[bytes]) -> None:
    assert parse(lines, EXPECTED) is None


def test_ids_are_read_where_they_lie() -> None:
    ids = [new_event_id(time) for time in (0, 1, NOON, 2**48 - 1)]
    column = pa.array(["short", None, *ids])
    assert not id_bytes(column)[:2].tobytes().strip()
    sliced = column.slice(2)
    assert [row.tobytes().decode() for row in id_bytes(sliced)] == ids
    assert id_times(id_bytes(sliced)).tolist() == [event_id_time(one) for one in ids]
