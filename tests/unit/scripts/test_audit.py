"""The audit of the requirements, with the real pip-audit and a service on the loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scripts import audit
from scripts.stack import PROJECT

VULNERABLE = ("lefthook", "1.0")

ADVISORY = {
    "id": "OSV-1",
    "schema_version": "1.0.0",
    "summary": "It is open.",
    "aliases": ["CVE-1"],
    "affected": [
        {
            "package": {"name": VULNERABLE[0], "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
        }
    ],
}


class Service(BaseHTTPRequestHandler):
    """Answers as OSV does: one package is vulnerable in one version."""

    asked: list[tuple[str, str]]
    status = 200

    def do_POST(self) -> None:
        question: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        pin = (question["package"]["name"], question["version"])
        self.asked.append(pin)
        answer = json.dumps({"vulns": [ADVISORY]} if pin == VULNERABLE else {}).encode()
        self.send_response(self.status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Service, "asked", [], raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def run(service: str, *files: Path) -> tuple[int, str]:
    result = CliRunner().invoke(audit.app, [*map(str, files), "--service", service])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def pinned(folder: Path, name: str, *pins: str) -> Path:
    file = folder / name
    file.write_text("".join(f"{pin}\n    # via something\n" for pin in pins))
    return file


def test_a_known_vulnerability_fails_and_names_where_it_is_pinned(tmp_path: Path, service: str) -> None:
    one = pinned(tmp_path, "one.txt", "lefthook==1.0", "numpy==2.5.0")
    other = pinned(tmp_path, "other.txt", "lefthook==1.1", "numpy==2.5.0")
    assert run(service, one, other) == (
        1,
        "lefthook 1.0 (one.txt): CVE-1, repaired in 1.1\n3 requirements audited, 1 known vulnerabilities\n",
    )
    probe, *asked = Service.asked
    assert probe == ("pip", "0")
    assert sorted(asked) == [("lefthook", "1.0"), ("lefthook", "1.1"), ("numpy", "2.5.0")]  # each once


def test_without_a_vulnerability_it_passes(tmp_path: Path, service: str) -> None:
    file = pinned(tmp_path, "one.txt", "lefthook==1.1")
    assert run(service, file) == (0, "1 requirements audited, 0 known vulnerabilities\n")


def test_without_a_network_it_says_so_in_one_line_and_passes(tmp_path: Path) -> None:
    file = pinned(tmp_path, "one.txt", "lefthook==1.0")
    status, output = run("http://127.0.0.1:9/v1/query", file)
    assert status == 0
    assert output.startswith(
        "1 requirements were not audited: http://127.0.0.1:9/v1/query cannot be reached ("
    )
    assert output.count("\n") == 1


def test_a_service_that_refuses_is_not_taken_for_a_clean_answer(
    tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "status", 404)
    status, output = run(service, pinned(tmp_path, "one.txt", "lefthook==1.0"))
    assert (status, "were not audited" in output, "status 404" in output) == (0, True, True)


def test_a_file_without_a_pin_is_refused(tmp_path: Path, service: str) -> None:
    file = tmp_path / "loose.txt"
    file.write_text("numpy>=2\n")
    with pytest.raises(ValueError, match=r"loose\.txt pins no version; give a file that `make requirements`"):
        run(service, file)


def test_all_requirements_of_the_project_are_audited() -> None:
    files = sorted((PROJECT / "requirements").glob("*.txt"))
    assert {file.stem for file in files} == {file.stem for file in (PROJECT / "requirements").glob("*.in")}
    pins = audit.pins(files)
    lines = [line for file in files for line in file.read_text().splitlines() if line[:1].isalnum()]
    assert sum(map(len, pins.values())) == len(lines)
    assert "ingest.txt" in pins[next(pin for pin in pins if pin[0] == "aws-lambda-powertools")]
