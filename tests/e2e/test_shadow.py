"""A challenger in shadow on the local AWS: from the command to Athena's comparison on the same labels."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift_core.event import Event, PredictionEvent, ShadowEvent, decode
from drift_core.shadow import ShadowPlan
from queries.athena import Athena
from scripts.api import ApiClient
from scripts.bundles import LoadedBundle
from scripts.deployment import upload_bundle
from scripts.process import run
from scripts.question import Question
from scripts.stack import Stack
from tests.e2e.test_deploy import archived, athena_columns, eventually, physical_id, table_columns
from tests.e2e.written import streamed

pytestmark = pytest.mark.e2e

ROWS = 60
SHARE = 0.5
NOTICED = 90.0
"""Seconds in which the function has asked for its shadow, once a minute, and some requests were chosen."""


@pytest.fixture(scope="module")
def challenger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model of the same houses."""
    out = str(tmp_path_factory.mktemp("challenger"))
    return Path(run([sys.executable, "-m", "training", "--generate", "2000", "--seed", "5", "--out", out]))


def events(stack: Stack) -> list[Event]:
    """Predictions on the stream, served and in shadow."""
    kinds = (b'"event_type":"shadow"', b'"event_type":"prediction"')
    return [decode(data) for data in streamed(stack) if any(kind in data for kind in kinds)]


def test_a_challenger_is_scored_archived_judged_and_compared(
    stack: Stack, bundle: Path, challenger: Path
) -> None:
    served, beside = LoadedBundle.of_folder(bundle), LoadedBundle.of_folder(challenger)
    version = upload_bundle(stack, challenger).model_version
    api, houses = ApiClient(stack), served.instances(served.sample.iloc[:ROWS])
    parameter = stack.outputs["ShadowBundleParameterName"]
    stack.client("ssm").put_parameter(
        Name=parameter, Value=ShadowPlan(version=version, share=SHARE).text(), Overwrite=True
    )
    ids: list[str] = []

    def shadowed() -> list[ShadowEvent]:
        """Requests until the function has noticed, which takes it a minute at most."""
        answer = api.call("POST", "/predict", {"instances": houses})
        assert answer.status == 200
        ids.extend(told["prediction_id"] for told in answer.body["predictions"])
        time.sleep(1)
        return [one for one in events(stack) if isinstance(one, ShadowEvent)]

    end = time.monotonic() + NOTICED
    while len(shadowed()) < 2 * ROWS:
        assert time.monotonic() < end, "no request has a shadow"
    stack.client("ssm").put_parameter(Name=parameter, Value="none", Overwrite=True)

    told = {one.event_id: one for one in events(stack) if type(one) is PredictionEvent}
    shadows = [one for one in events(stack) if isinstance(one, ShadowEvent)]
    expected = beside.predict([dict(told[one.prediction_id].features) for one in shadows]).values
    assert [one.prediction for one in shadows] == expected.tolist()
    assert {one.model_version for one in shadows} == {version}
    plan = ShadowPlan(version=version, share=SHARE)
    firsts = {one for one in ids[::ROWS] if plan.chooses(one)}
    assert {one.prediction_id for one in shadows} & set(ids[::ROWS]) <= firsts

    labels = [{"prediction_id": one.prediction_id, "label": one.prediction} for one in shadows]
    for first in range(0, len(labels), 500):
        assert api.call("POST", "/feedback", {"labels": labels[first : first + 500]}).status == 202
    served_ids = {one.prediction_id for one in shadows}
    table = eventually(lambda: table_of(stack, "shadow", served_ids), "the archived shadows")
    assert athena_columns(table) == table_columns(stack, "shadow_files")
    eventually(lambda: table_of(stack, "labels", served_ids), "the archived labels")

    [row] = ask(stack, "shadow_comparison")
    assert (row["served_version"], row["shadow_version"]) == (bundle.name, version)
    assert int(row["labelled_pairs"]) == len(shadows)
    assert float(row["shadow_mean_absolute_error"]) == 0.0
    assert float(row["shadow_in_interval_percent"]) == 100.0
    errors = np.abs([float(told[one.prediction_id].prediction) - float(one.prediction) for one in shadows])
    assert float(row["served_mean_absolute_error"]) == pytest.approx(errors.mean(), rel=1e-6)

    verdict = eventually(lambda: judged(stack, version), "the verdict on the shadow")
    assert verdict["shadow"] is True
    assert verdict["n"] <= len(shadows)
    assert version not in {row["model_version"] for row in ask(stack, "drift_history")}
    assert {row["model_version"] for row in ask(stack, "shadow_drift")} == {version}
    metrics = stack.client("cloudwatch").list_metrics(Namespace="Driftline", MetricName="ShadowDriftScore")
    assert metrics["Metrics"]


def table_of(stack: Stack, folder: str, ids: set[str]) -> Any | None:
    """A table of the folder, once all of them together have these predictions' rows."""
    tables = list(archived(stack, folder).values())
    found = {one for table in tables for one in table["prediction_id"].to_pylist()}
    return tables[0] if ids <= found else None


def ask(stack: Stack, name: str) -> list[dict[str, Any]]:
    athena = Athena(
        client=stack.client("athena"),
        workgroup=stack.outputs["AthenaWorkgroupName"],
        database=stack.outputs["GlueDatabaseName"],
    )
    answer = athena.ask(Question.load(name).sql({"since": "2020-01-01"}))
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def judged(stack: Stack, version: str) -> dict[str, Any] | None:
    """Run the evaluator; a verdict on a window of the shadow, if there is one."""
    function = physical_id(stack, "EvaluatorFunction")
    done = stack.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=b"{}")
    assert "FunctionError" not in done, done["Payload"].read()
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    for item in s3.list_objects_v2(Bucket=bucket, Prefix="verdicts/").get("Contents", []):
        if f".{version}." in item["Key"] and ".shadow-window." in item["Key"]:
            found: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
            return found
    return None
