"""The packages: they fit Lambda's limit and hold all that they import, and stripping touches nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.package import LIMIT_BYTES, NEEDLESS, PACKAGES, remove, size
from scripts.process import run
from scripts.stack import PROJECT

HANDLERS = {
    "IngestFunction": "ingest_lambda.app",
    "ConsumerFunction": "drift_consumer.consume",
    "EvaluatorFunction": "drift_consumer.evaluate",
    "ReconcilerFunction": "drift_consumer.reconcile",
    "QualityFunction": "drift_consumer.quality",
    "AlertFunction": "drift_consumer.alert",
}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda's runtime brings: boto3."""
    folder = tmp_path_factory.mktemp("runtime")
    command = [sys.executable, "-m", "uv", "pip", "install", "-q", "boto3", "--target", str(folder)]
    run([*command, "--constraint", str(PROJECT / "requirements" / "dev.txt")])
    return folder


@pytest.mark.parametrize("function", PACKAGES)
def test_a_package_fits_lambdas_limit(built: Path, function: str) -> None:
    megabytes = size(built / function) / 2**20
    sys.stdout.write(f"{function}: {megabytes:.0f} MiB unzipped\n")
    assert 10 < megabytes < LIMIT_BYTES / 2**20 == 250


@pytest.mark.parametrize(("function", "module"), HANDLERS.items())
def test_a_handler_imports_from_its_package_alone(
    built: Path, runtime: Path, function: str, module: str
) -> None:
    """Without this environment's libraries (-S), its paths (-I) and its variables."""
    paths = [str(built / function), str(runtime)]
    code = f"import sys; sys.path[:0] = {paths}; import {module} as m; assert callable(m.lambda_handler)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_evaluators_classifier_runs_from_its_package_alone(built: Path, runtime: Path) -> None:
    """It is imported late; without semaphores, as on Lambda, and with a warning an error."""
    paths = [str(built / "EvaluatorFunction"), str(runtime)]
    code = f"""
import sys
sys.path[:0] = {paths}
import _multiprocessing
class SemLock:
    SEM_VALUE_MAX = 1
    def __new__(cls, *args, **named):
        raise OSError(38, "Function not implemented")
_multiprocessing.SemLock = SemLock
import numpy as np
from drift_core.adversarial import separate
rows = np.arange(160, dtype=np.float32).reshape(80, 2) % 7
found = separate(rows, rows + [0, 20], ["a", "b"], np.array([True, False]), seed=0)
assert found.z > 3 and found.features == ("b",), found
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", code],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_handler_of_another_package_does_not_import(built: Path, runtime: Path) -> None:
    """So the test above does test."""
    paths = [str(built / "IngestFunction"), str(runtime)]
    code = f"import sys; sys.path[:0] = {paths}; import pyarrow"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], env={}, capture_output=True, text=True, check=False
    )
    assert "No module named 'pyarrow'" in done.stderr


def test_a_package_holds_its_own_code_and_the_core_only(built: Path) -> None:
    ours = {
        "drift_core",
        "drift_consumer",
        "ingest_lambda",
        "queries",
        "report",
        "training",
        "scripts",
        "tests",
    }
    ours |= {"benchmarks"}
    for function, package in PACKAGES.items():
        assert {path.name for path in (built / function).iterdir()} & ours == {"drift_core", *package.code}


def test_stripping_leaves_hard_linked_originals_alone(tmp_path: Path) -> None:
    original = tmp_path / "cache.py"
    original.write_text("kept")
    package = tmp_path / "package"
    for name in (
        "numpy/core.py",
        "numpy/tests/test_core.py",
        "numpy/core.pyi",
        "pyarrow/libarrow_flight.so.1",
    ):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).hardlink_to(original)
    remove(package, NEEDLESS)
    assert [path.name for path in package.rglob("*") if path.is_file()] == ["core.py"]
    assert original.read_text() == "kept"


def test_the_built_template_has_no_yaml_aliases(built: Path) -> None:
    """CloudFormation refuses them; `sam build` writes them out."""
    text = (built / "template.yaml").read_text()
    assert "\n  EvaluatorRole:" in text
    assert "*lambda_trust" not in text
    assert "&id0" not in text
