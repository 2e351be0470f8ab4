"""Imports run one way: the functions and training know the core, and nobody knows the functions."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent

OURS = {
    "drift_core",
    "queries",
    "report",
    "ingest_lambda",
    "drift_consumer",
    "training",
    "scripts",
    "benchmarks",
}

IN_EVERY_LAMBDA = {"numpy", "aws_lambda_powertools"}
FROM_THE_RUNTIME = {"boto3", "botocore", "urllib3"}

MAY_IMPORT = {
    "drift_core": {"numpy", "scipy", "sklearn", "threadpoolctl"},
    "queries": {"drift_core", "botocore"},  # clients are handed in; botocore names their errors
    # Clients are handed in. vl_convert makes a file on the packaging machine that functions only read.
    "report": {"drift_core", "numpy", "jinja2", "vl_convert"},
    "ingest_lambda": {"drift_core", "jsonschema", "onnxruntime"} | IN_EVERY_LAMBDA | FROM_THE_RUNTIME,
    "drift_consumer": {"drift_core", "queries", "report", "onnxruntime", "pyarrow", "pybase64", "scipy"}
    | IN_EVERY_LAMBDA
    | FROM_THE_RUNTIME,
    "training": {
        *("drift_core", "queries", "numpy", "pandas", "pyarrow", "onnx", "onnxruntime", "skl2onnx"),
        *("sklearn", "scipy", "rich", "typer", "joblib", "threadpoolctl"),
    }
    | FROM_THE_RUNTIME,
}
"""What each package may import besides the standard library and itself."""

PURE = {"os", "time", "logging", "socket", "subprocess", "requests", "boto3", "urllib"}
"""What the core may not import, for it knows no clock, no environment and no network."""

ALLOWED_IN_CORE = {("event.py", "os")}
"""Event ids need randomness."""


def modules(package: str) -> list[Path]:
    return sorted((PROJECT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports when it runs; imports for type checkers alone do not count."""
    found: set[str] = set()

    class Visitor(ast.NodeVisitor):
        def visit_If(self, node: ast.If) -> None:
            if ast.unparse(node.test) not in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                self.generic_visit(node)

        def visit_Import(self, node: ast.Import) -> None:
            found.update(alias.name.partition(".")[0] for alias in node.names)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
            assert node.level == 0, f"{path.name} imports relatively; write the whole name"
            found.add((node.module or "").partition(".")[0])

    Visitor().visit(ast.parse(path.read_text()))
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    assert modules(package), f"{package} is empty or gone"
    for path in modules(package):
        strange = imported(path) - set(sys.stdlib_module_names) - MAY_IMPORT[package] - {package}
        assert not strange, f"{path.relative_to(PROJECT)} imports {', '.join(sorted(strange))}"


def test_the_core_knows_no_clock_no_environment_and_no_network() -> None:
    for path in modules("drift_core"):
        impure = {name for name in imported(path) & PURE if (path.name, name) not in ALLOWED_IN_CORE}
        assert not impure, f"{path.name} imports {', '.join(sorted(impure))}"


def test_what_ingest_imports_of_the_core_needs_numpy_at_most() -> None:
    """Its package holds no scipy, so one import too many would fail only when it is deployed."""
    seen: set[str] = set()
    waiting = list(modules("ingest_lambda"))
    while waiting:
        for name in _modules_of_core(waiting.pop()) - seen:
            seen.add(name)
            path = PROJECT / "drift_core" / f"{name}.py"
            waiting.append(path)
            assert "scipy" not in imported(path), (
                f"ingest_lambda imports drift_core.{name}, which imports scipy"
            )
    assert seen


def _modules_of_core(path: Path) -> set[str]:
    return {
        node.module.split(".")[1]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("drift_core.")
        if node.module is not None
    }


def test_nobody_imports_the_scripts_but_the_scripts() -> None:
    for package in OURS - {"scripts", "benchmarks"}:
        for path in modules(package):
            assert "scripts" not in imported(path), f"{path.relative_to(PROJECT)} imports scripts"


@pytest.mark.parametrize("function", ["ingest_lambda", "drift_consumer"])
def test_the_requirements_name_what_a_function_imports(function: str) -> None:
    """Each third-party import of a function is in the requirements that its package is built from."""
    named = {"ingest_lambda": ["ingest"], "drift_consumer": ["consumer", "evaluator", "quality", "alert"]}[
        function
    ]
    listed = {
        line.split("=")[0].strip().lower().replace("-", "_").removesuffix(" ")
        for name in named
        for line in (PROJECT / "requirements" / f"{name}.in").read_text().splitlines()
        if line and not line.startswith("#")
    }
    needed = set[str]().union(*(imported(path) for path in modules(function)))
    third_party = needed - set(sys.stdlib_module_names) - FROM_THE_RUNTIME - OURS
    assert third_party <= listed
