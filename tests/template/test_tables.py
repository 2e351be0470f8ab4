"""The Athena tables have the columns of what the functions write."""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from drift_consumer.quality_document import QualityRow
from drift_core.causes import Cause
from drift_core.error_sums import ErrorSums
from drift_core.event import EARLIEST_MS
from drift_core.incident import Incident
from drift_core.track_record import TrackRecord
from drift_core.verdict import ColumnVerdict, RelationsVerdict, SegmentVerdict, Verdict
from queries.joined_rows import Fates
from scripts import saved_queries
from scripts.deployment import feature_types
from tests.unit.drift_consumer.fixture_explained import ExplainedWorld
from tests.unit.drift_consumer.fixture_traffic import NOON, healthy
from training import generator
from training.table import tabulate

PROJECTED = {"dt": "date", "hour": "integer"}


def table(resources: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources[name]["Properties"]["TableInput"]
    return found


def columns(resources: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        column["Name"]: column["Type"] for column in table(resources, name)["StorageDescriptor"]["Columns"]
    }


@pytest.mark.parametrize(
    ("name", "folder", "keys"),
    [
        ("PredictionFiles", "predictions", ["dt", "hour"]),
        ("LabelFiles", "labels", ["dt", "hour"]),
        ("ShadowFiles", "shadow", ["dt", "hour"]),
        ("QuarantineFiles", "quarantine", ["dt", "hour"]),
        ("VerdictFiles", "verdicts", ["dt"]),
        ("ReconciledFiles", "reconciled", ["dt"]),
        ("QualityFiles", "quality", ["dt"]),
        ("ExplainedFiles", "explained", ["dt"]),
        ("IncidentFiles", "incidents", ["dt"]),
    ],
)
def test_partitions_are_projected_from_the_names(
    resources: dict[str, Any], name: str, folder: str, keys: list[str]
) -> None:
    described = table(resources, name)
    parameters = described["Parameters"]
    assert [key["Name"] for key in described["PartitionKeys"]] == keys
    assert parameters["projection.enabled"] == "true"
    assert {key: parameters[f"projection.{key}.type"] for key in keys} == {
        key: PROJECTED[key] for key in keys
    }
    assert parameters["projection.dt.format"] == "yyyy-MM-dd"
    first = datetime.fromtimestamp(EARLIEST_MS / 1000, UTC).date()
    assert parameters["projection.dt.range"] == f"{first},NOW+1DAYS"
    parts = "/".join(f"{key}=${{!{key}}}" for key in keys)
    assert parameters["storage.location.template"] == {
        "Fn::Sub": f"s3://${{ArchiveBucket}}/{folder}/{parts}/"
    }
    if "hour" in keys:
        assert (parameters["projection.hour.range"], parameters["projection.hour.digits"]) == ("0,23", "2")


def test_a_shadow_has_the_columns_of_a_prediction_and_the_served_ones_id(resources: dict[str, Any]) -> None:
    served, shadow = columns(resources, "PredictionFiles"), columns(resources, "ShadowFiles")
    assert shadow == {**served, "prediction_id": "string"}


def test_verdicts_have_their_own_fields_first(resources: dict[str, Any]) -> None:
    """What the evaluator adds to them, the end-to-end test compares."""
    found = columns(resources, "VerdictFiles")
    names = ["format", *(field.name for field in fields(Verdict))]
    assert list(found)[: len(names)] == names
    column, relations = struct(ColumnVerdict), struct(RelationsVerdict)
    assert found["features"] == f"map<string,{column}>"
    assert found["prediction"] == found["interval_width"] == column
    assert found["multivariate"] == relations
    assert found["segments"] == f"map<string,{struct(SegmentVerdict)}>"
    assert found["guilty_segments"] == found["guilty"] == "array<string>"


def test_quality_has_the_columns_of_its_rows(resources: dict[str, Any]) -> None:
    found = columns(resources, "QualityFiles")
    assert list(found) == ["format", *(field.name for field in fields(QualityRow))]
    fates = ",".join(f"{field.name}:bigint" for field in fields(Fates))
    assert found["labels"] == f"struct<{fates}>"
    told = TrackRecord().summary()
    assert re.findall(r"(\w+):", found["track_record"]) == list(told)
    measures = {name: found[name] for name in ErrorSums().measures()}
    assert set(measures.values()) == {"double"}
    kinds = {field.name: str(field.type).removesuffix(" | None") for field in fields(QualityRow)}
    simple = {"str": {"string"}, "float": {"double"}, "bool": {"boolean"}, "int": {"int", "bigint", "string"}}
    assert [n for n, kind in kinds.items() if kind in simple and found[n] not in simple[kind]] == []


def test_explanations_have_the_fields_of_their_documents(resources: dict[str, Any]) -> None:
    world = ExplainedWorld()
    world.consume(healthy(30))
    world.explain(NOON + 2 * 3_600_000)
    [rows] = world.rows_told().values()
    found = columns(resources, "ExplainedFiles")
    assert [list(row) for row in rows] == [list(found)] * 4
    kinds = {str: {"string"}, int: {"int", "bigint"}, float: {"double"}, bool: {"boolean"}}
    told = [(name, type(value)) for row in rows for name, value in row.items() if value is not None]
    assert [name for name, kind in told if found[name] not in kinds[kind]] == []
    assert {name for name, _ in told} >= set(found) - {"since", "estimated_error_since"}


def test_incidents_have_the_fields_of_their_documents(resources: dict[str, Any]) -> None:
    incident = Incident(
        incident_id="i", model_name="m", cause=Cause.DATA, opened_at=1, since=1, updated_at=1, score=1.0,
        alarms=("drift",), features=("area",), affected_share=0.5, acknowledged_by="Ada", report="reports/x",
        recovered_at=1, acknowledged_at=1, muted_until=1,
    )  # fmt: skip
    kinds = {str: "string", int: "int", float: "double", list: "array<string>"}
    told = json.loads(json.dumps(incident.document()))
    assert columns(resources, "IncidentFiles") == {name: kinds[type(value)] for name, value in told.items()}


def struct(of: type[Any]) -> str:
    """The struct that holds what `Verdict.to_json` makes of a part: but for `n`, whole numbers are times."""
    kinds = {"bool": "boolean", "float": "double", "str": "string", "int": "string"}
    members = []
    for field in fields(of):
        kind = str(field.type).removesuffix(" | None")
        name = "bigint" if field.name == "n" else kinds.get(kind, "array<string>")
        members.append(f"{field.name}:{name}")
    return f"struct<{','.join(members)}>"


def test_the_default_features_are_those_of_the_generated_houses(template: dict[str, Any]) -> None:
    houses = generator.houses(500)
    table = tabulate(houses, target=generator.TARGET, time_column=generator.TIME_COLUMN, units={})
    assert template["Parameters"]["FeatureTypes"]["Default"] == feature_types(table.schema)


def test_the_saved_queries_are_those_of_the_queries_folder() -> None:
    text = saved_queries.TEMPLATE.read_text()
    assert saved_queries.with_queries(text) == text, "run: python -m scripts.saved_queries"
    assert saved_queries.PAGE.read_text() == saved_queries.page(), "run: python -m scripts.saved_queries"
