"""Random histories of predictions and labels as the archive holds them, and what an oracle makes of them."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas as pd
from hypothesis import strategies as st

from drift_core.error_sums import ErrorSums
from queries.joined import HOUR_MS, LATE_DAYS, Expected
from queries.joined_rows import ALL, Fates

MIDNIGHT = 1_767_225_600_000
"""2026-01-01 00:00 UTC: hours around it lie at the edge of two days and two years."""

AREAS = ("centre", "coast", "o'hara", None)
VERSIONS = ("v1", "v2", "v3")


@dataclass(frozen=True, slots=True)
class History:
    """Rows as the archive's files hold them, in any order."""

    predictions: tuple[dict[str, Any], ...]
    labels: tuple[dict[str, Any], ...]


def uuid7(time: int, number: int) -> str:
    return str(uuid.UUID(int=time << 80 | 0x7 << 76 | 0x2 << 62 | number))


def place(time: int) -> dict[str, Any]:
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return {"dt": f"{moment:%Y-%m-%d}", "hour": moment.hour}


_NUMBERS = st.floats(-50, 50).map(lambda x: round(x, 2)) | st.sampled_from([0.0, 1.0])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to 12 predictions around midnight, most of them labelled, some labels of nobody."""
    predictions, labels = [], []
    for number in range(draw(st.integers(1, 12))):
        made = MIDNIGHT + draw(st.integers(-3 * HOUR_MS, 3 * HOUR_MS - 1))
        time = made + draw(st.sampled_from([0, 0, 0, 7, -HOUR_MS, HOUR_MS, 59 * 60_000]))
        row = {
            "event_id": uuid7(made, number),
            "event_time": time,
            "model_version": draw(st.sampled_from(VERSIONS)),
            "prediction": draw(_NUMBERS | st.none()),
            "area": draw(st.sampled_from(AREAS)),
            "garden": draw(st.booleans() | st.none()),
            "interval_lower": None,
            "interval_upper": None,
            **place(time),
        }
        if draw(st.booleans()) and row["prediction"] is not None:
            width = draw(st.floats(0, 20))
            row |= {"interval_lower": row["prediction"] - width, "interval_upper": row["prediction"] + width}
        if draw(st.integers(0, 9)):  # else its labels are of nobody
            predictions += [row] * draw(st.sampled_from([1, 1, 2, 3]))
        for i in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
            delay = draw(st.sampled_from([-5, 0, 60_000, 86_400_000, LATE_DAYS * 86_400_000 + 2 * HOUR_MS]))
            label = draw(_NUMBERS)
            kind = draw(st.integers(0, 7))
            labels += [
                {
                    "event_id": uuid7(made + 1, 1_000 * (number + 1) + i),
                    "event_time": time + delay,
                    "prediction_id": row["event_id"],
                    "label": label if kind else None,
                    "label_class": None if kind else "cat",
                    **place(made),
                }
            ] * draw(st.sampled_from([1, 1, 1, 2, 3]))
    order = draw(st.randoms(use_true_random=False))
    order.shuffle(predictions)
    order.shuffle(labels)
    return History(tuple(predictions), tuple(labels))


def archive(history: History) -> duckdb.DuckDBPyConnection:
    """The two tables that the question names."""
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    database.execute(
        "create table prediction_files (event_id varchar, event_time timestamp, model_version varchar, "
        "prediction double, features struct(area varchar, garden boolean), interval_lower double, "
        "interval_upper double, dt varchar, hour integer, shard_id varchar, sequence_number varchar)"
    )
    database.execute(
        "create table label_files (event_id varchar, event_time timestamp, prediction_id varchar, "
        "label double, label_class varchar, dt varchar, hour integer, shard_id varchar, "
        "sequence_number varchar)"
    )
    for i, row in enumerate(history.predictions):
        database.execute(
            "insert into prediction_files values (?, make_timestamp(? * 1000), ?, ?, "
            "{'area': ?::varchar, 'garden': ?::boolean}, ?, ?, ?, ?, ?, ?)",
            [
                *(
                    row[n]
                    for n in ("event_id", "event_time", "model_version", "prediction", "area", "garden")
                ),
                *(row[n] for n in ("interval_lower", "interval_upper", "dt", "hour")),
                f"s-{i % 2}",
                str(i),
            ],
        )
    for i, row in enumerate(history.labels):
        names = ("event_id", "event_time", "prediction_id", "label", "label_class", "dt", "hour")
        database.execute(
            "insert into label_files values (?, make_timestamp(? * 1000), ?, ?, ?, ?, ?, ?, ?)",
            [*(row[n] for n in names), f"s-{i % 2}", str(i)],
        )
    return database


def oracle(
    history: History, hours: Sequence[int], versions: Sequence[Expected]
) -> dict[tuple[int, str | None, str], tuple[ErrorSums, Fates]]:
    """What the join must give, by hour, version and segment, from pandas and plain loops."""
    named = {one.model_version: one for one in versions}
    predictions = (
        pd.DataFrame(history.predictions).drop_duplicates("event_id") if history.predictions else None
    )
    found: dict[tuple[int, str | None, str], tuple[ErrorSums, Fates]] = {}

    def add(key: tuple[int, str | None, str], sums: ErrorSums, fates: Fates) -> None:
        before = found.get(key, (ErrorSums(), Fates()))
        found[key] = (before[0] + sums, before[1] + fates)

    by_prediction: dict[str, list[dict[str, Any]]] = {}
    for label in history.labels:
        by_prediction.setdefault(label["prediction_id"], []).append(label)
    seen = set()
    for row in [] if predictions is None else records(predictions):
        hour = uuid.UUID(row["event_id"]).int >> 80
        hour -= hour % HOUR_MS
        if hour not in hours or pd.isna(row["prediction"]):
            continue
        seen.add(row["event_id"])
        expected = named.get(row["model_version"], Expected(model_version=row["model_version"]))
        sums, fates = one_prediction(row, by_prediction.get(row["event_id"], []), expected)
        for segment in (ALL, *segments_of(row, expected)):
            add((hour, row["model_version"], segment), sums, fates)
    for prediction_id, labels in by_prediction.items():
        hour = uuid.UUID(prediction_id).int >> 80
        hour -= hour % HOUR_MS
        if prediction_id not in seen and hour in hours:
            distinct = {label["event_id"]: label for label in labels}
            classes = sum(label["label"] is None for label in distinct.values())
            fates = Fates(
                unmatched=len(distinct) - classes, classes=classes, repeated=len(labels) - len(distinct)
            )
            add((hour, None, ALL), ErrorSums(), fates)
    return found


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def segments_of(row: dict[str, Any], expected: Expected) -> list[str]:
    values = {
        "area": row["area"],
        "garden": {True: "true", False: "false"}.get(row["garden"]) if pd.notna(row["garden"]) else None,
    }
    return [
        f"{one.column}={values[one.column] if values[one.column] in one.values else '(rest)'}"
        for one in expected.segments
    ]


def one_prediction(
    row: dict[str, Any], labels: list[dict[str, Any]], expected: Expected
) -> tuple[ErrorSums, Fates]:
    distinct = {label["event_id"]: label for label in labels}
    numbers = [label for label in distinct.values() if label["label"] is not None]
    fates = Fates(classes=len(distinct) - len(numbers), repeated=len(labels) - len(distinct))
    if not numbers:
        return ErrorSums(predictions=1), fates
    last = max(numbers, key=lambda label: (label["event_time"], label["event_id"]))
    y, p = (max(-1e100, min(1e100, value)) for value in (last["label"], row["prediction"]))
    error, delay = p - y, max(0, last["event_time"] - row["event_time"])
    has_interval = pd.notna(row["interval_lower"])
    with_levels = expected.levels or (math.inf,) * 4
    sums = ErrorSums(
        predictions=1,
        labelled=1,
        error=error,
        absolute=abs(error),
        squared=error * error,
        percentage=min(1e100, abs(error / y)) if y else 0.0,
        percentage_rows=int(y != 0),
        label=y - (expected.centre if expected.levels else 0.0),
        label_squared=(y - (expected.centre if expected.levels else 0.0)) ** 2,
        with_interval=int(has_interval),
        misses=int(has_interval and not row["interval_lower"] <= y <= row["interval_upper"]),
        above=int(error > 0),
        beyond=tuple(int(abs(error) > level) for level in with_levels),
        delay_seconds=delay / 1000,
    )
    late = int(delay > LATE_DAYS * 86_400_000)
    return sums, fates + Fates(used=1, corrected=len(numbers) - 1, late=late)
