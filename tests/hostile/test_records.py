"""A hundred thousand hostile records: each is archived, or quarantined with its reason."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from drift_consumer.columns import event_schema, features_type, parse
from drift_consumer.consume import logger
from tests.hostile.fates import REASONS, fates
from tests.hostile.odd import MARK
from tests.hostile.records import record, tame
from tests.unit.drift_consumer.fixture_traffic import SCHEMA

BATCHES, SIZE = 100, 1_000
COLUMNS = event_schema(features_type(SCHEMA))

SMALL = 1_500
"""Batches of a few records: there a neighbour matters most."""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the consumer logs."""
    (handler,) = logger.handlers
    written = io.StringIO()
    before = handler.setStream(written)  # type: ignore[attr-defined]
    yield written
    handler.setStream(before)  # type: ignore[attr-defined]


def test_every_record_ends_in_one_place_as_if_it_had_come_alone(
    log: io.StringIO, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of the batches parse as columns, so that what their values say decides; the others never do."""
    tally: Counter[str] = Counter()
    for seed in range(BATCHES):
        rng = Random(seed)
        batch = [(tame if seed % 2 else record)(rng) for _ in range(SIZE)]
        assert (parse(batch, COLUMNS) is None) == (seed % 2 == 0)
        tally += fates(batch)
    assert tally.total() >= 100_000
    with capsys.disabled():
        writer = request.config.get_terminal_writer()
        writer.line()
        for fate, count in tally.most_common():
            writer.line(f"{count:8,}  {fate}")
    missing = {"prediction", "label", "shadow", "duplicate", *REASONS} - tally.keys()
    assert not missing, "an attack that no longer reaches its refusal proves nothing"
    lines = log.getvalue().splitlines()
    assert len(lines) == BATCHES
    assert str(MARK) not in log.getvalue()
    assert sum(json.loads(line)["records"] for line in lines) == BATCHES * SIZE


def test_in_a_small_batch_no_neighbour_matters() -> None:
    rng = Random(BATCHES)
    for _ in range(SMALL):
        fates([rng.choice([tame, record])(rng) for _ in range(rng.randrange(1, 4))])
