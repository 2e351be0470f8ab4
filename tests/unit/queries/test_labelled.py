"""Labelled predictions: the SQL says what pandas says, whatever was sent twice, corrected or late."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from drift_core.schema import Feature, FeatureSchema, Kind
from queries.athena import Athena
from queries.labelled import labelled_sql
from tests.unit.ingest_lambda.fixture_bundle import fixture_bundle
from tests.unit.queries.duck_athena import DuckAthena
from training.labelled import Labelled, labelled

DAY = pd.Timestamp("2026-01-10")
MODEL = "house-prices"
SCHEMA = FeatureSchema(
    (
        Feature(name="rooms", kind=Kind.NUMERIC, minimum=0.0, maximum=9.0),
        Feature(name="area", kind=Kind.CATEGORICAL, categories=("centre", "coast")),
        Feature(name="garden", kind=Kind.BOOLEAN),
    )
)


def history(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions and labels as files hold them: copies, corrections, strangers, values that are missing."""
    rng = np.random.default_rng(seed)
    n = 300
    times = DAY + pd.to_timedelta(rng.integers(0, 5 * 86_400_000, n), unit="ms")
    ids = [f"p{i}" for i in range(n)]
    features = [
        {
            "rooms": None if rng.random() < 0.1 else float(rng.integers(1, 9)),
            "area": None if rng.random() < 0.1 else str(rng.choice(["centre", "coast", "moor"])),
            "garden": None if rng.random() < 0.1 else bool(rng.random() < 0.5),
        }
        for _ in range(n)
    ]
    predictions = pd.DataFrame(
        {
            "event_id": ids,
            "event_time": times,
            "model_name": rng.choice([MODEL, "other"], n, p=[0.9, 0.1]),
            "model_version": rng.choice(["v1", "v2"], n),
            "features": features,
            "prediction": np.where(rng.random(n) < 0.05, np.nan, rng.normal(100, 10, n)),
            "interval_lower": rng.normal(90, 1, n),
            "interval_upper": rng.normal(110, 1, n),
            "shard_id": "s0",
            "sequence_number": [str(i) for i in range(n)],
        }
    )
    predictions["prediction"] = (
        predictions["prediction"].astype(object).where(predictions["prediction"].notna(), None)
    )
    predictions = pd.concat(
        [predictions, predictions.sample(60, random_state=seed).assign(sequence_number="9")]
    )
    predictions["dt"] = predictions["event_time"].dt.strftime("%Y-%m-%d")
    predictions["hour"] = predictions["event_time"].dt.hour
    # None, one, or corrections, some of them late by months. The id's time, which says the partition, may be
    # an hour off the event's, on the other side of midnight.
    labels = [
        {
            "event_id": f"l{i}-{number}",
            "event_time": time + pd.Timedelta(int(rng.choice([1, 24, 2000])), "h"),
            "prediction_id": f"p{i}",
            "label": float(rng.normal(100, 10)),
            "dt": (time + pd.Timedelta(int(rng.integers(-59, 60)), "m")).strftime("%Y-%m-%d"),
        }
        for i, time in zip(range(n), times, strict=True)
        for number in range(int(rng.integers(0, 4)))
    ]
    told = pd.DataFrame(labels).assign(model_name=MODEL, shard_id="s1", sequence_number="1", hour=0)
    stranger = told.iloc[:5].assign(prediction_id="nobody", event_id="lx")
    return predictions, pd.concat(
        [told, told.sample(40, random_state=seed).assign(sequence_number="2"), stranger]
    )


def oracle(predictions: pd.DataFrame, labels: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    ours = predictions[
        (predictions["model_name"] == MODEL)
        & predictions["dt"].between(first, last)
        & predictions["prediction"].notna()
    ].drop_duplicates("event_id")
    latest = labels.sort_values(["event_time", "event_id"]).drop_duplicates("prediction_id", keep="last")
    joined = ours.merge(latest[["prediction_id", "label"]], left_on="event_id", right_on="prediction_id")
    return joined.sort_values(["event_time", "event_id"])


def ask(
    predictions: pd.DataFrame, labels: pd.DataFrame, first: date, last: date, most: int = 10_000
) -> Labelled:
    athena = DuckAthena({"prediction_files": predictions, "label_files": labels})
    manifest = replace(fixture_bundle("v1").manifest, model_name=MODEL, schema=SCHEMA)
    return labelled(Athena(client=athena, workgroup="w", database="d"), manifest, first, last, most=most)


@pytest.mark.parametrize("seed", range(5))
def test_the_rows_are_those_of_pandas(seed: int) -> None:
    predictions, labels = history(seed)
    found = ask(predictions, labels, date(2026, 1, 11), date(2026, 1, 13))
    expected = oracle(predictions, labels, "2026-01-11", "2026-01-13")
    assert len(found) == len(expected) > 50
    assert found.frame["price"].tolist() == pytest.approx(expected["label"].tolist())
    assert found.predictions.tolist() == pytest.approx(expected["prediction"].tolist())
    assert found.versions.tolist() == expected["model_version"].tolist()
    assert found.times.tolist() == (expected["event_time"].astype("datetime64[ms]").astype("int64")).tolist()
    for name in SCHEMA.names:
        values = [None if pd.isna(value) else value for value in found.frame[name].tolist()]
        assert values == [row[name] for row in expected["features"]]


def test_of_too_many_the_newest_are_read() -> None:
    predictions, labels = history(1)
    every = ask(predictions, labels, date(2026, 1, 10), date(2026, 1, 15))
    newest = ask(predictions, labels, date(2026, 1, 10), date(2026, 1, 15), most=20)
    assert newest.times.tolist() == every.times[-20:].tolist()
    cut = every.since(int(newest.times[0]))
    assert cut.frame.equals(newest.frame)
    assert len(every.since(int(every.times[-1]) + 1)) == 0


def test_no_rows_are_an_empty_table() -> None:
    predictions, labels = history(2)
    found = ask(predictions, labels, date(2025, 1, 1), date(2025, 1, 2))
    assert (len(found), len(found.predictions)) == (0, 0)
    assert list(found.frame) == ["rooms", "area", "garden", "price", "event_time"]


def test_only_partitions_of_the_days_are_named_and_no_name_ends_a_literal() -> None:
    sql = labelled_sql(MODEL, ["rooms"], date(2026, 1, 11), date(2026, 1, 12), most=5)
    assert "dt between '2026-01-11' and '2026-01-12'" in sql
    assert "dt between '2026-01-10' and '2026-01-13'" in sql
    for name, feature in (("x' or '1'='1", "rooms"), (MODEL, 'rooms" from secrets --')):
        with pytest.raises(ValueError, match=r"letters, digits"):
            labelled_sql(name, [feature], date(2026, 1, 11), date(2026, 1, 12), most=5)
