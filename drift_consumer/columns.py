"""Events as columns: many JSON payloads parsed at once, and which of the rows can be trusted as they are.

What this module cannot vouch for is read again one by one by `single.read`, which decides. So the
rules here may be stricter than the contract, never looser: a record's fate must not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from drift_core.bins import Counts
from drift_core.event import EARLIEST_MS, FUTURE_LIMIT_MS, LABEL, PREDICTION, SHADOW
from drift_core.schema import FeatureSchema, Kind

type Mask = npt.NDArray[np.bool_]

EVENT_ID_LENGTH = 36

_ARROW = {Kind.NUMERIC: pa.float64(), Kind.CATEGORICAL: pa.string(), Kind.BOOLEAN: pa.bool_()}

_INTERVAL = pa.struct([(name, pa.float64()) for name in ("lower", "upper", "coverage")])

_SHAPE = bytes(
    ord("h" if byte in b"0123456789abcdef" else "-" if byte == ord("-") else "x") for byte in range(256)
)
_UUID_SHAPE = b"hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"
_NO_ID = b" " * EVENT_ID_LENGTH
_TIME_DIGITS = [*range(8), *range(9, 13)]  # of a UUID version 7: 48 bits of milliseconds
_VERSION_DIGIT = 14
_DIGIT = np.zeros(256, np.int64)
_DIGIT[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


def features_type(schema: FeatureSchema) -> Any:
    """The struct of a model's features, for JSON, for memory and for the archive."""
    return pa.struct([(feature.name, _ARROW[feature.kind]) for feature in schema.features])


def event_schema(features: Any | None) -> Any:
    """Columns of predictions, labels and shadows mixed; every field may be null.

    Parameters
    ----------
    features : from `features_type`; None when only labels are expected.
    """
    fields = [
        ("schema_version", pa.int64()),
        ("event_type", pa.string()),
        ("event_id", pa.string()),
        ("event_time", pa.int64()),
        ("model_name", pa.string()),
        ("model_version", pa.string()),
        ("features", pa.struct([]) if features is None else features),
        ("prediction", pa.float64()),
        ("interval", _INTERVAL),
        ("confidence", pa.float64()),
        ("source", pa.string()),
        ("prediction_id", pa.string()),
        ("label", pa.float64()),
    ]
    return pa.schema(fields)


def parse(payloads: Sequence[bytes], schema: Any) -> Any | None:
    """One row a payload, or None if the batch is not that plain.

    Parameters
    ----------
    payloads : each should be one JSON object in UTF-8.
    schema : from `event_schema`.

    Returns
    -------
    A pyarrow Table of `len(payloads)` rows in their order. None if any payload is not one object with known
    fields of the right types.
    """
    lines = b"\n".join(payloads)
    if not _one_object_a_line(payloads, lines) or not _is_utf8(lines):
        return None
    try:
        table = pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
    except pa.ArrowInvalid:
        return None
    return table.combine_chunks() if table.num_rows == len(payloads) else None


def _one_object_a_line(payloads: Sequence[bytes], lines: bytes) -> bool:
    """Whether equal numbers of rows and lines will mean one object a line.

    Between `}`, newline and `{` an object can only have ended, so nothing spans two lines and each line gives
    at least one row. That the first line begins with an object matters as well: pyarrow 26 crashes the
    process on a batch that begins with `null`.
    """
    if not all(payloads):
        return False
    characters = np.frombuffer(lines, np.uint8)
    lengths = np.fromiter(map(len, payloads), np.intp, len(payloads))
    last = np.cumsum(lengths + 1) - 2
    first = np.append(0, last[:-1] + 2)
    return bool(
        np.count_nonzero(characters == ord("\n")) == len(payloads) - 1
        and (characters[first] == ord("{")).all()
        and (characters[last] == ord("}")).all()
    )


def _is_utf8(lines: bytes) -> bool:
    if lines.isascii():
        return True
    try:
        lines.decode()
    except UnicodeDecodeError:
        return False
    return True


def vouched(table: Any, arrivals: Counts) -> Mask:
    """Rows that certainly keep the contract, shape (n,).

    Parameters
    ----------
    table : of the columns of `event_schema`.
    arrivals : shape (n,), UTC milliseconds.
    """
    latest = arrivals + FUTURE_LIMIT_MS
    times = _numbers(table, "event_time")
    good: Mask = (
        (_numbers(table, "schema_version") >= 1)
        & _uuids(id_bytes(table["event_id"]))
        & (times >= EARLIEST_MS)
        & (times <= latest)
        & _filled(table["model_name"])
        & (_filled(table["source"]) | _null(table["source"]))
        & _plain_numbers(table)
    )
    kinds = table["event_type"]
    predictions, labels = _equal(kinds, PREDICTION), _equal(kinds, LABEL)
    shadows = ~(predictions | labels)  # most batches have none, so the texts are compared where some are left
    if shadows.any():
        shadows &= _equal(kinds, SHADOW) & _times_of_predictions(table["prediction_id"], latest)
    if predictions.any() or shadows.any():
        sound = _filled(table["model_version"]) & _predictions(table)
        predictions &= sound
        shadows &= sound
    if labels.any():
        labels &= ~_null(table["label"]) & _times_of_predictions(table["prediction_id"], latest)
    good &= predictions | labels | shadows
    return good


