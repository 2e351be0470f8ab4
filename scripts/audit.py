"""Look for known vulnerabilities of all that the requirements files pin: `python -m scripts.audit`."""

from __future__ import annotations

import json
import re
import subprocess  # nosec B404 # it runs pip-audit
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from scripts.stack import PROJECT

SERVICE = "https://api.osv.dev/v1/query"
"""Where vulnerabilities are asked for; it holds the advisories of the Python package index as well."""

SECONDS = 10.0
"""How long the service may take for an answer."""

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
_PIP_AUDIT = PROJECT / ".venv-audit" / "bin" / "pip-audit"

type Pin = tuple[str, str]

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def audit(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Requirements files; all of the project by default.")
    ] = None,
    *,
    service: Annotated[str, typer.Option(help="URL of a service as OSV's.")] = SERVICE,
) -> None:
    """Exit code 1: something vulnerable is pinned. Without a network it says so, and nothing is audited."""
    pinned = pins(files or sorted((PROJECT / "requirements").glob("*.txt")))
    fault = unreachable(service)
    if fault is not None:
        sys.stdout.write(
            f"{len(pinned)} requirements were not audited: {service} cannot be reached ({fault})\n"
        )
        return
    found = [line for part in rounds(pinned) for line in vulnerable(part, pinned, service)]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.stdout.write(f"{len(pinned)} requirements audited, {len(found)} known vulnerabilities\n")
    if found:
        raise typer.Exit(1)


def pins(files: Iterable[Path]) -> dict[Pin, list[str]]:
    """The names of the files that pin a version, by name and version.

    Raises
    ------
    ValueError
        If a file pins nothing: then it is not one that was compiled.
    """
    found: dict[Pin, list[str]] = {}
    for file in files:
        pinned = _PIN.findall(file.read_text())
        if not pinned:
            raise ValueError(f"{file} pins no version; give a file that `make requirements` compiled")
        for name, version in pinned:
            found.setdefault((name.lower(), version), []).append(file.name)
    return found


def rounds(pinned: Iterable[Pin]) -> list[list[Pin]]:
    """Pins in as few parts as have each name once, which is what pip-audit takes.

    >>> rounds([("a", "1"), ("b", "1"), ("a", "2")])
    [[('a', '1'), ('b', '1')], [('a', '2')]]
    """
    by_name: dict[str, list[Pin]] = {}
    for pin in pinned:
        by_name.setdefault(pin[0], []).append(pin)
    return [[pin for pin in part if pin is not None] for part in zip_longest(*by_name.values())]


def unreachable(service: str) -> str | None:
    """Why the service does not answer a question; None if it does."""
    question = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "0"}
    request = urllib.request.Request(  # noqa: S310 - the service's URL is ours or the caller's
        service, json.dumps(question).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # nosec B310 # noqa: S310 - as above
            answered = json.load(answer)
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))
    except ValueError:
        return "its answer is not JSON"
    return None if isinstance(answered, dict) else "its answer is not an object"


def vulnerable(part: Iterable[Pin], pinned: Mapping[Pin, list[str]], service: str) -> list[str]:
    """One line for each vulnerability of a part.

    Raises
    ------
    RuntimeError
        If pip-audit fails, or leaves out a requirement.
    """
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text("".join(f"{name}=={version}\n" for name, version in part))
        command = [str(_PIP_AUDIT), "--requirement", str(requirements), "--no-deps", "--disable-pip"]
        command += ["--vulnerability-service", "osv", "--osv-url", service, "--timeout", f"{SECONDS:.0f}"]
        command += ["--progress-spinner", "off", "--format", "json", "--strict"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # nosec B603 # noqa: S603 - our own command
    if not done.stdout:
        raise RuntimeError(f"pip-audit failed with exit code {done.returncode}:\n{done.stderr}")
    lines = []
    for package in json.loads(done.stdout)["dependencies"]:
        if "skip_reason" in package:
            raise RuntimeError(f"{package['name']} was not audited: {package['skip_reason']}")
        where = ", ".join(pinned[package["name"], package["version"]])
        for one in package["vulns"]:
            fixed = ", ".join(one["fix_versions"]) or "no version yet"
            lines.append(
                f"{package['name']} {package['version']} ({where}): {one['id']}, repaired in {fixed}"
            )
    return lines


if __name__ == "__main__":
    app(prog_name="python -m scripts.audit")
