"""Every question is understood by the deployed Athena, over the deployed tables."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlglot
from sqlglot import expressions

from drift_core.event import PredictionEvent, new_event_id
from queries.athena import Athena
from scripts.bundles import LoadedBundle
from scripts.question import Question, question_names
from scripts.saved_queries import EXAMPLES
from scripts.stack import Stack

pytestmark = pytest.mark.e2e

CATEGORICAL = ("categories_by_week", "new_categories")
SECONDS = 150.0
MINUTE = 60_000
ROWS = 150


@pytest.fixture(scope="module")
def archived(stack: Stack, bundle: Path) -> int:
    """The begin of a minute of healthy predictions five days ago, once it is judged; UTC milliseconds."""
    loaded = LoadedBundle.of_folder(bundle)
    start = (time.time_ns() // 1_000_000 - 5 * 24 * 60 * MINUTE) // MINUTE * MINUTE
    instances = loaded.instances(loaded.sample.iloc[:ROWS])
    predicted = loaded.predict(instances)
    events = [
        PredictionEvent(
            event_id=new_event_id(start + number),
            event_time=start + number,
            model_name=loaded.manifest.model_name,
            model_version=loaded.manifest.model_version,
            features=instance,
            prediction=float(predicted.values[number]),
            source="test",
        )
        for number, instance in enumerate(instances)
    ]
    answer = stack.client("kinesis").put_records(
        StreamName=stack.outputs["StreamName"],
        Records=[{"Data": event.encode(), "PartitionKey": event.event_id} for event in events],
    )
    assert not answer["FailedRecordCount"]
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = stack.client("s3").list_objects_v2(
            Bucket=stack.outputs["ArchiveBucketName"], Prefix="verdicts/dt="
        )
        if any(f".window.{start}.json" in one["Key"] for one in found.get("Contents", [])):
            return start
        time.sleep(1)
    raise AssertionError(f"the window of {start} was not judged within {SECONDS:.0f} s")


@pytest.mark.parametrize("name", question_names())
def test_a_question_is_answered_with_its_columns(name: str, stack: Stack, archived: int) -> None:
    question = Question.load(name)
    values = {one: EXAMPLES[one] for one in question.needs}
    if name in CATEGORICAL:
        values["feature"] = "area"
    text = question.sql(values)
    tree = sqlglot.parse_one(text, read="athena")
    assert isinstance(tree, expressions.Query)
    answer = Athena(
        client=stack.client("athena"),
        workgroup=stack.outputs["AthenaWorkgroupName"],
        database=stack.outputs["GlueDatabaseName"],
    ).ask(text)
    assert list(answer.columns) == tree.named_selects
    if name in ("drift_history", "traffic_by_window", "feature_by_window"):
        assert str(start_of(archived)) in str(answer.rows)


def start_of(window: int) -> str:
    """As every notation of a time begins that has hours and minutes."""
    return time.strftime("%H:%M:00", time.gmtime(window // 1000))
