"""The local AWS: one process on the loopback that serves what the template uses, with IAM enforced."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import socket
import ssl
import subprocess  # nosec B404 # it runs the local AWS
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme

from scripts.stack import PROJECT

DEFAULT_PORT = 4566
HOST = "127.0.0.1"
REGION = "us-east-1"
ROOT = "test"
"""Key of the local account's root, and its secret, which is not checked."""

START_SECONDS, STOP_SECONDS = 30.0, 3.0

FREE_PORT_TRIES = 5
"""Another process may take a free port before the local AWS does."""

_BIN = PROJECT / ".venv-aws" / "bin"


class LocalAwsError(RuntimeError):
    """The local AWS cannot start or stop; the text says what to do."""


class _PortLostError(LocalAwsError):
    """Somebody took the port after it was found free."""


class LocalAws:
    """A local AWS whose files lie in one folder; what it stores is in its memory and goes with it.

    Parameters
    ----------
    state : the folder; it gets the process id, the certificate, the log and `env`, which a shell can read.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, port: int = DEFAULT_PORT) -> str:
        """Start it, unless it runs already.

        Parameters
        ----------
        port : 0 for any free one.

        Returns
        -------
        Its endpoint, which has another port if it ran already.

        Raises
        ------
        LocalAwsError
            If the port is taken or the process ends at once.
        """
        for _ in range(0 if port else FREE_PORT_TRIES - 1):
            with suppress(_PortLostError):
                return self._start(port)
        return self._start(port)

    def _start(self, port: int) -> str:
        self.state.mkdir(parents=True, exist_ok=True)
        with self._lock() as lock:
            if lock is None:
                return self.endpoint
            port = _free_port(port)
            self._write_certificate()
            self._file("env").write_text(_exports(self._variables(port)))
            self._file("pid").unlink(missing_ok=True)  # of the last run: never a process of ours again
            self._process = self._spawn(port, lock)
        self._wait_until_ready(self._process)
        return self.endpoint

    def stop(self) -> bool:
        """Stop it; whether it ran. Only the process that holds this folder's lock is ended."""
        if not self.running():
            return False
        pid = self._pid()
        for number in (signal.SIGTERM, signal.SIGKILL):  # it waits long for idle connections to close
            with suppress(ProcessLookupError):  # it has ended since we looked
                os.killpg(pid, number)  # its own group: the functions' processes end with it
            if _within(STOP_SECONDS, lambda: not self.running()):
                break
        else:
            raise LocalAwsError(f"process {pid} does not end; end it by hand")
        if self._process is not None:
            self._process.wait()
        self._file("env").unlink()
        shutil.rmtree(self._file("tmp"))  # the functions' code, unpacked
        return True

    def running(self) -> bool:
        """Whether its process lives: it holds the lock, whatever the pid file says."""
        if not self.state.exists():
            return False
        with self._lock() as lock:
            return lock is None

    def _pid(self) -> int:
        """Its process id. It writes that itself, so that who starts it may be interrupted at any time."""
        file = self._file("pid")
        if not _within(START_SECONDS, lambda: file.exists() and file.read_text().endswith("\n")):
            raise LocalAwsError(
                f"the process that holds {self._file('lock')} has no id there; end it by hand"
            )
        return int(file.read_text())

    @property
    def endpoint(self) -> str:
        """URL that clients use."""
        lines = self._file("env").read_text().splitlines()
        return next(shlex.split(line)[1].split("=", 1)[1] for line in lines if "AWS_ENDPOINT_URL=" in line)

    def _file(self, name: str) -> Path:
        return self.state / name

    @contextmanager
    def _lock(self) -> Iterator[int | None]:
        """The lock's descriptor, which a child can inherit and keep; None while another process holds it."""
        with self._file("lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield lock.fileno()

    def _write_certificate(self) -> None:
        """A certificate of our own; its authority's key is kept nowhere, so it can sign nothing else."""
        authority = trustme.CA()
        certificate = authority.issue_cert(HOST, "localhost")
        self._file("key.pem").touch(mode=0o600)
        self._file("key.pem").write_bytes(certificate.private_key_pem.bytes())
        chain = [*certificate.cert_chain_pems, authority.cert_pem]
        self._file("certificate.pem").write_bytes(b"".join(pem.bytes() for pem in chain))
        authority.cert_pem.write_to_path(self._file("ca.pem"))

    def _spawn(self, port: int, lock: int) -> subprocess.Popen[bytes]:
        scratch = self._file("tmp")
        scratch.mkdir(exist_ok=True)
        environment = {  # nothing of ours: the functions inherit it
            "AUTH": "true",
            "AWS_CA_BUNDLE": str(self._file("ca.pem")),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "HOME": str(scratch),
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            "MINISTACK_SSL_CERT": str(self._file("certificate.pem")),
            "MINISTACK_SSL_KEY": str(self._file("key.pem")),
            "PATH": f"{_BIN}{os.pathsep}{os.defpath}",
            "TMPDIR": str(scratch),
            "USE_SSL": "1",  # the buckets refuse plain http, as they do on AWS
        }
        python = _BIN / "python"
        if not python.exists():
            raise LocalAwsError(f"{_BIN} is missing; run: make .venv-aws/ready")
        pid_file = self._file("pid").absolute()
        with self._file("log").open("wb") as log:
            return subprocess.Popen(  # nosec B603 # noqa: S603 - our own command; the paths are arguments, not code
                ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$1" -m ministack', pid_file, python],
                cwd=self.state,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )

    def _variables(self, port: int) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"https://{HOST}:{port}",
            "AWS_CA_BUNDLE": str(self._file("ca.pem")),
            "AWS_ACCESS_KEY_ID": ROOT,
            "AWS_SECRET_ACCESS_KEY": ROOT,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        trust = ssl.create_default_context(cafile=self._file("ca.pem"))

        def ready() -> bool:
            if process.poll() is not None:
                last = "\n".join(self._file("log").read_text(errors="replace").splitlines()[-20:])
                lost = "already in use" in last
                raise (_PortLostError if lost else LocalAwsError)(
                    f"the local AWS ended at once; its last lines:\n{last}"
                )
            try:
                with urllib.request.urlopen(self.endpoint + "/_ministack/ready", context=trust, timeout=5):  # nosec B310 # noqa: S310 - https
                    return True
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                return False

        if not _within(START_SECONDS, ready):
            raise LocalAwsError(
                f"the local AWS is not ready after {START_SECONDS:.0f} s; see {self._file('log')}"
            )


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LocalAwsError(
                f"port {port} cannot be used ({error.strerror}); choose another with --port"
            ) from error
        free: int = probe.getsockname()[1]
        return free


def _exports(variables: dict[str, str]) -> str:
    """Lines for a shell; a profile or token of the real AWS would take precedence, so they go."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(["unset AWS_PROFILE AWS_SESSION_TOKEN", *lines, ""])


def _within(seconds: float, done: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
