"""What the archive holds of a batch is the batch: read back, it gives the same state to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drift_consumer.archive import parquet
from drift_consumer.decode import decode
from drift_consumer.records import Records
from drift_consumer.slices import Slice, by_window
from drift_core.event import Interval
from scripts.restored import restore
from tests.unit.drift_consumer.fixture_traffic import (
    MODEL,
    VERSION,
    World,
    kinesis_event,
    label,
    prediction,
    shadow,
)

BASELINES = World().resources().baselines
BASELINE = BASELINES.get(MODEL, VERSION).baseline

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 5e-324, -2.2e-308, 1.7976931348623157e308, -1e308, 2.0**53 + 2, 0.1, 1e-45]
)
features = st.fixed_dictionaries(
    {
        "size": st.none() | numbers,
        "area": st.none() | st.sampled_from(["coast", "moon", "hills", "\N{BLACK SQUARE}", " ", "coast "]),
        "garden": st.none() | st.booleans(),
    }
)
intervals = st.none() | st.tuples(numbers, numbers).map(sorted).map(
    lambda ends: Interval(lower=ends[0], upper=ends[1], coverage=0.9)
)


@st.composite
def payloads(draw: st.DrawFn) -> list[bytes]:
    """Predictions, shadows, labels and unreadable records, some of them twice."""
    made: list[bytes] = []
    for number in range(draw(st.integers(1, 12))):
        match draw(st.sampled_from(["good", "good", "shadow", "label", "bad", "again"])):
            case "good" | "shadow" as kind:
                changes: dict[str, Any] = {
                    "features": draw(features),
                    "prediction": draw(numbers),
                    "interval": draw(intervals),
                    "confidence": draw(st.none() | st.floats(0, 1)),
                }
                made.append((shadow if kind == "shadow" else prediction)(number, **changes).encode())
            case "label":
                made.append(label(number, label=draw(numbers)).encode())
            case "bad":
                made.append(draw(st.binary(max_size=20)))
            case _:
                made.append(made[draw(st.integers(0, len(made) - 1))] if made else b"")
    return made


def slices(batch: list[bytes]) -> list[Slice]:
    [records] = Records.by_shard(kinesis_event(batch))
    return by_window(records, decode(records, MODEL, BASELINES), None)


def check(batch: list[bytes]) -> None:
    for piece in slices(batch):
        events = piece.distinct()
        baseline = BASELINE if piece.key.series.is_judged else None
        back = restore(parquet(events, piece.without(events)), piece.key, baseline)
        assert back.sequences == frozenset(piece.sequences.tolist())
        assert back.events.sequences.tolist() == events.sequences.tolist()
        assert back.events.ids.tolist() == events.ids.tolist()
        assert back.events.times.tolist() == events.times.tolist()
        assert back.events.rows.tobytes() == events.rows.tobytes()
        counted = events.count(duplicates=len(piece) - len(events))
        assert back.state().to_bytes() == counted.to_bytes()


@settings(max_examples=250, deadline=None)
@given(payloads())
@example([b"", prediction(1, features={}).encode(), prediction(1, features={}).encode()])
def test_an_object_read_back_is_the_slice_that_was_counted(batch: list[bytes]) -> None:
    check(batch)


def test_each_kind_of_value_comes_back() -> None:
    """The values of the property above, all in one batch, are told apart."""
    sizes = [None, 0.0, -0.0, 5e-324, 1e308]
    areas = [None, "coast", "moon", "hills", "centre"]
    events = [
        prediction(i, features={"size": sizes[i], "area": areas[i], "garden": [None, True, False][i % 3]})
        for i in range(5)
    ]
    check([event.encode() for event in events])
    [piece] = slices([event.encode() for event in events])
    assert len(np.unique(piece.rows[:, 0].view(np.int64))) == 5
    assert len(np.unique(piece.rows[:, 1].view(np.int64))) == 5


def test_repeated_deliveries_are_named_in_their_order() -> None:
    """Nine and ten digits apart: as texts they would be in another order."""
    batch = [event.encode() for event in (prediction(1), prediction(2), prediction(1), prediction(1))]
    [piece] = slices(batch)
    events = piece.distinct()
    left_out = piece.without(events)
    assert left_out == tuple(sorted(piece.sequences.tolist()))[2:]
    assert restore(parquet(events, left_out), piece.key, BASELINE).repeated == left_out
    assert parquet(events, left_out) == parquet(events, reversed(left_out)), "no order, no clock in a file"
