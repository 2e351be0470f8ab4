"""Labels on the deployed stack, with IAM enforced: joined by Athena, judged, told and alarmed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from drift_core.event import Interval, LabelEvent, PredictionEvent, new_event_id
from queries.athena import Athena
from scripts.bundles import LoadedBundle
from scripts.functions import invoke
from scripts.question import Question
from scripts.stack import Stack
from tests.e2e.test_recover import items

pytestmark = pytest.mark.e2e

SECONDS = 60.0
HOUR = 3_600_000
DAYS_AGO = 3 * 24 * HOUR
ROWS = 150

type Pairs = list[tuple[PredictionEvent, LabelEvent]]


@pytest.fixture(scope="module")
def pairs(bundle: Path) -> Pairs:
    """Healthy predictions of one minute three days ago, and labels a day later, none in its interval."""
    loaded = LoadedBundle.of_folder(bundle)
    start = (time.time_ns() // 1_000_000 - DAYS_AGO) // HOUR * HOUR
    instances = loaded.instances(loaded.sample.iloc[:ROWS])
    found = loaded.predict(instances)
    made: Pairs = []
    for number in range(ROWS):
        event = PredictionEvent(
            event_id=new_event_id(start + number),
            event_time=start + number,
            model_name=loaded.manifest.model_name,
            model_version=loaded.manifest.model_version,
            features=instances[number],
            prediction=float(found.values[number]),
            interval=Interval(
                lower=float(found.lower[number]), upper=float(found.upper[number]), coverage=0.9
            ),
            source="test",
        )
        label = LabelEvent(
            event_id=new_event_id(start + 24 * HOUR + number),
            event_time=start + 24 * HOUR + number,
            model_name=loaded.manifest.model_name,
            prediction_id=event.event_id,
            label=event.interval.upper + 1_000.0 if event.interval else 0.0,
        )
        made.append((event, label))
    return made


def counted(stack: Stack, kind: str, start: int) -> list[tuple[str, str]]:
    """Keys of the items of a kind in an hour, once all its records are in them."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = {
            key: item
            for key, item in items(stack).items()
            if key[0].startswith(f"{kind}#") and start <= int(key[1].partition("#")[0]) < start + HOUR
        }
        archived = stack.client("s3").list_objects_v2(
            Bucket=stack.outputs["ArchiveBucketName"], Prefix=f"{kind}s/dt="
        )
        ours = [one for one in archived.get("Contents", []) if f".{start:013d}." in one["Key"]]
        ranges = sum(bytes(item["ranges"]["B"]) != b"" for item in found.values())
        if found and ours and ranges == len(found):
            return list(found)
        time.sleep(0.5)
    raise AssertionError(f"{kind} events of {start} were not counted within {SECONDS:.0f} s")


def test_labels_are_judged_and_alarm(stack: Stack, pairs: Pairs) -> None:
    kinesis, name = stack.client("kinesis"), stack.outputs["StreamName"]
    start = pairs[0][0].event_time
    for kind, events in (("prediction", [e for e, _ in pairs]), ("label", [told for _, told in pairs])):
        kinesis.put_records(
            StreamName=name,
            Records=[{"Data": event.encode(), "PartitionKey": pairs[0][0].event_id} for event in events],
        )
        counted(stack, kind, start)
    for pk, sk in counted(stack, "label", start):  # the label's hour has been quiet for long
        stack.client("dynamodb").update_item(
            TableName=stack.outputs["WindowTableName"],
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET first_update = :then, last_update = :then",
            ExpressionAttributeValues={":then": {"N": str(start + 25 * HOUR)}},
        )
    done = invoke(stack, "QualityFunction", SECONDS)["labels"]
    assert (done["measured"], done["charted"], done["unmatched"]) == (1, 1, 0)

    model, version = pairs[0][0].model_name, pairs[0][0].model_version
    day = time.strftime("%Y-%m-%d", time.gmtime(start / 1000))
    body = stack.client("s3").get_object(
        Bucket=stack.outputs["ArchiveBucketName"],
        Key=f"quality/dt={day}/{model}.{version}.1.{start}.json",
    )["Body"]
    whole, *segments = map(json.loads, body.read().splitlines())
    errors = [abs(event.prediction - told.label) for event, told in pairs]  # type: ignore[operator]
    assert whole["mae"] == pytest.approx(sum(errors) / ROWS, rel=1e-6)
    assert (whole["predictions"], whole["labelled"], whole["interval_coverage"]) == (ROWS, ROWS, 0.0)
    assert (whole["degraded"], segments) == (True, [])

    (alarm,) = stack.client("cloudwatch").describe_alarms(AlarmNames=[f"driftline-{model}-quality"])[
        "MetricAlarms"
    ]
    assert alarm["StateValue"] == "ALARM"
    athena = Athena(
        client=stack.client("athena"),
        workgroup=stack.outputs["AthenaWorkgroupName"],
        database=stack.outputs["GlueDatabaseName"],
    )
    for question in ("model_quality", "segment_quality", "labels_accounted"):
        answer = athena.ask(Question.load(question).sql({"since": day}))
        assert any(str(ROWS) in row for row in answer.rows), question
    assert invoke(stack, "QualityFunction", SECONDS)["labels"] == {}
