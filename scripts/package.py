"""Fills one function's package; the Makefile calls it for `sam build`."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from report import chart_library
from scripts.process import run
from scripts.stack import PROJECT

LIMIT_BYTES = 250 * 2**20
"""Lambda's limit for the unzipped package of a function."""

WHEELS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""uv's name of the platform of Lambda's python3.13 by architecture of the template."""

NEEDLESS = (
    "bin",
    "**/__pycache__",
    "**/tests",
    "**/include",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.pxi",
    "onnxruntime/ThirdPartyNotices.txt",
    "onnxruntime/capi/libonnxruntime.so*",  # for programs in C; Python's module has its own copy
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "pyarrow/*flight*",  # not libarrow_substrait: every module of pyarrow is linked with it
    "pyarrow/*_s3*",  # boto3 writes our objects
    "pyarrow/_azurefs*",
    "pyarrow/_gcsfs*",
    "pyarrow/_hdfs*",
    "pyarrow/_pyarrow_cpp_tests*",
    "pyarrow/src",
)
"""Globs of what no function runs."""


@dataclass(frozen=True, slots=True)
class Package:
    """What a function consists of, besides drift_core."""

    requirements: str
    code: tuple[str, ...]


PACKAGES = {
    "IngestFunction": Package("ingest.txt", ("ingest_lambda",)),
    "ConsumerFunction": Package("consumer.txt", ("drift_consumer",)),
    "EvaluatorFunction": Package("evaluator.txt", ("drift_consumer",)),
    "ReconcilerFunction": Package("consumer.txt", ("drift_consumer",)),  # it reads Parquet too
    "QualityFunction": Package("quality.txt", ("drift_consumer", "queries")),
    "AlertFunction": Package("alert.txt", ("drift_consumer", "queries", "report")),
}
"""By logical id of the template."""

app = typer.Typer(add_completion=False)


@app.command()
def fill(
    function: Annotated[str, typer.Argument(help="Logical id, e.g. IngestFunction.")],
    folder: Annotated[Path, typer.Argument(help="The folder to fill.")],
    *,
    architecture: Annotated[str, typer.Option(help="x86_64, arm64, or host for the local AWS.")] = "x86_64",
) -> None:
    """Install a function's libraries for Lambda, add its code, leave out what it never runs."""
    package = PACKAGES[function]
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder)]
    command += ["--requirement", str(PROJECT / "requirements" / package.requirements)]
    command += [*wheels(architecture, sys.platform, platform.machine()), "--only-binary", ":all:"]
    run(command)
    for code in ("drift_core", *package.code):
        shutil.copytree(PROJECT / code, folder / code)
    if "report" in package.code:  # the packages do not hold what makes it
        chart_library.write(folder)
    remove(folder, NEEDLESS)


def wheels(architecture: str, system: str, machine: str) -> list[str]:
    """Options of uv that choose the wheels.

    Parameters
    ----------
    architecture : "x86_64", "arm64", or "host": the local AWS runs the functions on this machine.
    system, machine : `sys.platform` and `platform.machine()` of this machine.

    >>> wheels("host", "linux", "aarch64")
    ['--python-version', '3.13', '--python-platform', 'aarch64-manylinux_2_28']
    >>> wheels("host", "darwin", "arm64")
    []
    """
    if architecture == "host":
        if system != "linux":
            return []
        architecture = {"aarch64": "arm64"}.get(machine, machine)
    return ["--python-version", "3.13", "--python-platform", WHEELS[architecture]]


def remove(folder: Path, globs: Iterable[str]) -> None:
    """Delete what the globs find; the files may be hard links, so none is changed."""
    for glob in globs:
        for path in list(folder.glob(glob)):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()


def size(folder: Path) -> int:
    """Bytes of all files, as Lambda counts them."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    app()
