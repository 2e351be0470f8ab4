"""SageMaker's data capture as events: what an endpoint was asked and what it answered, line by line.

A line is a JSON object with `captureData` (`endpointInput`, `endpointOutput`) and `eventMetadata`. The data
are CSV, JSON or, where the endpoint did not know the content type, Base64 of one of them.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from drift_core.bundle import Manifest
from drift_core.event import PredictionEvent
from scripts.event_ids import derived_event_id
from scripts.recorded_row import RowError, features_of

ANSWERS = ("predictions", "outputs", "instances")
"""Keys under which an answer in JSON has its rows."""

SCORES = ("score", "prediction", "predicted_value", "value")
"""Keys under which a row of such an answer has its number."""


class CaptureError(ValueError):
    """A line that is no capture of this model; the text names the field, the value and the remedy."""


def events_of(line: str, manifest: Manifest, order: Sequence[str]) -> Iterator[PredictionEvent]:
    """The predictions of one captured request.

    Parameters
    ----------
    line : of a capture file.
    manifest : of the bundle whose model answered; its name and version stand in the events.
    order : names of the columns of a CSV request, which has no header.

    Yields
    ------
    One event a row. The same line gives the same ids, so a file may be sent twice.

    Raises
    ------
    CaptureError
        If the line is not what it must be.
    """
    try:
        read = json.loads(line)
        data, metadata = read["captureData"], read["eventMetadata"]
        at = datetime.fromisoformat(metadata["inferenceTime"])
        asked, answered = data["endpointInput"], data["endpointOutput"]
    except (ValueError, KeyError, TypeError) as error:
        raise CaptureError(
            f"not a line of data capture ({type(error).__name__}: {error}); it needs captureData with "
            f"endpointInput and endpointOutput, and eventMetadata with inferenceTime"
        ) from None
    time = round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    rows = _rows(_text(asked, "endpointInput"), order)
    numbers = _numbers(_text(answered, "endpointOutput"))
    if len(rows) != len(numbers):
        raise CaptureError(
            f"endpointInput has {len(rows)} rows and endpointOutput {len(numbers)} numbers; is this a model "
            f"with one number a row?"
        )
    for place, (row, number) in enumerate(zip(rows, numbers, strict=True)):
        try:
            features = features_of(row, manifest.schema)
        except RowError as error:
            raise CaptureError(f"row {place} of {metadata.get('eventId')}: {error}") from None
        yield PredictionEvent(
            event_id=derived_event_id(time, metadata.get("eventId"), place),
            event_time=time,
            model_name=manifest.model_name,
            model_version=manifest.model_version,
            features=features,
            prediction=number,
            source="sagemaker",
        )


def _text(part: Mapping[str, Any], name: str) -> str:
    """What was captured, decoded."""
    text = part.get("data")
    if not isinstance(text, str):
        raise CaptureError(f"{name}.data is {type(text).__name__}; capture both input and output")
    if part.get("encoding") != "BASE64":
        return text
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise CaptureError(
            f"{name}.data is no text in Base64; set CsvContentTypes or JsonContentTypes of the capture"
        ) from None


def _rows(text: str, order: Sequence[str]) -> list[Mapping[str, Any]]:
    """Rows of a request, by column."""
    try:
        read = json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    except ValueError as error:
        raise CaptureError(f"endpointInput is no JSON: {error}") from None
    rows: list[Any]
    if read is None:
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    elif isinstance(read, Mapping):
        rows = next((list(read[key]) for key in ANSWERS if key in read), [read])
    else:
        rows = read
    return [_named(row, order) for row in rows]


def _named(row: Any, order: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        inner = row.get("features", row)
        return inner if isinstance(inner, Mapping) else _named(inner, order)
    if not isinstance(row, Sequence) or isinstance(row, str) or len(row) != len(order):
        count = len(row) if isinstance(row, Sequence) else 1
        raise CaptureError(
            f"a row of endpointInput has {count} values, and {len(order)} columns are expected: "
            f"{', '.join(order[:10])}; give their order with --columns"
        )
    return dict(zip(order, row, strict=True))


def _numbers(text: str) -> list[float]:
    """The number that each row was answered with."""
    try:
        read = json.loads(text) if text.lstrip().startswith(("{", "[")) else None
        if read is None:
            return [float(row[0]) for row in csv.reader(io.StringIO(text)) if row]
        if isinstance(read, Mapping):
            read = next((read[key] for key in ANSWERS if key in read), [read])
        return [_number(one) for one in read]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise CaptureError(
            f"endpointOutput has no number a row ({type(error).__name__}: {error}); it may be CSV with the "
            f"number first, or JSON with {' or '.join(ANSWERS[:2])} and {', '.join(SCORES[:2])}"
        ) from None


def _number(one: Any) -> float:
    if isinstance(one, Mapping):
        one = one[next((key for key in SCORES if key in one), SCORES[0])]
    return float(one[0] if isinstance(one, list) else one)
