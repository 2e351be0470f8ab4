"""Captured requests become the events that an endpoint of ours would have written."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from drift_core.bundle import MANIFEST_FILE, Manifest
from drift_core.event import PredictionEvent, decode
from scripts.from_sagemaker import app
from scripts.sagemaker_capture import CaptureError, events_of
from tests.unit.scripts.conftest import bundle_files

MANIFEST = Manifest.from_json(bundle_files()[MANIFEST_FILE])
ORDER = list(MANIFEST.schema.names)
ROW = {"area": "coast", "rooms": 3.0, "garden": True}
CSV = ",".join(str(ROW[name]).lower() if name == "garden" else str(ROW[name]) for name in ORDER)


def captured(asked: str, answered: str, encoding: str = "CSV", **metadata: Any) -> str:
    def part(text: str, mode: str) -> dict[str, str]:
        data = base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text
        return {"observedContentType": "text/csv", "mode": mode, "data": data, "encoding": encoding}

    return json.dumps(
        {
            "captureData": {
                "endpointInput": part(asked, "INPUT"),
                "endpointOutput": part(answered, "OUTPUT"),
            },
            "eventMetadata": {
                "eventId": "2b1c1d3e-9f1a-4c52-8a4b-0a1f6c1f7e11",
                "inferenceTime": "2026-01-02T03:04:05Z",
            }
            | metadata,
            "eventVersion": "0",
        }
    )


@pytest.mark.parametrize(
    ("asked", "answered", "encoding"),
    [
        (CSV, "123.5", "CSV"),
        (CSV, "123.5\n", "BASE64"),
        (json.dumps({"instances": [ROW]}), json.dumps({"predictions": [{"score": 123.5}]}), "JSON"),
        (json.dumps({"instances": [{"features": [ROW[name] for name in ORDER]}]}), "[[123.5]]", "JSON"),
        (json.dumps([ROW]), json.dumps({"predictions": [123.5]}), "JSON"),
        (json.dumps(ROW), json.dumps({"predicted_value": 123.5}), "JSON"),
    ],
)
def test_every_encoding_of_a_request_is_the_same_event(asked: str, answered: str, encoding: str) -> None:
    (event,) = events_of(captured(asked, answered, encoding), MANIFEST, ORDER)
    assert (dict(event.features), event.prediction) == (ROW, 123.5)
    assert event.event_time == 1_767_323_045_000
    assert (event.model_name, event.model_version) == (MANIFEST.model_name, MANIFEST.model_version)
    assert decode(event.encode()) == event


def test_the_rows_of_a_request_are_events_of_their_own_and_the_same_each_time() -> None:
    line = captured(f"{CSV}\n{CSV}", "1\n2")
    first, second = events_of(line, MANIFEST, ORDER)
    assert (first.prediction, second.prediction) == (1.0, 2.0)
    assert first.event_id != second.event_id
    assert [one.event_id for one in events_of(line, MANIFEST, ORDER)] == [first.event_id, second.event_id]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{}", "not a line of data capture"),
        ("nonsense", "not a line of data capture"),
        (captured(CSV, "1\n2"), "1 rows and endpointOutput 2 numbers"),
        (
            captured("1,2", "1"),
            "has 2 values, and 3 columns are expected: area, rooms, garden;",
        ),
        (captured(CSV, "high"), "endpointOutput has no number a row"),
        (captured(CSV, json.dumps({"label": "cat"})), "endpointOutput has no number a row"),
        (captured(CSV.replace("3.0", "many"), "1"), "rooms"),
        (captured(CSV, "1").replace('"encoding": "CSV"', '"encoding": "BASE64"'), "no text in Base64"),
    ],
)
def test_what_cannot_be_read_says_why(line: str, told: str) -> None:
    with pytest.raises(CaptureError, match=told):
        list(events_of(line, MANIFEST, ORDER))


def test_files_and_folders_become_one_recording(bundle_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "capture" / "AllTraffic" / "2026" / "01" / "02" / "03"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text(captured(CSV, "1") + "\n" + captured(CSV, "2", eventId="b") + "\n")
    out = tmp_path / "traffic.jsonl"
    done = CliRunner().invoke(
        app, [str(tmp_path / "capture"), "--bundle", str(bundle_folder), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    events = [decode(line) for line in out.read_bytes().splitlines()]
    assert [one.prediction for one in events if isinstance(one, PredictionEvent)] == [1.0, 2.0]

    (folder / "b.jsonl").write_text("broken\n")
    out.unlink()
    done = CliRunner().invoke(
        app, [str(tmp_path / "capture"), "--bundle", str(bundle_folder), "--out", str(out)]
    )
    assert done.exit_code == 2
    assert "b.jsonl, line 1: not a line of data capture" in " ".join(done.output.split())
    assert not out.exists()
