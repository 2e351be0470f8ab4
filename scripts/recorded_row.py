"""One row of recorded traffic, as a table holds it: its features, its time, its answer."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from drift_core.event import Interval
from drift_core.schema import MAX_CATEGORY_LENGTH, MAX_MAGNITUDE, Feature, FeatureSchema, Kind, Scalar
from training.data import MISSING


class RowError(ValueError):
    """A row that cannot become an event; the text names the field, the value and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a model said of a row, when the recording knows it."""

    prediction: float | str
    interval: Interval | None = None
    confidence: float | None = None


def features_of(row: Mapping[str, Any], schema: FeatureSchema) -> dict[str, Scalar]:
    """The model's features in a row.

    Parameters
    ----------
    row : text (of a CSV) or typed values (of a Parquet) by feature name.

    Raises
    ------
    RowError
        If a value is not what the feature takes.

    >>> rooms = FeatureSchema((Feature(name="rooms", kind=Kind.NUMERIC),))
    >>> features_of({"rooms": "3", "garage": "yes"}, rooms)
    {'rooms': 3.0}
    """
    return {feature.name: _scalar(feature, row.get(feature.name)) for feature in schema.features}


def _scalar(feature: Feature, value: Any) -> Scalar:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str) and value in MISSING:
        return None
    match feature.kind:
        case Kind.NUMERIC:
            number = _float(value)
            if number is None or abs(number) > MAX_MAGNITUDE:
                raise _refused(feature.name, value, "a number, or leave it empty for a missing value")
            return number
        case Kind.BOOLEAN:
            if str(value).lower() not in feature.categories:
                raise _refused(feature.name, value, "true or false, or leave it empty for a missing value")
            return str(value).lower() == "true"
        case Kind.CATEGORICAL:
            if not isinstance(value, str) or len(value) > MAX_CATEGORY_LENGTH:
                raise _refused(feature.name, value, f"a text of at most {MAX_CATEGORY_LENGTH} characters")
            return value


def time_of(name: str, value: Any) -> int:
    """UTC milliseconds of a time: a timestamp, ISO 8601 (UTC unless it says otherwise) or milliseconds.

    Raises
    ------
    RowError
        If it is none of these.

    >>> time_of("event_time", "1970-01-01T00:00:01Z"), time_of("event_time", "1500")
    (1000, 1500)
    """
    if isinstance(value, str) and not value.isdecimal():
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _refused(name, value, "a time such as 2026-01-31T12:00:00Z") from None
    if isinstance(value, datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
        value = round(zoned.timestamp() * 1000)
    number = _float(value)
    if number is None or not 0 <= number < 2**47:
        raise _refused(name, value, "a time such as 2026-01-31T12:00:00Z, or UTC milliseconds")
    return int(number)


def event_id_of(row: Mapping[str, Any]) -> str | None:
    """The recorded event id; None if the row has none.

    Raises
    ------
    RowError
        If it is no UUID.
    """
    value = row.get("event_id")
    if not value:
        return None
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise _refused(
            "event_id", value, "a UUID, or leave it empty for one made from the row's place"
        ) from None


def answer_of(row: Mapping[str, Any]) -> Answered | None:
    """The recorded answer; None if the row has none.

    Raises
    ------
    RowError
        If a part of it is no number.
    """
    if row.get("predicted_class"):
        return Answered(prediction=str(row["predicted_class"]), confidence=number_of(row, "confidence"))
    value = number_of(row, "prediction")
    if value is None:
        return None
    bounds = [number_of(row, f"interval_{part}") for part in ("lower", "upper", "coverage")]
    lower, upper, coverage = bounds
    whole = lower is not None and upper is not None and coverage is not None
    return Answered(
        prediction=value,
        interval=Interval(lower=lower, upper=upper, coverage=coverage) if whole else None,  # type: ignore[arg-type]
        confidence=number_of(row, "confidence"),
    )


def number_of(row: Mapping[str, Any], name: str) -> float | None:
    """A finite number of a row; None if it is absent or empty.

    Raises
    ------
    RowError
        If it is something else.
    """
    value = row.get(name)
    if value is None or value in MISSING or (isinstance(value, float) and math.isnan(value)):
        return None
    number = _float(value)
    if number is None:
        raise _refused(name, value, "a finite number, or leave it empty")
    return number


def _float(value: Any) -> float | None:
    """A finite number, if it is one; a boolean is none."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _refused(name: str, value: Any, needed: str) -> RowError:
    return RowError(f"{name} is {str(value)[:100]!r}; give {needed}")
