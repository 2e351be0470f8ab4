"""The process that may die: atheris with the decoder instrumented; see `tests.hostile.fuzz`."""

from __future__ import annotations

import sys
from collections import Counter
from random import Random

import atheris

with atheris.instrument_imports(include=["drift_core.event", "drift_consumer", "json"]):
    from drift_consumer import single
    from drift_consumer.consume import logger
    from drift_consumer.decode import decode
    from drift_consumer.records import Records
    from drift_consumer.single import KnownModels
    from drift_core.event import EventError

from tests.hostile.fates import fates
from tests.hostile.odd import ARRIVAL
from tests.hostile.records import good, record
from tests.unit.drift_consumer.fixture_traffic import MODEL, World, kinesis_event

WHOLE = 50
"""One input in so many goes through the whole consumer, archive and states included."""

BASELINES = World().resources().baselines
TALLY: Counter[str] = Counter()


def one_input(payload: bytes) -> None:
    """Read a payload alone and between neighbours: it must have the same fate."""
    rng = Random(len(payload))
    neighbours = [good(rng), good(rng)]
    [records] = Records.by_shard(kinesis_event([neighbours[0], payload, neighbours[1]]))
    decoded = decode(records, MODEL, BASELINES)
    try:
        row = single.read(payload, ARRIVAL, KnownModels(MODEL, BASELINES))
    except EventError as refusal:
        fate = "refused"
        assert decoded.rejected == {1: str(refusal)}
    else:
        fate = row.kind
        assert not decoded.rejected
        [group] = [group for group in decoded.groups if 1 in group.positions and group.kind == row.kind]
        read = group.table.to_pylist()[group.positions.tolist().index(1)]
        assert {name: read[name] for name in row.fields if name != "source"} == {
            name: value for name, value in row.fields.items() if name != "source"
        }
    TALLY[fate] += 1
    if TALLY.total() % WHOLE == 0:
        fates([*neighbours, payload])


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Libfuzzer's own mutations of the bytes, and now and then a record that knows the grammar."""
    rng = Random(seed)
    if rng.random() < 0.1:
        return record(rng)[:max_size]
    changed: bytes = atheris.Mutate(data, max_size)
    return changed


logger.setLevel("ERROR")
atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
atheris.Fuzz()
