"""The OpenAPI document is valid, tells the way of authorization, and knows the bundle's features."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from drift_core.bundle import MANIFEST_FILE
from scripts.openapi import app, document
from tests.unit.ingest_lambda.fixture_bundle import SCHEMA, fixture_bundle

MANIFEST = fixture_bundle().manifest


def schemas(value: Any) -> list[Any]:
    """Every JSON Schema in a document."""
    if isinstance(value, list):
        return [found for one in value for found in schemas(one)]
    if not isinstance(value, dict):
        return []
    return [found for name, one in value.items() for found in ([one] if name == "schema" else schemas(one))]


@pytest.mark.parametrize("with_key", [False, True])
def test_the_document_is_valid(with_key: bool) -> None:
    described = document(MANIFEST, url="https://api.example.org/v1", with_key=with_key)
    schemathesis.openapi.from_dict(described).validate()
    found = [*schemas(described["paths"]), *described["components"]["schemas"].values()]
    assert len(found) > 25
    for schema in found:
        Draft202012Validator.check_schema(schema)
    assert "x-amazon" not in json.dumps(described["paths"])
    scheme = "api_key" if with_key else "sigv4"
    assert list(described["components"]["securitySchemes"]) == [scheme]
    assert all(o["security"] == [{scheme: []}] for path in described["paths"].values() for o in path.values())


def test_a_request_is_described_by_the_features_of_the_bundle() -> None:
    request = document(MANIFEST)["components"]["schemas"]["PredictRequest"]
    assert list(request["properties"]["instances"]["items"]["properties"]) == list(SCHEMA.names)


@pytest.mark.parametrize("told", [{"message": "Forbidden"}, {"Message": "User: x is not authorized"}, {}])
def test_a_signer_without_the_permission_is_told_in_the_words_of_iam(told: dict[str, str]) -> None:
    for methods in document(MANIFEST)["paths"].values():
        for operation in methods.values():
            schema = operation["responses"]["403"]["content"]["application/json"]["schema"]
            assert Draft202012Validator(schema).is_valid(told) == bool(told)


def test_the_command_reads_a_folder(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text(MANIFEST.to_json())
    ran = CliRunner().invoke(app, ["--bundle", str(tmp_path)])
    assert json.loads(ran.stdout) == document(MANIFEST)
    (tmp_path / MANIFEST_FILE).write_text("{}")
    refused = CliRunner().invoke(app, ["--bundle", str(tmp_path)])
    assert refused.exit_code == 1
    assert "format is absent" in refused.stderr
