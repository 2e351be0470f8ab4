"""Record what today's version writes: `python -m tests.golden.record v2`, once for each that adds something.

A recording is never written again: tests read every one with the code of the day. Its files are the events on
the stream, the bundle, the items of the table and the verdicts, at a moment when one window has been judged
and another one is still counted.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from drift_core.bundle import BASELINE_FILE, MANIFEST_FILE
from drift_core.monitor_settings import MonitorSettings
from tests.unit.drift_consumer.fixture_traffic import (
    NOON,
    SEGMENTS,
    World,
    bundle_objects,
    healthy,
    label,
)

FOLDER = Path(__file__).parent

MINUTE = 60_000
WINDOW = 5 * MINUTE

FILES = (MANIFEST_FILE, BASELINE_FILE)


def record(version: str) -> Path:
    """Write a recording; its folder.

    Raises
    ------
    FileExistsError
        If the version is recorded: its bytes lie in users' tables, so they do not change.
    """
    folder = FOLDER / version
    folder.mkdir()
    world = World(bundle_objects(monitor=MonitorSettings(min_samples=30), segments=SEGMENTS))
    first = [event.encode() for event in healthy(80, NOON)]
    second = [event.encode() for event in healthy(25, NOON + WINDOW, first=100)]
    second += [label(3).encode(), b'{"event_type": "prediction"}']
    world.consume(first[:50])
    world.consume(first[50:], shard=1)
    world.evaluate(NOON + WINDOW + 2 * MINUTE)
    world.consume(second)
    for key, content in world.s3.objects.items():
        if key[0] == "models":
            (folder / Path(key[1]).name).write_bytes(content)
    write(folder / "events.json", [payload.decode() for payload in (*first, *second)])
    write(folder / "items.json", [to_text(item) for item in world.dynamodb.items.values()])
    write(folder / "verdicts.json", world.verdicts())
    write(folder / "moment.json", {"now": world.now, "next_sequence": world.sequence})
    return folder


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def to_text(value: Any) -> Any:
    """An item of DynamoDB as JSON: bytes in base 64."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {key: to_text(inner) for key, inner in value.items()}
        case list():
            return [to_text(inner) for inner in value]
        case _:
            return value


def from_text(value: Any) -> Any:
    """Inverse of `to_text`: what stands under "B" is bytes."""
    match value:
        case {"B": str(text)}:
            return {"B": base64.b64decode(text)}
        case dict():
            return {key: from_text(inner) for key, inner in value.items()}
        case list():
            return [from_text(inner) for inner in value]
        case _:
            return value


if __name__ == "__main__":
    sys.stdout.write(f"{record(*sys.argv[1:])}\n")
