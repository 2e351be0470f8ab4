"""The source of a retraining's build: it runs with the pinned requirements alone, and the build runs it."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from drift_core.guard import LEASE_MS
from scripts.process import run
from scripts.retraining_source import SOURCE_KEY, source_zip
from scripts.stack import PROJECT
from training.cli import app  # noqa: F401 - what the build runs must at least import here


@pytest.fixture(scope="module")
def project(resources: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resources["RetrainingProject"]["Properties"]
    return found


def test_the_build_runs_where_nothing_else_is_installed(tmp_path: Path, project: dict[str, Any]) -> None:
    """As in CodeBuild: the source unpacked, the requirements installed, the command of the buildspec."""
    with zipfile.ZipFile(io.BytesIO(source_zip())) as source:
        source.extractall(tmp_path)
    build = yaml.safe_load(project["Source"]["BuildSpec"])["phases"]
    (install,), (train,) = build["install"]["commands"], build["build"]["commands"]
    requirements = tmp_path / install.split()[-1]
    libraries = tmp_path / "libraries"
    uv = [sys.executable, "-m", "uv", "pip", "install", "-q"]
    run([*uv, "-r", str(requirements), "--target", str(libraries)])
    assert train.split()[:3] == ["python", "-m", "training"]
    given = {one["Name"]: "x" for one in project["Environment"]["EnvironmentVariables"]}
    code = f"import sys; sys.path[:0] = {[str(tmp_path), str(libraries)]}; sys.argv = {train.split()[2:]}; "
    code += "import runpy; runpy.run_module('training', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        env={**given, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "eu-west-1",
             "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1",
             "CODEBUILD_BUILD_ID": "project:1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, "Could not connect to the endpoint URL" in done.stderr) == (1, True), done.stderr


def test_the_same_files_are_the_same_source() -> None:
    assert source_zip() == source_zip()
    with zipfile.ZipFile(io.BytesIO(source_zip())) as source:
        names = source.namelist()
    assert {name.split("/")[0] for name in names} == {"drift_core", "queries", "training", "requirements"}
    assert [name for name in names if "tests/" in name or "pycache" in name] == []


def test_the_build_finds_what_the_deployment_uploads(project: dict[str, Any]) -> None:
    assert project["Source"]["Location"] == {"Fn::Sub": "${ModelsBucket}/" + SOURCE_KEY}
    assert yaml.safe_load(project["Source"]["BuildSpec"])["phases"]["install"]["runtime-versions"] == {
        "python": float((PROJECT / ".python-version").read_text())
    }


def test_one_build_at_a_time_ends_before_its_lease(project: dict[str, Any]) -> None:
    assert project["ConcurrentBuildLimit"] == 1
    assert project["TimeoutInMinutes"] * 60_000 < LEASE_MS


def test_the_rule_takes_the_events_that_incidents_put(resources: dict[str, Any]) -> None:
    from drift_consumer.incident import DETAIL_TYPE, SOURCE  # noqa: PLC0415

    rule = resources["RetrainingRule"]["Properties"]
    assert rule["EventPattern"] == {
        "source": [SOURCE],
        "detail-type": [DETAIL_TYPE],
        "detail": {"model": [{"Ref": "ModelName"}]},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["RetrainingProject", "Arn"]}
    assert target["InputTransformer"]["InputPathsMap"] == {
        "reason": "$.detail.reason",
        "since": "$.detail.since",
    }