def _predictions(table: Any) -> Mask:
    good: Mask = ~_null(table["prediction"]) & ~_null(table["features"])
    confidence = _numbers(table, "confidence")
    good &= _null(table["confidence"]) | ((confidence >= 0) & (confidence <= 1))
    lower, upper, coverage = (numbers(part) for part in flatten(table["interval"]))  # NaN fails, as null does
    good &= _null(table["interval"]) | ((lower <= upper) & (coverage > 0) & (coverage <= 1))
    return good


def _plain_numbers(table: Any) -> Mask:
    """Whether a row has no NaN and no infinity, which are not JSON, in any field: `single.read` decides."""
    columns = [one_chunk(table[name]) for name in ("prediction", "confidence", "label")]
    columns += [*flatten(table["interval"]), *flatten(table["features"])]
    good = np.ones(table.num_rows, bool)
    for column in columns:
        if pa.types.is_floating(column.type) and column.null_count < len(column):
            good &= np.isfinite(numbers(column)) | _null(column)
    return good


def _times_of_predictions(prediction_ids: Any, latest: Counts) -> Mask:
    ids = id_bytes(prediction_ids)
    times = id_times(ids)
    good: Mask = (
        _uuids(ids) & (ids[:, _VERSION_DIGIT] == ord("7")) & (times >= EARLIEST_MS) & (times <= latest)
    )
    return good


def id_bytes(column: Any) -> npt.NDArray[np.uint8]:
    """Ids as bytes, shape (n, 36); blanks where one is null or of another length."""
    array = one_chunk(column)
    fits = pc.fill_null(pc.equal(pc.binary_length(array), EVENT_ID_LENGTH), False)
    if not pc.all(fits).as_py():
        array = pc.if_else(fits, array, _NO_ID.decode())
    if not len(array):
        return np.zeros((0, EVENT_ID_LENGTH), np.uint8)
    _, offsets, content = array.buffers()
    start = np.frombuffer(offsets, np.int32)[array.offset]
    return np.frombuffer(content, np.uint8, len(array) * EVENT_ID_LENGTH, start).reshape(-1, EVENT_ID_LENGTH)


def id_times(ids: npt.NDArray[np.uint8]) -> Counts:
    """UTC milliseconds at which ids were made, shape (n,); as `drift_core.event.event_id_time`.

    Parameters
    ----------
    ids : shape (n, 36), hexadecimal in lower case.
    """
    times: Counts = _DIGIT[ids[:, _TIME_DIGITS]] @ (16 ** np.arange(11, -1, -1))
    return times


def _uuids(ids: npt.NDArray[np.uint8]) -> Mask:
    shapes = ids.tobytes().translate(_SHAPE)
    if shapes == _UUID_SHAPE * len(ids):
        return np.ones(len(ids), bool)
    found: Mask = np.frombuffer(shapes, f"S{EVENT_ID_LENGTH}") == _UUID_SHAPE
    return found


def one_chunk(column: Any) -> Any:
    """A column's values as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def flatten(column: Any) -> list[Any]:
    """The fields of a struct, null where the struct is."""
    return list(one_chunk(column).flatten())


def numbers(array: Any) -> npt.NDArray[np.float64]:
    """Values as floats, shape (n,); null is NaN, a whole number beyond 2**53 is rounded."""
    floats: npt.NDArray[np.float64] = pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return floats


def _numbers(table: Any, name: str) -> npt.NDArray[np.float64]:
    return numbers(one_chunk(table[name]))


def _null(column: Any) -> Mask:
    array = one_chunk(column)
    if not array.null_count:
        return np.zeros(len(array), bool)
    missing: Mask = array.is_null().to_numpy(zero_copy_only=False)
    return missing


def _filled(column: Any) -> Mask:
    return _true(pc.greater(pc.binary_length(column), 0))


def _equal(column: Any, text: str) -> Mask:
    return _true(pc.equal(column, text))


def _true(answers: Any) -> Mask:
    found: Mask = one_chunk(pc.fill_null(answers, False)).to_numpy(zero_copy_only=False)
    return found
