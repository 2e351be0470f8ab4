"""The README is true: its commands run, its tables match, its links lead somewhere."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local_aws import DEFAULT_PORT
from scripts.local_template import read
from scripts.question import question_names
from tests.checkout import PROJECT, copy_checkout, plain_environment

README = (PROJECT / "README.md").read_text()
DOCUMENTS = [
    PROJECT / "README.md",
    PROJECT / "CHANGELOG.md",
    PROJECT / "notebooks" / "README.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
]
COLLECTED = 60.0
"""Seconds within which what was sent lies in the archive."""


def blocks(language: str) -> list[str]:
    """Fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = copy_checkout(tmp_path_factory.mktemp("checkout"))
    yield folder
    run(folder, ". .venv/bin/activate && python -m scripts.local down")


def run(folder: Path, script: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=plain_environment(),
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def on_a_free_port(script: str) -> str:
    """The script as it is, unless another local AWS on this machine has the port that it takes."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", DEFAULT_PORT)):
            return script
    return script.replace("scripts.local up", "scripts.local up --port 0")


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_every_command_runs(checkout: Path) -> None:
    """In one shell, in the order of the page; then what they sent must lie in the archive, to the row."""
    commands = blocks("sh")
    assert commands[0].strip() == "make demo"
    printed = run(checkout, commands[0])
    summary = json.loads((checkout / "build" / "demo" / "summary.json").read_text())
    assert summary["passed"], summary
    assert "The local AWS is stopped" in printed

    printed = run(checkout, on_a_free_port("\n".join(commands[1:])))
    answer = json.loads(re.search(r'^\{"model_name".*?\}\]\}', printed, re.MULTILINE)[0])  # type: ignore[index]
    (told,) = answer["predictions"]
    assert told["interval"]["lower"] < told["value"] < told["interval"]["upper"]
    assert all(name in printed for name in question_names())

    script = checkout / "snippets.py"
    script.write_text("\n".join(blocks("python")))
    run(checkout, ". .venv/bin/activate && PYTHONPATH=. python snippets.py")

    end = time.monotonic() + COLLECTED
    ask = ". .venv/bin/activate && python -m scripts.query reconciliation --json --param since=2020-01-01"
    expected = {"predictions": 1 + 1 + 1 + 2 * 100 + 12 * 500, "labels": 1 + 2 * 100, "quarantined": 0}
    while True:
        rows = [json.loads(line) for line in run(checkout, ask).splitlines()]
        found = {name: sum(int(row[name]) for row in rows) for name in expected}
        if found == expected or time.monotonic() > end:
            break
        time.sleep(1)
    assert found == expected


def test_what_needs_an_aws_account_is_at_least_spelled_right() -> None:
    """Options of `python -m scripts...` in the text, outside of blocks, are options of that command."""
    for line in re.findall(r"`(python -m [\w.]+ [^`]*--[^`]*)`", README):
        words = line.split()
        if words[2] not in ("scripts.deploy", "scripts.query", "scripts.accept"):
            continue
        known = run(PROJECT, f". .venv/bin/activate && COLUMNS=200 {' '.join(words[:3])} --help")
        if words[2] == "scripts.deploy":
            known += run(PROJECT, ". .venv/bin/activate && COLUMNS=200 python -m training --help")
        for option in (word for word in words if word.startswith("--")):
            assert option in known, f"{line}: {option}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    for name in set(re.findall(r"python -m ([\w.]+)", document.read_text())):
        path = PROJECT / name.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), f"python -m {name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(document: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)", document.read_text())) <= set(targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
        if not target.startswith("https://"):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_questions_exist(document: Path) -> None:
    names = set(re.findall(r"scripts\.query ([a-z_]+)", document.read_text()))
    assert names <= set(question_names())


def test_the_table_of_parameters_is_the_templates() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", README, re.MULTILINE)
    documented = {name: (default.strip("`"), text) for name, default, text in rows}
    expected = {
        name: (str(parameter["Default"]) or "empty", parameter["Description"])
        for name, parameter in read(PROJECT / "sam_template.yaml")["Parameters"].items()
    }
    expected["FeatureTypes"] = ("those of the generated houses", expected["FeatureTypes"][1])
    assert documented == expected


def test_the_version_is_in_the_changelog() -> None:
    version = re.search(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"## [{version[1]}]" in (PROJECT / "CHANGELOG.md").read_text()
