"""The local AWS as a process: one for a folder, on the loopback, ended by who started it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import local_aws
from scripts.local_aws import LocalAws, LocalAwsError
from scripts.stack import LOCAL, Stack, StackError, Target

pytestmark = pytest.mark.e2e


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    aws = LocalAws(tmp_path / "state")
    yield aws
    aws.stop()


def test_it_runs_once_and_stops(aws: LocalAws) -> None:
    assert not aws.running()
    endpoint = aws.start(port=0)
    assert LocalAws(aws.state).start(port=0) == endpoint  # as another process would
    target = Target.load(LOCAL, state=aws.state)
    assert target.client("sts").get_caller_identity()["Account"] == "000000000000"
    with pytest.raises(
        StackError, match=r"is not deployed; run: python -m scripts\.deploy --config-env local$"
    ):
        Stack.of(target)
    assert aws.stop()
    assert not aws.running()
    assert not aws.stop()
    with pytest.raises(StackError, match="is not running"):
        Target.load(LOCAL, state=aws.state)


def test_only_this_machine_reaches_it(aws: LocalAws) -> None:
    port = int(aws.start(port=0).rpartition(":")[2])
    with socket.socket() as probe:  # another address of this machine
        assert probe.connect_ex(("127.0.0.2", port)) != 0
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_it_inherits_nothing_of_ours(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "company")
    aws.start(port=0)
    environment = Path("/proc", (aws.state / "pid").read_text().strip(), "environ")
    if not environment.exists():
        pytest.skip("this system does not show a process's environment")
    names = {entry.split("=", 1)[0] for entry in environment.read_text().split("\0") if entry}
    assert "AWS_PROFILE" not in names
    assert "VIRTUAL_ENV" not in names
    assert (aws.state / "key.pem").stat().st_mode & 0o077 == 0


def test_a_process_that_only_has_the_old_id_is_left_alone(aws: LocalAws) -> None:
    aws.state.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (aws.state / "pid").write_text(f"{other.pid}\n")
        assert not aws.stop()
        assert other.poll() is None
        os.kill(other.pid, 9)


def test_a_start_interrupted_at_its_worst_moment_can_be_stopped(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs, but whoever started it never learnt its id; an id of an earlier run lies there."""
    aws.state.mkdir()
    popen = subprocess.Popen
    started: list[subprocess.Popen[bytes]] = []

    def start_and_interrupt(*arguments: Any, **options: Any) -> None:
        started.append(popen(*arguments, **options))
        raise KeyboardInterrupt

    with popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as other:
        (aws.state / "pid").write_text(f"{other.pid}\n")
        monkeypatch.setattr(subprocess, "Popen", start_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            aws.start(port=0)
        assert aws.running()
        assert LocalAws(aws.state).stop()
        assert not aws.running()
        assert started[0].wait(timeout=10) != 0  # ended by a signal
        assert other.poll() is None
        os.kill(other.pid, 9)


def test_a_port_in_use_is_named(aws: LocalAws) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            LocalAwsError, match=f"^port {port} cannot be used .*; choose another with --port$"
        ):
            aws.start(port)
    assert not aws.running()


def test_a_free_port_that_somebody_takes_first_is_replaced(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        lost, free = taken.getsockname()[1], probe.getsockname()[1]
        probe.close()
        found = iter([lost, free])
        monkeypatch.setattr(local_aws, "_free_port", lambda _: next(found))
        assert aws.start(port=0).endswith(f":{free}")
